-- Replication slots of the server, and those of this database. Temporary ones end with their session.
select
  s.slot_name::pg_catalog.text as name,
  s.slot_type as type,
  s.plugin::pg_catalog.text as plugin
from pg_catalog.pg_replication_slots s
where not s.temporary
  and coalesce(s.database, pg_catalog.current_database()) = pg_catalog.current_database()
order by s.slot_name collate "C"
