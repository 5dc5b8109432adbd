-- The statements that take away all that a database holds of its own, one a row, in order: what is left is as its
-- template, its extensions and the platform made it; and what the target then has no more that an archive may bring, as
-- its kind and its names. $platform and $stub as in shape.sql.
with recursive services as (
  select pg_catalog.count(*) = 2 as are_there
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where (n.nspname, c.relname) in (('auth', 'users'), ('storage', 'objects')) and c.relkind in ('r', 'p')
),
platform as (
  select n.oid, n.nspname
  from pg_catalog.pg_namespace n
  cross join services s
  where n.nspname = any ($platform::pg_catalog.text[])
    and (s.are_there or pg_catalog.obj_description(n.oid, 'pg_namespace') = $stub)
),
own as (
  select n.oid, n.nspname
  from pg_catalog.pg_namespace n
  where n.nspname not in ('information_schema', 'drcore_restore')
    and n.nspname !~ '^pg_'
    and n.oid not in (select p.oid from platform p)
),
members as (
  -- Of an extension, which brings them; or of another object, which takes them with it: the constructors of a range.
  select d.classid, d.objid
  from pg_catalog.pg_depend d
  where d.deptype in ('e', 'i') and d.objsubid = 0
),
falling (oid) as (
  -- Extensions go with the schema that they are in, and with those that they need.
  select e.oid
  from pg_catalog.pg_extension e
  join own o on o.oid = e.extnamespace
  where o.nspname <> 'public'
    and not exists (select from members m where m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and m.objid = o.oid)
  union
  select d.objid
  from pg_catalog.pg_depend d
  join falling f on f.oid = d.refobjid
  where d.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
),
statements (step, name, statement, gone) as (
  select 1, t.evtname::pg_catalog.text, pg_catalog.format('drop event trigger %I', t.evtname),
    pg_catalog.json_build_array('event trigger', t.evtname)
  from pg_catalog.pg_event_trigger t
  join pg_catalog.pg_proc f on f.oid = t.evtfoid
  where f.pronamespace in (select o.oid from own o)
    and not exists (select from members m where m.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass and m.objid = t.oid)
  union all
  select 2, p.pubname, pg_catalog.format('drop publication %I', p.pubname),
    pg_catalog.json_build_array('publication', p.pubname)
  from pg_catalog.pg_publication p
  where p.pubname !~ '^supabase_'
  union all
  select 3, n.nspname || '.' || c.relname || '.' || p.polname, pg_catalog.format('drop policy %I on %I.%I', p.polname, n.nspname, c.relname),
    pg_catalog.json_build_array('policy', n.nspname, c.relname, p.polname)
  from pg_catalog.pg_policy p
  join pg_catalog.pg_class c on c.oid = p.polrelid
  join platform n on n.oid = c.relnamespace
  union all
  select 4, n.nspname || '.' || c.relname || '.' || g.tgname, pg_catalog.format('drop trigger %I on %I.%I', g.tgname, n.nspname, c.relname),
    pg_catalog.json_build_array('trigger', n.nspname, c.relname, g.tgname)
  from pg_catalog.pg_trigger g
  join pg_catalog.pg_class c on c.oid = g.tgrelid
  join platform n on n.oid = c.relnamespace
  join pg_catalog.pg_proc f on f.oid = g.tgfoid
  where not g.tgisinternal and f.pronamespace in (select o.oid from own o)
  union all
  select
    case c.relkind when 'v' then 5 when 'm' then 5 when 'S' then 7 else 6 end,
    n.nspname || '.' || c.relname,
    pg_catalog.format(
      'drop %s if exists %I.%I cascade',
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' when 'S' then 'sequence' else 'table' end,
      n.nspname,
      c.relname
    ),
    null
  from pg_catalog.pg_class c
  join own n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not exists (select from members m where m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and m.objid = c.oid)
  union all
  select
    8,
    n.nspname || '.' || f.proname,
    pg_catalog.format(
      'drop %s if exists %I.%I(%s) cascade',
      case f.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
      n.nspname,
      f.proname,
      -- Of an aggregate, the star that stands for no arguments, and what is ordered.
      case when f.prokind = 'a' and f.pronargs = 0 then '*' else pg_catalog.pg_get_function_identity_arguments(f.oid) end
    ),
    null
  from pg_catalog.pg_proc f
  join own n on n.oid = f.pronamespace
  where not exists (select from members m where m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and m.objid = f.oid)
  union all
  select 9, n.nspname || '.' || t.typname, pg_catalog.format('drop type if exists %I.%I cascade', n.nspname, t.typname), null
  from pg_catalog.pg_type t
  join own n on n.oid = t.typnamespace
  left join pg_catalog.pg_class c on c.oid = t.typrelid
  where t.typelem = 0
    and coalesce(c.relkind, 'c') = 'c'
    and not exists (select from members m where m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and m.objid = t.oid)
  union all
  select 10, n.nspname || '.' || x.name, pg_catalog.format('drop %s if exists %I.%s cascade', x.kind, n.nspname, x.name), null
  from (
    select c.tableoid, c.oid, c.collnamespace, 'collation', pg_catalog.quote_ident(c.collname)
    from pg_catalog.pg_collation c
    union all
    select f.tableoid, f.oid, f.opfnamespace, 'operator family', pg_catalog.format('%I using %I', f.opfname, m.amname)
    from pg_catalog.pg_opfamily f
    join pg_catalog.pg_am m on m.oid = f.opfmethod
    union all
    select c.tableoid, c.oid, c.cfgnamespace, 'text search configuration', pg_catalog.quote_ident(c.cfgname)
    from pg_catalog.pg_ts_config c
    union all
    select d.tableoid, d.oid, d.dictnamespace, 'text search dictionary', pg_catalog.quote_ident(d.dictname)
    from pg_catalog.pg_ts_dict d
    union all
    select c.tableoid, c.oid, c.connamespace, 'conversion', pg_catalog.quote_ident(c.conname)
    from pg_catalog.pg_conversion c
    union all
    select
      o.tableoid,
      o.oid,
      o.oprnamespace,
      'operator',
      pg_catalog.format(
        '%s (%s, %s)',
        o.oprname,
        case when o.oprleft = 0 then 'none' else pg_catalog.format_type(o.oprleft, null) end,
        pg_catalog.format_type(o.oprright, null)
      )
    from pg_catalog.pg_operator o
  ) x (class, oid, namespace, kind, name)
  join own n on n.oid = x.namespace
  where not exists (select from members m where m.classid = x.class and m.objid = x.oid)
  union all
  select 11, w.fdwname, pg_catalog.format('drop foreign data wrapper if exists %I cascade', w.fdwname), null
  from pg_catalog.pg_foreign_data_wrapper w
  where not exists (select from members m where m.classid = w.tableoid and m.objid = w.oid)
  union all
  select 11, s.srvname, pg_catalog.format('drop server if exists %I cascade', s.srvname), null
  from pg_catalog.pg_foreign_server s
  where not exists (select from members m where m.classid = s.tableoid and m.objid = s.oid)
  union all
  select 12, o.nspname, pg_catalog.format('drop schema if exists %I cascade', o.nspname),
    pg_catalog.json_build_array('schema', o.nspname)
  from own o
  where o.nspname <> 'public'
    and not exists (select from members m where m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and m.objid = o.oid)
  union all
  select 13, pg_catalog.lpad(l.oid::pg_catalog.text, 12, '0'), pg_catalog.format('select pg_catalog.lo_unlink(%s)', l.oid), null
  from pg_catalog.pg_largeobject_metadata l
  union all
  select 14, '', 'truncate ' || pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.relname), ', ' order by n.nspname, c.relname), null
  from pg_catalog.pg_class c
  join platform n on n.oid = c.relnamespace
  where c.relkind = 'r'
    and n.nspname in ('auth', 'storage')
    and c.relname not in ('schema_migrations', 'migrations')
  having pg_catalog.count(*) > 0
)
select a.statement, a.gone::pg_catalog.text
from (
  select s.step, s.name, s.statement, s.gone
  from statements s
  union all
  select 15, e.extname, null, pg_catalog.json_build_array('extension', e.extname)
  from pg_catalog.pg_extension e
  where e.oid in (select f.oid from falling f)
) a
order by a.step, a.name
