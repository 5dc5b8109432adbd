-- Functions and procedures outside the system schemas.
select
  n.nspname::pg_catalog.text as schema,
  p.proname::pg_catalog.text as name,
  pg_catalog.oidvectortypes(p.proargtypes) as arguments,
  case p.prokind
    when 'f' then 'function'
    when 'p' then 'procedure'
    when 'a' then 'aggregate'
    when 'w' then 'window'
  end as kind,
  pg_catalog.pg_get_userbyid(p.proowner)::pg_catalog.text as owner,
  p.prosecdef as security_definer,
  case when p.prokind <> 'p' then pg_catalog.format_type(p.prorettype, null) end as returns,
  coalesce(p.proconfig, '{}') as config,
  coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))::pg_catalog.text[] as acl,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      and d.objid = p.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", p.proname collate "C", pg_catalog.oidvectortypes(p.proargtypes) collate "C"
