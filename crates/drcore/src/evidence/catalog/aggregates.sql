-- Aggregates of the users' own, as the statements that create them.
select
  n.nspname::pg_catalog.text as schema,
  p.proname::pg_catalog.text as name,
  pg_catalog.oidvectortypes(p.proargtypes) as arguments,
  pg_catalog.format(
    'CREATE AGGREGATE %I.%I(%s) (%s)',
    n.nspname,
    p.proname,
    coalesce(nullif(pg_catalog.pg_get_function_arguments(p.oid), ''), '*'),
    (
      select pg_catalog.string_agg(o.option, ', ' order by o.place)
      from (
        values
          (1, 'SFUNC = ' || a.aggtransfn::pg_catalog.text),
          (2, 'STYPE = ' || pg_catalog.format_type(a.aggtranstype, null)),
          (3, case when a.aggtransspace <> 0 then 'SSPACE = ' || a.aggtransspace end),
          (4, case when a.aggfinalfn <> 0 then 'FINALFUNC = ' || a.aggfinalfn::pg_catalog.text end),
          (5, case when a.aggfinalextra then 'FINALFUNC_EXTRA' end),
          (6, case when a.aggfinalfn <> 0 then 'FINALFUNC_MODIFY = ' || m.final end),
          (7, case when a.aggcombinefn <> 0 then 'COMBINEFUNC = ' || a.aggcombinefn::pg_catalog.text end),
          (8, case when a.aggserialfn <> 0 then 'SERIALFUNC = ' || a.aggserialfn::pg_catalog.text end),
          (9, case when a.aggdeserialfn <> 0 then 'DESERIALFUNC = ' || a.aggdeserialfn::pg_catalog.text end),
          (10, 'INITCOND = ' || pg_catalog.quote_literal(a.agginitval)),
          (11, case when a.aggmtransfn <> 0 then 'MSFUNC = ' || a.aggmtransfn::pg_catalog.text end),
          (12, case when a.aggminvtransfn <> 0 then 'MINVFUNC = ' || a.aggminvtransfn::pg_catalog.text end),
          (13, case when a.aggmtranstype <> 0 then 'MSTYPE = ' || pg_catalog.format_type(a.aggmtranstype, null) end),
          (14, case when a.aggmtransspace <> 0 then 'MSSPACE = ' || a.aggmtransspace end),
          (15, case when a.aggmfinalfn <> 0 then 'MFINALFUNC = ' || a.aggmfinalfn::pg_catalog.text end),
          (16, case when a.aggmfinalextra then 'MFINALFUNC_EXTRA' end),
          (17, case when a.aggmfinalfn <> 0 then 'MFINALFUNC_MODIFY = ' || m.moving end),
          (18, 'MINITCOND = ' || pg_catalog.quote_literal(a.aggminitval)),
          (
            19,
            (
              select pg_catalog.format('SORTOP = OPERATOR(%I.%s)', sn.nspname, s.oprname)
              from pg_catalog.pg_operator s
              join pg_catalog.pg_namespace sn on sn.oid = s.oprnamespace
              where s.oid = a.aggsortop
            )
          ),
          (20, case p.proparallel when 's' then 'PARALLEL = SAFE' when 'r' then 'PARALLEL = RESTRICTED' end),
          (21, case when a.aggkind = 'h' then 'HYPOTHETICAL' end)
      ) o (place, option)
    )
  ) as definition
from pg_catalog.pg_aggregate a
join pg_catalog.pg_proc p on p.oid = a.aggfnoid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
cross join lateral (
  select
    case a.aggfinalmodify when 'r' then 'READ_ONLY' when 's' then 'SHAREABLE' else 'READ_WRITE' end as final,
    case a.aggmfinalmodify when 'r' then 'READ_ONLY' when 's' then 'SHAREABLE' else 'READ_WRITE' end as moving
) m
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by n.nspname collate "C", p.proname collate "C", pg_catalog.oidvectortypes(p.proargtypes) collate "C"
