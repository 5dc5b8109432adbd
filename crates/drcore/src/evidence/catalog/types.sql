-- Types of the users' own, but for those of extensions and those that tables, arrays and ranges bring with them.
select
  pg_catalog.format(
    '%s.%s',
    '"' || pg_catalog.replace(n.nspname, '"', '""') || '"',
    '"' || pg_catalog.replace(t.typname, '"', '""') || '"'
  ) as name,
  case
    when not t.typisdefined then 'shell'
    when t.typtype = 'b' then 'base'
    when t.typtype = 'c' then 'composite'
    when t.typtype = 'd' then 'domain'
    when t.typtype = 'e' then 'enum'
    when t.typtype = 'r' then 'range'
    else t.typtype::pg_catalog.text
  end as kind,
  pg_catalog.pg_get_userbyid(t.typowner)::pg_catalog.text as owner,
  coalesce(
    (
      select pg_catalog.array_agg(e.enumlabel::pg_catalog.text order by e.enumsortorder)
      from pg_catalog.pg_enum e
      where e.enumtypid = t.oid
    ),
    '{}'
  ) as labels,
  coalesce(
    (
      select pg_catalog.array_agg(
        pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
          || coalesce(' COLLATE ' || co.oid::pg_catalog.regcollation::pg_catalog.text, '')
        order by a.attnum
      )
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_type at on at.oid = a.atttypid
      left join pg_catalog.pg_collation co on co.oid = a.attcollation and co.oid <> at.typcollation
      where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ),
    '{}'
  ) as attributes,
  case
    when t.typtype = 'd' then
      pg_catalog.format_type(t.typbasetype, t.typtypmod)
        || coalesce(
          (
            select ' COLLATE ' || co.oid::pg_catalog.regcollation::pg_catalog.text
            from pg_catalog.pg_collation co
            join pg_catalog.pg_type b on b.oid = t.typbasetype
            where co.oid = t.typcollation and co.oid <> b.typcollation
          ),
          ''
        )
    when t.typtype = 'r' then
      (
        select pg_catalog.concat_ws(
          ', ',
          'SUBTYPE = ' || pg_catalog.format_type(r.rngsubtype, null),
          (
            select pg_catalog.format('SUBTYPE_OPCLASS = %I.%I', opn.nspname, o.opcname)
            from pg_catalog.pg_opclass o
            join pg_catalog.pg_namespace opn on opn.oid = o.opcnamespace
            where o.oid = r.rngsubopc and not (o.opcdefault and o.oid < 16384)
          ),
          (
            select 'COLLATION = ' || r.rngcollation::pg_catalog.regcollation::pg_catalog.text
            from pg_catalog.pg_type s
            where s.oid = r.rngsubtype and r.rngcollation <> s.typcollation
          ),
          case when r.rngcanonical <> 0 then 'CANONICAL = ' || r.rngcanonical::pg_catalog.text end,
          case when r.rngsubdiff <> 0 then 'SUBTYPE_DIFF = ' || r.rngsubdiff::pg_catalog.text end
        )
        from pg_catalog.pg_range r
        where r.rngtypid = t.oid
      )
    when t.typtype = 'b' and t.typisdefined then
      pg_catalog.concat_ws(
        ', ',
        'INPUT = ' || t.typinput::pg_catalog.text,
        'OUTPUT = ' || t.typoutput::pg_catalog.text,
        case when t.typreceive <> 0 then 'RECEIVE = ' || t.typreceive::pg_catalog.text end,
        case when t.typsend <> 0 then 'SEND = ' || t.typsend::pg_catalog.text end,
        case when t.typmodin <> 0 then 'TYPMOD_IN = ' || t.typmodin::pg_catalog.text end,
        case when t.typmodout <> 0 then 'TYPMOD_OUT = ' || t.typmodout::pg_catalog.text end,
        case when t.typanalyze <> 0 then 'ANALYZE = ' || t.typanalyze::pg_catalog.text end,
        'INTERNALLENGTH = ' || case when t.typlen > 0 then t.typlen::pg_catalog.text else 'VARIABLE' end,
        case when t.typbyval then 'PASSEDBYVALUE' end,
        'ALIGNMENT = '
          || case t.typalign when 'c' then 'char' when 's' then 'int2' when 'i' then 'int4' else 'double' end,
        'STORAGE = '
          || case t.typstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end,
        'CATEGORY = ' || pg_catalog.quote_literal(t.typcategory::pg_catalog.text),
        case when t.typispreferred then 'PREFERRED = true' end,
        'DEFAULT = ' || pg_catalog.quote_literal(t.typdefault),
        case when t.typelem <> 0 then 'ELEMENT = ' || pg_catalog.format_type(t.typelem, null) end,
        case when t.typdelim <> ',' then 'DELIMITER = ' || pg_catalog.quote_literal(t.typdelim::pg_catalog.text) end,
        case when t.typcollation <> 0 then 'COLLATABLE = true' end
      )
  end as definition,
  pg_catalog.pg_get_expr(t.typdefaultbin, 0) as default,
  t.typtype = 'd' and t.typnotnull as not_null,
  coalesce(
    (
      select pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_object(
          'name', k.conname,
          'definition', pg_catalog.pg_get_constraintdef(k.oid),
          'validated', k.convalidated
        )
        order by k.conname collate "C"
      )
      from pg_catalog.pg_constraint k
      where k.contypid = t.oid and k.contype = 'c'
    ),
    '[]'
  ) as constraints
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
where (c.oid is null or c.relkind = 'c')
  and t.typtype <> 'm'
  and not exists (
    -- The array of another type.
    select
    from pg_catalog.pg_type e
    where e.oid = t.typelem and e.typarray = t.oid
  )
  and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by n.nspname collate "C", t.typname collate "C"
