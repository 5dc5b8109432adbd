#!/usr/bin/env node
'use strict'

const { cli } = require('../native.js')

process.exitCode = cli(['drcore', ...process.argv.slice(2)])
