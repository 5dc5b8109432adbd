-- Triggers of tables and views. Those that partitioning makes on partitions are told where they are switched another
-- way than their root's, and those that stand behind constraints where they are switched off.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  t.tgname::pg_catalog.text as name,
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(fn.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(f.proname, '"', '""') || '"'
  ) as function,
  case t.tgenabled
    when 'O' then 'origin'
    when 'D' then 'disabled'
    when 'R' then 'replica'
    when 'A' then 'always'
    else t.tgenabled::pg_catalog.text
  end as enabled,
  pg_catalog.pg_get_triggerdef(t.oid) as definition,
  t.tgparentid <> 0 as of_root,
  case when t.tgisinternal then k.conname::pg_catalog.text end as behind
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_proc f on f.oid = t.tgfoid
join pg_catalog.pg_namespace fn on fn.oid = f.pronamespace
left join pg_catalog.pg_trigger r on r.oid = t.tgparentid
left join pg_catalog.pg_constraint k on k.oid = t.tgconstraint
where c.relpersistence <> 't'
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and case
    when t.tgparentid <> 0 then t.tgenabled <> r.tgenabled
    when t.tgisinternal then t.tgenabled <> 'O'
    else true
  end
order by n.nspname collate "C", c.relname collate "C", t.tgname collate "C"
