-- Ways to store tables and indexes of the users' own, but for those of extensions.
select
  m.amname::pg_catalog.text as name,
  case m.amtype
    when 'i' then 'index'
    when 't' then 'table'
    else m.amtype::pg_catalog.text
  end as kind,
  m.amhandler::pg_catalog.text as handler
from pg_catalog.pg_am m
where m.oid >= 16384
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_am'::pg_catalog.regclass and d.objid = m.oid and d.deptype = 'e'
  )
order by m.amname collate "C"
