-- Roles, the server's own predefined ones (pg_…) included, since others may be members of them.
-- Before version 16 a role inherits from all its groups or from none, and can become each of them, from 16 on every
-- membership says so by itself. Through jsonb, because those columns are missing before.
select
  r.rolname::pg_catalog.text as name,
  r.rolsuper as superuser,
  r.rolcanlogin as login,
  r.rolbypassrls as bypass_rls,
  coalesce(
    pg_catalog.array_agg(distinct m.granted order by m.granted) filter (where m.granted is not null and coalesce(m.inherits, r.rolinherit)),
    '{}'
  ) as inherits,
  coalesce(
    pg_catalog.array_agg(distinct m.granted order by m.granted) filter (where m.granted is not null and coalesce(m.settable, true)),
    '{}'
  ) as can_become,
  pg_catalog.jsonb_build_object(
    'inherit', r.rolinherit,
    'create_role', r.rolcreaterole,
    'create_database', r.rolcreatedb,
    'replication', r.rolreplication,
    'connections', nullif(r.rolconnlimit, -1),
    -- Not as a timestamp, whose text follows the session's settings.
    'valid_until', case
      when pg_catalog.isfinite(r.rolvaliduntil)
        then pg_catalog.to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    end,
    'administers', coalesce(
      pg_catalog.jsonb_agg(distinct m.granted) filter (where m.granted is not null and m.admin),
      '[]'
    ),
    -- The role that initdb made.
    'is_first', r.oid = 10
  ) as attributes
from pg_catalog.pg_roles r
left join (
  select
    a.member,
    g.rolname::pg_catalog.text collate "C" as granted,
    a.admin_option as admin,
    (pg_catalog.to_jsonb(a) ->> 'inherit_option')::pg_catalog.bool as inherits,
    (pg_catalog.to_jsonb(a) ->> 'set_option')::pg_catalog.bool as settable
  from pg_catalog.pg_auth_members a
  join pg_catalog.pg_roles g on g.oid = a.roleid
) m on m.member = r.oid
group by
  r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcanlogin, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb,
  r.rolreplication, r.rolconnlimit, r.rolvaliduntil
order by r.rolname collate "C"
