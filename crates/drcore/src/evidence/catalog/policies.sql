-- Row level security policies, their expressions as text under the reader's (empty) search_path.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  p.polname::pg_catalog.text as name,
  case p.polcmd
    when '*' then 'all'
    when 'r' then 'select'
    when 'a' then 'insert'
    when 'w' then 'update'
    when 'd' then 'delete'
  end as command,
  p.polpermissive as permissive,
  (
    -- Role 0 is everybody.
    select pg_catalog.array_agg(
      case when u.role = 0 then 'public' else pg_catalog.pg_get_userbyid(u.role)::pg_catalog.text end
      order by case when u.role = 0 then 'public' else pg_catalog.pg_get_userbyid(u.role)::pg_catalog.text end collate "C"
    )
    from pg_catalog.unnest(p.polroles) u (role)
  ) as roles,
  pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using,
  pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as check
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", p.polname collate "C"
