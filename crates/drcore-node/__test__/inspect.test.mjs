import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect as shown } from 'node:util'

import { Inspection, baseline, inspect } from 'drcore'

import { TIMEOUT, database, dump, execute } from './database.mjs'

describe('inspect', TIMEOUT, () => {
  let directory, url, path

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'drcore-inspect-'))
    url = database()
    path = join(directory, 'backup.dump')
    dump(url, path)
  })

  after(() => rm(directory, { recursive: true }))

  test('counts the rows of a whole dump', async () => {
    const inspection = await inspect(path, { against: await baseline(url), list: true, fingerprints: true })
    assert.equal(inspection.verdict, 'whole')
    assert.equal(inspection.exitCode, 0)
    assert.equal(inspection.rows, 40)
    assert.equal(inspection.name, path)
    assert.equal(inspection.archive.form, 'custom')
    assert.deepEqual(inspection.tables.map(({ table, rows }) => [table, rows]), [['public.clients', 10], ['public.invoices', 30]])
    assert.ok(inspection.tables.every(({ fingerprint }) => fingerprint))
    assert.ok(inspection.entries.some(({ kind }) => kind === 'TABLE DATA'))
    assert.deepEqual([inspection.damage, inspection.differences, inspection.unproven], [[], [], []])
    assert.equal(Inspection.fromJSON(inspection.json).json, inspection.json)
    assert.deepEqual(JSON.parse(JSON.stringify(inspection)), JSON.parse(inspection.json))
    assert.match(shown(inspection), /^WHOLE/)
    assert.match(inspection.toMarkdown(), /public\.clients/)
  })

  test('says of half a dump that it is half, and how far it is read', async () => {
    const half = join(directory, 'half.dump')
    await writeFile(half, (await readFile(path)).subarray(0, -20))
    const inspection = await inspect(pathToFileURL(half))
    assert.equal(inspection.verdict, 'damaged')
    assert.equal(inspection.exitCode, 1)
    assert.ok(inspection.damage.length > 0)
    assert.ok(inspection.tables.some(({ rows }) => rows === undefined))
  })

  test('misses rows that the baseline has', async () => {
    const of = database()
    const then = await baseline(of)
    execute(of, 'delete from invoices where id <= 7')
    const later = join(directory, 'later.dump')
    dump(of, later)
    const inspection = await inspect(later, { against: then })
    assert.equal(inspection.verdict, 'differs')
    assert.deepEqual(inspection.differences.map(({ object, rows, baseline }) => [object, rows, baseline]), [['public.invoices', 23, 30]])
  })

  test('compares two dumps', async () => {
    const same = await inspect(path, { against: path })
    assert.equal(same.verdict, 'whole')
    assert.deepEqual(same.against, { dump: path, tables: 2 })
    const of = database()
    execute(of, "update clients set name = 'another' where id = 7")
    const other = join(directory, 'other.dump')
    dump(of, other)
    const inspection = await inspect(other, { against: path })
    assert.deepEqual(inspection.differences.map(({ object }) => object), ['public.clients'])
  })

  test('proves nothing by a table of contents', async () => {
    const inspection = await inspect(path, { data: false })
    assert.equal(inspection.verdict, 'unproven')
    assert.equal(inspection.exitCode, 3)
  })

  for (const [what, archive, options, code] of [
    ['a file that is not there', '/nowhere.dump', {}, 'io'],
    ['a misspelt option', '/nowhere.dump', { fingerprint: true }, 'usage'],
    ['a live database as baseline', '/nowhere.dump', { against: 'postgresql://localhost/app' }, 'usage'],
    ['no dump at all', undefined, {}, 'usage'],
  ]) {
    test(`${what} is refused`, async () => {
      await assert.rejects(inspect(archive, options), { name: 'DrcoreError', code })
    })
  }

  test('can be aborted', async () => {
    await assert.rejects(inspect(path, { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })
})
