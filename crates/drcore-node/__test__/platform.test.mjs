// The platform is a server on this machine that answers as Supabase's Management API does.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { after, before, beforeEach, describe, test } from 'node:test'

import { platform } from 'drcore'

import { TIMEOUT, database } from './database.mjs'

const PROJECT = 'abcdefghijklmnopqrst'
const TOKEN = 'sbp_0123456789abcdef0123456789abcdef01234567'
const now = Math.floor(Date.now() / 1000)
const latest = now - 60
/** An instant that can be gone back to. */
const to = new Date((latest - 600) * 1000)
const WAIVED = { to, without_salvage: 'a drill' }

let states, begun
const server = createServer((request, response) => {
  const answer = (status, said) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said))
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(401, { message: 'Unauthorized' })
  const path = request.url.split('?')[0]
  const project = `/v1/projects/${PROJECT}`
  if (request.method === 'POST') {
    begun.push(path)
    states = ['ACTIVE_HEALTHY', 'RESTORING', 'ACTIVE_HEALTHY']
    request.resume()
    return answer(201, {})
  }
  switch (path) {
    case project:
      return answer(200, { id: PROJECT, status: states.length > 1 ? states.shift() : states[0] })
    case `${project}/database/backups`:
      return answer(200, {
        region: 'eu-central-1',
        walg_enabled: true,
        pitr_enabled: true,
        backups: [],
        physical_backup_data: { earliest_physical_backup_date_unix: now - 7 * 86_400, latest_physical_backup_date_unix: latest },
      })
    case `${project}/health`:
      return answer(200, [{ name: 'db', status: 'ACTIVE_HEALTHY' }])
    default:
      return answer(404, { message: 'Project not found' })
  }
})

describe('platform', TIMEOUT, () => {
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    env.SUPABASE_API_URL = `http://127.0.0.1:${server.address().port}`
  })
  after(() => server.close())
  beforeEach(() => {
    env.SUPABASE_ACCESS_TOKEN = TOKEN
    states = ['ACTIVE_HEALTHY']
    begun = []
  })

  test('tells what there is', async () => {
    const facts = await platform.backups(PROJECT)
    assert.deepEqual([facts.format, facts.pitr_enabled, facts.status, facts.backups], ['drcore.platform/1', true, 'ACTIVE_HEALTHY', []])
    assert.equal(new Date(facts.window.latest).getTime(), latest * 1000)
  })

  test('goes back in time as it was reviewed, and verifies', async () => {
    const plan = await platform.pitr(PROJECT, WAIVED)
    assert.deepEqual([plan.format, plan.waived, begun], ['drcore.pitr/1', 'a drill', []])
    await assert.rejects(platform.pitr(PROJECT, { ...WAIVED, apply: '00000000' }), { code: 'refused' })
    assert.deepEqual(begun, [])
    const verifying = { url: database(), only: ['row_counts'], plan: { row_counts: { tables: { invoices: 30 } } } }
    const run = await platform.pitr(PROJECT, { ...WAIVED, apply: plan.digest, ...verifying })
    assert.deepEqual([run.format, run.outcome, run.report.verdict, begun.length], ['drcore.pitr_run/1', 'restored', 'passed', 1])
  })

  for (const [what, act, code] of [
    ['a project that it does not see', () => platform.backups('zyxwvutsrqponmlkjihg'), 'usage'],
    ['a project that is no text', () => platform.backups(7), 'usage'],
    ['no target', () => platform.pitr(PROJECT, { without_salvage: 'a drill' }), 'usage'],
    ['no salvage', () => platform.pitr(PROJECT, { to }), 'usage'],
    ['an instant that cannot be gone back to', () => platform.pitr(PROJECT, { ...WAIVED, to: '2020-01-01T00:00:00Z' }), 'usage'],
    ['a salvage that is none', () => platform.pitr(PROJECT, { to, salvage: mkdtempSync(join(tmpdir(), 'drcore-')) }), 'refused'],
    ['a misspelt option', () => platform.pitr(PROJECT, { ...WAIVED, onlly: [] }), 'usage'],
    ['another token', () => ((env.SUPABASE_ACCESS_TOKEN = 'sbp_another'), platform.backups(PROJECT)), 'authentication'],
    ['no token', () => (delete env.SUPABASE_ACCESS_TOKEN, platform.backups(PROJECT)), 'usage'],
  ]) {
    test(`${what} is an error, and nothing is begun`, async () => {
      await assert.rejects(act(), { name: 'DrcoreError', code })
      assert.deepEqual(begun, [])
    })
  }
})
