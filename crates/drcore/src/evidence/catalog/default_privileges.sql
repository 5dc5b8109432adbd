-- What is granted on objects as they are created, by whoever creates them. An entry without a schema stands in the
-- place of PostgreSQL's own default, one with a schema adds to it.
select
  pg_catalog.pg_get_userbyid(d.defaclrole)::pg_catalog.text as role,
  n.nspname::pg_catalog.text as schema,
  case d.defaclobjtype
    when 'f' then 'functions'
    when 'L' then 'large_objects'
    when 'n' then 'schemas'
    when 'r' then 'tables'
    when 'S' then 'sequences'
    when 'T' then 'types'
    else d.defaclobjtype::pg_catalog.text
  end as objects,
  d.defaclacl::pg_catalog.text[] as acl
from pg_catalog.pg_default_acl d
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
order by pg_catalog.pg_get_userbyid(d.defaclrole) collate "C", n.nspname collate "C" nulls first, d.defaclobjtype
