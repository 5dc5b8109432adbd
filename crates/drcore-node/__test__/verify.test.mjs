import assert from 'node:assert/strict'
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { DrcoreError, Evidence, NotPassedError, Report, baseline, collect, judge, scratch, verify } from 'drcore'

import { TIMEOUT, database, execute } from './database.mjs'

const directory = await mkdtemp(join(tmpdir(), 'drcore-node-'))

describe('verdicts', TIMEOUT, () => {
  test('a database against its own baseline passes', async () => {
    const url = database()
    const report = await verify(url, { against: await baseline(url) })
    assert.equal(report.verdict, 'passed', String(report))
    assert.equal(report.exitCode, 0)
    assert.deepEqual(report.findings, [])
    assert.deepEqual(report.examined, { rows: 40, tables: 2 })
    report.assertPassed()
  })

  test('lost rows fail, as a typed finding', async () => {
    const url = database()
    const before = await baseline(url)
    execute(url, 'delete from invoices where id <= 3')
    const report = await verify(url, { against: before, only: ['row_counts'] })
    assert.equal(report.verdict, 'failed')
    assert.equal(report.exitCode, 1)
    const [finding, ...others] = report.findings
    assert.deepEqual(others, [])
    assert.equal(finding.kind, 'fewer_rows')
    assert.equal(finding.id, 'row_counts:fewer_rows:public.invoices')
    assert.equal(finding.rows, 27)
    assert.equal(finding.were, 30)
    assert.equal(report.checks.find((check) => check.id === 'row_counts').outcome, 'failed')
    assert.throws(() => report.assertPassed(), (error) => {
      assert.ok(error instanceof NotPassedError)
      assert.ok(error instanceof assert.AssertionError)
      assert.equal(error.code, 'ERR_ASSERTION')
      assert.equal(error.report, report)
      assert.match(error.message, /verdict is failed/)
      return true
    })
  })

  test('findings come worst first', async () => {
    const url = database('create table a (id int); insert into a values (1); create table b (id int); insert into b values (1), (2)')
    const before = await baseline(url)
    execute(url, 'delete from b where id = 1; truncate a; create table c (id int)')
    const { findings } = await verify(url, { against: before, only: ['row_counts'] })
    const ranks = findings.map((finding) => ['critical', 'warning', 'info'].indexOf(finding.severity))
    assert.ok(findings.length > 1)
    assert.deepEqual(ranks, [...ranks].sort())
  })

  test('nothing to go on is unproven', async () => {
    const report = await verify(database(), { only: ['row_counts'] })
    assert.equal(report.verdict, 'unproven')
    assert.equal(report.exitCode, 3)
    assert.throws(() => report.assertPassed(), NotPassedError)
  })

  for (const [what, change, kind] of [
    ['nobody there', (url) => ((url.host = '127.0.0.1:1'), url), 'connection'],
    ['a user that may not log in', (url) => ((url.username = 'nobody_of_this_name'), url), 'authentication'],
  ]) {
    test(`${what}: a report, unproven, that says why`, async () => {
      const url = change(new URL(env.DATABASE_URL))
      url.password = 'hunter2'
      const report = await verify(url)
      assert.equal(report.verdict, 'unproven')
      assert.equal(report.exitCode, 3)
      assert.equal(report.run.evidence.failure.kind, kind)
      assert.ok(report.checks.every((check) => check.outcome === 'not_run'))
      assert.doesNotMatch(`${report}${report.json}`, /hunter2/)
      await assert.rejects(baseline(url), { name: 'DrcoreError', code: kind })
    })
  }
})

