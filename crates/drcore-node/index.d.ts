import type * as wire from './types.js'

// Findings, check results and all else that a report or Evidence is made of. Those that are
// declared below go before those of the same name there.
export type * from './types.js'

/**
 * Verifies a database: collects facts and judges them. Nothing is written to it.
 *
 * A database that cannot be reached gives a report too: everything unread, the verdict `unproven`.
 *
 * ```js
 * const report = await verify(process.env.DATABASE_URL, { against: 'baseline.json' })
 * console.log(report)
 * report.assertPassed()
 * ```
 *
 * @param url `postgresql://…`; without it `DATABASE_URL`, then the `PG*` variables.
 * @throws {DrcoreError} `plan` if the plan has mistakes, `usage` if an option cannot work, `io` or
 * `format` if a file cannot be read.
 */
export function verify(url?: string | URL, options?: VerifyOptions): Promise<Report>

/**
 * Collects what {@link verify} would judge. Where nothing can be read, the Evidence says so.
 *
 * @param url `postgresql://…`; without it `DATABASE_URL`, then the `PG*` variables.
 * @throws {DrcoreError} As {@link verify}.
 */
export function collect(url?: string | URL, options?: CollectOptions): Promise<Evidence>

/**
 * Judges Evidence that was collected before. Connects to nothing, unless `against` is a live database.
 *
 * @throws {DrcoreError} As {@link verify}.
 */
export function judge(evidence: Evidence | wire.Evidence, options?: JudgeOptions): Promise<Report>

/**
 * Collects a baseline: Evidence to store beside a backup.
 *
 * ```js
 * await (await baseline()).save('baseline.json')
 * ```
 *
 * @param url `postgresql://…`; without it `DATABASE_URL`, then the `PG*` variables.
 * @throws {DrcoreError} Also where {@link collect} would give Evidence of a part: half a baseline
 * would be half a proof.
 */
export function baseline(url?: string | URL, options?: BaselineOptions): Promise<Evidence>

/**
 * Counts the rows that were created after an instant, per table, tenant and hour: what a copy that was
 * restored to that instant does not have. Ask a state that still knows: the old database, a replica, a
 * salvaged copy.
 *
 * ```js
 * console.log(await gap(process.env.OLD_URL, { since: '2026-11-20T02:55:00Z', tenant_column: 'tenant_id' }))
 * ```
 *
 * @param url `postgresql://…`; where it is undefined, `DATABASE_URL`, then the `PG*` variables.
 * @throws {DrcoreError} `usage` if an option cannot work, `connection` and the like if nothing could be
 * read. One table that cannot be read is unread in the report, and no error.
 */
export function gap(url: string | URL | undefined, options: GapOptions): Promise<Gap>

/**
 * Compares two databases, or one with a baseline: which tables, columns and rows differ. The verdict is
 * `same` only where every row of every compared table is the same and nothing was left unread.
 *
 * ```js
 * const differences = await diff(process.env.SOURCE_URL, process.env.DATABASE_URL)
 * for await (const { table, change, key, columns } of differences.rows()) console.log(table, change, key, columns)
 * ```
 *
 * @param a A URL, the file of a baseline, or Evidence.
 * @param b The other side; where it is undefined, `DATABASE_URL`, then the `PG*` variables.
 * @throws {DrcoreError} `usage` if an option or a side cannot work. A side that cannot be reached gives a
 * result: everything unread, the verdict `unproven`.
 */
export function diff(a: string | URL | Evidence, b?: string | URL | Evidence, options?: DiffOptions): Promise<Diff>

/**
 * Writes a commented plan, as TOML, from what a database is like. It writes down what it sees, damage
 * included: begin with a database that is well, and read every line.
 *
 * @param url `postgresql://…`; without it `DATABASE_URL`, then the `PG*` variables.
 * @throws {DrcoreError} What kept the catalog from being read.
 */
export function init(url?: string | URL, options?: InitOptions): Promise<string>

/**
 * Reads a dump without a server: whether it is whole, and how many rows each table has. Custom, directory, tar and
 * plain SQL, also compressed as a whole. A dump that breaks is no error: the verdict is `damaged`, and a table that
 * breaks has no number of rows.
 *
 * ```js
 * const { verdict, tables } = await inspect('backup.dump', { against: 'baseline.json' })
 * ```
 *
 * @param archive The file, the directory of `pg_dump -Fd`, or the URL of a repository of backups, of a day in it or
 * of one backup.
 * @throws {DrcoreError} `usage` if an option cannot work, `io` if it cannot be read at all.
 */
export function inspect(archive: string | URL, options?: InspectOptions): Promise<Inspection>

/**
 * Plans what puts the findings of a database right; writes nothing. Verifies first, or takes a report.
 *
 * ```js
 * const plan = await repair(process.env.DATABASE_URL, { against: 'baseline.json' })
 * console.log(plan)                                  // every statement, to review
 * await plan.execute({ url: process.env.DATABASE_URL, project: 'abcdefghijklmnopqrst' })
 * ```
 *
 * @param url `postgresql://…`; without it `DATABASE_URL`, then the `PG*` variables.
 * @throws {DrcoreError} `usage` if a choice fits no finding; else as {@link verify}.
 */
export function repair(url?: string | URL, options?: RepairOptions): Promise<RepairPlan>

/**
 * Plans the restore of a backup into a database; writes nothing there.
 *
 * ```js
 * const target = { url: process.env.NEW_URL, project: 'abcdefghijklmnopqrst' }
 * const plan = await restore('backup.dump', target, { against: 'baseline.json' })
 * console.log(plan)                                  // every step, and what is left out, to review
 * const restored = await plan.execute()
 * restored.report?.assertPassed()
 * ```
 *
 * @param archive What `pg_dump` wrote: custom, directory, tar or plain SQL, compressed or not; or a repository of backups
 * or one of them, which is fetched into `TMPDIR`, for as long as the plan is there, and put right from the baseline that
 * lies beside it.
 * @param target What is restored into, by its URL and its name; of a scratch cluster the URL is enough.
 * @throws {DrcoreError} `refused` if the target is not what was named, is protected, or holds something: `detail`
 * shows what was compared; `format` if it is no whole dump; `tool` if no programs of PostgreSQL fit; `usage` if an
 * option cannot work.
 */
