-- Primary keys, unique constraints, and unique indexes of whole columns that hold for every row. Partitions' copies of
-- their root's are left out.
with keys as (
  select k.conrelid as rel, k.conname as name, k.contype = 'p' as primary, k.conkey as columns
  from pg_catalog.pg_constraint k
  where k.contype in ('p', 'u')
  union all
  select i.indrelid, x.relname, false, (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]
  from pg_catalog.pg_index i
  join pg_catalog.pg_class x on x.oid = i.indexrelid
  where i.indisunique
    and i.indisvalid
    and i.indpred is null
    and i.indexprs is null
    and not exists (
      select from pg_catalog.pg_constraint k
      where k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u')
    )
)
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  k.name::pg_catalog.text as name,
  k.primary,
  (
    select pg_catalog.array_agg(a.attname::pg_catalog.text order by u.place)
    from pg_catalog.unnest(k.columns) with ordinality u (attnum, place)
    join pg_catalog.pg_attribute a on a.attrelid = k.rel and a.attnum = u.attnum
  ) as columns
from keys k
join pg_catalog.pg_class c on c.oid = k.rel
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and not c.relispartition
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", k.name collate "C"
