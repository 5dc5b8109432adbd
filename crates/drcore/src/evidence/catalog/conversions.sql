-- Conversions between encodings of the users' own, but for those of extensions.
select
  n.nspname::pg_catalog.text as schema,
  c.conname::pg_catalog.text as name,
  pg_catalog.pg_encoding_to_char(c.conforencoding)::pg_catalog.text as from,
  pg_catalog.pg_encoding_to_char(c.contoencoding)::pg_catalog.text as to,
  c.conproc::pg_catalog.text as function,
  c.condefault as default
from pg_catalog.pg_conversion c
join pg_catalog.pg_namespace n on n.oid = c.connamespace
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_conversion'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by n.nspname collate "C", c.conname collate "C"
