// As types.ts, for a module.

import * as drcore from 'drcore'
import { type Finding, Report, verify } from 'drcore'

export const report: Report = await drcore.verify(undefined, { plan: new URL('drcore.toml', import.meta.url) })
export const same: typeof verify = drcore.verify
export const kinds: Finding['kind'][] = report.findings.map((finding) => finding.kind)

// @ts-expect-error there is no default export
void drcore.default