export function restore(archive: string | URL, target: string | URL | Target, options?: RestoreOptions): Promise<RestorePlan>

/**
 * Plans to copy the rows of one live database into the tables of another; writes nothing there. All rows are of one
 * snapshot of the source.
 *
 * ```js
 * const plan = await copy(process.env.OLD_URL, { url: process.env.NEW_URL, project: 'abcdefghijklmnopqrst' })
 * console.log(plan)                                  // what is copied, and what is left out, to review
 * const copied = await plan.execute()
 * copied.report?.assertPassed()
 * ```
 *
 * @param source What is copied from; it is read only.
 * @param target What is copied into, by its URL and its name; of a scratch cluster the URL is enough. It has the tables.
 * @throws {DrcoreError} `refused` if the target is not what was named, is protected, or its tables hold rows;
 * `unsupported` if the source cannot share a snapshot; `usage` if an option cannot work.
 */
export function copy(source: string | URL, target: string | URL | Target, options?: CopyOptions): Promise<CopyPlan>

/**
 * Rehearses a restore: fetches a backup, restores it into a throw-away cluster, verifies it, and takes the time. Nothing
 * of yours is touched, and nothing is left.
 *
 * ```js
 * const rehearsal = await drill('s3://paycraft-backups', { plan: 'drcore.toml' })
 * console.log(rehearsal)                             // verdict, steps with their times, RTO and RPO
 * await drills.record('s3://paycraft-backups', rehearsal)
 * ```
 *
 * @param backup A repository of backups, of which the newest is taken, a day in it, one backup, or a file that `pg_dump`
 * wrote; where it is undefined, the repository of the plan's `[backups]`.
 * @throws {DrcoreError} `usage` if there is no such backup or an option cannot work, `format` if it is not what was
 * written, `tool` if PostgreSQL's programs are not there.
 */
export function drill(backup?: string | URL, options?: DrillOptions): Promise<Rehearsal>

/**
 * Starts a throw-away PostgreSQL server on this machine, on a private socket. It is gone when it is closed,
 * or with this process, however that ends.
 *
 * ```js
 * await using db = await scratch({ recipe: 'supabase' })
 * console.log(db.url)
 * ```
 *
 * @throws {DrcoreError} `tool` if PostgreSQL's programs are not there, with how to install them.
 */
export function scratch(options?: ScratchOptions): Promise<Scratch>

/** Backups: a repository of them in a bucket (`s3://…`, `gs://…`, `az://…`) or a directory. */
export const backup: {
  /**
   * Takes a backup: a dump and a baseline of one snapshot. Either all of it is there in the end, with its
   * manifest, or nothing that could be taken for a backup.
   *
   * ```js
   * const { name } = await backup.take(process.env.DATABASE_URL, { to: 's3://paycraft-backups' })
   * const { verdict } = await backup.verify('s3://paycraft-backups', { backup: name })
   * ```
   *
   * @param url `postgresql://…`; where it is undefined, `DATABASE_URL`, then the `PG*` variables.
   * @throws {DrcoreError} `permission` if the role may not read something: a dump without it is no backup.
   */
  take(url?: string | URL, options?: TakeOptions): Promise<wire.Taken>
  /**
   * Holds on to what there is before something is done in place: without what is broken or may not be read,
   * which it tells.
   */
  salvage(url?: string | URL, options?: SalvageOptions): Promise<wire.Taken>
  /**
   * What a repository holds, the newest first, dumps of others too.
   * @throws {DrcoreError} If not all of it could be listed: half a list is none.
   */
  list(repository: string | URL, options?: Pick<CallOptions, 'signal'>): Promise<wire.BackupList>
  /**
   * Looks into a backup without restoring it: `verdict` is `whole`, `damaged` or `unproven`.
   *
   * @param repository A repository, a day in it (the newest backup is meant), or one backup.
   * @throws {DrcoreError} `connection` if the store does not answer: whether the backup is whole is not known.
   */
  verify(repository: string | URL, options?: BackupVerifyOptions): Promise<wire.Verification>
  /** Which backups are too old; with `apply`, the digest of that plan, removes them. */
  prune(repository: string | URL, options: PruneOptions & { apply: string }): Promise<wire.Pruned>
  prune(repository: string | URL, options: PruneOptions & { apply?: undefined }): Promise<wire.PrunePlan>
}

/** Records of drills: in a repository of backups (`s3://…`, `gs://…`, `az://…`) or a directory, below `drills/`. */
export const drills: {
  /** Writes the record of a drill; gives its name there. */
  record(place: string | URL, rehearsal: Rehearsal, options?: Pick<CallOptions, 'signal'>): Promise<string>
  /**
   * All drills that are recorded in a place, the newest first, and whether the newest took longer than those before it.
   * What lies there and cannot be read, or is no record, is in `left_out` with the cause.
   *
   * @throws {DrcoreError} If they could not be listed: half a list is none.
   */
  history(place: string | URL, options?: DrillHistoryOptions): Promise<wire.DrillHistory>
}

/** Backups of the platform, and going back in time there. The token is read from `SUPABASE_ACCESS_TOKEN`. */
export const platform: {
  /**
   * The daily backups of a project, and how far point-in-time recovery reaches.
   * @throws {DrcoreError} `usage` if there is no token or no such project, `authentication` if the token will not do.
   */
  backups(project: string, options?: Pick<CallOptions, 'signal'>): Promise<wire.PlatformFacts>
  /**
   * Plans going back in time, in place; with `apply`, the digest of that plan, starts it and watches it to its end.
   *
   * There is no way back but the salvage. Aborted, only the watching ends: the platform goes on. That it was `restored`
   * is what the platform says; what the database holds, only verifying tells: without a `url` there is no `report`.
   *
   * ```js
   * const plan = await platform.pitr(ref, { to: '2026-11-20T02:55:00Z', salvage: 'salvage/' })
   * const { report } = await platform.pitr(ref, { to: plan.target, salvage: 'salvage/', apply: plan.digest, url })
   * ```
   *
   * @throws {DrcoreError} `refused` if the salvage is missing, old or of another project, the project is not running, or
   * the plan is another by now: nothing was begun; `unsupported` if point-in-time recovery is off.
   */
  pitr(project: string, options: PitrRunOptions): Promise<wire.PitrRun>
  pitr(project: string, options: PitrOptions & { apply?: undefined }): Promise<wire.PitrPlan>
}

