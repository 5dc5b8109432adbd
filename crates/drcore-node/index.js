// Verify that a PostgreSQL or Supabase restore is good.
//
// Rust does the work (native.js loads it). Here its answers become Promises, classes and errors;
// options pass through as JSON and are looked at in one place, in Rust.
'use strict'

const { AssertionError } = require('node:assert')
const { fileURLToPath } = require('node:url')
const util = require('node:util')

const native = require('./native.js')

/** How long a server may take to stop before the caller of `abort()` is told anyway. */
const ABORT_GRACE_MS = 900

/** Collects facts about a database and judges them. */
async function verify(url, options) {
  return new Report(KEY, await call(native.verify, address(url), options))
}

/** Collects what `verify` would judge. */
async function collect(url, options) {
  return new Evidence(KEY, await call(native.collect, address(url), options))
}

/** Judges Evidence that was collected before. */
async function judge(evidence, options) {
  return new Report(KEY, await call(native.judge, handleOf(evidence), options))
}

/** Collects Evidence to store beside a backup. */
async function baseline(url, options) {
  return new Evidence(KEY, await call(native.baseline, address(url), options))
}

/** Counts the rows that were created after an instant. */
async function gap(url, options) {
  return new Gap(KEY, await call(native.gap, address(url), options))
}

/** Compares two databases, or one with a baseline. */
async function diff(a, b, options) {
  const [one, other] = [sideOf(a), sideOf(b)]
  const start = (running) => native.diff(running, one.text, other.text, one.evidence, other.evidence)
  return new Diff(KEY, await call(start, undefined, options))
}

/** Writes a commented plan from what a database is like. */
async function init(url, options) {
  return await call(native.init, address(url), options)
}

/** Reads a dump without a server: whether it is whole, and rows per table. */
async function inspect(archive, options) {
  return new Inspection(KEY, await call(native.inspect, archiveOf(archive), options))
}

/** Plans what puts the findings of a database right. */
async function repair(url, options) {
  const { report, ...rest } = plainObject(options ?? {})
  if (report !== undefined && !(report instanceof Report)) throw usage('report: expected a Report')
  const start = (running, subject) => native.repair(running, subject, report && Handle.handle(report))
  return new RepairPlan(KEY, await call(start, address(url), rest))
}

/** Plans the restore of a dump into a database. */
async function restore(archive, target, options) {
  const { url, rest } = into(target, options)
  const start = (running, file) => native.restore(running, file, url)
  return new RestorePlan(KEY, await call(start, archiveOf(archive), rest))
}

/** Plans to copy the rows of one live database into the tables of another. */
async function copy(source, target, options) {
  const { url, rest } = into(target, options)
  const { against, ...asked } = rest
  if (against !== undefined) throw usage('against: a copy is compared with the snapshot that it is of')
  const start = (running) => native.copy(running, address(source) ?? '', url)
  return new CopyPlan(KEY, await call(start, undefined, asked))
}

/** What is written to, by its URL, and the options with its name. */
function into(target, options) {
  const named = typeof target === 'string' || target instanceof URL ? { url: target } : targetOf(target)
  const { project, ...rest } = plainObject(options ?? {})
  if (project !== undefined) throw usage('project: belongs to the target: { url, project }')
  return { url: address(named.url) ?? '', rest: { ...rest, project: named.project } }
}

/** Rehearses a restore: fetches a backup, restores it, verifies it, and takes the time. */
async function drill(backup, options) {
  const subject = backup === undefined ? undefined : archiveOf(backup)
  return new Rehearsal(KEY, await call(native.drill, subject, options))
}

/** Starts a throw-away PostgreSQL server on this machine. */
async function scratch(options) {
  return new Scratch(KEY, await call(native.scratch, undefined, options))
}

/** Backups: a repository of them in a bucket or a directory. */
const backup = Object.freeze({
  async take(url, options) {
    return JSON.parse(await call(native.backupTake, address(url), options))
  },
  async salvage(url, options) {
    return JSON.parse(await call(native.backupSalvage, address(url), options))
  },
  async list(repository, options) {
    return JSON.parse(await call(native.backupList, placeOf(repository), options))
  },
  async verify(repository, options) {
    return JSON.parse(await call(native.backupVerify, placeOf(repository), options))
  },
  async prune(repository, options) {
    return JSON.parse(await call(native.backupPrune, placeOf(repository), options))
  },
})

