-- Rewrite rules of tables and views, but for those that make views.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  r.rulename::pg_catalog.text as name,
  case r.ev_enabled
    when 'O' then 'origin'
    when 'D' then 'disabled'
    when 'R' then 'replica'
    when 'A' then 'always'
    else r.ev_enabled::pg_catalog.text
  end as enabled,
  pg_catalog.pg_get_ruledef(r.oid) as definition
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where r.rulename <> '_RETURN'
  and c.relpersistence <> 't'
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", r.rulename collate "C"
