-- Collations of the users' own, and those of the system by which something of the users' is sorted and that are of
-- another version than the library that sorts.
select
  n.nspname::pg_catalog.text as schema,
  c.collname::pg_catalog.text as name,
  case c.collprovider
    when 'b' then 'builtin'
    when 'c' then 'libc'
    when 'd' then 'default'
    when 'i' then 'icu'
    else c.collprovider::pg_catalog.text
  end as provider,
  c.locale,
  nullif(c.collctype, c.locale)::pg_catalog.text as ctype,
  c.rules,
  c.collisdeterministic as deterministic,
  c.collversion as version,
  pg_catalog.pg_collation_actual_version(c.oid) as actual_version,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass
      and d.objid = c.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
-- What some servers have no columns for is looked up here: the locale of ICU was colliculocale in PostgreSQL 15 and 16,
-- and collcollate before.
from (
  values (null::pg_catalog.text, null::pg_catalog.text, null::pg_catalog.text, null::pg_catalog.text)
) missing (colliculocale, colllocale, collicurules, collversion)
cross join lateral (
  select
    k.oid,
    k.collname,
    k.collnamespace,
    k.collprovider,
    k.collisdeterministic,
    k.collversion,
    k.collctype::pg_catalog.text as collctype,
    coalesce(colllocale, colliculocale, k.collcollate::pg_catalog.text) as locale,
    collicurules as rules
  from pg_catalog.pg_collation k
  where k.collencoding in (
    -1,
    (select d.encoding from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
  )
) c
join pg_catalog.pg_namespace n on n.oid = c.collnamespace
where (n.nspname <> 'information_schema' and n.nspname not like 'pg\_%')
  or (
    c.collversion <> pg_catalog.pg_collation_actual_version(c.oid)
    and exists (
      select
      from pg_catalog.pg_attribute a
      where a.attcollation = c.oid and a.attrelid >= 16384
    )
  )
order by n.nspname collate "C", c.collname collate "C"
