import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'

import { Copied, CopyPlan, copy, verify } from 'drcore'

import { TIMEOUT, database, execute } from './database.mjs'

const TABLES = `
  create table customers (id int generated always as identity primary key, name text);
  create table invoices (id int primary key, customer_id int references customers, tags text[]);`
const ROWS = `
  insert into customers (name) select 'c' || i from generate_series(1, 50) i;
  insert into invoices select i, i % 50 + 1, array['a', null] from generate_series(1, 300) i;`

const pair = () => [database(TABLES + ROWS), database(TABLES)]

describe('copy', TIMEOUT, () => {
  test('is planned, reviewed, done and compared', async () => {
    const [source, target] = pair()
    const plan = await copy(source, new URL(target), { jobs: 2 })
    assert.ok(plan instanceof CopyPlan)
    assert.equal(inspect(plan), String(plan))
    assert.match(String(plan), new RegExp(plan.digest))
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), JSON.parse(plan.json))
    const { format, onto, jobs, needsReview, replica_role } = plan
    assert.deepEqual([format, onto, jobs, needsReview, replica_role], ['drcore.copy/1', 'empty', 2, false, true])
    assert.deepEqual(plan.tables.map(({ table, form }) => [table, form]), [['public.customers', 'binary'], ['public.invoices', 'binary']])
    assert.deepEqual(plan.sequences.map(({ target }) => target), ['public.customers_id_seq'])
    assert.deepEqual([plan.left_out, plan.large_objects, plan.target.scratch], [[], 0, true])
    assert.notEqual(plan.source.database, plan.target.database)
    assert.equal(execute(target, 'select count(*) from customers'), '0')

    const told = []
    const copied = await plan.execute({ onProgress: ({ phase }) => told.push(phase) })
    assert.ok(copied instanceof Copied)
    assert.deepEqual([copied.errors, copied.exitCode, copied.report.verdict], [[], 0, 'passed'], String(copied))
    assert.deepEqual(copied.tables.map(({ rows }) => rows), [50, 300])
    assert.deepEqual([copied.format, copied.plan.digest], ['drcore.copied/1', plan.digest])
    assert.match(String(copied), /^COPIED/)
    assert.equal(inspect(copied), String(copied))
    assert.ok(told.includes('copy') && told.includes('scan') && copied.run.writes.length > 0, told)
    assert.equal(execute(target, "insert into customers (name) values ('next') returning id"), '51')

    await assert.rejects(plan.execute(), { code: 'refused', message: /hold rows/ })
    const again = await copy(source, target, { onto: 'replace' })
    await assert.rejects(again.execute({ apply: '00000000' }), { code: 'refused', message: /as reviewed/ })
    assert.equal((await again.execute({ apply: again.digest })).exitCode, 0)
    assert.equal(execute(target, 'select count(*) from customers'), '50')
  })

  test('is refused where it cannot be', async () => {
    const [source, target] = pair()
    await assert.rejects(copy(source, target, { tables: ['public.invoice'] }), { code: 'usage', message: /invoice/ })
    await assert.rejects(copy(source, target, { onto: 'resume' }), { code: 'usage', message: /onto/ })
    await assert.rejects(copy(source, target, { against: 'baseline.json' }), { code: 'usage', message: /against/ })
    await assert.rejects(copy(source, target, { project: 'x' }), { code: 'usage', message: /project/ })
    await assert.rejects(copy(source, { url: target, project: 'another' }), { code: 'refused', message: /nothing was written/ })
    await assert.rejects(copy(source, source), { code: 'refused', message: /nothing was written/ })
    assert.equal(execute(target, 'select count(*) from customers'), '0')
  })

  test('is aborted, and begun anew', async () => {
    const [source, target] = pair()
    execute(target, 'alter table invoices add check (pg_sleep(0.2) is not null)')
    const plan = await copy(source, target, { jobs: 1 })
    await assert.rejects(plan.execute({ signal: AbortSignal.timeout(3000) }), { name: 'TimeoutError' })
    while (execute(target, "select count(*) from pg_stat_activity where datname = current_database() and state = 'active'") !== '1') {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.notEqual((await verify(target)).verdict, 'passed')
    await assert.rejects(copy(source, target), { code: 'refused', message: /did not come to its end/ })
    execute(target, 'alter table invoices drop constraint invoices_check')
    const copied = await (await copy(source, target, { onto: 'start_over' })).execute()
    assert.deepEqual([copied.exitCode, execute(target, 'select count(*) from invoices')], [0, '300'], String(copied))
  })
})
