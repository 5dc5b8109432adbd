-- Languages that functions can be written in, but for those that every server has and those of extensions.
select
  l.lanname::pg_catalog.text as name,
  l.lanpltrusted as trusted,
  case when l.lanplcallfoid <> 0 then l.lanplcallfoid::pg_catalog.regprocedure::pg_catalog.text end as handler,
  case when l.laninline <> 0 then l.laninline::pg_catalog.regprocedure::pg_catalog.text end as inline,
  case when l.lanvalidator <> 0 then l.lanvalidator::pg_catalog.regprocedure::pg_catalog.text end as validator,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_language'::pg_catalog.regclass
      and d.objid = l.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
from pg_catalog.pg_language l
where l.lanispl
order by l.lanname collate "C"
