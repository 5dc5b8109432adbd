-- What a database that is restored into has already: what an archive brings of it is left out.
-- $platform is the list of schemas that belong to Supabase's services; of a database that has these, they are not
-- the application's. $stub is the comment of a schema that stands in for one of them in a scratch cluster.
with services as (
  select pg_catalog.count(*) = 2 as are_there
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where (n.nspname, c.relname) in (('auth', 'users'), ('storage', 'objects')) and c.relkind in ('r', 'p')
),
platform as (
  select n.oid, n.nspname as name
  from pg_catalog.pg_namespace n
  cross join services s
  where n.nspname = any ($platform::pg_catalog.text[])
    and (s.are_there or pg_catalog.obj_description(n.oid, 'pg_namespace') = $stub)
),
tables as (
  select c.oid, p.name as schema, c.relname as name
  from pg_catalog.pg_class c
  join platform p on p.oid = c.relnamespace
  where c.relkind in ('r', 'p')
)
select
  r.rolsuper as superuser,
  (
    select coalesce(pg_catalog.json_agg(p.name order by p.name), '[]')
    from platform p
  ) as platform,
  (
    select coalesce(pg_catalog.json_agg(n.nspname order by n.nspname), '[]')
    from pg_catalog.pg_namespace n
    where n.nspname !~ '^pg_(toast|temp)'
  ) as schemas,
  (
    select coalesce(pg_catalog.json_agg(g.rolname order by g.rolname), '[]')
    from pg_catalog.pg_roles g
  ) as roles,
  (
    -- Whose objects the role may make, alter and give away.
    select coalesce(pg_catalog.json_agg(g.rolname order by g.rolname), '[]')
    from pg_catalog.pg_roles g
    where pg_catalog.pg_has_role(g.oid, 'member')
  ) as member_of,
  (
    select coalesce(pg_catalog.json_agg(e.extname order by e.extname), '[]')
    from pg_catalog.pg_extension e
  ) as installed,
  (
    select coalesce(pg_catalog.json_agg(e.name order by e.name), '[]')
    from pg_catalog.pg_available_extensions e
  ) as available,
  (
    select coalesce(pg_catalog.json_agg(p.pubname order by p.pubname), '[]')
    from pg_catalog.pg_publication p
  ) as publications,
  (
    select coalesce(pg_catalog.json_agg(t.evtname order by t.evtname), '[]')
    from pg_catalog.pg_event_trigger t
  ) as event_triggers,
  (
    -- Relations, functions and types of the platform, as an archive calls them.
    select coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(o.schema, o.name) order by o.schema, o.name), '[]')
    from (
      select p.name as schema, c.relname::pg_catalog.text as name
      from pg_catalog.pg_class c
      join platform p on p.oid = c.relnamespace
      union
      select
        p.name,
        f.proname || '(' || pg_catalog.array_to_string(
          array(
            select pg_catalog.format_type(a.type, null)
            from pg_catalog.unnest(f.proargtypes) with ordinality a (type, place)
            order by a.place
          ),
          ', '
        ) || ')'
      from pg_catalog.pg_proc f
      join platform p on p.oid = f.pronamespace
      union
      select p.name, t.typname
      from pg_catalog.pg_type t
      join platform p on p.oid = t.typnamespace
    ) o
  ) as platform_objects,
  (
    select coalesce(
      pg_catalog.json_agg(
        pg_catalog.json_build_object(
          'schema', t.schema,
          'name', t.name,
          'columns', (
            select coalesce(pg_catalog.json_agg(a.attname order by a.attnum), '[]')
            from pg_catalog.pg_attribute a
            where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
          ),
          'parents', (
            select coalesce(pg_catalog.json_agg(distinct pg_catalog.jsonb_build_array(n.nspname, f.relname)), '[]')
            from pg_catalog.pg_constraint k
            join pg_catalog.pg_class f on f.oid = k.confrelid
            join pg_catalog.pg_namespace n on n.oid = f.relnamespace
            where k.conrelid = t.oid and k.contype = 'f' and k.confrelid <> k.conrelid
          ),
          'policies', (
            select coalesce(pg_catalog.json_agg(p.polname order by p.polname), '[]')
            from pg_catalog.pg_policy p
            where p.polrelid = t.oid
          ),
          'triggers', (
            select coalesce(pg_catalog.json_agg(g.tgname order by g.tgname), '[]')
            from pg_catalog.pg_trigger g
            where g.tgrelid = t.oid and not g.tgisinternal
          ),
          'writable', pg_catalog.has_table_privilege(t.oid, 'insert')
        )
        order by t.schema, t.name
      ),
      '[]'
    )
    from tables t
  ) as tables
from pg_catalog.pg_roles r
where r.rolname = current_user
