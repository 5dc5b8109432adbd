-- Schemas other than the system's.
select
  n.nspname::pg_catalog.text as name,
  pg_catalog.pg_get_userbyid(n.nspowner)::pg_catalog.text as owner,
  coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))::pg_catalog.text[] as acl
from pg_catalog.pg_namespace n
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C"
