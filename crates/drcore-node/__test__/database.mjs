// A database for each test, in the cluster that DATABASE_URL names. Its superuser runs the tests.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { env, pid } from 'node:process'

assert.ok(env.DATABASE_URL, 'DATABASE_URL names no database')

const program = (name) => (env.DRCORE_PG_BIN ? join(env.DRCORE_PG_BIN, name) : name)
const PSQL = program('psql')
const QUIET = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1']

let made = 0

/** Ten clients with three invoices each. */
export const HEALTHY = `
  create table clients (id int primary key, name text not null);
  create table invoices (id int primary key, client_id int not null references clients (id));
  insert into clients select n, 'client ' || n from generate_series(1, 10) n;
  insert into invoices select n, 1 + n % 10 from generate_series(1, 30) n;`

/** A new database in which these statements were run; its connection string. */
export function database(sql = HEALTHY) {
  const name = `node_${pid}_${++made}`
  execute(env.DATABASE_URL, `create database ${name} template template0`)
  const url = new URL(env.DATABASE_URL)
  url.pathname = `/${name}`
  execute(url.href, sql)
  return url.href
}

/** Runs statements; their rows as text. */
export function execute(url, sql) {
  return execFileSync(PSQL, [...QUIET, '-d', url, '-c', sql], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** Dumps a database into a file. */
export function dump(url, path) {
  execFileSync(program('pg_dump'), ['-Fc', '--file', path, url], { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Locks a table until the returned function is called. */
export async function lock(url, table) {
  const psql = spawn(PSQL, [...QUIET, '-d', url], { stdio: ['pipe', 'pipe', 'inherit'] })
  psql.stdin.write(`begin; lock table ${table} in access exclusive mode; select 'locked';\n`)
  const [said] = await once(psql.stdout, 'data')
  assert.match(String(said), /locked/)
  return async () => {
    const ended = once(psql, 'exit')
    psql.stdin.end()
    await ended
  }
}

/** How many statements of drcore run in the database now. */
export function running(url) {
  const sql = `select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'drcore' and state = 'active'`
  return Number(execute(url, sql))
}

/** Waits until drcore waits for a lock in the database. */
export async function waiting(url) {
  const sql = `select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'drcore' and wait_event_type = 'Lock'`
  await until(() => execute(url, sql) !== '0')
}

/** Waits until it is so. */
export async function until(condition) {
  const end = Date.now() + 10_000
  while (!(await condition())) {
    assert.ok(Date.now() < end, `not within 10 s: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A Promise that is never settled is no test that never ends. */
export const TIMEOUT = { timeout: 60_000 }
