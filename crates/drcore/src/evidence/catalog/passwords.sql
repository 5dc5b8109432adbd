-- Which roles have a password: only a superuser may ask. Never what it is, nor its hash.
select
  r.rolname::pg_catalog.text as role,
  r.rolpassword is not null as there
from pg_catalog.pg_authid r
where r.rolname not like 'pg\_%'
order by r.rolname collate "C"