/** The files of Supabase Storage. */
export const storage: {
  /**
   * Compares the rows of `storage.objects` with the bytes, and lists every file that something is wrong with.
   * Nothing is written to the database or the store.
   *
   * ```js
   * const audit = await storage.audit(process.env.DATABASE_URL, { store: 's3://storage-backend', tenant: 'stub' })
   * for await (const { problem, bucket, name } of audit.rows()) console.log(problem, bucket, name)
   * ```
   *
   * @param url `postgresql://…`; where it is undefined, `DATABASE_URL`, then the `PG*` variables.
   * @throws {DrcoreError} `usage` if an option cannot work or no store is named. A database or a store that cannot
   * be reached gives a result: unread, the verdict `unproven`.
   */
  audit(url?: string | URL, options?: AuditOptions): Promise<StorageAudit>
}

/**
 * Explains a check, a kind of finding, a finding by its id, or a key of the plan (`plan.row_counts`), as
 * Markdown; without a topic, lists them.
 *
 * @throws {DrcoreError} `usage` if there is no such topic, with what may have been meant.
 */
export function explain(topic?: string): string

/**
 * Begins the review of an incident, or of a drill, as Markdown, from what was recorded: timeline, RTO and RPO, what was lost,
 * what was done and verified. Every place that only people can fill says `TO WRITE`.
 *
 * ```js
 * await writeFile('review.md', review(restored, lost, report), { flag: 'wx' })
 * ```
 *
 * @param records What the verbs gave, or its JSON, or the `file:` URL of that, in any order.
 * @throws {DrcoreError} `format` if one is no record of these, or of a newer version; `usage` if there is none.
 */
export function review(...records: readonly ReviewRecord[]): string

/** What a review is made of, its JSON, or a file with that. */
export type ReviewRecord =
  | Rehearsal | Restored | Repaired | Report | Gap
  | wire.Rehearsal | wire.Restored | wire.Repaired | wire.Report | wire.GapReport | string | URL

/**
 * Runs the `drcore` command in this process and waits for its end.
 *
 * @param argv The arguments, the program's name first.
 * @returns The exit code.
 */
export function cli(argv: readonly string[]): number

/** What can be said about any call. */
export interface CallOptions {
  /**
   * Cancels, on the server too; the Promise rejects with `signal.reason` within a second.
   * To get a report of what was read until then, give a `deadline` instead.
   */
  signal?: AbortSignal | undefined
  /** Told how far it is. What it throws cancels the call and rejects the Promise. */
  onProgress?: ((progress: wire.Progress) => void) | undefined
}

/** How to judge. */
export interface JudgeOptions extends CallOptions {
  /** What must hold: a file (TOML or JSON), or the plan itself. */
  plan?: string | URL | wire.Plan | undefined
  /** What it is compared with: a baseline's file, the URL of a live database, or Evidence. */
  against?: string | URL | Evidence | wire.Evidence | undefined
  /** Only these checks, by id. */
  only?: readonly string[] | undefined
}

/** How to collect. */
export interface CollectOptions extends JudgeOptions {
  /** How long all of it may take, such as `'10m'`; what was not read by then is unread. */
  deadline?: string | undefined
  /** How many sessions read at once. */
  sessions?: number | undefined
  /** Further limits, as in the plan's `[limits]`, before which they go: `{ statement_timeout: '1h', snapshot_age: '30m' }`. */
  limits?: wire.Limits | undefined
  /** Whether the rows themselves are read and compared; by default where the server is near. */
  content?: boolean | undefined
  /** A snapshot to join, as `pg_export_snapshot()` gives it. The transaction that exported it must stay open. */
  snapshot?: string | undefined
  /** Only this share of the work, such as `'2/4'`; {@link Evidence.merge} puts all together. */
  shard?: string | undefined
  /**
   * Where the files of Supabase Storage are: `s3://bucket/prefix` or `file:///dir`, or the service's API:
   * `supabase://ref` or `https://host/storage/v1`.
   */
  store?: string | undefined
  /** Whose files, where the store holds those of several tenants. */
  tenant?: string | undefined
  /**
   * The name of the database, as {@link repair} has it, where the plan's `[tenant_isolation]` wants writes to be
   * attempted as users: each is undone. Never production's.
   */
  attempt_writes?: string | undefined
}

/** How to verify. */
export interface VerifyOptions extends Omit<CollectOptions, 'shard'> {}

/** How to collect a baseline. */
export interface BaselineOptions extends Omit<CollectOptions, 'against' | 'attempt_writes' | 'store' | 'tenant'> {}

/** What is asked of {@link gap}. */
export interface GapOptions extends CallOptions {
  /** Rows that were created after this instant are counted; text needs its offset. */
  since: string | Date
  /** The column that says which tenant a row belongs to; else that of the plan's `[tenancy]`. */
  tenant_column?: string | undefined
  /** Only these tables; all in scope where left out. */
  tables?: readonly string[] | undefined
  /** Columns that say when a row was created, such as `proposals.sent_at`, where the usual names do not. */
  columns?: readonly string[] | undefined
  /** Scope, tenancy and limits: a file (TOML or JSON), or the plan itself. */
  plan?: string | URL | wire.Plan | undefined
  /** How long all of it may take, such as `'10m'`; what was not read by then is unread. */
  deadline?: string | undefined
  /** How many sessions read at once. */
  sessions?: number | undefined
  /** Further limits, as in the plan's `[limits]`, before which they go: `{ statement_timeout: '1h', snapshot_age: '30m' }`. */
  limits?: wire.Limits | undefined
  /** A snapshot to join, as `pg_export_snapshot()` gives it. */
  snapshot?: string | undefined
}

