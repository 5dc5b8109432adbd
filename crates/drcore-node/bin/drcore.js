#!/usr/bin/env node
'use strict'

const { cli } = require('..')

process.exitCode = cli(['drcore', ...process.argv.slice(2)])
