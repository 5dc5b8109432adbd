-- Foreign keys. Those with a parent constraint are the copies that partitioning makes.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(cn.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(cc.relname, '"', '""') || '"'
  ) as child,
  k.conname::pg_catalog.text as name,
  (
    select pg_catalog.array_agg(a.attname::pg_catalog.text order by u.place)
    from pg_catalog.unnest(k.conkey) with ordinality u (attnum, place)
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum
  ) as child_columns,
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(pn.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(pc.relname, '"', '""') || '"'
  ) as parent,
  (
    select pg_catalog.array_agg(a.attname::pg_catalog.text order by u.place)
    from pg_catalog.unnest(k.confkey) with ordinality u (attnum, place)
    join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.attnum
  ) as parent_columns,
  (
    select pg_catalog.array_agg(
      '"' || pg_catalog.replace(opn.nspname, '"', '""') || '".' || op.oprname order by u.place
    )
    from pg_catalog.unnest(k.conpfeqop) with ordinality u (opr, place)
    join pg_catalog.pg_operator op on op.oid = u.opr
    join pg_catalog.pg_namespace opn on opn.oid = op.oprnamespace
  ) as operators,
  k.confmatchtype = 'f' as match_full,
  -- From PostgreSQL 18 on.
  coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::pg_catalog.bool, false) as temporal,
  k.convalidated as validated,
  pg_catalog.pg_get_constraintdef(k.oid) as definition
from pg_catalog.pg_constraint k
join pg_catalog.pg_class cc on cc.oid = k.conrelid
join pg_catalog.pg_namespace cn on cn.oid = cc.relnamespace
join pg_catalog.pg_class pc on pc.oid = k.confrelid
join pg_catalog.pg_namespace pn on pn.oid = pc.relnamespace
where k.contype = 'f'
  and k.conparentid = 0
  and cc.relpersistence <> 't'
  and cn.nspname <> 'information_schema'
  and cn.nspname not like 'pg\_%'
order by cn.nspname collate "C", cc.relname collate "C", k.conname collate "C"