describe('options', TIMEOUT, () => {
  test('the URL comes from the environment where none is given', async () => {
    const { run } = await collect(undefined, { only: ['row_counts'] })
    assert.equal(`/${run.server.database}`, new URL(env.DATABASE_URL).pathname)
  })

  test('a plan is an object, a path or a file: URL', async () => {
    const url = database()
    const toml = join(directory, 'drcore.toml')
    await writeFile(toml, '[row_counts.tables]\ninvoices = 31\n')
    const plans = [{ row_counts: { tables: { invoices: 31 } } }, toml, pathToFileURL(toml)]
    for (const plan of plans) {
      const { findings } = await verify(url, { plan, only: ['row_counts'] })
      assert.deepEqual(findings.map((finding) => finding.id), ['row_counts:count_mismatch:public.invoices'])
    }
  })

  test('against is Evidence, what was parsed from it, a path, a file: URL or a live database', async () => {
    const url = database()
    const file = join(directory, 'baseline.json')
    const before = await baseline(url)
    await before.save(file)
    const saved = JSON.parse(await readFile(file, 'utf8'))
    assert.equal(saved.run.sketches.file, 'baseline.sketches')
    delete saved.run.sketches
    assert.deepEqual(saved, JSON.parse(before.json))
    assert.equal((await stat(file)).mode & 0o77, 0)
    const other = database()
    execute(other, 'delete from invoices where id <= 3')
    for (const against of [before, JSON.parse(JSON.stringify(before)), file, pathToFileURL(file), url]) {
      const { findings } = await verify(other, { against, only: ['row_counts'] })
      assert.deepEqual(findings.map((finding) => finding.id), ['row_counts:fewer_rows:public.invoices'])
    }
  })

  test('only leaves the others out, and says so', async () => {
    const url = database()
    const report = await verify(url, { against: await baseline(url), only: ['row_counts'] })
    for (const check of report.checks) {
      if (check.id !== 'row_counts') assert.equal(check.reason, 'not_selected')
    }
  })

  for (const [what, options, code, text] of [
    ['a misspelt option', { agianst: 'x' }, 'usage', /no such option: "agianst"/],
    ['a check that is none', { only: ['row_count'] }, 'usage', /no such check/],
    ['a bad deadline', { deadline: '10 parsecs' }, 'usage', /deadline/],
    ['a deadline that is a number', { deadline: 10 }, 'usage', /deadline/],
    ['a number that is none', { sessions: NaN }, 'usage', /sessions/],
    ['a limit that is none', { limits: { snapshot_agee: '1h' } }, 'usage', /limits/],
    ['a plan that is a Map', { plan: new Map() }, 'usage', /plan/],
    ['a plan that is none', { plan: 5 }, 'usage', /plan/],
    ['a misspelt section of the plan', { plan: { row_cuonts: {} } }, 'plan', /1 mistake/],
    ['a count that expects nothing', { plan: { row_counts: { tables: { a: -1 } } } }, 'plan', /1 mistake/],
    ['a plan that is not there', { plan: '/nowhere/drcore.toml' }, 'io', /drcore\.toml/],
    ['a baseline that is not there', { against: '/nowhere/baseline.json' }, 'io', /baseline\.json/],
    ['a baseline that is none', { against: { format: 'drcore.report/1' } }, 'format', /drcore\.evidence\/1/],
    ['a newer baseline', { against: { format: 'drcore.evidence/2' } }, 'format', /drcore\.evidence\/2/],
    ['a signal that is none', { signal: {} }, 'usage', /signal/],
    ['a callback that is none', { onProgress: true }, 'usage', /onProgress/],
    ['options that are none', 'baseline.json', 'usage', /options/],
  ]) {
    test(`${what} is refused`, async () => {
      await assert.rejects(verify(env.DATABASE_URL, options), (error) => {
        assert.ok(error instanceof DrcoreError, error)
        assert.equal(error.name, 'DrcoreError')
        assert.equal(error.code, code)
        assert.match(error.message, text)
        assert.match(error.hint, /[.?]$|^drcore /, 'what to do next')
        return true
      })
    })
  }

  test('what the server says is all there', async () => {
    const url = new URL(env.DATABASE_URL)
    url.pathname = '/nowhere'
    await assert.rejects(baseline(url), (error) => {
      assert.equal(error.code, 'query')
      assert.equal(error.sqlstate, '3D000')
      assert.match(error.message, /database "nowhere" does not exist \(host: /)
      assert.match(error.hint, /^Create the database/)
      return true
    })
    await assert.rejects(verify(url, { plan: '/nowhere/drcore.toml' }), (error) => {
      assert.deepEqual(error.context, { file: '/nowhere/drcore.toml' })
      return true
    })
  })

  test('mistakes of a plan are all shown, with what is allowed', async () => {
    const plan = { row_cuonts: {}, limits: { sessions: 0 } }
    await assert.rejects(verify(env.DATABASE_URL, { plan }), (error) => {
      assert.match(error.detail, /did you mean row_counts/)
      assert.match(error.detail, /sessions/)
      return true
    })
  })

  test('options in place of the URL are refused', async () => {
    await assert.rejects(verify({ plan: 'drcore.toml' }), { code: 'usage', message: /url/ })
    await assert.rejects(verify('not a connection string'), { code: 'usage' })
  })
})

describe('shards', TIMEOUT, () => {
  test('are merged, and one that is missing is told', async () => {
    const url = database()
    const before = await baseline(url)
    const whole = Evidence.merge([await collect(url, { against: before, shard: '1/1' })])
    assert.equal((await judge(whole, { against: before })).verdict, 'passed')
    const half = await collect(url, { against: before, shard: '7/1000' })
    assert.equal((await judge(Evidence.merge([half]), { against: before })).verdict, 'unproven')
    assert.throws(() => Evidence.merge([half, half.toJSON()]), { code: 'usage', message: /twice/ })
    assert.throws(() => Evidence.merge([]), { code: 'usage' })
    await assert.rejects(collect(url, { shard: '3/2' }), { code: 'usage', message: /no shard 3\/2/ })
    await assert.rejects(verify(url, { shard: '1/2' }), { code: 'usage' })
  })
})

describe('a project', TIMEOUT, () => {
  test('with a user who cannot sign in fails auth_integrity', async () => {
    const db = await scratch({ recipe: 'supabase' })
    try {
      execute(db.url, `
        insert into auth.users (id, instance_id, aud, role, email, confirmation_token, recovery_token,
                                email_change_token_new, email_change, raw_app_meta_data)
        select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated',
               n || '@example.com', '', '', '', '', '{}'
        from generate_series(1, 3) n;
        insert into auth.identities (id, provider_id, user_id, identity_data, provider)
        select gen_random_uuid(), id::text, id, jsonb_build_object('sub', id), 'email' from auth.users`)
      const options = { against: await baseline(db.url), only: ['auth_integrity'] }
      const healthy = await verify(db.url, options)
      assert.equal(healthy.verdict, 'passed', String(healthy))
      execute(db.url, "update auth.users set recovery_token = null where email like '1@%'")
      const { verdict, findings, json } = await verify(db.url, options)
      assert.equal(verdict, 'failed')
      assert.deepEqual(findings.map(({ kind, severity }) => [kind, severity]), [['login_columns_null', 'critical']])
      assert.ok(!json.includes('example.com'))
    } finally {
      await db.close()
    }
  })
})

describe('handles', TIMEOUT, () => {
  test('are not made by hand', () => {
    assert.throws(() => new Report(), TypeError)
    assert.throws(() => new Evidence(), TypeError)
  })

  test('twenty calls at once', async () => {
    const url = database()
    const before = await baseline(url)
    const reports = await Promise.all(Array.from({ length: 20 }, () => verify(url, { against: before, sessions: 1 })))
    assert.deepEqual(new Set(reports.map((report) => report.verdict)), new Set(['passed']))
  })

  test('collect and judge are verify in two steps', async () => {
    const url = database()
    const against = await baseline(url)
    execute(url, 'delete from invoices where id <= 3')
    const steps = await judge(await collect(url, { against }), { against })
    const { run, ...one } = (await verify(url, { against })).toJSON()
    assert.deepEqual({ ...steps.toJSON(), run }, { ...one, run })
  })
})
