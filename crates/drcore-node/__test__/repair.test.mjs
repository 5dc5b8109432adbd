import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'

import { init, repair, verify } from 'drcore'

import { HEALTHY, TIMEOUT, database, execute } from './database.mjs'

const DAMAGED = `${HEALTHY} set session_replication_role = replica; delete from clients where id = 2;`
const ASKED = { only: ['orphan_fks'], choices: { orphan_fks: 'delete' } }
const rows = (url) => execute(url, 'select count(*) from invoices')

describe('repair', TIMEOUT, () => {
  test('is planned, reviewed, applied to what was named, and verified again', async () => {
    const url = database(DAMAGED)
    const left = await repair(url, { only: ['orphan_fks'] })
    assert.deepEqual([left.statements, left.left[0].why], [[], 'choose'])
    const plan = await repair(url, ASKED)
    assert.equal(inspect(plan), String(plan))
    assert.match(String(plan), new RegExp(plan.digest))
    assert.match(plan.toSQL(), /^-- drcore repair plan/)
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), JSON.parse(plan.json))
    for (const project of ['postgres@1', '']) {
      await assert.rejects(plan.execute({ url, project }), { code: 'refused', message: /nothing was written/ })
    }
    assert.equal(rows(url), '30')
    const repaired = await plan.execute({ url, project: plan.project })
    assert.deepEqual(repaired.comparison.fixed, plan.statements[0].answers)
    assert.equal(repaired.writes.at(-1).statement, 'commit')
    assert.deepEqual([repaired.report.verdict, repaired.exitCode, rows(url)], ['passed', 0, '27'])
    assert.match(String(repaired), /FIXED/)
  })

  test('takes a report', async () => {
    const url = database(DAMAGED)
    const report = await verify(url, { only: ['orphan_fks'] })
    const plan = await repair(undefined, { report, choices: ASKED.choices })
    assert.equal(plan.report.json, report.json)
    assert.equal(plan.statements.length, 1)
  })

  test('writes to no other project', async () => {
    const url = database(DAMAGED)
    const plan = await repair(url, ASKED)
    const live = 'postgresql://postgres:hunter2@db.mlwfgytjxlqyfxcgpysm.supabase.co/postgres'
    await assert.rejects(plan.execute({ url: live, project: plan.project }), (error) => {
      assert.equal(error.code, 'refused')
      assert.ok(!inspect(error).includes('hunter2'))
      return true
    })
  })

  for (const [what, options] of [
    ['a choice that fits nothing', { ...ASKED, choices: { row_counts: 'delete' } }],
    ['a misspelt option', { choice: {} }],
    ['a report that is none', { report: {} }],
    ['a class that is none', { allow: 'everything' }],
  ]) {
    test(`${what} is refused`, async () => {
      await assert.rejects(repair(database(), options), { name: 'DrcoreError', code: 'usage' })
    })
  }
})

describe('init', TIMEOUT, () => {
  test('writes a plan', async () => {
    assert.match(await init(database()), /\[row_counts/)
  })
})
