-- Unique indexes, valid or not. Partitions' copies of their root's are left out, and so is what keeps ranges from
-- overlapping (exclusion constraints, WITHOUT OVERLAPS).
with parts as (
  select
    i.indexrelid,
    u.place,
    a.attname::pg_catalog.text as column,
    case when a.attnum is null then pg_catalog.pg_get_indexdef(i.indexrelid, u.place, false) end as expression,
    case
      -- Texts are equal where their bytes are, in every collation but the nondeterministic ones.
      when co.collisdeterministic and o.opcintype in (
        'pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.bpchar'::pg_catalog.regtype,
        'pg_catalog.name'::pg_catalog.regtype
      ) then '"pg_catalog"."C"'
      when co.oid is not null then pg_catalog.format(
        '%s.%s',
        '"' || pg_catalog.replace(con.nspname, '"', '""') || '"',
        '"' || pg_catalog.replace(co.collname, '"', '""') || '"'
      )
    end as collation,
    case
      when t.typtype <> 'p' and t.oid <> ia.atttypid then pg_catalog.format(
        '%s.%s',
        '"' || pg_catalog.replace(tn.nspname, '"', '""') || '"',
        '"' || pg_catalog.replace(t.typname, '"', '""') || '"'
      )
    end as compared_as,
    case
      when not exists (
        -- What group by takes: the equality of the type's default operator class for B-trees.
        select
        from pg_catalog.pg_opclass d
        join pg_catalog.pg_am m on m.oid = d.opcmethod and m.amname = 'btree'
        join pg_catalog.pg_amop x
          on x.amopfamily = d.opcfamily
          and x.amopstrategy = 3
          and x.amoplefttype = d.opcintype
          and x.amoprighttype = d.opcintype
        join pg_catalog.pg_amop y
          on y.amopfamily = o.opcfamily
          and y.amopstrategy = 3
          and y.amoplefttype = o.opcintype
          and y.amoprighttype = o.opcintype
        where d.opcdefault and d.opcintype = o.opcintype and o.opcmethod = m.oid and y.amopopr = x.amopopr
      ) then pg_catalog.format(
        '%s.%s',
        '"' || pg_catalog.replace(opn.nspname, '"', '""') || '"',
        '"' || pg_catalog.replace(o.opcname, '"', '""') || '"'
      )
    end as operator_class
  from pg_catalog.pg_index i
  cross join lateral pg_catalog.generate_series(1, i.indnkeyatts) u (place)
  join pg_catalog.pg_opclass o on o.oid = i.indclass[u.place - 1]
  join pg_catalog.pg_namespace opn on opn.oid = o.opcnamespace
  join pg_catalog.pg_type t on t.oid = o.opcintype
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  join pg_catalog.pg_attribute ia on ia.attrelid = i.indexrelid and ia.attnum = u.place
  left join pg_catalog.pg_attribute a
    on a.attrelid = i.indrelid and a.attnum = i.indkey[u.place - 1] and a.attnum <> 0
  left join pg_catalog.pg_collation co on co.oid = i.indcollation[u.place - 1]
  left join pg_catalog.pg_namespace con on con.oid = co.collnamespace
  where i.indisunique and not i.indisexclusion
),
keys as (
  select
    p.indexrelid,
    pg_catalog.json_agg(
      pg_catalog.json_build_object(
        'column', p.column,
        'expression', p.expression,
        'collation', p.collation,
        'compared_as', p.compared_as,
        'operator_class', p.operator_class
      )
      order by p.place
    ) as parts
  from parts p
  group by p.indexrelid
)
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as relation,
  x.relname::pg_catalog.text as name,
  case k.contype when 'p' then 'primary_key' when 'u' then 'constraint' else 'index' end as origin,
  p.parts,
  pg_catalog.pg_get_expr(i.indpred, i.indrelid) as predicate,
  -- From PostgreSQL 15 on.
  not coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::pg_catalog.bool, false) as nulls_distinct,
  i.indisvalid and i.indisready and i.indislive as valid,
  coalesce(pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.pg_get_indexdef(i.indexrelid)) as definition
from pg_catalog.pg_index i
join keys p on p.indexrelid = i.indexrelid
join pg_catalog.pg_class x on x.oid = i.indexrelid
join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_constraint k
  on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u')
where i.indisunique
  and not i.indisexclusion
  and not x.relispartition
  and c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C", x.relname collate "C"
