-- Foreign data wrappers of the users' own.
select
  w.fdwname::pg_catalog.text as name,
  case when w.fdwhandler <> 0 then w.fdwhandler::pg_catalog.regprocedure::pg_catalog.text end as handler,
  case when w.fdwvalidator <> 0 then w.fdwvalidator::pg_catalog.regprocedure::pg_catalog.text end as validator,
  coalesce(w.fdwoptions, '{}') as options,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass
      and d.objid = w.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
from pg_catalog.pg_foreign_data_wrapper w
order by w.fdwname collate "C"
