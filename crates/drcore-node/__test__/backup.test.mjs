import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { backup } from 'drcore'

import { TIMEOUT, database } from './database.mjs'

const place = () => mkdtempSync(join(tmpdir(), 'drcore-backups-'))

describe('backup', TIMEOUT, () => {
  test('is taken, listed, looked into and pruned', async () => {
    const [url, to, told] = [database(), place(), []]
    const taken = await backup.take(url, { to, compress: 'gzip:1', onProgress: ({ bytes }) => told.push(bytes) })
    assert.equal(taken.format, 'drcore.taken/1')
    assert.ok(taken.manifest.tables.length > 0 && taken.unread.length === 0)
    const { backups } = await backup.list(to)
    assert.deepEqual(backups.map(({ name, state, verified }) => [name, state, verified]), [[taken.name, 'complete', undefined]])
    const verification = await backup.verify(to)
    assert.deepEqual([verification.verdict, verification.problems], ['whole', []])
    assert.equal((await backup.list(to)).backups[0].verified.verdict, 'whole')
    // The newest stays, however old.
    const plan = await backup.prune(to, { keep: '1s' })
    assert.deepEqual(plan.remove, [])
    const pruned = await backup.prune(to, { keep: '1s', apply: plan.digest })
    assert.equal(pruned.format, 'drcore.pruned/1')
    await assert.rejects(backup.prune(to, { keep: '1s', apply: '00000000' }), { name: 'DrcoreError' })
  })

  test('that is not what was written is damaged', async () => {
    const [url, to] = [database(), place()]
    const { name } = await backup.take(url, { to })
    const dump = join(to, `${name}.dump`)
    const bytes = readFileSync(dump)
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(dump, bytes)
    const { verdict, problems } = await backup.verify(to, { backup: name })
    assert.equal(verdict, 'damaged')
    assert.ok(problems.some((problem) => problem.includes('SHA-256')), problems)
    assert.equal((await backup.list(to)).backups[0].state, 'damaged')
  })

  test('salvages are kept apart', async () => {
    const to = place()
    const { manifest } = await backup.salvage(database(), { to })
    assert.equal(manifest.kind, 'salvage')
    assert.ok(readdirSync(to).length > 0)
    await assert.rejects(backup.verify(to), { code: 'usage' })
  })

  for (const [what, act] of [
    ['no repository', () => backup.take(database())],
    ['a misspelt option', () => backup.take(database(), { to: place(), compres: 'gzip' })],
    ['a repository that is not there', () => backup.list('/nowhere/at/all')],
    ['a repository that is no text', () => backup.list(7)],
    ['pruning without a measure', () => backup.prune(place())],
  ]) {
    test(`${what} is an error`, async () => {
      await assert.rejects(act(), { name: 'DrcoreError' })
    })
  }
})