/** What is asked of {@link diff}. */
export interface DiffOptions extends CallOptions {
  /** Only these tables; all in scope where left out. */
  tables?: readonly string[] | undefined
  /** Not these: `schema.table` or `table`, where `*` stands for any text. */
  exclude?: readonly string[] | undefined
  /** Whether a table whose columns differ is compared by those that both sides have. */
  common_columns?: boolean | undefined
  /** How many rows of each sort a table shows, 20 by default; `rows()` gives all. */
  limit?: number | undefined
  /** Whether values of rows that differ are read, as they are by default. */
  values?: boolean | undefined
  /** Whether every object of the structure is compared, as the catalogs say it, instead of rows. */
  structure?: boolean | undefined
  /** Scope, exceptions and limits: a file (TOML or JSON), or the plan itself. */
  plan?: string | URL | wire.Plan | undefined
  /** How long all of it may take, such as `'10m'`; what was not read by then is unread. */
  deadline?: string | undefined
  /** How many sessions read at once on each side. */
  sessions?: number | undefined
  /** Further limits, as in the plan's `[limits]`, before which they go: `{ statement_timeout: '1h', snapshot_age: '30m' }`. */
  limits?: wire.Limits | undefined
}

/** How a salvage is taken. */
export interface SalvageOptions extends CallOptions {
  /** The repository or directory; by default that of the plan's `[backups]`. */
  to?: string | undefined
  /** What the baseline must be able to answer: a file (TOML or JSON), or the plan itself. */
  plan?: string | URL | wire.Plan | undefined
  /** Whether the baseline shows every row that differs, as it does by default. */
  content?: boolean | undefined
  /** `gzip:6`, `zstd:3` or `none`; by default what suits the programs. */
  compress?: string | undefined
  /** How long all of it may take, such as `'4h'`. */
  deadline?: string | undefined
  /** How many sessions read at once for the baseline. */
  sessions?: number | undefined
  /** Further limits, as in the plan's `[limits]`, before which they go. */
  limits?: wire.Limits | undefined
}

/** How a backup is taken. */
export interface TakeOptions extends SalvageOptions {
  /** How the dump is written: one file, which goes up as it comes, or a file a table, by several sessions. */
  dump?: 'custom' | 'directory' | undefined
  /** How many sessions write a dump of the directory format. */
  jobs?: number | undefined
  /** Patterns of schemas that are left out, which the manifest tells. */
  exclude_schemas?: readonly string[] | undefined
  /** Patterns of tables that are left out. */
  exclude_tables?: readonly string[] | undefined
  /** Patterns of tables whose rows are left out. */
  exclude_table_data?: readonly string[] | undefined
}

/** How a backup is looked into. */
export interface BackupVerifyOptions extends CallOptions {
  /** Which: `newest`, a day, an instant (the newest before it) or a name. */
  backup?: string | undefined
  /** Whether what it shows is recorded beside the backup, as it is by default. */
  record?: boolean | undefined
}

/** What stays where backups are pruned; one of the first two must be given. */
export interface PruneOptions extends Pick<CallOptions, 'signal'> {
  /** Keep what is no older, such as `'30 days'`. */
  keep?: string | undefined
  /** Keep so many, the newest. */
  keep_last?: number | undefined
  /** Let dumps go too that others made. */
  foreign?: boolean | undefined
}

/** How {@link init} looks at a database. */
export interface InitOptions extends CallOptions {
  /** How long all of it may take, such as `'10m'`. */
  deadline?: string | undefined
  /** Further limits, as in the plan's `[limits]`. */
  limits?: wire.Limits | undefined
}

/** How {@link inspect} reads a dump. */
export interface InspectOptions extends Omit<CallOptions, 'onProgress'> {
  /**
   * A baseline of the snapshot that was dumped: its file, the URL of a backup, or Evidence; or the path of another
   * dump, with which the rows themselves are compared.
   */
  against?: string | URL | Evidence | wire.Evidence | undefined
  /** Whether the data is read, as it is by default; else the verdict is `unproven`. */
  data?: boolean | undefined
  /** Whether the rows of each table are hashed, so that two dumps can be compared. */
  fingerprints?: boolean | undefined
  /** Whether the table of contents is part of what is given, as `entries`. */
  list?: boolean | undefined
}

/** What may go into a {@link RepairPlan}. */
export interface RepairOptions extends CollectOptions {
  /** The findings of this report, instead of verifying first. */
  report?: Report | undefined
  /** For findings that need a choice, the way, by check or by the id of a finding: `{ orphan_fks: 'delete' }`. */
  choices?: Readonly<Record<string, string>> | undefined
  /** The worst class of remedy that goes in without having been chosen by name, `'safe'` by default. */
  allow?: wire.RemedyClass | undefined
}

/** What is asked of {@link restore}; what belongs to verifying is heeded where there is a baseline. */
export interface RestoreOptions extends Omit<CollectOptions, 'against' | 'attempt_writes' | 'shard' | 'snapshot' | 'store' | 'tenant'> {
  /** Which backup of the repository: `'newest'`, a day, an instant, or its name. */
  pick?: string | undefined
  /**
   * What happens to what the target holds: `'empty'`, as it must be by default; `'replace'` takes it away first;
   * `'resume'` goes on with a restore of this archive that was interrupted, `'start_over'` takes away what that left.
   */
  onto?: wire.Onto | undefined
  /** Only these tables, such as `'public.invoices'`, with what hangs on them. */
  tables?: readonly string[] | undefined
  /** Only the rows of these tables, into a new schema of this name: what the target holds stays as it is. */
  into_schema?: string | undefined
  /** How many sessions restore at once, from 1 to 64. */
  jobs?: number | undefined
  /** The name of what the target is a physical clone of, where it is one. */
  clone_of?: string | undefined
  /**
   * The baseline of the backup, as a file, the URL of a backup, or Evidence: what the dump does not bring is put right
   * from it, and the restored database verified.
   */
  against?: string | URL | Evidence | wire.Evidence | undefined
}

/** What is asked of {@link copy}. */
export interface CopyOptions extends Omit<RestoreOptions, 'pick' | 'into_schema' | 'onto' | 'tables' | 'jobs' | 'against'> {
  /**
   * What happens to rows that the tables of the target hold: `'empty'`, as they must be by default; `'replace'` takes
   * them away first; `'start_over'` takes away what an interrupted copy left in them.
   */
  onto?: Exclude<wire.Onto, 'resume'> | undefined
  /** Only these tables, such as `'public.invoices'`; all that are the application's otherwise. */
  tables?: readonly string[] | undefined
  /** How many tables, or parts of one, are copied at once, from 1 to 64. */
  jobs?: number | undefined
}

/** How a {@link RestorePlan} or a {@link CopyPlan} is done. */
export interface ExecuteOptions extends CallOptions {
  /** The digest of the plan that was reviewed; needed where it `needsReview`. */
  apply?: string | undefined
}

