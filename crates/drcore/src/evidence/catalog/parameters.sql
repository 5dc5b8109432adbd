-- Privileges on configuration parameters, which PostgreSQL 15 and later has.
select
  p.parname as name,
  p.paracl::pg_catalog.text[] as acl
from pg_catalog.pg_parameter_acl p
order by p.parname collate "C"
