-- Operators of the users' own, but for those of extensions.
select
  n.nspname::pg_catalog.text as schema,
  o.oprname::pg_catalog.text as name,
  case when o.oprleft <> 0 then pg_catalog.format_type(o.oprleft, null) end as left,
  case when o.oprright <> 0 then pg_catalog.format_type(o.oprright, null) end as right,
  pg_catalog.concat_ws(
    ', ',
    'FUNCTION = ' || o.oprcode::pg_catalog.text,
    case when o.oprleft <> 0 then 'LEFTARG = ' || pg_catalog.format_type(o.oprleft, null) end,
    case when o.oprright <> 0 then 'RIGHTARG = ' || pg_catalog.format_type(o.oprright, null) end,
    (
      select pg_catalog.format('COMMUTATOR = OPERATOR(%I.%s)', xn.nspname, x.oprname)
      from pg_catalog.pg_operator x
      join pg_catalog.pg_namespace xn on xn.oid = x.oprnamespace
      where x.oid = o.oprcom
    ),
    (
      select pg_catalog.format('NEGATOR = OPERATOR(%I.%s)', xn.nspname, x.oprname)
      from pg_catalog.pg_operator x
      join pg_catalog.pg_namespace xn on xn.oid = x.oprnamespace
      where x.oid = o.oprnegate
    ),
    case when o.oprrest <> 0 then 'RESTRICT = ' || o.oprrest::pg_catalog.text end,
    case when o.oprjoin <> 0 then 'JOIN = ' || o.oprjoin::pg_catalog.text end,
    case when o.oprcanhash then 'HASHES' end,
    case when o.oprcanmerge then 'MERGES' end
  ) as definition
from pg_catalog.pg_operator o
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
-- One without a function is only spoken of.
where o.oprcode <> 0
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass and d.objid = o.oid and d.deptype = 'e'
  )
order by
  n.nspname collate "C", o.oprname collate "C", pg_catalog.format_type(nullif(o.oprleft, 0), null) collate "C" nulls first,
  pg_catalog.format_type(nullif(o.oprright, 0), null) collate "C" nulls first
