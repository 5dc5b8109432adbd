// Compiled by `tsc --strict`, never run: what users' type checkers say of the package.

import drcoreCommon = require('drcore')
import { Copied, CopyPlan, Diff, DrcoreError, Evidence, Gap, Inspection, NotPassedError, Rehearsal, RepairPlan, Repaired, Report, RestorePlan, Restored, Scratch, baseline, cli, collect, copy, diff, drill, drills, gap, init, inspect, judge, platform, repair, restore, review, scratch, verify } from 'drcore'
import type { CheckResult, ErrorKind, FewerRows, Finding, Plan, Progress, Verdict, VerifyOptions } from 'drcore'

export async function script(): Promise<number> {
  const options: VerifyOptions = {
    plan: { row_counts: { tables: { tenants: 'same', plans: 3, subscriptions: { within: 1 } } } },
    against: 'baseline.json',
    deadline: '10m',
    only: ['row_counts'],
    sessions: 2,
    signal: AbortSignal.timeout(60_000),
    onProgress: ({ phase, done, total }: Progress) => process.stderr.write(`${phase} ${done}/${total}\r`),
  }
  const report: Report = await verify(process.env.DATABASE_URL, options)
  console.log(report, report.toString({ width: Infinity, color: true, verbose: true }))
  for (const finding of report.findings) if (finding.kind === 'fewer_rows') console.log(finding.object, finding.were - finding.rows)
  report.assertPassed()
  return report.exitCode
}

export async function verbs(): Promise<void> {
  const before: Evidence = await baseline()
  await before.save(new URL('file:///tmp/baseline.json'))
  const now = await collect(new URL('postgresql://localhost/restored'), { against: before })
  const report = await judge(now, { against: await Evidence.load('baseline.json') })
  const again: Report = Report.fromJSON(report.json)
  const data: string = JSON.stringify(again)
  const common: typeof verify = drcoreCommon.verify
  const code: number = cli(['drcore', '--version'])
  void [data, common, code]
  const lost: Gap = await gap(undefined, { since: new Date(), tenant_column: 'tenant_id' })
  for (const { table, by, tenant, hour, rows } of lost.records()) console.log(table, by, tenant, hour, rows)
  const differences: Diff = await diff('baseline.json', undefined, { tables: ['invoices'], common_columns: true })
  for await (const { table, change, key, columns, a, b } of differences.rows()) console.log(table, change, key, columns, a, b)
  const held: Inspection = await inspect(new URL('s3://backups/2026/11/20'), { against: before, list: true })
  for (const { table, state, rows } of held.tables) console.log(table, state, rows?.toFixed())
  // @ts-expect-error a copy cannot be gone on with
  await copy('postgresql://localhost/old', db.url, { onto: 'resume' })
  // @ts-expect-error a dump is needed
  await inspect()
  const plan: RepairPlan = await repair(undefined, { report, choices: { orphan_fks: 'delete' }, allow: 'safe' })
  const repaired: Repaired = await plan.execute({ url: 'postgresql://localhost/restored', project: plan.project ?? '' })
  const db: Scratch = await scratch({ major: 17, recipe: 'supabase' })
  const toml: string = await init(db.url)
  const restoring: RestorePlan = await restore('backup.dump', db.url, { against: before, onto: 'replace', pick: '2026-11-20', tables: ['invoices'] })
  for (const step of restoring.steps) if (step.step === 'entries') console.log(step.entries.length, step.tables)
  const restored: Restored = await restoring.execute({ apply: restoring.digest, signal: AbortSignal.timeout(60_000) })
  restored.report?.assertPassed()
  const copying: CopyPlan = await copy('postgresql://localhost/old', db.url, { onto: 'replace', tables: ['public.invoices'], jobs: 2 })
  const copied: Copied = await copying.execute({ apply: copying.digest })
  for (const { table, rows, dropped } of copied.tables) console.log(table, rows, dropped)
  for (const { object, message, harmless } of restored.errors) console.log(object, message, harmless)
  const rehearsal: Rehearsal = await drill('s3://backups', { pick: 'newest', recipe: 'supabase', plan: 'drcore.toml' })
  for (const { objective, met, observed_ms } of rehearsal.objectives) console.log(objective, met, observed_ms?.toFixed())
  const record: string = await drills.record('s3://backups', rehearsal)
  const { drills: past, trends, left_out } = await drills.history(new URL('s3://backups'), { slower_by: 20 })
  for (const { started_at, verdict, rto_ms } of past) console.log(record, started_at, verdict, rto_ms.toFixed())
  console.log(trends.map(({ rto, steps }) => [rto.longer, steps.length]), left_out.map(({ problem }) => problem))
  const document: string = review(rehearsal, report, lost, JSON.parse(report.json))
  console.log(document)
  // @ts-expect-error Evidence is no record of what happened
  review(before)
  // @ts-expect-error a drill leaves out no checks
  await drill('s3://backups', { only: ['row_counts'] })
  const back = await platform.pitr('abcdefghijklmnopqrst', { to: new Date(), salvage: 'salvage/' })
  const { outcome, report: afterwards } = await platform.pitr(back.project, { to: back.target, salvage: 'salvage/', apply: back.digest, url: db.url })
  console.log(outcome, afterwards?.verdict, (await platform.backups(back.project)).window?.latest)
  // @ts-expect-error an instant is needed
  await platform.pitr('abcdefghijklmnopqrst', { salvage: 'salvage/' })
  // @ts-expect-error a target is needed
  await restore('backup.dump')
  // @ts-expect-error what happens to what is there is one of four
  await restore('backup.dump', db.url, { onto: 'anything' })
  await db.close()
  void [repaired.comparison.fixed, toml]
  // @ts-expect-error what is written to must be named
  await plan.execute({ url: 'postgresql://localhost/restored' })
  // @ts-expect-error a side is needed
  await diff()
  // @ts-expect-error an instant is needed
  await gap(undefined, {})
}

