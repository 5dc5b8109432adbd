-- What pg_dump reads and this role may not: it locks every table before it dumps any, and reads every sequence.
-- Members of extensions are theirs, unless the extension says that their rows are dumped.
with member as (
  select d.objid
  from pg_catalog.pg_depend d
  where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    and d.deptype = 'e'
), configured as (
  select pg_catalog.unnest(e.extconfig) as oid
  from pg_catalog.pg_extension e
), dumped as (
  select c.oid, c.relkind, n.oid as schema_oid, n.nspname, c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'S')
    and c.relpersistence <> 't'
    and n.nspname <> 'information_schema'
    and n.nspname !~ '^pg_'
    and (
      c.oid not in (select m.objid from member m)
      or c.oid in (select f.oid from configured f)
    )
)
select
  d.nspname,
  d.relname,
  case
    when not pg_catalog.has_schema_privilege(d.schema_oid, 'usage') then 'schema'
    when d.relkind = 'S' and not pg_catalog.has_sequence_privilege(d.oid, 'select') then 'sequence'
    when d.relkind <> 'S' and not pg_catalog.has_table_privilege(d.oid, 'select') then 'table'
    when d.relkind <> 'S' and pg_catalog.row_security_active(d.oid) then 'rows'
  end as what
from dumped d
where not pg_catalog.has_schema_privilege(d.schema_oid, 'usage')
  or case d.relkind
    when 'S' then not pg_catalog.has_sequence_privilege(d.oid, 'select')
    else not pg_catalog.has_table_privilege(d.oid, 'select') or pg_catalog.row_security_active(d.oid)
  end
order by d.nspname, d.relname
