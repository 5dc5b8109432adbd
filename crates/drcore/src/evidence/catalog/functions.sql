-- Functions and procedures outside the system schemas, but for those that ranges bring with them. What belongs to an
-- extension is told without its text.
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
  e.extname::pg_catalog.text as extension,
  case when e.extname is null then l.lanname::pg_catalog.text end as language,
  case when e.extname is null then pg_catalog.pg_get_function_arguments(p.oid) end as parameters,
  case when e.extname is null then pg_catalog.pg_get_function_result(p.oid) end as result,
  case
    when e.extname is null then
      case p.provolatile
        when 'i' then 'immutable'
        when 's' then 'stable'
        when 'v' then 'volatile'
        else p.provolatile::pg_catalog.text
      end
  end as volatility,
  e.extname is null and p.proisstrict as strict,
  e.extname is null and p.proleakproof as leakproof,
  case
    when e.extname is null then
      case p.proparallel
        when 's' then 'safe'
        when 'r' then 'restricted'
        when 'u' then 'unsafe'
        else p.proparallel::pg_catalog.text
      end
  end as parallel,
  case when e.extname is null then p.procost::pg_catalog.text end as cost,
  case when e.extname is null then p.prorows::pg_catalog.text end as rows,
  case
    when e.extname is null and p.prosupport <> 0 then p.prosupport::pg_catalog.regprocedure::pg_catalog.text
  end as support,
  case when e.extname is null and p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid) end as definition
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  and d.objid = p.oid
  and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
  and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend i
    where i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and i.objid = p.oid and i.deptype = 'i'
  )
order by n.nspname collate "C", p.proname collate "C", pg_catalog.oidvectortypes(p.proargtypes) collate "C"
