-- Labels of security modules, but for those of roles and of other databases.
select
  o.type as kind,
  o.identity as object,
  o.schema,
  l.provider,
  l.label
from pg_catalog.pg_seclabel l
cross join lateral pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) o
where o.identity is not null
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = l.classoid and d.objid = l.objoid and d.deptype = 'e'
  )
union all
select
  'database',
  'database',
  null,
  l.provider,
  l.label
from pg_catalog.pg_shseclabel l
join pg_catalog.pg_database d on d.oid = l.objoid and d.datname = pg_catalog.current_database()
where l.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
order by kind, object, provider
