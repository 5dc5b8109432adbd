import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'

import { Gap, gap } from 'drcore'

import { TIMEOUT, database, lock, running, until, waiting } from './database.mjs'

const SINCE = '2026-11-20T02:00:00Z'
const INVOICES = `
  create table plans (id int primary key);
  create table invoices (id int primary key, tenant_id text not null, created_at timestamptz not null);
  insert into invoices select n, 'tenant ' || n % 2, timestamptz '2026-11-20 01:30:00Z' + n * interval '15 minutes'
  from generate_series(1, 10) n;`

describe('gap', TIMEOUT, () => {
  test('counts by table, tenant and hour', async () => {
    const report = await gap(database(INVOICES), { since: SINCE, tenant_column: 'tenant_id' })
    assert.equal(report.verdict, 'found')
    assert.equal(report.exitCode, 0)
    assert.equal(report.rows, 8)
    assert.deepEqual(report.tables.map(({ table, rows }) => [table, rows]), [['public.invoices', 8]])
    assert.deepEqual(report.not_covered.map(({ table }) => table), ['public.plans'])
    const sum = (by) => report.records().filter((record) => record.by === by).reduce((all, { rows }) => all + rows, 0)
    assert.deepEqual(['total', 'tenant', 'hour'].map(sum), [8, 8, 8])
    assert.equal(Gap.fromJSON(report.json).json, report.json)
    assert.deepEqual(JSON.parse(JSON.stringify(report)), JSON.parse(report.json))
    assert.equal(inspect(report), String(report))
    assert.match(String(report), /public\.invoices/)
  })

  test('takes a Date, and proves nothing where nothing is newer', async () => {
    const report = await gap(database(INVOICES), { since: new Date() })
    assert.equal(report.verdict, 'unproven')
    assert.equal(report.exitCode, 3)
    assert.equal(report.rows, 0)
  })

  for (const [what, options] of [
    ['no options', undefined],
    ['no instant', {}],
    ['an instant without offset', { since: 'yesterday' }],
    ['an instant that is none', { since: new Date(NaN) }],
    ['a misspelt option', { since: SINCE, tenantColumn: 'tenant_id' }],
    ['a column that is nowhere', { since: SINCE, tenant_column: 'tenant' }],
  ]) {
    test(`${what} is refused`, async () => {
      await assert.rejects(gap(database(INVOICES), options), { name: 'DrcoreError', code: 'usage' })
    })
  }

  test('can be aborted', async () => {
    const url = database(INVOICES)
    const release = await lock(url, 'invoices')
    const controller = new AbortController()
    const promise = gap(url, { since: SINCE, plan: { limits: { lock_timeout: '50s' } }, signal: controller.signal })
    try {
      await waiting(url)
      controller.abort()
      await assert.rejects(promise, { name: 'AbortError' })
      await until(() => running(url) === 0)
    } finally {
      await release()
    }
  })
})
