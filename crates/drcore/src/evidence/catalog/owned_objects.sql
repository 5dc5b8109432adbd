-- What has an owner and no fact of its own: types, languages, foreign servers and the like, this database, large
-- objects (all of one owner together) and the tablespaces of users. Of what is in schemas, the system's own is left
-- out. Privileges are null for what has none.
with schemas as materialized (
  select n.oid, n.nspname
  from pg_catalog.pg_namespace n
  where n.nspname <> 'information_schema'
    and n.nspname not like 'pg\_%'
),
objects as (
  select
    case t.typtype when 'd' then 'domain' else 'type' end as kind,
    t.typnamespace as schema,
    t.typname as name,
    null as rest,
    t.typowner as owner,
    coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner)) as acl,
    t.tableoid as class,
    t.oid
  from pg_catalog.pg_type t
  join schemas s on s.oid = t.typnamespace
  left join pg_catalog.pg_class c on c.oid = t.typrelid
  -- Types of rows and of arrays go with what they are of.
  where t.typtype in ('d', 'e', 'r')
    or (t.typtype = 'c' and c.relkind = 'c')
    or (t.typtype = 'b' and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid))
  union all
  select 'collation', o.collnamespace, o.collname, null, o.collowner, null, o.tableoid, o.oid
  from pg_catalog.pg_collation o
  join schemas s on s.oid = o.collnamespace
  union all
  select 'conversion', o.connamespace, o.conname, null, o.conowner, null, o.tableoid, o.oid
  from pg_catalog.pg_conversion o
  join schemas s on s.oid = o.connamespace
  union all
  select 'statistics', o.stxnamespace, o.stxname, null, o.stxowner, null, o.tableoid, o.oid
  from pg_catalog.pg_statistic_ext o
  join schemas s on s.oid = o.stxnamespace
  union all
  select 'text_search_configuration', o.cfgnamespace, o.cfgname, null, o.cfgowner, null, o.tableoid, o.oid
  from pg_catalog.pg_ts_config o
  join schemas s on s.oid = o.cfgnamespace
  union all
  select 'text_search_dictionary', o.dictnamespace, o.dictname, null, o.dictowner, null, o.tableoid, o.oid
  from pg_catalog.pg_ts_dict o
  join schemas s on s.oid = o.dictnamespace
  union all
  select
    'operator', o.oprnamespace, o.oprname,
    pg_catalog.format(
      '(%s, %s)',
      case when o.oprleft = 0 then 'none' else pg_catalog.format_type(o.oprleft, null) end,
      case when o.oprright = 0 then 'none' else pg_catalog.format_type(o.oprright, null) end
    ),
    o.oprowner, null, o.tableoid, o.oid
  from pg_catalog.pg_operator o
  join schemas s on s.oid = o.oprnamespace
  union all
  select 'operator_class', o.opcnamespace, o.opcname, 'using ' || a.amname, o.opcowner, null, o.tableoid, o.oid
  from pg_catalog.pg_opclass o
  join schemas s on s.oid = o.opcnamespace
  join pg_catalog.pg_am a on a.oid = o.opcmethod
  union all
  select 'operator_family', o.opfnamespace, o.opfname, 'using ' || a.amname, o.opfowner, null, o.tableoid, o.oid
  from pg_catalog.pg_opfamily o
  join schemas s on s.oid = o.opfnamespace
  join pg_catalog.pg_am a on a.oid = o.opfmethod
  union all
  select
    'foreign_data_wrapper', null, o.fdwname, null, o.fdwowner,
    coalesce(o.fdwacl, pg_catalog.acldefault('F', o.fdwowner)), o.tableoid, o.oid
  from pg_catalog.pg_foreign_data_wrapper o
  union all
  select
    'foreign_server', null, o.srvname, null, o.srvowner,
    coalesce(o.srvacl, pg_catalog.acldefault('S', o.srvowner)), o.tableoid, o.oid
  from pg_catalog.pg_foreign_server o
  union all
  select
    'language', null, o.lanname, null, o.lanowner,
    coalesce(o.lanacl, pg_catalog.acldefault('l', o.lanowner)), o.tableoid, o.oid
  from pg_catalog.pg_language o
  union all
  select 'event_trigger', null, o.evtname, null, o.evtowner, null, o.tableoid, o.oid
  from pg_catalog.pg_event_trigger o
  union all
  select 'publication', null, o.pubname, null, o.pubowner, null, o.tableoid, o.oid
  from pg_catalog.pg_publication o
  union all
  -- Without its name, which whoever restores it chooses.
  select
    'database', null, '', null, o.datdba,
    coalesce(o.datacl, pg_catalog.acldefault('d', o.datdba)), o.tableoid, o.oid
  from pg_catalog.pg_database o
  where o.datname = pg_catalog.current_database()
  union all
  select
    'tablespace', null, o.spcname, null, o.spcowner,
    coalesce(o.spcacl, pg_catalog.acldefault('t', o.spcowner)), o.tableoid, o.oid
  from pg_catalog.pg_tablespace o
  where o.spcname not in ('pg_default', 'pg_global')
)
select
  o.kind,
  n.nspname::pg_catalog.text as schema,
  o.name::pg_catalog.text as name,
  o.rest,
  pg_catalog.pg_get_userbyid(o.owner)::pg_catalog.text as owner,
  o.acl::pg_catalog.text[] as acl,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = o.class
      and d.objid = o.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
from objects o
left join schemas n on n.oid = o.schema
union all
select
  'large_objects', null, '', null, pg_catalog.pg_get_userbyid(m.lomowner)::pg_catalog.text,
  array(
    select distinct i.item::pg_catalog.text collate "C"
    from pg_catalog.pg_largeobject_metadata g
    cross join lateral pg_catalog.unnest(coalesce(g.lomacl, pg_catalog.acldefault('L', g.lomowner))) i (item)
    where g.lomowner = m.lomowner
    order by 1
  ),
  null
from (select distinct g.lomowner from pg_catalog.pg_largeobject_metadata g) m
order by kind, schema nulls first, name, rest nulls first, owner
