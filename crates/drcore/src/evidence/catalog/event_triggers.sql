-- Event triggers, but for those of extensions.
select
  t.evtname::pg_catalog.text as name,
  t.evtevent::pg_catalog.text as event,
  coalesce(t.evttags, '{}') as tags,
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(fn.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(f.proname, '"', '""') || '"'
  ) as function,
  case t.evtenabled
    when 'O' then 'origin'
    when 'D' then 'disabled'
    when 'R' then 'replica'
    when 'A' then 'always'
    else t.evtenabled::pg_catalog.text
  end as enabled,
  pg_catalog.pg_get_userbyid(t.evtowner)::pg_catalog.text as owner
from pg_catalog.pg_event_trigger t
join pg_catalog.pg_proc f on f.oid = t.evtfoid
join pg_catalog.pg_namespace fn on fn.oid = f.pronamespace
where not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by t.evtname collate "C"
