-- What a database holds of its own: nothing, where it is as its template, its extensions and the platform made it.
-- $platform is the list of schemas that belong to Supabase's services; they count only where these are there.
-- $stub is the comment of a schema that stands in for one of them in a scratch cluster.
with services (name) as (
  -- Not by to_regclass(), which not everybody may ask.
  select n.nspname || '.' || c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('auth', 'storage')
    and c.relname in ('identities', 'users', 'buckets', 'objects')
    and c.relkind in ('r', 'p')
),
platform (schema) as (
  select n.nspname
  from pg_catalog.pg_namespace n
  where n.nspname = any ($platform::pg_catalog.text[])
    and (
      (select pg_catalog.count(*) from services v where v.name in ('auth.users', 'storage.objects')) = 2
      or pg_catalog.obj_description(n.oid, 'pg_namespace') = $stub
    )
),
own_schemas as (
  select n.oid, n.nspname
  from pg_catalog.pg_namespace n
  where n.nspname <> 'information_schema'
    and n.nspname <> $marker
    and n.nspname !~ '^pg_'
    and n.nspname not in (select p.schema from platform p)
),
members as (
  select d.classid, d.objid from pg_catalog.pg_depend d where d.deptype = 'e'
),
objects (classid, oid, schema, name) as (
  select 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid, n.nspname, c.relname
  from pg_catalog.pg_class c
  join own_schemas n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all
  select 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, p.oid, n.nspname, p.proname
  from pg_catalog.pg_proc p
  join own_schemas n on n.oid = p.pronamespace
  union all
  -- Row types and arrays come with their tables and types.
  select 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid, t.oid, n.nspname, t.typname
  from pg_catalog.pg_type t
  join own_schemas n on n.oid = t.typnamespace
  where t.typrelid = 0 and t.typelem = 0
  union all
  select 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid, n.oid, n.nspname, n.nspname
  from own_schemas n
  where n.nspname <> 'public'
  union all
  -- The platform ships no policies: those on its tables are the application's.
  select 'pg_catalog.pg_policy'::pg_catalog.regclass::pg_catalog.oid, p.oid, n.nspname, c.relname
  from pg_catalog.pg_policy p
  join pg_catalog.pg_class c on c.oid = p.polrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'storage' and n.nspname in (select s.schema from platform s)
  union all
  select 'pg_catalog.pg_largeobject_metadata'::pg_catalog.regclass::pg_catalog.oid, l.oid, 'large object', l.oid::pg_catalog.text
  from pg_catalog.pg_largeobject_metadata l
),
own as (
  select o.schema, o.name
  from objects o
  where not exists (select from members m where m.classid = o.classid and m.objid = o.oid)
)
select
  (select pg_catalog.count(*) from own)::pg_catalog.text,
  (select pg_catalog.quote_ident(o.schema) || '.' || pg_catalog.quote_ident(o.name) from own o order by o.schema = 'public' desc, o.schema, o.name limit 1),
  (
    select pg_catalog.string_agg(v.name, ' ' order by v.name)
    from services v
    where exists (select from platform p where p.schema = 'auth')
  )
