-- Configurations, dictionaries, parsers and templates of text search of the users' own, but for those of extensions.
with objects as (
  select
    'pg_catalog.pg_ts_config'::pg_catalog.regclass as class,
    c.oid,
    c.cfgnamespace as namespace,
    c.cfgname as name,
    'configuration' as kind,
    'PARSER = ' || pg_catalog.format('%I.%I', pn.nspname, p.prsname) as definition,
    (
      select pg_catalog.array_agg(
        m.alias || ': ' || m.dictionaries
        order by m.alias collate "C"
      )
      from (
        select
          t.alias,
          pg_catalog.string_agg(e.mapdict::pg_catalog.regdictionary::pg_catalog.text, ', ' order by e.mapseqno) as dictionaries
        from pg_catalog.pg_ts_config_map e
        join pg_catalog.ts_token_type(c.cfgparser) t on t.tokid = e.maptokentype
        where e.mapcfg = c.oid
        group by t.alias
      ) m
    ) as mappings
  from pg_catalog.pg_ts_config c
  join pg_catalog.pg_ts_parser p on p.oid = c.cfgparser
  join pg_catalog.pg_namespace pn on pn.oid = p.prsnamespace
  where c.oid >= 16384
  union all
  select
    'pg_catalog.pg_ts_dict'::pg_catalog.regclass,
    d.oid,
    d.dictnamespace,
    d.dictname,
    'dictionary',
    pg_catalog.concat_ws(
      ', ',
      'TEMPLATE = ' || pg_catalog.format('%I.%I', tn.nspname, t.tmplname),
      nullif(d.dictinitoption, '')
    ),
    null
  from pg_catalog.pg_ts_dict d
  join pg_catalog.pg_ts_template t on t.oid = d.dicttemplate
  join pg_catalog.pg_namespace tn on tn.oid = t.tmplnamespace
  where d.oid >= 16384
  union all
  select
    'pg_catalog.pg_ts_parser'::pg_catalog.regclass,
    p.oid,
    p.prsnamespace,
    p.prsname,
    'parser',
    pg_catalog.concat_ws(
      ', ',
      'START = ' || p.prsstart::pg_catalog.text,
      'GETTOKEN = ' || p.prstoken::pg_catalog.text,
      'END = ' || p.prsend::pg_catalog.text,
      case when p.prsheadline <> 0 then 'HEADLINE = ' || p.prsheadline::pg_catalog.text end,
      'LEXTYPES = ' || p.prslextype::pg_catalog.text
    ),
    null
  from pg_catalog.pg_ts_parser p
  where p.oid >= 16384
  union all
  select
    'pg_catalog.pg_ts_template'::pg_catalog.regclass,
    t.oid,
    t.tmplnamespace,
    t.tmplname,
    'template',
    pg_catalog.concat_ws(
      ', ',
      case when t.tmplinit <> 0 then 'INIT = ' || t.tmplinit::pg_catalog.text end,
      'LEXIZE = ' || t.tmpllexize::pg_catalog.text
    ),
    null
  from pg_catalog.pg_ts_template t
  where t.oid >= 16384
)
select
  o.kind,
  n.nspname::pg_catalog.text as schema,
  o.name::pg_catalog.text as name,
  o.definition,
  coalesce(o.mappings, '{}') as mappings
from objects o
join pg_catalog.pg_namespace n on n.oid = o.namespace
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = o.class and d.objid = o.oid and d.deptype = 'e'
  )
order by o.kind, n.nspname collate "C", o.name collate "C"
