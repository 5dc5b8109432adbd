-- What ALTER DATABASE … SET and ALTER ROLE … SET left behind for this database.
select
  r.rolname::pg_catalog.text as role,
  s.setdatabase <> 0 as this_database,
  pg_catalog.split_part(c.entry, '=', 1) as name,
  pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1) as value
from pg_catalog.pg_db_role_setting s
cross join lateral pg_catalog.unnest(s.setconfig) c (entry)
left join pg_catalog.pg_roles r on r.oid = s.setrole
where s.setdatabase in (
    0,
    (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
  )
order by r.rolname collate "C" nulls first, s.setdatabase <> 0, c.entry collate "C"
