import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execPath } from 'node:process'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'

import * as drcore from 'drcore'

import { TIMEOUT, database, execute, lock, running, until, waiting } from './database.mjs'

const require = createRequire(import.meta.url)
const run = promisify(execFile)
const bin = join(dirname(require.resolve('drcore/package.json')), 'bin', 'drcore.js')
const here = dirname(fileURLToPath(import.meta.url))

describe('the package', TIMEOUT, () => {
  test('is the same as ESM and as CommonJS', () => {
    const common = require('drcore')
    const { default: _, 'module.exports': __, ...named } = drcore
    assert.deepEqual(Object.keys(named).sort(), Object.keys(common).sort())
    for (const [name, value] of Object.entries(named)) assert.equal(value, common[name])
  })

  test('has no install scripts and no dependencies', () => {
    const manifest = require('drcore/package.json')
    assert.equal(manifest.dependencies, undefined)
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
      assert.equal(manifest.scripts?.[script], undefined)
    }
  })

  test('lets the process end by itself', async () => {
    const script = `
      const { verify } = require('drcore')
      const { signal } = new AbortController()
      verify(undefined, { signal, onProgress() {} }).then(() => console.log('verified'))
      verify(undefined, { signal: AbortSignal.timeout(5) }).catch(() => {})`
    const { stdout } = await run(execPath, ['-e', script], { cwd: here, timeout: 20_000 })
    assert.equal(stdout, 'verified\n')
  })

  test('brings the command', async () => {
    const { stdout } = await run(execPath, [bin, '--version'])
    assert.equal(stdout.trim(), `drcore ${require('drcore/package.json').version}`)
    await assert.rejects(run(execPath, [bin, 'verfiy']), { code: 2 })
  })

  test('brings the command, which reports what it read until Ctrl-C', async () => {
    const url = database()
    const release = await lock(url, 'invoices')
    try {
      const child = spawn(execPath, [bin, 'verify', url], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 })
      const output = text(child.stdout)
      await waiting(url)
      child.kill('SIGINT')
      assert.match(await output, /^UNPROVEN .*exit 130\n/s)
      assert.equal(child.exitCode ?? (await once(child, 'exit'))[0], 130)
      await until(() => running(url) === 0)
    } finally {
      await release()
    }
  })

  test('logs as the environment says', async () => {
    const script = `require('drcore').verify(${JSON.stringify(database())}, { only: ['row_counts'] })`
    const log = async (variables) => {
      const { stdout, stderr } = await run(execPath, ['-e', script], { cwd: here, env: { ...process.env, ...variables } })
      assert.equal(stdout, '')
      return stderr
    }
    assert.equal(await log({}), '')
    assert.match(await log({ DRCORE_LOG: 'info' }), / INFO collect\{server=/)
    const lines = (await log({ DRCORE_LOG: 'debug', DRCORE_LOG_FORMAT: 'json' })).trimEnd().split('\n')
    const messages = new Set(lines.map((line) => JSON.parse(line).message))
    for (const message of ['collected', 'answered', 'judged']) assert.ok(messages.has(message), message)
    assert.match(await log({ DRCORE_LOG: 'loud' }), /DRCORE_LOG is none of off, error/)
  })

  test('judges as the command does, byte by byte', async () => {
    const url = database()
    const before = await drcore.baseline(url)
    execute(url, 'delete from invoices where id <= 3')
    const now = await drcore.collect(url, { against: before })
    const directory = await mkdtemp(join(tmpdir(), 'drcore-node-'))
    await before.save(join(directory, 'baseline.json'))
    await now.save(join(directory, 'evidence.json'))
    const command = [bin, 'judge', 'evidence.json', '--against', 'baseline.json', '--format', 'json']
    const report = await drcore.judge(now, { against: before })
    await assert.rejects(run(execPath, command, { cwd: directory }), (error) => {
      assert.equal(error.code, 1)
      assert.equal(error.stdout.trimEnd(), report.json)
      return true
    })
  })
})

describe('output', TIMEOUT, () => {
  test('console.log shows the text of the command line', async () => {
    const report = await damaged()
    assert.equal(inspect(report), report.toString({ width: Infinity }))
    assert.match(inspect({ report }), /public\.invoices/)
    assert.doesNotMatch(inspect(report), /\[Object\]|\u001b/)
    assert.match(inspect(report, { colors: true }), /\u001b\[/)
    assert.match(`${report}`, /^FAILED/)
    assert.match(inspect(await drcore.collect()), /^Evidence\(db /)
  })

  test('a report as Markdown, HTML and JUnit', async () => {
    const report = await damaged()
    for (const text of [report.toMarkdown(), report.toHTML(), report.toJUnit()]) assert.match(text, /public\.invoices/)
    assert.match(report.toHTML(), /^<!doctype html>/i)
    assert.match(report.toJUnit(), /^<\?xml/)
  })

  test('explain knows checks, kinds and keys of the plan', () => {
    assert.match(drcore.explain(), /row_counts/)
    for (const topic of ['row_counts', 'fewer_rows', 'plan.row_counts']) assert.match(drcore.explain(topic), /^# /)
    assert.throws(() => drcore.explain('row_count'), { code: 'usage', hint: /row_counts/ })
  })

  test('JSON is Rust\'s, byte by byte', async () => {
    const report = await damaged()
    assert.deepEqual(JSON.parse(JSON.stringify(report)), JSON.parse(report.json))
    assert.equal(drcore.Report.fromJSON(report.json).json, report.json)
    assert.equal(drcore.Report.fromJSON(JSON.parse(report.json)).json, report.json)
    const evidence = await drcore.collect()
    assert.equal(drcore.Evidence.fromJSON(evidence.json).json, evidence.json)
    assert.equal(drcore.Evidence.fromJSON(JSON.parse(JSON.stringify(evidence))).json, evidence.json)
    assert.throws(() => drcore.Report.fromJSON(evidence.json), { code: 'format' })
    assert.throws(() => drcore.Report.fromJSON('{'), { code: 'format' })
    await assert.rejects(drcore.Report.load('/nowhere/report.json'), { code: 'io' })
    await assert.rejects(drcore.Evidence.load('/nowhere/baseline.json'), { code: 'io' })
  })
})

async function damaged() {
  const url = database()
  const against = await drcore.baseline(url)
  execute(url, 'delete from invoices where id <= 3')
  return drcore.verify(url, { against })
}