// Every kind of finding is told apart by `kind`.
export function affected(finding: Finding): string {
  switch (finding.kind) {
    case 'fewer_rows': {
      const narrowed: FewerRows = finding
      return `${narrowed.were - finding.rows} rows lost`
    }
    case 'missing_table':
      // @ts-expect-error nothing was counted in a table that is not there
      return `${finding.rows}`
    default:
      return finding.message
  }
}

// Exhaustive without a default: a verdict that is forgotten is an error.
export function word(verdict: Verdict): string {
  switch (verdict) {
    case 'passed':
      return 'good'
    case 'failed':
      return 'bad'
    case 'unproven':
      return 'could not find out'
  }
}

// The same for the kinds that are of interest.
export function left(finding: Extract<Finding, { kind: 'emptied_table' | 'fewer_rows' }>): number {
  switch (finding.kind) {
    case 'emptied_table':
      return 0
    case 'fewer_rows':
      return finding.rows
  }
}

export function errors(error: unknown): ErrorKind | undefined {
  if (error instanceof NotPassedError) console.log(error.report.verdict, error.code)
  if (!(error instanceof DrcoreError)) return undefined
  const hint: string | undefined = error.hint
  const table: string | undefined = error.context?.['table']
  void [hint, table]
  return error.code
}

export const skipped = (checks: readonly CheckResult[]): CheckResult[] => checks.filter((check) => check.outcome === 'not_run')

// @ts-expect-error a misspelt option
void verify('postgresql://localhost', { agianst: 'baseline.json' })
// @ts-expect-error a misspelt section of a plan
export const plan: Plan = { row_cuonts: {} }
// @ts-expect-error made by verify, or read
void new Report()
// @ts-expect-error what was found does not change
export const change = (report: Report) => (report.verdict = 'passed')
