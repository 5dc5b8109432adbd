-- The database itself. Through jsonb, because columns came and went with the server's versions.
select
  pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text as encoding,
  case coalesce(d.row ->> 'datlocprovider', 'c')
    when 'b' then 'builtin'
    when 'c' then 'libc'
    when 'i' then 'icu'
    else d.row ->> 'datlocprovider'
  end as provider,
  d.datcollate::pg_catalog.text as collate,
  d.datctype::pg_catalog.text as ctype,
  coalesce(d.row ->> 'datlocale', d.row ->> 'daticulocale') as locale,
  d.row ->> 'daticurules' as rules,
  d.row ->> 'datcollversion' as version,
  -- Of pg_catalog."default".
  case when d.row ? 'datcollversion' then pg_catalog.pg_collation_actual_version(100) end as actual_version,
  d.datconnlimit as connection_limit
from (
  select b.*, pg_catalog.to_jsonb(b) as row
  from pg_catalog.pg_database b
  where b.datname = pg_catalog.current_database()
) d
order by d.datname
