-- Columns of tables, views, materialised views and foreign tables. Partitions repeat their root's and are left out,
-- but for columns with privileges of their own: the API serves a partition as a table of its own.
with recursive domains as (
  select t.oid as domain, t.typbasetype as base, t.typtypmod as modifier
  from pg_catalog.pg_type t
  where t.typtype = 'd'
  union all
  select d.domain, t.typbasetype, t.typtypmod
  from domains d
  join pg_catalog.pg_type t on t.oid = d.base and t.typtype = 'd'
),
bases as (
  select d.domain, d.base as oid, pg_catalog.format_type(d.base, d.modifier) as type
  from domains d
  join pg_catalog.pg_type t on t.oid = d.base and t.typtype <> 'd'
)
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  a.attnum::pg_catalog.int4 as position,
  a.attname::pg_catalog.text as name,
  pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  b.type as base,
  case
    -- Below are the OIDs that initdb hands out from its lists.
    when coalesce(b.oid, a.atttypid) < 10000 then coalesce(b.oid, a.atttypid)::pg_catalog.int8
  end as builtin,
  a.attnotnull as not_null,
  pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default,
  a.attgenerated <> '' as generated,
  a.attidentity <> '' as identity,
  coalesce(a.attacl, '{}')::pg_catalog.text[] as acl
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join bases b on b.domain = a.atttypid
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and c.relpersistence <> 't'
  and (not c.relispartition or a.attacl is not null)
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", a.attnum
