-- Comments on all that is not an extension's or the system's.
select
  o.type as kind,
  o.identity as object,
  o.schema,
  c.description as comment
from pg_catalog.pg_description c
cross join lateral pg_catalog.pg_identify_object(c.classoid, c.objoid, c.objsubid) o
where c.objoid >= 16384
  -- What came and went since the statement began.
  and o.identity is not null
  and c.classoid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
  and coalesce(o.schema, '') <> 'information_schema'
  and coalesce(o.schema, '') not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = c.classoid and d.objid = c.objoid and d.deptype = 'e'
  )
union all
select
  'database',
  'database',
  null,
  s.description
from pg_catalog.pg_shdescription s
join pg_catalog.pg_database d on d.oid = s.objoid and d.datname = pg_catalog.current_database()
where s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
  -- What initdb says of the database postgres.
  and s.description <> 'default administrative connection database'
order by kind, object, schema
