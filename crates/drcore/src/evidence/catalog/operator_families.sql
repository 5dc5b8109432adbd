-- Operator families of the users' own, with the members that are of no class, but for those of extensions.
select
  n.nspname::pg_catalog.text as schema,
  f.opfname::pg_catalog.text as name,
  m.amname::pg_catalog.text as method,
  coalesce(
    (
      select pg_catalog.array_agg(i.item order by i.item collate "C")
      from (
        select
          pg_catalog.format('OPERATOR %s %s', a.amopstrategy, a.amopopr::pg_catalog.regoperator::pg_catalog.text)
            || coalesce(
              (
                select pg_catalog.format(' FOR ORDER BY %I.%I', sn.nspname, s.opfname)
                from pg_catalog.pg_opfamily s
                join pg_catalog.pg_namespace sn on sn.oid = s.opfnamespace
                where s.oid = a.amopsortfamily
              ),
              ''
            ) as item,
          'pg_catalog.pg_amop'::pg_catalog.regclass as class,
          a.oid
        from pg_catalog.pg_amop a
        where a.amopfamily = f.oid
        union all
        select
          pg_catalog.format(
            'FUNCTION %s (%s, %s) %s',
            p.amprocnum,
            pg_catalog.format_type(p.amproclefttype, null),
            pg_catalog.format_type(p.amprocrighttype, null),
            p.amproc::pg_catalog.regprocedure::pg_catalog.text
          ),
          'pg_catalog.pg_amproc'::pg_catalog.regclass,
          p.oid
        from pg_catalog.pg_amproc p
        where p.amprocfamily = f.oid
      ) i
      where not exists (
        select
        from pg_catalog.pg_depend d
        where d.classid = i.class
          and d.objid = i.oid
          and d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
          and d.deptype = 'i'
      )
    ),
    '{}'
  ) as members
from pg_catalog.pg_opfamily f
join pg_catalog.pg_namespace n on n.oid = f.opfnamespace
join pg_catalog.pg_am m on m.oid = f.opfmethod
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass and d.objid = f.oid and d.deptype = 'e'
  )
order by n.nspname collate "C", f.opfname collate "C", m.amname collate "C"
