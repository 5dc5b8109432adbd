-- Casts of the users' own, but for those of extensions and those that ranges bring with them.
select
  pg_catalog.format_type(c.castsource, null) as source,
  pg_catalog.format_type(c.casttarget, null) as target,
  case when c.castfunc <> 0 then c.castfunc::pg_catalog.regprocedure::pg_catalog.text end as function,
  case c.castmethod
    when 'f' then 'function'
    when 'i' then 'inout'
    when 'b' then 'binary'
    else c.castmethod::pg_catalog.text
  end as method,
  case c.castcontext
    when 'e' then 'explicit'
    when 'a' then 'assignment'
    when 'i' then 'implicit'
    else c.castcontext::pg_catalog.text
  end as context
from pg_catalog.pg_cast c
where c.oid >= 16384
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass and d.objid = c.oid and d.deptype in ('e', 'i')
  )
order by pg_catalog.format_type(c.castsource, null) collate "C", pg_catalog.format_type(c.casttarget, null) collate "C"
