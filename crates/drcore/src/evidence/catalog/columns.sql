-- Columns of tables, views, materialised views and foreign tables. Partitions repeat their root's and are left out,
-- but for columns with privileges of their own (the API serves a partition as a table of its own) or with another
-- default, null rule or way of storage than the column of their parent.
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
),
columns as (
  select c.*
  -- What a server does not know yet is looked up here: PostgreSQL 13 has no such column of pg_attribute.
  from (values (''::"char")) missing (attcompression)
  cross join lateral (
    select
      a.attrelid,
      a.attnum,
      a.attname,
      a.atttypid,
      a.atttypmod,
      a.attnotnull,
      a.attgenerated,
      a.attidentity,
      a.attacl,
      a.attcollation,
      a.attoptions,
      a.attfdwoptions,
      nullif(a.attstattarget, -1)::pg_catalog.int4 as statistics,
      nullif(attcompression, '') as compression,
      nullif(a.attstorage, t.typstorage) as storage,
      pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped
  ) c
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
  a.default,
  a.attgenerated <> '' as generated,
  a.attidentity <> '' as identity,
  coalesce(a.attacl, '{}')::pg_catalog.text[] as acl,
  a.attidentity = 'a' as identity_always,
  a.attgenerated = 'v' as generated_virtually,
  -- From PostgreSQL 18 on. The names of these constraints say nothing.
  not coalesce(nn.convalidated, true) as not_null_unproven,
  coalesce(nn.connoinherit, false) as not_null_local,
  case
    when a.attcollation <> t.typcollation then pg_catalog.format(
      '%s.%s',
      '"' || pg_catalog.replace(con.nspname, '"', '""') || '"',
      '"' || pg_catalog.replace(co.collname, '"', '""') || '"'
    )
  end as collation,
  case a.storage
    when 'p' then 'plain'
    when 'e' then 'external'
    when 'm' then 'main'
    when 'x' then 'extended'
    else a.storage::pg_catalog.text
  end as storage,
  case a.compression
    when 'p' then 'pglz'
    when 'l' then 'lz4'
    else a.compression::pg_catalog.text
  end as compression,
  a.statistics,
  coalesce(a.attoptions, '{}') as options,
  coalesce(a.attfdwoptions, '{}') as server_options
from columns a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_collation co on co.oid = a.attcollation
left join pg_catalog.pg_namespace con on con.oid = co.collnamespace
left join bases b on b.domain = a.atttypid
left join pg_catalog.pg_constraint nn
  on nn.conrelid = a.attrelid and nn.contype = 'n' and nn.conkey = array[a.attnum]
left join pg_catalog.pg_inherits i on i.inhrelid = c.oid and c.relispartition
left join columns p on p.attrelid = i.inhparent and p.attname = a.attname
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and c.relpersistence <> 't'
  and (
    not c.relispartition
    or a.attacl is not null
    or (a.default, a.attnotnull, a.storage, a.compression, a.statistics, a.attoptions)
      is distinct from (p.default, p.attnotnull, p.storage, p.compression, p.statistics, p.attoptions)
  )
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", a.attnum
