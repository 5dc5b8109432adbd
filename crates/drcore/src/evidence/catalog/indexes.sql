-- Indexes, those of constraints too, valid or not. What a partition has of its root's index is left out while it is
-- whole.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  x.relname::pg_catalog.text as name,
  pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
  k.conname::pg_catalog.text as constraint,
  coalesce(
    (
      select pg_catalog.array_agg(a.attname::pg_catalog.text order by a.attname collate "C")
      from pg_catalog.pg_attribute a
      where a.attrelid = i.indrelid
        and a.attnum > 0
        and (
          a.attnum = any (i.indkey::pg_catalog.int2[])
          -- Those in expressions.
          or exists (
            select
            from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              and d.objid = i.indexrelid
              and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              and d.refobjid = i.indrelid
              and d.refobjsubid = a.attnum
          )
        )
    ),
    '{}'
  ) as columns,
  i.indisunique as unique,
  x.relispartition as of_root,
  i.indisvalid as valid,
  i.indisready as ready,
  i.indislive as live,
  i.indisclustered as clustered,
  i.indisreplident as replica_identity,
  ts.spcname::pg_catalog.text as tablespace,
  coalesce(
    (
      -- Only columns that are expressions can have one.
      select pg_catalog.array_agg(pg_catalog.format('%s: %s', a.attnum, a.attstattarget) order by a.attnum)
      from pg_catalog.pg_attribute a
      where a.attrelid = i.indexrelid and nullif(a.attstattarget, -1) is not null
    ),
    '{}'
  ) as statistics,
  coalesce(
    (
      select pg_catalog.array_agg(distinct q.name order by q.name)
      from pg_catalog.unnest(i.indcollation::pg_catalog.oid[]) u (oid)
      join pg_catalog.pg_collation co on co.oid = u.oid
      join pg_catalog.pg_namespace con on con.oid = co.collnamespace
      cross join lateral (
        select
          pg_catalog.format(
            '%s.%s',
            '"' || pg_catalog.replace(con.nspname, '"', '""') || '"',
            '"' || pg_catalog.replace(co.collname, '"', '""') || '"'
          ) collate "C" as name
      ) q
    ),
    '{}'
  ) as collations
from pg_catalog.pg_index i
join pg_catalog.pg_class x on x.oid = i.indexrelid
join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_tablespace ts on ts.oid = x.reltablespace
left join pg_catalog.pg_constraint k
  on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
where c.relkind in ('r', 'p', 'm')
  and c.relpersistence <> 't'
  and not (x.relispartition and i.indisvalid and i.indisready and i.indislive)
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", x.relname collate "C"