/** How a {@link drill} is done. */
export interface DrillOptions extends Pick<CollectOptions, keyof CallOptions | 'plan' | 'deadline' | 'sessions' | 'limits'> {
  /** Which backup of the repository: `'newest'`, a day, an instant (the newest before it) or its name. */
  pick?: string | undefined
  /** What the database begins with that it is restored into; by default as the backup needs it. */
  recipe?: 'plain' | 'supabase' | 'supabase_roles' | undefined
  /** The major version of the server, such as 17; by default that of the backup. */
  major?: number | undefined
  /** How many sessions restore at once, from 1 to 64. */
  jobs?: number | undefined
  /** Who rehearses, for the drill log; by default who is logged in. */
  operator?: string | undefined
  /** The baseline, as a file or Evidence; by default the one that lies beside the backup. */
  against?: string | URL | Evidence | wire.Evidence | undefined
}

/** How recorded drills are compared. */
export interface DrillHistoryOptions extends Pick<CallOptions, 'signal'> {
  /** What counts as slower: by more than so many per cent of the median, 50 by default. */
  slower_by?: number | undefined
}

/** What is written to: a database, by its URL, and what it is called. */
export interface Target {
  /** The connection string. */
  url: string | URL
  /** The ref of a Supabase project where the URL names one, else `database@system_identifier`. */
  project: string
}

/** What kind of throw-away server. */
export interface ScratchOptions extends CallOptions {
  /** The major version, such as 17; by default what is found. */
  major?: number | undefined
  /**
   * What every database begins with: nothing, a fresh Supabase project, or only what a dump of a whole project
   * does not bring itself.
   */
  recipe?: 'plain' | 'supabase' | 'supabase_roles' | undefined
  /** Listens on 127.0.0.1 at this port too, where everybody on this machine may connect. */
  port?: number | undefined
  /** Further settings of the server, such as `{ max_connections: 20 }`. */
  settings?: Readonly<Record<string, string | number | boolean>> | undefined
}

/**
 * What puts the findings of a report right, in order, as one transaction; not yet applied.
 * `console.log(plan)` shows it for reviewing.
 */
export class RepairPlan {
  private constructor()
  /** `drcore.repair/1`. */
  readonly format: string
  /** By which a reviewed plan is known: it changes with every statement and with the database. */
  readonly digest: string
  /** What it is for: the ref of a hosted project, else `database@system_identifier`. */
  readonly project: string | undefined
  /** The statements, in order. */
  readonly statements: readonly wire.RepairStatement[]
  /** The findings that it does not answer, and why. */
  readonly left: readonly wire.LeftOut[]
  /** The report that it answers. */
  readonly report: Report
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string
  /**
   * Applies it, all of it or nothing, and verifies again.
   * @throws {DrcoreError} `refused` if the target is not what was named, or not what the plan is for; `detail`
   * shows what was compared, and nothing was written.
   */
  execute(target: Target, options?: CallOptions): Promise<Repaired>
  /** The plan as a script for psql: one transaction, the findings as comments. */
  toSQL(): string
  /** The plan as text, for reviewing. */
  toString(): string
  /** The plan as data, for `JSON.stringify`. */
  toJSON(): wire.RepairPlan
}

/** A plan that was applied, and what verifying again said. */
export class Repaired {
  private constructor()
  /** `drcore.repaired/1`. */
  readonly format: string
  /** Everything that was written, with its time. */
  readonly writes: readonly wire.Write[]
  /** The findings of before, after it: fixed, still there, new, or not known. */
  readonly comparison: wire.Comparison
  /** What verifying again said. */
  readonly report: Report
  /** The exit code that the command would have. */
  readonly exitCode: number
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string
  /** As text: what was written, and which findings are fixed, still there or new. */
  toString(): string
  /** As data, for `JSON.stringify`. */
  toJSON(): wire.Repaired
}

/**
 * What a restore would do, in order, and what it leaves out; nothing is written yet.
 * `console.log(plan)` shows it for reviewing.
 */
export class RestorePlan {
  private constructor()
  /** `drcore.restore/1`. */
  readonly format: string
  /** By which a reviewed plan is known: it changes with the archive, the target and everything that is done. */
  readonly digest: string
  /** Whether it must have been reviewed: it takes away what is there. */
  readonly needsReview: boolean
  /** What is restored. */
  readonly archive: wire.ArchiveFacts
  /** What it is restored into. */
  readonly target: wire.TargetFacts
  /** What happens to what the target holds. */
  readonly onto: wire.Onto
  /** How many sessions restore at once. */
  readonly jobs: number
  /** What is done, in order. */
  readonly steps: readonly wire.RestoreStep[]
  /** What the archive holds and is not restored, and why. */
  readonly left_out: readonly wire.Omitted[]
  /** Roles that the archive refers to and the target lacks. */
  readonly missing_roles: readonly string[]
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string
  /**
   * Does it; with a baseline, puts right what the dump does not bring, and verifies. Dump and target are looked at once
   * more: where either is not what was planned, nothing is written. Aborted, it leaves the target marked as half
   * restored, which never verifies: plan again, with `onto: 'resume'`.
   * @throws {DrcoreError} `refused` if the plan is another by now, or was not reviewed.
   */
  execute(options?: ExecuteOptions): Promise<Restored>
  /** The plan as text, for reviewing. */
  toString(): string
  /** The plan as data, for `JSON.stringify`. */
  toJSON(): wire.RestorePlan
}

/**
 * What a copy would do, and what it leaves out; nothing is written yet.
 * `console.log(plan)` shows it for reviewing.
 */
