-- How functions of a language see a type, but for what extensions say of it.
select
  pg_catalog.format_type(t.trftype, null) as type,
  l.lanname::pg_catalog.text as language,
  case when t.trffromsql <> 0 then t.trffromsql::pg_catalog.regprocedure::pg_catalog.text end as from_sql,
  case when t.trftosql <> 0 then t.trftosql::pg_catalog.regprocedure::pg_catalog.text end as to_sql
from pg_catalog.pg_transform t
join pg_catalog.pg_language l on l.oid = t.trflang
where not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_transform'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by pg_catalog.format_type(t.trftype, null) collate "C", l.lanname collate "C"
