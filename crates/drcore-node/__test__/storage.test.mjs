import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'

import { StorageAudit, storage } from 'drcore'

import { TIMEOUT, database } from './database.mjs'

const version = (number) => `1f9d7a52-3c0e-4b57-9a2e-${String(number).padStart(12, '0')}`

const STORAGE = `
  create schema storage;
  create table storage.buckets (id text primary key, name text);
  create table storage.objects (bucket_id text, name text, version text, metadata jsonb);
  insert into storage.buckets values ('docs', 'docs');
  insert into storage.objects
    select 'docs', n || '.pdf', '1f9d7a52-3c0e-4b57-9a2e-' || lpad(n::text, 12, '0'), '{"size": 5}'
    from generate_series(1, 1200) n;`

/** A store with these files, of five bytes each. */
function files(numbers) {
  const root = mkdtempSync(join(tmpdir(), 'drcore-storage-'))
  for (const number of numbers) {
    const directory = join(root, 'stub', 'docs', `${number}.pdf`)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, version(number)), 'bytes')
  }
  return `file://${root}`
}

async function all(rows) {
  const list = []
  for await (const row of rows) list.push(row)
  return list
}

describe('storage', TIMEOUT, () => {
  test('tells every file that something is wrong with', async () => {
    const told = []
    const options = { store: files([1, 2, 1201]), settle: '100ms', samples: 2, onProgress: (progress) => told.push(progress) }
    const audit = await storage.audit(database(STORAGE), options)
    assert.equal(audit.verdict, 'failed')
    assert.equal(audit.exitCode, 1)
    assert.ok(told.some(({ phase, total }) => phase === 'files' && total > 0))
    assert.deepEqual(audit.check.findings.map(({ kind, files }) => [kind, files]), [['missing_files', 1198], ['unreferenced_files', 1]])
    assert.equal(audit.files.buckets.docs.missing.samples.length, 2)
    const rows = await all(audit.rows())
    assert.equal(rows.length, 1199)
    const { problem, name, version: found, bytes } = rows.find(({ problem }) => problem === 'unreferenced')
    assert.deepEqual([problem, name, found, bytes], ['unreferenced', '1201.pdf', version(1201), 5])
    assert.match(String(audit), /^FAILED/)
    assert.equal(inspect(audit), String(audit))
    const again = StorageAudit.fromJSON(audit.json)
    assert.equal(again.json, audit.json)
    await assert.rejects(all(again.rows()), { code: 'usage' })
  })

  test('what cannot be reached is unproven, and what cannot work an error', async () => {
    const url = database(STORAGE)
    const nowhere = await storage.audit(url, { store: 'file:///nowhere/at/all' })
    assert.equal(nowhere.verdict, 'unproven')
    assert.match(nowhere.check.unread[0].cause.message, /cannot read the directory/)
    assert.deepEqual(await all(nowhere.rows()), [])
    await assert.rejects(storage.audit(url), { code: 'usage' })
    await assert.rejects(storage.audit(url, { store: 'ftp://x' }), { code: 'usage' })
    await assert.rejects(storage.audit(url, { store: 'file:///x', signal: AbortSignal.abort() }), { name: 'AbortError' })
  })
})
