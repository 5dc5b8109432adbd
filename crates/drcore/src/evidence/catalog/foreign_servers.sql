-- Foreign servers.
select
  s.srvname::pg_catalog.text as name,
  w.fdwname::pg_catalog.text as wrapper,
  s.srvtype as type,
  s.srvversion as version,
  coalesce(s.srvoptions, '{}') as options,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass
      and d.objid = s.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
from pg_catalog.pg_foreign_server s
join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw
order by s.srvname collate "C"
