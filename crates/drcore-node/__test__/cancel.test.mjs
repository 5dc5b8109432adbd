import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'

import { baseline, collect, verify } from 'drcore'

import { TIMEOUT, database, lock, running, until, waiting } from './database.mjs'

const plan = {
  row_counts: { tables: { clients: 10, invoices: 30 } },
  // Longer than any test waits: what ends a statement here is the cancelling.
  limits: { lock_timeout: '50s' },
}

describe('an AbortSignal', TIMEOUT, () => {
  test('that is aborted already: nothing is started', async () => {
    let accepted = 0
    const { url, close } = await silentServer(() => accepted++)
    const reason = new Error('changed my mind')
    for (const verb of [verify, collect, baseline]) {
      await assert.rejects(verb(url, { signal: AbortSignal.abort(reason) }), (error) => error === reason)
    }
    close()
    assert.equal(accepted, 0)
  })

  test('stops the statement on the server, and rejects with its reason within a second', async () => {
    const url = database()
    const release = await lock(url, 'invoices')
    const controller = new AbortController()
    const reason = { any: 'value' }
    const promise = verify(url, { signal: controller.signal, plan })
    try {
      await waiting(url)
      assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
      const began = performance.now()
      controller.abort(reason)
      await assert.rejects(promise, (error) => error === reason)
      assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms`)
      await until(() => running(url) === 0)
    } finally {
      await release()
    }
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })

  test('rejects within a second where nobody answers', async () => {
    const { url, close } = await silentServer()
    const began = performance.now()
    await assert.rejects(verify(url, { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' })
    assert.ok(performance.now() - began < 1100, `${performance.now() - began} ms`)
    close()
  })

  test('that is never aborted is let go', async () => {
    const { signal } = new AbortController()
    await verify(database(), { signal })
    await assert.rejects(verify(database(), { signal, deadline: 'never' }))
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
})

describe('a deadline', TIMEOUT, () => {
  test('gives a report of what was read until then', async () => {
    const url = database()
    const release = await lock(url, 'invoices')
    try {
      const report = await verify(url, { deadline: '500ms', plan })
      assert.equal(report.verdict, 'unproven')
      assert.equal(report.run.evidence.failure.kind, 'timeout')
      const [check] = report.checks.filter((check) => check.id === 'row_counts')
      assert.ok(check.unread.some((unread) => unread.object === 'public.invoices'), report.json)
      await until(() => running(url) === 0)
    } finally {
      await release()
    }
  })
})

describe('the age of the snapshot', TIMEOUT, () => {
  test('leaves unread what is not begun by then', async () => {
    const report = await verify(database(), { limits: { snapshot_age: '1ms' }, plan })
    assert.equal(report.verdict, 'unproven')
    const kinds = report.checks.flatMap((check) => check.unread.map((unread) => unread.cause.kind))
    assert.ok(kinds.includes('snapshot_age'), report.json)
  })
})

describe('progress', TIMEOUT, () => {
  test('is told as numbers', async () => {
    const told = []
    await collect(database(), { onProgress: (progress) => told.push(progress), plan })
    assert.deepEqual(new Set(told.map((progress) => progress.phase)), new Set(['catalog', 'scan']))
    for (const { done, total, rows, bytes, bytes_total, elapsed_ms } of told) {
      assert.ok(done <= total && bytes <= bytes_total)
      assert.ok(Number.isInteger(rows) && Number.isInteger(elapsed_ms))
    }
    assert.equal(told.at(-1).rows, 40)
    assert.ok(told.at(-1).bytes_total > 0)
  })

  // What describes the index of the locked table waits already.
  for (const [what, onProgress] of [
    ['throws', ({ phase }) => { if (phase === 'catalog') throw new RangeError('no terminal') }],
    ['rejects', async ({ phase }) => { if (phase === 'catalog') throw new RangeError('no terminal') }],
  ]) {
    test(`a callback that ${what} stops the call, with that error`, async () => {
      const url = database()
      const release = await lock(url, 'invoices')
      try {
        await assert.rejects(verify(url, { onProgress, plan }), RangeError)
        await until(() => running(url) === 0)
      } finally {
        await release()
      }
    })
  }
})

/** A server that takes connections and never says anything. */
async function silentServer(onConnection = () => {}) {
  const sockets = new Set()
  const server = createServer((socket) => (sockets.add(socket), onConnection()))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `postgresql://nobody@127.0.0.1:${server.address().port}/x?sslmode=disable`,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
