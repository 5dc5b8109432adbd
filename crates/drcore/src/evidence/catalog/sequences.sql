-- Sequences and every column that draws on them. Ownership alone misses sequences that are linked only by a
-- DEFAULT (pagila links 13 of 13 that way). A partition's default is its root's and is left out.
with links as (
  select d.objid as seq, d.refobjid as rel, d.refobjsubid as att, case d.deptype when 'i' then 'identity' else 'owned' end as link
  from pg_catalog.pg_depend d
  where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.refobjsubid > 0
    and d.deptype in ('a', 'i')
  union
  select d.refobjid, ad.adrelid, ad.adnum, 'default'
  from pg_catalog.pg_attrdef ad
  join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    and d.objid = ad.oid
    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.deptype = 'n'
),
feeds as (
  -- An owned column is usually linked by its default too: one line, the strongest link.
  select distinct on (l.seq, l.rel, l.att)
    l.seq,
    pg_catalog.jsonb_build_object(
      'relation', pg_catalog.format(
        '%s.%s',
        '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
        '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
      ),
      'column', a.attname,
      'link', l.link
    ) as feed,
    n.nspname as schema, c.relname as name, a.attnum as place
  from links l
  join pg_catalog.pg_class c on c.oid = l.rel and not c.relispartition
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = l.rel and a.attnum = l.att
  order by l.seq, l.rel, l.att, case l.link when 'identity' then 1 when 'owned' then 2 else 3 end
)
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(c.relname, '"', '""') || '"'
  ) as name,
  pg_catalog.format_type(s.seqtypid, null) as type,
  s.seqstart as start,
  s.seqmin as min,
  s.seqmax as max,
  s.seqincrement as increment,
  s.seqcache as cache,
  s.seqcycle as cycle,
  coalesce(
    (
      select pg_catalog.jsonb_agg(f.feed order by f.schema collate "C", f.name collate "C", f.place)
      from feeds f
      where f.seq = c.oid
    ),
    '[]'
  ) as feeds,
  case c.relpersistence
    when 'p' then false
    when 'u' then true
  end as unlogged,
  pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text as owner,
  coalesce(c.relacl, pg_catalog.acldefault('s', c.relowner))::pg_catalog.text[] as acl,
  (
    select e.extname::pg_catalog.text
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      and d.objid = c.oid
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      and d.deptype = 'e'
  ) as extension
from pg_catalog.pg_sequence s
join pg_catalog.pg_class c on c.oid = s.seqrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relpersistence <> 't'
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C"
