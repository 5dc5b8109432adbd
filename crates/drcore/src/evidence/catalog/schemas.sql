-- Schemas other than the system's.
select
  n.nspname::pg_catalog.text as name,
  pg_catalog.pg_get_userbyid(n.nspowner)::pg_catalog.text as owner,
  coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))::pg_catalog.text[] as acl,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
      and d.objid = n.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
from pg_catalog.pg_namespace n
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C"
