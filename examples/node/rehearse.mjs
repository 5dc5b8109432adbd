// Is the newest backup good, and how long would it take to get it back?
//
//     DRCORE_REPOSITORY=s3://app-backups node rehearse.mjs     every night or month
//     DATABASE_URL=postgresql://… node rehearse.mjs            on a backup that is made for it
//
// The record of each drill is kept beside the backups, and the newest set beside those before it.
// Exit codes: 0 passed, 1 failed, 2 no whole backup, 3 unproven.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DrcoreError, backup, drill, drills } from 'drcore'

const made = process.env.DRCORE_REPOSITORY ? undefined : mkdtempSync(join(tmpdir(), 'backups-'))
try {
  if (made) await backup.take(process.env.DATABASE_URL, { to: made })
  const repository = made ?? process.env.DRCORE_REPOSITORY
  const rehearsal = await drill(repository, { plan: { objectives: { rto: '4h', rpo: '24h' } } })
  console.log(rehearsal)
  const record = await drills.record(repository, rehearsal)
  const { drills: past, trends, left_out, last_passed_at } = await drills.history(repository, { slower_by: 25 })
  console.log(`${record}: ${past.length} drills, the last that passed ${last_passed_at ?? 'never'}`)
  for (const { notes } of trends) for (const note of notes) console.log(`slower: ${note}`)
  for (const { record, problem, cause } of left_out) console.log(`${record} is ${problem}: ${cause}`)
  process.exitCode = rehearsal.exitCode
} catch (error) {
  if (!(error instanceof DrcoreError)) throw error
  console.error([`error: ${error.message}`, error.detail, error.hint].filter(Boolean).join('\n'))
  process.exitCode = ['usage', 'plan', 'format', 'io'].includes(error.code) ? 2 : 3
} finally {
  if (made) rmSync(made, { recursive: true })
}
