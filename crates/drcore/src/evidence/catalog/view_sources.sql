-- What views and materialised views read from, directly. A view depends on itself through its own rule.
select distinct
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(vn.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(v.relname, '"', '""') || '"'
  ) collate "C" as view,
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(sn.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(s.relname, '"', '""') || '"'
  ) collate "C" as source
from pg_catalog.pg_depend d
join pg_catalog.pg_rewrite r on r.oid = d.objid
join pg_catalog.pg_class v on v.oid = r.ev_class
join pg_catalog.pg_namespace vn on vn.oid = v.relnamespace
join pg_catalog.pg_class s on s.oid = d.refobjid
join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  and v.relkind in ('v', 'm')
  and s.relkind in ('r', 'p', 'v', 'm', 'f')
  and s.oid <> v.oid
  and v.relpersistence <> 't'
  and vn.nspname <> 'information_schema'
  and vn.nspname not like 'pg\_%'
order by view, source