export class CopyPlan {
  private constructor()
  /** `drcore.copy/1`. */
  readonly format: string
  /** By which a reviewed plan is known: it changes with both databases and everything that is done. */
  readonly digest: string
  /** Whether it must have been reviewed: it takes away rows that are there. */
  readonly needsReview: boolean
  /** What is copied from. */
  readonly source: wire.CopySide
  /** What is copied into. */
  readonly target: wire.CopySide
  /** What happens to rows that the tables of the target hold. */
  readonly onto: wire.Onto
  /** How many tables, or parts of one, are copied at once. */
  readonly jobs: number
  /** Whether triggers and foreign keys of the target are off while rows come. */
  readonly replica_role: boolean
  /** The tables, parents before children. */
  readonly tables: readonly wire.TableCopy[]
  /** Sequences that get the values of the source. */
  readonly sequences: readonly wire.SequenceCopy[]
  /** Tables of the source that are not copied, and why. */
  readonly left_out: readonly wire.NotCopied[]
  /** How many large objects the source has: they are no rows of a table, and not copied. */
  readonly large_objects: number
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string
  /**
   * Copies, and compares with what was copied. Both databases are looked at once more: where one is not what was
   * planned, nothing is written. Aborted, it leaves the target marked as half copied, which never verifies: plan again,
   * with `onto: 'start_over'`.
   * @throws {DrcoreError} `refused` if the plan is another by now, or was not reviewed.
   */
  execute(options?: ExecuteOptions): Promise<Copied>
  /** The plan as text, for reviewing. */
  toString(): string
  /** The plan as data, for `JSON.stringify`. */
  toJSON(): wire.CopyPlan
}

/** A copy that came to its end: what came, what could not, and what comparing it said. */
export class Copied {
  private constructor()
  /** `drcore.copied/1`. */
  readonly format: string
  /** What was done. */
  readonly plan: wire.CopyPlan
  /** The tables whose rows all came. */
  readonly tables: readonly wire.CopiedTable[]
  /** What could not be copied: as long as it is missing, the target stays marked as half copied. */
  readonly errors: readonly wire.ObjectError[]
  /** The copied tables, compared with what they were copied from; undefined where something is missing. */
  readonly report: Report | undefined
  /** All that is volatile: instants, and what was written. */
  readonly run: wire.CopyRun
  /** The exit code that the command would have. */
  readonly exitCode: number
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string
  /** As text: what was copied, what could not be, and what comparing said. */
  toString(): string
  /** As data, for `JSON.stringify`. */
  toJSON(): wire.Copied
}

/** A restore that came to its end: what could not be restored, what verifying said, and what is left to do. */
export class Restored {
  private constructor()
  /** `drcore.restored/1`. */
  readonly format: string
  /** What was done. */
  readonly plan: wire.RestorePlan
  /** What could not be restored, and what only looks like it: then `harmless` says why. */
  readonly errors: readonly wire.ObjectError[]
  /** Data that could not be restored: as long as it is missing, the target stays marked as half restored. */
  readonly missing_rows: readonly string[]
  /** The tables that were loaded by the columns that both sides have, with their rows. */
  readonly loaded: readonly wire.LoadedTable[]
  /** What verifying said first, and what was put right; undefined without a baseline. */
  readonly after: wire.AfterRestore | undefined
  /** What verifying said last; undefined without a baseline: then nothing was verified. */
  readonly report: Report | undefined
  /** What is left to do until the application runs on it. */
  readonly cut_over: wire.CutOver
  /** All that is volatile: instants, versions, what was written. */
  readonly run: wire.RestoreRun
  /** The exit code that the command would have. */
  readonly exitCode: number
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string
  /** What is left to do, as a list in Markdown to tick off. */
  toMarkdown(): string
  /** As text: what was restored, what could not be, what verifying said, and what is left to do. */
  toString(): string
  /** As data, for `JSON.stringify`. */
  toJSON(): wire.Restored
}

/**
 * A drill that came to its end: whether the backup is good, how long it took to get it back, and how old it was.
 * `console.log(rehearsal)` shows the text.
 */
export class Rehearsal {
  private constructor()
  /**
   * Reads the record of a drill from its JSON.
   * @throws {DrcoreError} `format` if it is none, or of a newer major version.
   */
  static fromJSON(json: string | wire.Rehearsal): Rehearsal
  /** Reads the record of a drill from a file, such as `drcore drill -o drill.json` writes. */
  static load(path: string | URL): Promise<Rehearsal>

  /** `drcore.rehearsal/1`. */
  readonly format: string
  /** What it came to: `passed` only where all came back, all of it was verified, and the objectives were met. */
  readonly verdict: wire.Verdict
  /** The exit code that the command would have: 0 passed, 1 failed, 3 unproven. */
  readonly exitCode: number
  /** Why it did not pass, one sentence each. */
  readonly problems: readonly string[]
  /** What was restored. */
  readonly backup: wire.RehearsedBackup
  /** The version of the server that it was restored into. */
  readonly server: string
  /** What came of the restore. */
  readonly restored: Restored
  /** What verifying said last. Without a baseline it knows nothing of what was lost. */
  readonly report: Report | undefined
  /** What a disaster may cost by the plan's objectives, and what this one would have. */
  readonly objectives: readonly wire.ObjectiveOutcome[]
  /** The row for the drill log. */
  readonly row: wire.DrillRow
  /** All that is volatile: when it began, the times of the steps, RTO and RPO. */
  readonly run: wire.RehearsalRun
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string

  /** Adds the row to a drill log, a table of Markdown; a log that is not there begins with it. */
  appendTo(log: string | URL): Promise<void>
  /** The row for the drill log, as a table of Markdown. */
  toMarkdown(): string
  /** As text: the verdict and why, the steps with their times, the objectives, and the row. */
  toString(): string
  /** As data, for `JSON.stringify`; {@link Rehearsal.fromJSON} reads it back. */
  toJSON(): wire.Rehearsal
}

