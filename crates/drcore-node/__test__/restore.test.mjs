import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'

import { RestorePlan, Restored, backup, baseline, restore, verify } from 'drcore'

import { HEALTHY, TIMEOUT, database, dump, execute, until } from './database.mjs'

// While `app.slow` is on in a database, each row takes a tenth of a second.
const SLOW = `
  create function slow() returns boolean language sql volatile as
  $$ select pg_catalog.current_setting('app.slow', true) is distinct from 'on' or pg_catalog.pg_sleep(0.1) is not null $$;
  create table slow (id int primary key check (public.slow()));
  insert into slow select generate_series(1, 300);`

const empty = () => database('')
const rows = (url, table = 'invoices') => execute(url, `select count(*) from ${table}`)
const marked = (url) => execute(url, "select to_regnamespace('drcore_restore') is not null") === 't'

/** A database, its baseline and its dump. */
async function source(sql = HEALTHY) {
  const url = database(sql)
  const archive = join(mkdtempSync(join(tmpdir(), 'drcore-restore-')), 'app.dump')
  dump(url, archive)
  return { url, archive, before: await baseline(url) }
}

describe('restore', TIMEOUT, () => {
  test('is planned, reviewed, done and verified', async () => {
    const [{ archive, before }, url, told] = [await source(), empty(), []]
    const plan = await restore(archive, url, { against: before, jobs: 2 })
    assert.ok(plan instanceof RestorePlan)
    assert.equal(inspect(plan), String(plan))
    assert.match(String(plan), new RegExp(plan.digest))
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), JSON.parse(plan.json))
    assert.deepEqual([plan.format, plan.onto, plan.jobs, plan.needsReview], ['drcore.restore/1', 'empty', 2, false])
    assert.deepEqual([plan.archive.form, plan.archive.tables, plan.target.scratch], ['custom', 2, true])
    assert.deepEqual(plan.steps.map(({ step, tables }) => [step, tables]), [['entries', 2]])
    // The database itself.
    assert.deepEqual([plan.left_out.map(({ why }) => why), plan.missing_roles], [['present'], []])
    assert.equal(execute(url, "select count(*) from pg_class where relname = 'invoices'"), '0')

    const restored = await plan.execute({ onProgress: ({ phase }) => told.push(phase) })
    assert.ok(restored instanceof Restored)
    assert.deepEqual([restored.errors, restored.missing_rows, restored.loaded], [[], [], []])
    assert.deepEqual([restored.report.verdict, restored.exitCode], ['passed', 0], String(restored))
    assert.equal(restored.after.first.verdict, 'passed')
    assert.equal(restored.plan.digest, plan.digest)
    assert.match(String(restored), /^RESTORED/)
    assert.match(restored.toMarkdown(), /- \[ \] /)
    assert.ok(restored.cut_over.steps.length > 0 && restored.run.writes.length > 0)
    assert.ok(told.includes('restore') && told.includes('scan'), told)
    assert.equal(rows(url), '30')
    assert.ok(!marked(url))
    // What was done is not done twice.
    await assert.rejects(plan.execute(), { code: 'refused', message: /not empty/ })
    assert.equal(rows(url), '30')
  })

  test('picks a backup, fetches it and puts right from its own baseline', async () => {
    const [to, url] = [mkdtempSync(join(tmpdir(), 'drcore-restore-')), empty()]
    const { name } = await backup.take(database(), { to })
    await assert.rejects(restore(to, url, { pick: '2001-01-01' }), { code: 'usage' })
    const plan = await restore(pathToFileURL(to), url, { pick: name })
    assert.ok(plan.archive.file.endsWith(name), plan.archive.file)
    assert.equal((await restore(to, url, { pick: 'newest' })).digest, plan.digest)
    const restored = await plan.execute()
    assert.equal(restored.report.verdict, 'passed', String(restored))
    assert.equal(rows(url), '30')
  })

  test('loads rows into a schema beside what is there', async () => {
    const { url, archive } = await source()
    execute(url, 'delete from invoices where id <= 10')
    const plan = await restore(archive, url, { tables: ['invoices'], into_schema: 'rescued' })
    assert.deepEqual(plan.steps.map(({ step, tables }) => [step, tables[0].into]), [['aside', 'rescued.invoices']])
    const restored = await plan.execute()
    assert.deepEqual([restored.exitCode, restored.loaded.map(({ rows }) => rows)], [0, [30]], String(restored))
    assert.equal(rows(url, 'rescued.invoices r where not exists (select from invoices i where i.id = r.id)'), '10')
    assert.ok(!marked(url))
    await assert.rejects(plan.execute(), { code: 'refused', message: /schema rescued already/ })
  })

  test('calls nothing verified that was compared with nothing', async () => {
    const [{ archive }, url] = [await source(), empty()]
    const restored = await (await restore(pathToFileURL(archive), new URL(url), { tables: ['clients'] })).execute()
    assert.deepEqual([restored.after, restored.report], [undefined, undefined])
    assert.match(String(restored), /drcore verify --against/)
    assert.equal(execute(url, "select string_agg(relname, ' ') from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"), 'clients')
  })

  test('that is aborted leaves a mark, and is gone on with', async () => {
    const [{ archive, before }, url] = [await source(HEALTHY + SLOW), empty()]
    const name = new URL(url).pathname.slice(1)
    execute(url, `alter database ${name} set app.slow = on`)
    const copying = () => execute(url, "select count(*) from pg_stat_activity where datname = current_database() and query like 'COPY%slow%'") !== '0'
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const promise = (await restore(archive, url, { against: before })).execute({ signal: controller.signal })
    promise.catch(() => {})
    await until(copying)
    controller.abort(reason)
    await assert.rejects(promise, (error) => error === reason)
    await until(() => !copying())
    assert.ok(marked(url))
    assert.notEqual((await verify(url, { against: before })).verdict, 'passed')
    await assert.rejects(restore(archive, url), { code: 'refused', message: /did not come to its end/ })
    execute(url, `alter database ${name} reset app.slow`)
    const restored = await (await restore(archive, url, { against: before, onto: 'resume' })).execute()
    assert.equal(restored.exitCode, 0, String(restored))
    assert.equal(rows(url, 'slow'), '300')
  })

  test('writes to nothing that was not named, or is protected, or holds something', async () => {
    const { archive, url } = await source()
    await assert.rejects(restore(archive, url), { code: 'refused', message: /not empty/ })
    await assert.rejects(restore(archive, { url, project: 'postgres@1' }, { onto: 'replace' }), { code: 'refused', detail: /≠/ })
    const live = 'postgresql://postgres:hunter2@db.mlwfgytjxlqyfxcgpysm.supabase.co/postgres'
    const plan = { restore: { protect: ['mlwfgytjxlqyfxcgpysm'] } }
    await assert.rejects(restore(archive, { url: live, project: 'mlwfgytjxlqyfxcgpysm' }, { plan, onto: 'replace' }), (error) => {
      assert.equal(error.code, 'refused')
      assert.ok(!inspect(error).includes('hunter2'))
      return true
    })
    const replacing = await restore(archive, url, { onto: 'replace' })
    assert.equal(replacing.steps[0].step, 'clear')
    await assert.rejects(replacing.execute({ apply: '00000000' }), { code: 'refused', message: /nothing was written/ })
    assert.equal(rows(url), '30')
    assert.deepEqual((await replacing.execute({ apply: replacing.digest })).errors, [])
  })

  test('what cannot work is an error, and nothing is written', async () => {
    const [{ archive, url: live }, url] = [await source(), empty()]
    const none = join(mkdtempSync(join(tmpdir(), 'drcore-restore-')), 'none.dump')
    writeFileSync(none, 'no dump')
    for (const [act, code] of [
      [() => restore(archive, url, { tables: ['invoice'] }), 'usage'],
      [() => restore(archive, url, { onto: 'anything' }), 'usage'],
      [() => restore(archive, url, { jobs: 0 }), 'usage'],
      [() => restore(archive, url, { tabels: [] }), 'usage'],
      [() => restore(archive, url, { project: 'postgres@1' }), 'usage'],
      [() => restore(archive, url, { against: live }), 'usage'],
      [() => restore(archive, { url }), 'usage'],
      [() => restore(archive), 'usage'],
      [() => restore(join(none, 'nowhere'), url), 'io'],
      [() => restore(none, url), 'format'],
      [async () => (await restore(archive, url)).execute({ apply: 5 }), 'usage'],
      [async () => (await restore(archive, url)).execute({ jobs: 5 }), 'usage'],
    ]) {
      await assert.rejects(act(), { name: 'DrcoreError', code }, String(act))
    }
    await assert.rejects(restore(archive, url, { signal: AbortSignal.abort() }), { name: 'AbortError' })
    assert.ok(!marked(url))
  })
})