/** Records of drills, in a directory or a repository of backups. */
const drills = Object.freeze({
  async record(place, rehearsal, options) {
    if (!(rehearsal instanceof Rehearsal)) throw usage('rehearsal: expected a Rehearsal, as drill() gives it')
    const start = (running, where) => native.drillsRecord(running, where, Handle.handle(rehearsal))
    return await call(start, directoryOf(place), options)
  },
  async history(place, options) {
    return JSON.parse(await call(native.drillsHistory, directoryOf(place), options))
  },
})

/** Backups of the platform, and going back in time there. */
const platform = Object.freeze({
  async backups(project, options) {
    return JSON.parse(await call(native.platformBackups, referenceOf(project), options))
  },
  async pitr(project, options) {
    return JSON.parse(await call(native.platformPitr, referenceOf(project), options))
  },
})

/** The files of Supabase Storage. */
const storage = {
  /** Compares rows with bytes, and lists every file that something is wrong with. */
  async audit(url, options) {
    return new StorageAudit(KEY, await call(native.storageAudit, address(url), options))
  },
}

/** Explains a check, a kind of finding, a finding or a key of the plan. */
function explain(topic) {
  return value(native.explain(topic))
}

/** Begins the review of an incident, in Markdown, from what was recorded. */
function review(...records) {
  const files = records.filter((record) => record instanceof URL).map(pathOf)
  const given = records.filter((record) => !(record instanceof URL))
  return value(native.review(given.map((record) => (record instanceof Handle ? record.json : jsonText(record))), files))
}

/** Runs the `drcore` command in this process. */
function cli(argv) {
  // The command hears signals itself and then calls whoever was there before. Node's own handler
  // would end the process before the report of what was read until then; a listener replaces it.
  const ignore = () => {}
  const signals = ['SIGINT', 'SIGTERM']
  for (const signal of signals) process.on(signal, ignore)
  try {
    return native.cli(argv)
  } finally {
    for (const signal of signals) process.off(signal, ignore)
  }
}

/** Handles are made here only. */
const KEY = Symbol('drcore')

/** What is kept in Rust, with its JSON form and what that says. */
class Handle {
  #handle
  #json
  #data

  constructor(key, handle) {
    if (key !== KEY) throw new TypeError(`${new.target.name} has no public constructor; there is ${new.target.name}.fromJSON()`)
    this.#handle = handle
  }

  /** The handle, for the functions of this module. */
  static handle(object) {
    return object.#handle
  }