/** A throw-away PostgreSQL server, gone when it is closed, or with this process. */
export class Scratch {
  private constructor()
  /** The connection string of its database `postgres`, as superuser. */
  readonly url: string
  /** The connection string of one of its databases, as superuser. */
  urlOf(database: string): string
  /** Creates a database, as the recipe has it; gives its connection string. */
  createDatabase(name: string): Promise<string>
  /** Ends the server and removes its data. A second time does nothing. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Where it is gone back to; a salvage, or why there is none, must be given. */
export interface PitrOptions extends Pick<CallOptions, 'signal'> {
  /** The instant, in whole seconds; text needs its offset. */
  to: string | Date
  /** Where the salvage of less than an hour ago lies: see `backup.salvage`. */
  salvage?: string | URL | undefined
  /** Why there is none, instead; the reason is recorded. */
  without_salvage?: string | undefined
}

/** What is started, and how the database is verified afterwards. */
export interface PitrRunOptions
  extends PitrOptions, Omit<CollectOptions, 'shard' | 'snapshot' | 'store' | 'tenant'> {
  /** Start what the plan of this digest says, if it is still that one. */
  apply: string
  /** The database to verify afterwards. */
  url?: string | URL | undefined
}

/** What is asked of `storage.audit`. */
export interface AuditOptions extends CallOptions {
  /**
   * Where the files of Supabase Storage are: `s3://bucket/prefix` or `file:///dir`, or the service's API:
   * `supabase://ref` or `https://host/storage/v1`; else the plan's. Keys are read from the environment.
   */
  store?: string | undefined
  /** Whose files, where the store holds those of several tenants. */
  tenant?: string | undefined
  /** `[storage_orphans]`, `[[accept]]` and limits: a file (TOML or JSON), or the plan itself. */
  plan?: string | URL | wire.Plan | undefined
  /** Whether checksums are compared too; of a directory, every file is read for it. */
  checksums?: boolean | undefined
  /** How many objects are asked for, chosen at random, where they can only be asked for one by one. */
  probe?: number | undefined
  /** Which share of all is good enough, with 95 % confidence: `{ percent: 0.1 }`. */
  missing_below?: wire.Share | undefined
  /** How many files are named of each thing that is wrong, 20 by default; `rows()` gives all. */
  samples?: number | undefined
  /** How long a file lies there without a row before it counts, `'60s'` by default. */
  settle?: string | undefined
  /**
   * A file where answers are noted while objects are asked for one by one: an audit that was interrupted goes on from
   * there, for a day. It is gone once one came to its end.
   */
  resume?: string | undefined
  /** How long all of it may take, such as `'10m'`. */
  deadline?: string | undefined
  /** How many sessions read at once. */
  sessions?: number | undefined
  /** Further limits, as in the plan's `[limits]`, before which they go. */
  limits?: wire.Limits | undefined
}

/** One result for every check that exists, and a verdict. `console.log(report)` shows the text. */
export class Report {
  private constructor()
  /**
   * Reads a report from its JSON.
   * @throws {DrcoreError} `format` if it is none, or of a newer major version.
   */
  static fromJSON(json: string | wire.Report): Report
  /** Reads a report from a JSON file. */
  static load(path: string | URL): Promise<Report>

  /** `drcore.report/1`. */
  readonly format: string
  /** What all checks together come to: `passed`, `failed`, or `unproven` (could not find out). */
  readonly verdict: wire.Verdict
  /** The exit code that the command would have: 0 passed, 1 failed, 3 unproven, 130 interrupted. */
  readonly exitCode: number
  /** How much was read, by plural noun: `tables`, `rows`. */
  readonly examined: Readonly<Record<string, number>>
  /** One result for every check, in the order of the checks. */
  readonly checks: readonly wire.CheckResult[]
  /** Every finding of every check that is not accepted, worst first. */
  readonly findings: readonly wire.Finding[]
  /** What a reader should know that is no finding. */
  readonly notes: readonly string[]
  /** All that is volatile: instants, versions, hosts, timings. */
  readonly run: wire.ReportRun
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string

  /**
   * Throws unless the verdict is `passed`.
   * @throws {NotPassedError} With the report.
   */
  assertPassed(): void
  /** The report as text, 80 columns wide. */
  toString(options?: TextOptions): string
  /** The report as Markdown. */
  toMarkdown(): string
  /** The report as one HTML page that needs no network. */
  toHTML(): string
  /** The report as JUnit XML: one case for every check. */
  toJUnit(): string
  /** The report as data, for `JSON.stringify`. */
  toJSON(): wire.Report
}

/** How the text of a report looks. */
export interface TextOptions {
  /** Columns to wrap at; `Infinity` for none. Default 80. */
  width?: number | undefined
  /** Colour, by ANSI codes. */
  color?: boolean | undefined
  /** Every finding, with the query that shows its rows. */
  verbose?: boolean | undefined
}

/** Every fact that was read from one state of one database. Stored, it is a baseline. */
export class Evidence {
  private constructor()
  /**
   * Reads Evidence from its JSON.
   * @throws {DrcoreError} `format` if it is none, or of a newer major version.
   */
  static fromJSON(json: string | wire.Evidence): Evidence
  /** Reads Evidence from a JSON file. */
  static load(path: string | URL): Promise<Evidence>
  /**
   * What all of these know together: the Evidence of the shards of one collection, in any order.
   * @throws {DrcoreError} `refused` if they are not of one state of one database, `usage` if a shard is there twice.
   */
  static merge(evidence: readonly (Evidence | wire.Evidence)[]): Evidence

  /** `drcore.evidence/1`. */
  readonly format: string
  /** What the catalog says. */
  readonly catalog: wire.Catalog
  /** What reading the tables themselves showed. */
  readonly scans: wire.Scans
  /** Results of the team's own statements, by name. */
  readonly assertions: Readonly<Record<string, wire.AssertionValueFact>>
  /** All that is volatile: instants, versions, hosts, timings. */
  readonly run: wire.EvidenceRun
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string

  /** Writes the JSON form to a file, whole or not at all, readable by its owner only. */
  save(path: string | URL): Promise<void>
  /** The Evidence as data, for `JSON.stringify`. */
  toJSON(): wire.Evidence
}

/** The rows that were created after an instant. `console.log(gap)` shows the text. */
export class Gap {
  private constructor()
  /**
   * Reads it from its JSON.
   * @throws {DrcoreError} `format` if it is none, or of a newer major version.
   */
  static fromJSON(json: string | wire.GapReport): Gap

  /** `drcore.gap/1`. */
  readonly format: string
  /** `found`, or `unproven`: there is none, and nothing follows for what was lost. */
  readonly verdict: wire.GapVerdict
  /** The exit code that the command would have: 0 where rows were found and all was read, else 3. */
  readonly exitCode: number
  /** The instant. */
  readonly since: string
  /** How many rows of all covered tables are newer: exact. */
  readonly rows: number
  /** Each covered table, the one with the most rows first. */
  readonly tables: readonly wire.GapTable[]
  /** Tables whose rows do not say when they were created. */
  readonly not_covered: readonly wire.NotCovered[]
  /** What could not be read. */
  readonly unread: readonly wire.Unread[]
  /** Why it is `unproven`, or what else a reader should know. */
  readonly notes: readonly string[]
  /** How it was collected. */
  readonly run: wire.EvidenceRun
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string

