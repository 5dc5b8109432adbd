// An ops script: is the restored database what the backup promised?
//
//     DATABASE_URL=postgresql://… node ops-check.mjs baseline.json
//
// baseline.json was taken when the backup was: `drcore baseline -o baseline.json`.
// Exit codes: 0 passed, 1 failed, 2 wrong usage, 3 could not find out, 130 interrupted.

import { stderr } from 'node:process'

import { DrcoreError, verify } from 'drcore'

const [against] = process.argv.slice(2)
if (!against || !process.env.DATABASE_URL) {
  console.error('usage: DATABASE_URL=postgresql://… node ops-check.mjs BASELINE')
  process.exit(2)
}

// Ctrl-C stops the statements on the server before the script ends.
const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

try {
  const report = await verify(process.env.DATABASE_URL, {
    against,
    deadline: '10m', // what was not read by then is reported as unread
    signal: interrupt.signal,
    onProgress: stderr.isTTY ? draw : undefined,
  })
  if (stderr.isTTY) stderr.write('\x1b[2K\r')
  console.log(report)

  // What the team wants to be called for, by kind: each has fields of its own.
  for (const finding of report.findings) {
    if (finding.kind === 'fewer_rows') {
      console.log(`${finding.object} lost ${finding.were - finding.rows} rows`)
    }
  }
  process.exitCode = report.exitCode
} catch (error) {
  if (interrupt.signal.aborted) {
    process.exitCode = 130
  } else if (error instanceof DrcoreError) {
    // No report at all: a wrong option, a plan with mistakes, a baseline that cannot be read.
    console.error([`error: ${error.message}`, error.detail, error.hint].filter(Boolean).join('\n'))
    process.exitCode = ['usage', 'plan'].includes(error.code) ? 2 : 3
  } else {
    throw error
  }
}

function draw({ phase, done, total, rows }) {
  stderr.write(`\x1b[2K\r${phase} ${done}/${total}, ${rows.toLocaleString('en')} rows`)
}
