-- Publications, with what each sends.
with schemas as (
  -- pg_publication_namespace, which came with PostgreSQL 15, told by what each of its rows depends on.
  select p.refobjid as publication, n.refobjid as namespace
  from pg_catalog.pg_depend p
  join pg_catalog.pg_depend n
    on n.classid = p.classid
    and n.objid = p.objid
    and n.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
  where p.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')
    and p.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass
),
tables as (
  select
    pr.prpubid as publication,
    pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object(
        'relation', pg_catalog.format(
          '%s.%s',
          '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
          '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
        ),
        'columns', (
          select pg_catalog.jsonb_agg(a.attname order by a.attname collate "C")
          from pg_catalog.unnest(pr.columns) u (attnum)
          join pg_catalog.pg_attribute a on a.attrelid = pr.prrelid and a.attnum = u.attnum
        ),
        'filter', pg_catalog.pg_get_expr(pr.filter, pr.prrelid)
      )
      order by n.nspname collate "C", c.relname collate "C"
    ) as tables
  -- What PostgreSQL 13 and 14 have no columns for is looked up here.
  from (values (null::pg_catalog.int2vector, null::pg_catalog.pg_node_tree)) missing (prattrs, prqual)
  cross join lateral (
    select r.prpubid, r.prrelid, prattrs::pg_catalog.int2[] as columns, prqual as filter
    from pg_catalog.pg_publication_rel r
  ) pr
  join pg_catalog.pg_class c on c.oid = pr.prrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  group by pr.prpubid
)
select
  p.pubname::pg_catalog.text as name,
  pg_catalog.pg_get_userbyid(p.pubowner)::pg_catalog.text as owner,
  p.puballtables as all_tables,
  pg_catalog.array_remove(
    array[
      case when p.pubinsert then 'insert' end,
      case when p.pubupdate then 'update' end,
      case when p.pubdelete then 'delete' end,
      case when p.pubtruncate then 'truncate' end
    ],
    null
  ) as operations,
  p.pubviaroot as via_root,
  -- From PostgreSQL 18 on.
  coalesce(nullif(pg_catalog.to_jsonb(p) ->> 'pubgencols', 'n'), '') <> '' as generated_columns,
  coalesce(t.tables, '[]') as tables,
  coalesce(
    (
      select pg_catalog.array_agg(n.nspname::pg_catalog.text order by n.nspname collate "C")
      from schemas s
      join pg_catalog.pg_namespace n on n.oid = s.namespace
      where s.publication = p.oid
    ),
    '{}'
  ) as schemas
from pg_catalog.pg_publication p
left join tables t on t.publication = p.oid
order by p.pubname collate "C"
