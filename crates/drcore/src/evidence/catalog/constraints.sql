-- Check, exclusion, unique and primary key constraints. Foreign keys, null rules of columns, constraint triggers and
-- constraints of domains are told elsewhere, and those that were inherited with their table's.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  k.conname::pg_catalog.text as name,
  case k.contype
    when 'c' then 'check'
    when 'x' then 'exclusion'
    when 'p' then 'primary_key'
    when 'u' then 'unique'
  end as kind,
  coalesce(
    (
      select pg_catalog.array_agg(a.attname::pg_catalog.text order by a.attname collate "C")
      from pg_catalog.pg_attribute a
      where a.attrelid = k.conrelid and a.attnum = any (k.conkey)
    ),
    '{}'
  ) as columns,
  pg_catalog.pg_get_constraintdef(k.oid) as definition,
  k.convalidated as validated
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype in ('c', 'x', 'p', 'u')
  and (k.conislocal or k.contype <> 'c')
  and k.conparentid = 0
  and c.relpersistence <> 't'
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", k.conname collate "C"
