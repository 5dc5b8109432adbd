import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'

import { Rehearsal, backup, baseline, drill, drills, gap, review, verify } from 'drcore'

import { TIMEOUT, database, dump, execute, until } from './database.mjs'

const place = () => mkdtempSync(join(tmpdir(), 'drcore-drills-'))

/** A repository with a backup in it. */
async function repository() {
  const to = place()
  await backup.take(database(), { to })
  return to
}

// Each is a restore into a cluster of its own.
const SLOW = { timeout: 4 * TIMEOUT.timeout }
const shared = repository()

describe('drill', SLOW, () => {
  test('passes on a whole backup, and measures its times', async () => {
    const [to, told] = [await shared, []]
    const plan = { objectives: { rto: '1h', rpo: '1h' } }
    const rehearsal = await drill(to, { plan, operator: 'night shift', jobs: 2, onProgress: ({ phase }) => told.push(phase) })
    assert.ok(rehearsal instanceof Rehearsal)
    assert.deepEqual([rehearsal.verdict, rehearsal.problems, rehearsal.exitCode], ['passed', [], 0], String(rehearsal))
    assert.deepEqual(rehearsal.objectives.map(({ objective, met }) => [objective, met]), [['rto', true], ['rpo', true]])
    assert.deepEqual(rehearsal.run.steps.map(({ step }) => step), ['fetch', 'start', 'restore', 'verify'])
    assert.equal(rehearsal.run.rto_ms, rehearsal.run.steps.reduce((sum, { elapsed_ms }) => sum + elapsed_ms, 0))
    assert.ok(rehearsal.run.rpo_ms < 3_600_000 && rehearsal.backup.baseline)
    assert.deepEqual([rehearsal.report.verdict, rehearsal.report.examined.rows], ['passed', 40])
    assert.deepEqual([rehearsal.restored.errors, rehearsal.row.operator], [[], 'night shift'])
    for (const phase of ['transfer', 'restore', 'scan']) assert.ok(told.includes(phase), phase)
    assert.match(inspect(rehearsal), /^PASSED /)

    // The record is the same, however it is kept.
    const file = join(place(), 'drill.json')
    writeFileSync(file, rehearsal.json)
    assert.equal((await Rehearsal.load(file)).json, rehearsal.json)
    assert.equal(Rehearsal.fromJSON(JSON.parse(JSON.stringify(rehearsal))).json, rehearsal.json)
    const log = join(place(), 'drills.md')
    await rehearsal.appendTo(log)
    await rehearsal.appendTo(pathToFileURL(log))
    assert.equal(readFileSync(log, 'utf8').trimEnd().split('\n').length, 4)
    assert.ok(readFileSync(log, 'utf8').startsWith(rehearsal.toMarkdown()))
  })

  test('is no success without a baseline, too late, or with less than there was', async () => {
    const [url, file] = [database(), join(place(), 'app.dump')]
    dump(url, file)
    const unproven = await drill(pathToFileURL(file))
    assert.deepEqual([unproven.verdict, unproven.exitCode], ['unproven', 3])
    assert.ok(unproven.problems.some((problem) => problem.includes('no baseline')), unproven.problems)
    const late = await drill(file, { against: await baseline(url), plan: { objectives: { rto: '1ms' } } })
    assert.deepEqual([late.verdict, late.exitCode, late.objectives[0].met], ['failed', 1, false])
    execute(url, "insert into clients values (100, 'later')")
    const lost = await drill(file, { against: await baseline(url) })
    assert.equal(lost.verdict, 'failed')
    assert.ok(lost.report.findings.some(({ kind }) => kind === 'fewer_rows'))
  })

  test('is recorded, and what else lies there is told', async () => {
    const to = await repository()
    const rehearsal = await drill(to)
    const name = await drills.record(to, rehearsal)
    assert.equal((await Rehearsal.load(join(to, name))).json, rehearsal.json)
    const earlier = JSON.parse(rehearsal.json)
    earlier.run.started_at = '2026-01-01T03:00:00Z'
    writeFileSync(join(to, 'drills', 'earlier.json'), JSON.stringify(earlier))
    const history = await drills.history(to, { slower_by: 10 })
    assert.deepEqual([history.format, history.drills.map(({ record }) => record)], ['drcore.drills/1', [name, 'drills/earlier.json']])
    assert.deepEqual(history.trends.map(({ record, earlier, rto }) => [record, earlier, rto.longer]), [[name, 1, false]])
    const bytes = readFileSync(join(to, name))
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(join(to, name), bytes)
    writeFileSync(join(to, 'drills', 'notes.txt'), 'call the night shift')
    const { drills: left, left_out } = await drills.history(pathToFileURL(join(to, 'drills')))
    assert.equal(left.length, 1)
    assert.deepEqual(left_out.map(({ record, problem }) => [record, problem]), [[name, 'damaged'], ['drills/notes.txt', 'foreign']])
  })

  test('that is aborted rejects with the reason, and leaves nothing', async () => {
    const [to, scratch] = [await shared, place()]
    // PostgreSQL's user must get there.
    chmodSync(scratch, 0o755)
    const before = env.DRCORE_SCRATCH_DIR
    env.DRCORE_SCRATCH_DIR = scratch
    try {
      const [controller, reason] = [new AbortController(), new Error('changed my mind')]
      const onProgress = ({ phase }) => phase === 'restore' && controller.abort(reason)
      await assert.rejects(drill(to, { signal: controller.signal, onProgress }), (error) => error === reason)
      await until(() => readdirSync(scratch).length === 0)
    } finally {
      if (before === undefined) delete env.DRCORE_SCRATCH_DIR
      else env.DRCORE_SCRATCH_DIR = before
    }
  })

  for (const [what, act, code] of [
    ['no backup', () => drill(), 'usage'],
    ['a misspelt option', async () => drill(await shared, { pik: 'newest' }), 'usage'],
    ['leaving out checks', async () => drill(await shared, { only: ['row_counts'] }), 'usage'],
    ['a day without a backup', async () => drill(await shared, { pick: '2020-01-01' }), 'usage'],
    ['a live database to compare with', async () => drill(await shared, { against: 'postgresql://localhost/x' }), 'usage'],
    ['a place that is not there', () => drills.history('/nowhere/at/all'), 'usage'],
    ['a record of something else', () => drills.record(place(), {}), 'usage'],
    ['a share that is none', () => drills.history(place(), { slower_by: 0 }), 'usage'],
    ['another document', () => Promise.resolve().then(() => Rehearsal.fromJSON({ format: 'drcore.drill/1' })), 'format'],
  ]) {
    test(`${what} is an error`, async () => {
      await assert.rejects(act(), { name: 'DrcoreError', code })
    })
  }

  test('of an empty place there is no history', async () => {
    const to = place()
    mkdirSync(join(to, 'drills'))
    assert.deepEqual((await drills.history(to)).drills, [])
  })
})

describe('review', TIMEOUT, () => {
  test('begins with what is known', async () => {
    const url = database(`
      create table invoices (id int primary key, tenant_id int, created_at timestamptz);
      insert into invoices select n, n % 2, '2026-11-20T02:30:00Z' from generate_series(1, 5) n`)
    const against = await baseline(url)
    const lost = await gap(url, { since: '2026-11-20T02:00:00Z', tenant_column: 'tenant_id' })
    execute(url, 'delete from invoices where id <= 3')
    const report = await verify(url, { against })
    const file = join(place(), 'gap.json')
    writeFileSync(file, lost.json)
    const text = review(report, lost)
    assert.equal(text, review(report.json, pathToFileURL(file)))
    assert.match(text, /^# Post-incident review/)
    assert.match(text, /5 rows of 1 table were created after 2026-11-20 02:00:00Z/)
    const places = text.split('**TO WRITE:**').length - 1
    assert.ok(places > 10 && text.includes(`in ${places} places`), text)
    assert.throws(() => review(), { code: 'usage' })
    assert.throws(() => review(against), { code: 'format', message: /evidence/ })
    assert.throws(() => review(new URL('file:///nowhere/at/all.json')), { code: 'io' })
  })
})
