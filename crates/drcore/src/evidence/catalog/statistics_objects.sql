-- Statistics objects: what the planner is to know of several columns together.
select
  n.nspname::pg_catalog.text as schema,
  s.stxname::pg_catalog.text as name,
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(cn.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  pg_catalog.pg_get_statisticsobjdef(s.oid) as definition,
  nullif(s.stxstattarget, -1)::pg_catalog.int4 as target
from pg_catalog.pg_statistic_ext s
join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
join pg_catalog.pg_class c on c.oid = s.stxrelid
join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", s.stxname collate "C"
