-- Tables, views, materialised views and foreign tables outside the system schemas.
-- Temporary relations are other sessions' own and are left out. A kind that we do not know is given as the letter
-- that the server has for it, which makes the whole answer unread: a part of it could pass for all.
select
  pg_catalog.format('%s.%s', drc.schema_ident, drc.name_ident) as name,
  case c.relkind
    when 'r' then 'table'
    when 'p' then 'partitioned_table'
    when 'v' then 'view'
    when 'm' then 'materialized_view'
    when 'f' then 'foreign_table'
    else c.relkind::pg_catalog.text
  end as kind,
  case c.relpersistence
    when 'p' then 'permanent'
    when 'u' then 'unlogged'
    else c.relpersistence::pg_catalog.text
  end as persistence,
  pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text as owner,
  c.relrowsecurity as rls_enabled,
  c.relforcerowsecurity as rls_forced,
  coalesce(
    (
      select pg_catalog.array_agg(
        '"' || pg_catalog.replace(pn.nspname, '"', '""') || '"."' || pg_catalog.replace(pc.relname, '"', '""') || '"'
        order by i.inhseqno
      )
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class pc on pc.oid = i.inhparent
      join pg_catalog.pg_namespace pn on pn.oid = pc.relnamespace
      where i.inhrelid = c.oid
    ),
    '{}'
  ) as parents,
  c.relispartition as is_partition,
  coalesce(c.reloptions, '{}') as options,
  coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))::pg_catalog.text[] as acl,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      and d.objid = c.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension,
  c.reltuples::pg_catalog.int8 as estimated_rows,
  -- The server's own function waits for whoever holds a lock on the table, and all other relations with it: where a
  -- key is but columns, it is put together here.
  (
    select case
      when k.is_plain then pg_catalog.format(
        '%s (%s)',
        case p.partstrat when 'h' then 'HASH' when 'l' then 'LIST' when 'r' then 'RANGE' end,
        k.columns
      )
      else pg_catalog.pg_get_partkeydef(c.oid)
    end
    from pg_catalog.pg_partitioned_table p
    cross join lateral (
      select
        pg_catalog.bool_and(u.attnum <> 0 and o.opcdefault and u.sorting = a.attcollation) as is_plain,
        pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by u.place) as columns
      from rows from (
        pg_catalog.unnest(p.partattrs),
        pg_catalog.unnest(p.partclass),
        pg_catalog.unnest(p.partcollation)
      ) with ordinality u (attnum, class, sorting, place)
      join pg_catalog.pg_opclass o on o.oid = u.class
      left join pg_catalog.pg_attribute a on a.attrelid = p.partrelid and a.attnum = u.attnum
    ) k
    where p.partrelid = c.oid
  ) as partition_key,
  -- A bound names no column, so that no relation need be named, nor waited for.
  pg_catalog.pg_get_expr(c.relpartbound, 0) as partition_bound,
  case c.relreplident
    when 'd' then null
    when 'f' then 'full'
    when 'n' then 'nothing'
    when 'i' then (
      select 'index ' || pg_catalog.quote_ident(x.relname)
      from pg_catalog.pg_index i
      join pg_catalog.pg_class x on x.oid = i.indexrelid
      where i.indrelid = c.oid and i.indisreplident
    )
    else c.relreplident::pg_catalog.text
  end as replica_identity,
  nullif(am.amname, 'heap')::pg_catalog.text as access_method,
  ts.spcname::pg_catalog.text as tablespace,
  '"' || pg_catalog.replace(tn.nspname, '"', '""') || '"."' || pg_catalog.replace(t.typname, '"', '""') || '"' as of_type,
  coalesce(toast.reloptions, '{}') as toast_options,
  fs.srvname::pg_catalog.text as server,
  coalesce(f.ftoptions, '{}') as server_options,
  not c.relispopulated as unpopulated
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_am am on am.oid = c.relam
left join pg_catalog.pg_tablespace ts on ts.oid = c.reltablespace
left join pg_catalog.pg_type t on t.oid = c.reloftype
left join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
left join pg_catalog.pg_class toast on toast.oid = c.reltoastrelid
left join pg_catalog.pg_foreign_table f on f.ftrelid = c.oid
left join pg_catalog.pg_foreign_server fs on fs.oid = f.ftserver
cross join lateral (
  -- Always quoted: the reader brings names into their one canonical form.
  select
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"' as schema_ident,
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"' as name_ident
) drc
where c.relkind not in ('c', 'i', 'I', 'S', 't')
  and c.relpersistence <> 't'
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C"
