-- The server, the database and the role that reads.
-- system_identifier is callable by every role from PostgreSQL 13 to 18 unless revoked.
select
  pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1) as version,
  pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as version_num,
  pg_catalog.current_database()::pg_catalog.text as database,
  (select d.oid::pg_catalog.int8 from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()) as database_oid,
  case
    when pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')
      then (select s.system_identifier::pg_catalog.text from pg_catalog.pg_control_system() s)
  end as system_identifier,
  pg_catalog.pg_postmaster_start_time()::pg_catalog.text as started_at,
  pg_catalog.pg_is_in_recovery() as in_recovery,
  current_user::pg_catalog.text as role,
  r.rolsuper as superuser,
  r.rolbypassrls as bypass_rls,
  pg_catalog.current_setting('cluster_name') as cluster_name,
  pg_catalog.to_char(pg_catalog.now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as taken_at,
  pg_catalog.pg_current_snapshot()::pg_catalog.text as snapshot,
  -- The schema that a restore makes before it begins, and drops when it has come to its end.
  (
    select coalesce(pg_catalog.obj_description(n.oid, 'pg_namespace'), 'nothing is known of it')
    from pg_catalog.pg_namespace n
    where n.nspname = 'drcore_restore'
  ) as restoring
from pg_catalog.pg_roles r
where r.rolname = current_user