  /** Flat records, for `console.table` and the like. Add up those of one `by` only. */
  records(): wire.GapRecord[]
  /** As text. */
  toString(): string
  /** As data, for `JSON.stringify`. */
  toJSON(): wire.GapReport
}

/** What is wrong with the files of a project. `console.log(audit)` shows the text. */
export class StorageAudit {
  private constructor()
  /**
   * Reads it from its JSON.
   * @throws {DrcoreError} `format` if it is none, or of a newer major version.
   */
  static fromJSON(json: string | wire.StorageReport): StorageAudit

  /** `drcore.storage/1`. */
  readonly format: string
  /** `passed`, `failed`, or `unproven`. */
  readonly verdict: wire.Verdict
  /** The exit code that the command would have: 0 passed, 1 failed, 3 unproven. */
  readonly exitCode: number
  /** The result of the check `storage_orphans`: findings by bucket, and what could not be read. */
  readonly check: wire.CheckResult
  /** How much there is, by bucket; undefined where it could not be compared. */
  readonly files: wire.Files | undefined
  /** What a reader should know. */
  readonly notes: readonly string[]
  /** How it was read. */
  readonly run: wire.EvidenceRun
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string

  /** Every file that something is wrong with, one after the other, however many. */
  rows(): AsyncGenerator<wire.StorageRow, void, undefined>
  /** As text. */
  toString(): string
  /** As data, for `JSON.stringify`. */
  toJSON(): wire.StorageReport
}

/** What a dump holds, and whether it is whole. `console.log(inspection)` shows the text. */
export class Inspection {
  private constructor()
  /**
   * Reads it from its JSON.
   * @throws {DrcoreError} `format` if it is none, or of a newer major version.
   */
  static fromJSON(json: string | wire.Inspection): Inspection

  /** `drcore.inspect/1`. */
  readonly format: string
  /** `whole`, `damaged`, `differs` (from the baseline), or `unproven`. */
  readonly verdict: wire.InspectVerdict
  /** The exit code that the command would have: 0 whole, 1 damaged or other than the baseline, 3 unproven. */
  readonly exitCode: number
  /** What it is called: a path, or where it was read from. */
  readonly name: string
  /** What the dump says of itself; undefined where it could not be understood so far. */
  readonly archive: wire.ArchiveHeader | undefined
  /** All that is damaged. */
  readonly damage: readonly wire.ArchiveDamage[]
  /** What is other than the baseline says, or than in the other dump. */
  readonly differences: readonly wire.ArchiveDifference[]
  /** Why nobody can tell whether it is whole. */
  readonly unproven: readonly string[]
  /** What a reader should know. */
  readonly notes: readonly string[]
  /** Rows of all tables that are whole. */
  readonly rows: number
  /** Each table whose data is in it. One that breaks has no `rows`. */
  readonly tables: readonly wire.ArchiveTable[]
  /** The table of contents, where it was asked for. */
  readonly entries: readonly wire.ArchiveEntry[] | undefined
  /** What it was compared with. */
  readonly against: wire.InspectAgainst | undefined
  /** What is volatile about it. */
  readonly run: wire.InspectRun
  /** The JSON form: the same bytes as from the command line, Rust and Python. */
  readonly json: string

  /** As text. */
  toString(options?: TextOptions): string
  /** As Markdown. */
  toMarkdown(): string
  /** As data, for `JSON.stringify`; {@link Inspection.fromJSON} reads it back. */
  toJSON(): wire.Inspection
}

/** What differs between two sides, A and B. `console.log(diff)` shows the text, without values. */
export class Diff {
  private constructor()
  /**
   * Reads it from its JSON.
   * @throws {DrcoreError} `format` if it is none, or of a newer major version.
   */
  static fromJSON(json: string | wire.DiffReport): Diff

  /** `drcore.diff/1`. */
  readonly format: string
  /** `same`, `different`, or `unproven`. */
  readonly verdict: wire.DiffVerdict
  /** The exit code that the command would have: 0 the same, 1 different, 3 unproven. */
  readonly exitCode: number
  /** Each table that both sides have: those that differ first. */
  readonly tables: readonly wire.DiffTable[]
  /** Tables that only A has. */
  readonly only_in_a: readonly wire.LoneTable[]
  /** Tables that only B has. */
  readonly only_in_b: readonly wire.LoneTable[]
  /** Tables that were not compared because somebody said so, or because they are no data of the application. */
  readonly left_out: readonly wire.OmittedTable[]
  /** What differs in the structure, where that is what was compared. */
  readonly structure: wire.DiffStructure | undefined
  /** What could not be read or compared. */
  readonly unread: readonly wire.DiffUnread[]
  /** What a reader should know. */
  readonly notes: readonly string[]
  /** The one side: what it is, and how it was read. */
  readonly a: wire.DiffSide
  /** The other side: what it is, and how it was read. */
  readonly b: wire.DiffSide
  /** The JSON form without values of rows: the same bytes as from the command line, Rust and Python. */
  readonly json: string

  /** Every row that differs, one after the other, however many, with its values where they were read. */
  rows(): AsyncGenerator<wire.DiffRow, void, undefined>
  /** As data, with the values of the rows that it shows. */
  withValues(): wire.DiffReport
  /** As text. */
  toString(): string
  /** As data without values of rows, for `JSON.stringify`. */
  toJSON(): wire.DiffReport
}

/**
 * Something could not be found out. What is wrong with a database is a finding, never an error.
 */
export class DrcoreError extends Error {
  private constructor()
  readonly name: 'DrcoreError'
  /** The kind, for programs; the same names as in Rust, Python and JSON. */
  readonly code: wire.ErrorKind
  /** The server's SQLSTATE, where a server answered. */
  readonly sqlstate?: string
  /** What to do next. */
  readonly hint?: string
  /** Text of several lines that shows it, such as the places in a plan. */
  readonly detail?: string
  /** What was being worked on. */
  readonly context?: Readonly<Record<string, string>>
}

/** A report's verdict is not `passed`: an `AssertionError` of `node:assert`, which test runners know. */
export class NotPassedError extends Error {
  private constructor()
  readonly code: 'ERR_ASSERTION'
  readonly actual: wire.Verdict
  readonly expected: 'passed'
  readonly operator: 'assertPassed'
  readonly generatedMessage: boolean
  /** The report. */
  readonly report: Report
}