  get json() {
    return (this.#json ??= value(this.#handle.json()))
  }

  get format() {
    return this.toJSON().format
  }

  get run() {
    return this.toJSON().run
  }

  toJSON() {
    return (this.#data ??= JSON.parse(this.json))
  }
}

/** One result for every check that exists, and a verdict. */
class Report extends Handle {
  #findings

  static fromJSON(json) {
    return new Report(KEY, value(native.readReport(jsonText(json))))
  }

  static async load(path) {
    return new Report(KEY, value(await native.loadReport(pathOf(path))))
  }

  get verdict() {
    return this.toJSON().verdict
  }

  get examined() {
    return this.toJSON().examined
  }

  get checks() {
    return this.toJSON().checks
  }

  get notes() {
    return this.toJSON().notes ?? []
  }

  get findings() {
    return (this.#findings ??= JSON.parse(value(Handle.handle(this).findings())))
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  assertPassed() {
    if (this.verdict !== 'passed') throw new NotPassedError(this)
  }

  toString({ width = 80, color = false, verbose = false } = {}) {
    return Handle.handle(this).text(Number.isFinite(width) ? width : undefined, color, verbose).trimEnd()
  }

  toMarkdown() {
    return Handle.handle(this).markdown()
  }

  toHTML() {
    return value(Handle.handle(this).html())
  }

  toJUnit() {
    return value(Handle.handle(this).junit())
  }

  [util.inspect.custom](_depth, { colors }) {
    return this.toString({ width: process.stdout.isTTY ? process.stdout.columns : Infinity, color: colors })
  }
}

/** Every fact that was read from one state of one database. */
class Evidence extends Handle {
  static fromJSON(json) {
    return new Evidence(KEY, value(native.readEvidence(jsonText(json))))
  }

  static async load(path) {
    return new Evidence(KEY, value(await native.loadEvidence(pathOf(path))))
  }

  static merge(evidence) {
    return new Evidence(KEY, value(native.mergeEvidence(Array.from(evidence, handleOf))))
  }

  get catalog() {
    return this.toJSON().catalog
  }

  get scans() {
    return this.toJSON().scans
  }

  get assertions() {
    return this.toJSON().assertions ?? {}
  }

  async save(path) {
    value(await Handle.handle(this).save(pathOf(path)))
  }

  [util.inspect.custom]() {
    const { taken_at, server, host, failure } = this.run
    const parts = [server && `db ${server.database}`, host, `taken at ${taken_at}`, failure && `unread: ${failure.message}`]
    return `Evidence(${parts.filter(Boolean).join(', ')})`
  }
}

/** The rows that were created after an instant, which a copy restored to it does not have. */
class Gap extends Handle {
  static fromJSON(json) {
    return new Gap(KEY, value(native.readGap(jsonText(json))))
  }

  get verdict() {
    return this.toJSON().verdict
  }

  get since() {
    return this.toJSON().since
  }

  get rows() {
    return this.toJSON().rows
  }

  get tables() {
    return this.toJSON().tables
  }

  get not_covered() {
    return this.toJSON().not_covered
  }

  get unread() {
    return this.toJSON().unread
  }

  get notes() {
    return this.toJSON().notes
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  records() {
    return JSON.parse(value(Handle.handle(this).records()))
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** What a dump holds, and whether it is whole. */
class Inspection extends Handle {
  static fromJSON(json) {
    return new Inspection(KEY, value(native.readInspection(jsonText(json))))
  }

  get verdict() {
    return this.toJSON().verdict
  }

  get name() {
    return this.toJSON().name
  }

  get archive() {
    return this.toJSON().archive
  }

  get damage() {
    return this.toJSON().damage
  }

  get differences() {
    return this.toJSON().differences ?? []
  }

  get unproven() {
    return this.toJSON().unproven
  }

  get notes() {
    return this.toJSON().notes
  }

  get rows() {
    return this.toJSON().rows
  }

  get tables() {
    return this.toJSON().tables
  }

  get entries() {
    return this.toJSON().entries
  }

  get against() {
    return this.toJSON().against
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  toString({ width = 80, color = false, verbose = false } = {}) {
    return Handle.handle(this).text(Number.isFinite(width) ? width : undefined, color, verbose).trimEnd()
  }

  toMarkdown() {
    return Handle.handle(this).markdown()
  }

  [util.inspect.custom](_depth, { colors }) {
    return this.toString({ width: process.stdout.isTTY ? process.stdout.columns : Infinity, color: colors })
  }
}

/** What puts the findings of a report right, in order, as one transaction; not yet applied. */
class RepairPlan extends Handle {
  get digest() {
    return this.toJSON().digest
  }

  get project() {
    return this.toJSON().project
  }

  get statements() {
    return this.toJSON().statements
  }

  get left() {
    return this.toJSON().left
  }

  get report() {
    return new Report(KEY, Handle.handle(this).report())
  }

  async execute(target, options) {
    const { url, project } = targetOf(target)
    const start = (running) => Handle.handle(this).apply(running, address(url) ?? '', project)
    return new Repaired(KEY, await call(start, undefined, options))
  }

  toSQL() {
    return Handle.handle(this).sql()
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** A plan that was applied, and what verifying again said. */
class Repaired extends Handle {
  get writes() {
    return this.toJSON().writes
  }

  get comparison() {
    return this.toJSON().comparison
  }

  get report() {
    return new Report(KEY, Handle.handle(this).report())
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** What a restore would do, in order, and what it leaves out; nothing is written yet. */
class RestorePlan extends Handle {
  get digest() {
    return this.toJSON().digest
  }

  get needsReview() {
    return Handle.handle(this).needsReview()
  }

  get archive() {
    return this.toJSON().archive
  }

  get target() {
    return this.toJSON().target
  }

  get onto() {
    return this.toJSON().onto
  }

  get jobs() {
    return this.toJSON().jobs
  }

  get steps() {
    return this.toJSON().steps
  }

  get left_out() {
    return this.toJSON().left_out
  }

  get missing_roles() {
    return this.toJSON().missing_roles
  }

  async execute(options) {
    const { apply, ...rest } = plainObject(options ?? {})
    if (apply !== undefined && typeof apply !== 'string') throw usage('apply: expected the digest of the plan that was reviewed')
    const start = (running) => Handle.handle(this).execute(running, apply)
    return new Restored(KEY, await call(start, undefined, rest))
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** What a copy would do, and what it leaves out; nothing is written yet. */
class CopyPlan extends Handle {
  get digest() {
    return this.toJSON().digest
  }

  get needsReview() {
    return Handle.handle(this).needsReview()
  }

  get source() {
    return this.toJSON().source
  }

  get target() {
    return this.toJSON().target
  }

  get onto() {
    return this.toJSON().onto
  }

  get jobs() {
    return this.toJSON().jobs
  }

  get replica_role() {
    return this.toJSON().replica_role
  }

  get tables() {
    return this.toJSON().tables
  }

  get sequences() {
    return this.toJSON().sequences
  }

  get left_out() {
    return this.toJSON().left_out
  }

  get large_objects() {
    return this.toJSON().large_objects
  }

  async execute(options) {
    const { apply, ...rest } = plainObject(options ?? {})
    if (apply !== undefined && typeof apply !== 'string') throw usage('apply: expected the digest of the plan that was reviewed')
    const start = (running) => Handle.handle(this).execute(running, apply)
    return new Copied(KEY, await call(start, undefined, rest))
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** A copy that came to its end: what came, what could not, and what comparing it said. */
class Copied extends Handle {
  get plan() {
    return this.toJSON().plan
  }

  get tables() {
    return this.toJSON().tables
  }

  get errors() {
    return this.toJSON().errors
  }

  get report() {
    const report = Handle.handle(this).report()
    return report ? new Report(KEY, report) : undefined
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** A restore that came to its end: what could not be restored, what verifying said, and what is left to do. */
class Restored extends Handle {
  get plan() {
    return this.toJSON().plan
  }

  get errors() {
    return this.toJSON().errors
  }

  get missing_rows() {
    return this.toJSON().missing_rows ?? []
  }

  get loaded() {
    return this.toJSON().loaded
  }

  get after() {
    return this.toJSON().after
  }

  get report() {
    const report = Handle.handle(this).report()
    return report ? new Report(KEY, report) : undefined
  }

  get cut_over() {
    return this.toJSON().cut_over
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  toMarkdown() {
    return Handle.handle(this).markdown()
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** A drill that came to its end: whether the backup is good, how long it took to get it back, and how old it was. */
class Rehearsal extends Handle {
  static fromJSON(json) {
    return new Rehearsal(KEY, value(native.readRehearsal(jsonText(json))))
  }

  static async load(path) {
    return new Rehearsal(KEY, value(await native.loadRehearsal(pathOf(path))))
  }

  get verdict() {
    return this.toJSON().verdict
  }

  get problems() {
    return this.toJSON().problems
  }

  get backup() {
    return this.toJSON().backup
  }

  get server() {
    return this.toJSON().server
  }

  get restored() {
    return new Restored(KEY, Handle.handle(this).restored())
  }

  get report() {
    const report = Handle.handle(this).report()
    return report ? new Report(KEY, report) : undefined
  }

  get objectives() {
    return this.toJSON().objectives
  }

  get row() {
    return this.toJSON().row
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  async appendTo(log) {
    value(await Handle.handle(this).appendTo(pathOf(log)))
  }

  toMarkdown() {
    return Handle.handle(this).markdown()
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** A throw-away PostgreSQL server, gone when it is closed, or with this process. */
class Scratch {
  #handle

  constructor(key, handle) {
    if (key !== KEY) throw new TypeError('Scratch has no public constructor; there is scratch()')
    this.#handle = handle
  }

  get url() {
    return this.urlOf('postgres')
  }

  urlOf(database) {
    return value(this.#handle.url(database))
  }

  async createDatabase(name) {
    return value(await this.#handle.createDatabase(name))
  }

  async close() {
    value(await this.#handle.close())
  }

  async [Symbol.asyncDispose]() {
    await this.close()
  }
}

/** Something could not be found out. What is wrong with a database is a finding, never an error. */
class DrcoreError extends Error {
  constructor(wire, options) {
    super(wire.message, options)
    for (const field of ['code', 'sqlstate', 'hint', 'detail', 'context']) {
      if (wire[field] !== undefined) this[field] = wire[field]
    }
  }

  get name() {
    return 'DrcoreError'
  }
}

/** How many rows come out of Rust at once. */
const ROWS = 1000

/** All rows of a handle, one after the other. */
async function* rowsOf(object) {
  const rows = value(Handle.handle(object).rows())
  for (;;) {
    const some = JSON.parse(value(await rows.next(ROWS)))
    if (some.length === 0) return
    yield* some
  }
}

/** What is wrong with the files of a project. */
class StorageAudit extends Handle {
  static fromJSON(json) {
    return new StorageAudit(KEY, value(native.readStorage(jsonText(json))))
  }

  get verdict() {
    return this.toJSON().verdict
  }

  get check() {
    return this.toJSON().check
  }

  get files() {
    return this.toJSON().files
  }

  get notes() {
    return this.toJSON().notes
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  rows() {
    return rowsOf(this)
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** What differs between two sides, A and B. */
class Diff extends Handle {
  static fromJSON(json) {
    return new Diff(KEY, value(native.readDiff(jsonText(json))))
  }

  get verdict() {
    return this.toJSON().verdict
  }

  get tables() {
    return this.toJSON().tables
  }

  get only_in_a() {
    return this.toJSON().only_in_a
  }

  get only_in_b() {
    return this.toJSON().only_in_b
  }

  get left_out() {
    return this.toJSON().left_out
  }

  get structure() {
    return this.toJSON().structure
  }

  get unread() {
    return this.toJSON().unread
  }

  get notes() {
    return this.toJSON().notes
  }

  get a() {
    return this.toJSON().a
  }

  get b() {
    return this.toJSON().b
  }

  get exitCode() {
    return Handle.handle(this).exitCode()
  }

  rows() {
    return rowsOf(this)
  }

  withValues() {
    return JSON.parse(value(Handle.handle(this).jsonWithValues()))
  }

  toString() {
    return Handle.handle(this).text().trimEnd()
  }

  [util.inspect.custom]() {
    return this.toString()
  }
}

/** A report's verdict is not `passed`. */
class NotPassedError extends AssertionError {
  constructor(report) {
    super({
      message: `the verdict is ${report.verdict}\n\n${report}`,
      actual: report.verdict,
      expected: 'passed',
      operator: 'assertPassed',
      stackStartFn: Report.prototype.assertPassed,
    })
    // Not enumerable, as the message shows it.
    Object.defineProperty(this, 'report', { value: report })
  }
}

/**
 * Calls a verb: `fn(call, subject)`.
 *
 * Aborting cancels on the server and rejects with the signal's reason, and so does a progress
 * callback that throws, with what it threw.
 */
async function call(fn, subject, options = {}) {
  const { signal, onProgress, ...rest } = plainObject(options)
  if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw usage('signal: expected an AbortSignal')
  if (onProgress !== undefined && typeof onProgress !== 'function') throw usage('onProgress: expected a function')
  if (signal?.aborted) throw signal.reason

  let stopped // { reason }, once somebody wants it to stop
  let overdue, timer
  const late = new Promise((resolve) => (overdue = resolve))
  const stop = (reason) => {
    if (stopped) return
    stopped = { reason }
    running.cancel()
    timer = setTimeout(overdue, ABORT_GRACE_MS)
  }
  const onAbort = () => stop(signal.reason)
  const progress =
    onProgress &&
    ((text) => {
      if (stopped) return
      try {
        // It may be an async function.
        Promise.resolve(onProgress(JSON.parse(text))).catch(stop)
      } catch (error) {
        stop(error)
      }
    })

  // Evidence of ours is in Rust already.
  const { against, ...others } = rest
  const running =
    against instanceof Evidence
      ? new native.Call(optionsText(others), Handle.handle(against), progress)
      : new native.Call(optionsText(rest), undefined, progress)

  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const result = await Promise.race([fn(running, subject), late])
    if (stopped) throw stopped.reason
    return value(result)
  } catch (error) {
    if (stopped) throw stopped.reason
    throw error instanceof DrcoreError ? error : internal(error)
  } finally {
    // Whatever is still told is of no interest.
    stopped ??= {}
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** The value of an answer; throws its error. */
function value(answer) {
  if (answer === null || typeof answer !== 'object' || answer.error === undefined) return answer
  let wire
  try {
    wire = JSON.parse(answer.error)
  } catch (cause) {
    throw internal(cause)
  }
  throw new DrcoreError(wire)
}

/** The connection string; the environment's where none is given. */
function address(url) {
  if (url === undefined || typeof url === 'string') return url
  if (url instanceof URL) return url.href
  throw usage('url: expected a string or a URL')
}

/** One side of a comparison: text, or Evidence that is in Rust already. */
function sideOf(side) {
  if (side instanceof Evidence) return { evidence: Handle.handle(side) }
  if (side instanceof URL && side.protocol === 'file:') return { text: fileURLToPath(side) }
  return { text: address(side) }
}

/** What is written to, as it must be named. */
function targetOf(target) {
  const { url, project, ...others } = plainObject(target, 'target')
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw usage(`target: no such key: ${unknown}; there are url and project`)
  if (typeof project !== 'string') throw usage('target: expected { url, project }')
  return { url, project }
}

/** The URL of a repository. */
function placeOf(repository) {
  if (typeof repository === 'string') return repository
  if (repository instanceof URL) return repository.href
  throw usage('repository: expected a string or a URL')
}

/** A directory, also as `file:` URL, or the URL of a repository. */
function directoryOf(place) {
  if (typeof place === 'string') return place
  if (place instanceof URL) return place.protocol === 'file:' ? fileURLToPath(place) : place.href
  throw usage('place: expected a string or a URL')
}

/** A project, by its ref. */
function referenceOf(project) {
  if (typeof project === 'string') return project
  throw usage('project: expected the ref of a project')
}

/** A dump: a path, or the URL of a backup. */
function archiveOf(archive) {
  if (archive instanceof URL && archive.protocol !== 'file:') return archive.href
  return pathOf(archive)
}

/** A path, also as `file:` URL. */
function pathOf(path) {
  if (typeof path === 'string') return path
  if (path instanceof URL && path.protocol === 'file:') return fileURLToPath(path)
  throw usage('path: expected a string or a file: URL')
}

function handleOf(evidence) {
  return Handle.handle(evidence instanceof Evidence ? evidence : Evidence.fromJSON(evidence))
}

/** JSON as text, or what was parsed from it. */
function jsonText(json) {
  if (typeof json === 'string') return json
  return optionsText(plainObject(json))
}

/** Options as JSON. What JSON would silently drop or change is refused. */
function optionsText(options) {
  return JSON.stringify(options, function (key, given) {
    // `toJSON` was called already: a URL is a string by now.
    const original = this[key]
    if (original instanceof URL && original.protocol === 'file:') return fileURLToPath(original)
    const known = ['string', 'boolean', 'undefined'].includes(typeof given) || Number.isFinite(given)
    if (known || given === null || Array.isArray(given)) return given
    return plainObject(given, key)
  })
}

function plainObject(given, name = 'options') {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  const prototype = isObject ? Object.getPrototypeOf(given) : undefined
  // Those of another realm (vm, jest) have another Object.prototype, which has no prototype either.
  if (isObject && (prototype === null || Object.getPrototypeOf(prototype) === null)) return given
  throw usage(`${name || 'options'}: expected an object of plain values, got ${util.inspect(given, { depth: 0 })}`)
}

function usage(message) {
  return new DrcoreError({ code: 'usage', message, hint: 'The types of the package, in index.d.ts, say what is allowed.' })
}

function internal(cause) {
  const message = `a defect in drcore: ${cause?.message ?? cause}`
  return new DrcoreError({ code: 'internal', message, hint: 'Please report it, with the stack.' }, { cause })
}

module.exports = {
  Copied,
  CopyPlan,
  Diff,
  DrcoreError,
  Evidence,
  Gap,
  Inspection,
  NotPassedError,
  Rehearsal,
  RepairPlan,
  Repaired,
  Report,
  RestorePlan,
  Restored,
  Scratch,
  StorageAudit,
  backup,
  baseline,
  cli,
  collect,
  copy,
  diff,
  drill,
  drills,
  explain,
  gap,
  init,
  inspect,
  judge,
  platform,
  repair,
  restore,
  review,
  scratch,
  storage,
  verify,
}
