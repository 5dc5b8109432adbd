-- Roles, the server's own predefined ones (pg_…) included, since others may be members of them.
select
  r.rolname::pg_catalog.text as name,
  r.rolsuper as superuser,
  r.rolinherit as inherit,
  r.rolcanlogin as login,
  r.rolbypassrls as bypass_rls,
  coalesce(
    (
      select pg_catalog.array_agg(distinct g.rolname::pg_catalog.text order by g.rolname::pg_catalog.text)
      from pg_catalog.pg_auth_members m
      join pg_catalog.pg_roles g on g.oid = m.roleid
      where m.member = r.oid
    ),
    '{}'
  ) as member_of
from pg_catalog.pg_roles r
order by r.rolname collate "C"
