-- Primary keys and unique constraints. Partitions' copies of their root's are left out.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  k.conname::pg_catalog.text as name,
  k.contype = 'p' as primary,
  (
    select pg_catalog.array_agg(a.attname::pg_catalog.text order by u.place)
    from pg_catalog.unnest(k.conkey) with ordinality u (attnum, place)
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum
  ) as columns
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype in ('p', 'u')
  and c.relpersistence <> 't'
  and not c.relispartition
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", k.conname collate "C"
