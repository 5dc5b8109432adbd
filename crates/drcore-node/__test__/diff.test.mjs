import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'

import { Diff, baseline, diff } from 'drcore'

import { HEALTHY, TIMEOUT, database, execute } from './database.mjs'

const DAMAGE = `
  update clients set name = 'somebody' where id = 3;
  delete from invoices where id = 7;
  insert into invoices values (31, 1);`

async function all(rows) {
  const list = []
  for await (const row of rows) list.push(row)
  return list
}

describe('diff', TIMEOUT, () => {
  test('two that are the same are so', async () => {
    const same = await diff(database(HEALTHY), new URL(database(HEALTHY)))
    assert.equal(same.verdict, 'same')
    assert.equal(same.exitCode, 0)
    assert.deepEqual(await all(same.rows()), [])
  })

  test('names rows, columns and values, and keeps values out of what is written', async () => {
    const found = await diff(database(HEALTHY), database(HEALTHY + DAMAGE))
    assert.equal(found.verdict, 'different')
    assert.equal(found.exitCode, 1)
    const rows = await all(found.rows())
    const short = rows.map(({ table, change, key, columns }) => [table, change, key.id, ...(columns ?? [])].join(' '))
    assert.deepEqual(short.sort(), [
      'public.clients changed 3 name',
      'public.invoices only_in_a 7',
      'public.invoices only_in_b 31',
    ])
    assert.equal(rows[0].a.name, 'client 3')
    assert.equal(rows[0].b.name, 'somebody')
    assert.equal(found.withValues().tables[0].rows[0].b.name, 'somebody')
    for (const text of [found.json, JSON.stringify(found), String(found), inspect(found)]) {
      assert.doesNotMatch(text, /somebody/)
      assert.match(text, /public\.clients/)
    }
    assert.equal(Diff.fromJSON(found.json).json, found.json)
  })

  test('the structure is compared instead of rows', async () => {
    const changed = 'delete from invoices; alter table invoices add column note text; create view v as select 1 as one;'
    const [a, b] = [database(HEALTHY), database(HEALTHY + changed)]
    const found = await diff(a, b, { structure: true })
    assert.equal(found.verdict, 'different')
    assert.deepEqual(await all(found.rows()), [])
    const short = found.structure.objects.map(({ object_kind, of, name, change }) => [object_kind, of, name, change])
    assert.deepEqual(short, [
      ['column', 'public.invoices', 'note', 'only_in_b'],
      ['view', undefined, 'public.v', 'only_in_b'],
    ])
    assert.match(String(found), /ONLY B {3}column public\.invoices\.note/)
    const same = await diff(a, a, { structure: true })
    assert.equal(same.verdict, 'same')
    assert.deepEqual(same.structure.objects, [])
    assert.equal((await diff(a, a)).structure, undefined)
    await assert.rejects(diff(a, b, { structure: true, common_columns: true }), { code: 'usage' })
  })

  test('thousands of rows come one after the other', async () => {
    const rows = (value) => `create table t (id int primary key, v int); insert into t select n, ${value} from generate_series(1, 3500) n`
    const found = await diff(database(rows('n')), database(rows('-n')), { values: false, limit: 2 })
    assert.equal(found.tables[0].rows.length, 2)
    const ids = new Set()
    for await (const row of found.rows()) ids.add(row.key.id)
    assert.equal(ids.size, 3500)
  })

  test('a baseline is a side, and the environment another', async () => {
    const url = database(HEALTHY)
    const before = await baseline(url)
    assert.equal((await diff(before, url)).verdict, 'same')
    execute(url, DAMAGE)
    const found = await diff(url, before, { tables: ['invoices'] })
    assert.deepEqual([found.tables[0].only_in_a, found.tables[0].only_in_b], [1, 1])
    assert.equal(found.b.kind, 'baseline')
  })

  test('what cannot be reached is unproven, and what cannot work an error', async () => {
    const url = database(HEALTHY)
    const lost = await diff(url, 'postgresql://u@127.0.0.1:1/d?sslmode=disable')
    assert.equal(lost.verdict, 'unproven')
    assert.equal(lost.unread[0].side, 'b')
    await assert.rejects(diff(url, url, { tables: ['nowhere'] }), { code: 'usage' })
    await assert.rejects(diff(url, url, { commonColumns: true }), { code: 'usage' })
    await assert.rejects(diff(5, url), { code: 'usage' })
    const signal = AbortSignal.abort()
    await assert.rejects(diff(url, url, { signal }), { name: 'AbortError' })
  })
})
