import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'

import { scratch, verify } from 'drcore'

import { TIMEOUT } from './database.mjs'

const where = (url) => decodeURIComponent(url.slice(url.indexOf('@') + 1).split(':')[0])

describe('scratch', TIMEOUT, () => {
  test('is there and then gone', async () => {
    const db = await scratch({ settings: { max_connections: 20 } })
    const path = where(db.url)
    assert.ok(existsSync(path))
    const url = await db.createDatabase('app')
    assert.equal(url, db.urlOf('app'))
    assert.equal((await verify(url, { only: ['row_counts'] })).verdict, 'unproven')
    await db.close()
    assert.ok(!existsSync(path))
    await db.close()
    assert.throws(() => db.url, { code: 'usage' })
  })

  test('is disposed of', async () => {
    const db = await scratch({ recipe: 'supabase' })
    const path = where(db.url)
    await db[Symbol.asyncDispose]()
    assert.ok(!existsSync(path))
  })

  test('mistakes are refused', async () => {
    await assert.rejects(scratch({ recipe: 'supa' }), { code: 'usage' })
    await assert.rejects(scratch({ major: 9 }), { code: 'tool', hint: /postgresql-9/ })
  })
})
