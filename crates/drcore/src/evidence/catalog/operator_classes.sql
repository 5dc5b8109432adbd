-- Operator classes of the users' own, but for those of extensions.
select
  n.nspname::pg_catalog.text as schema,
  o.opcname::pg_catalog.text as name,
  m.amname::pg_catalog.text as method,
  pg_catalog.format(
    '%sFOR TYPE %s USING %I FAMILY %I.%I AS %s',
    case when o.opcdefault then 'DEFAULT ' else '' end,
    pg_catalog.format_type(o.opcintype, null),
    m.amname,
    fn.nspname,
    f.opfname,
    pg_catalog.concat_ws(
      ', ',
      (
        select pg_catalog.string_agg(i.item, ', ' order by i.sort, i.item collate "C")
        from (
          select
            1 as sort,
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
          where a.amopfamily = o.opcfamily
          union all
          select
            2,
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
          where p.amprocfamily = o.opcfamily
        ) i
        where exists (
          select
          from pg_catalog.pg_depend d
          where d.classid = i.class
            and d.objid = i.oid
            and d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
            and d.refobjid = o.oid
            and d.deptype = 'i'
        )
      ),
      case
        when o.opckeytype <> 0 then 'STORAGE ' || pg_catalog.format_type(o.opckeytype, null)
        else 'STORAGE ' || pg_catalog.format_type(o.opcintype, null)
      end
    )
  ) as definition
from pg_catalog.pg_opclass o
join pg_catalog.pg_namespace n on n.oid = o.opcnamespace
join pg_catalog.pg_am m on m.oid = o.opcmethod
join pg_catalog.pg_opfamily f on f.oid = o.opcfamily
join pg_catalog.pg_namespace fn on fn.oid = f.opfnamespace
where n.nspname <> 'information_schema'
  and n.nspname not like 'pg\_%'
  and not exists (
    select
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass and d.objid = o.oid and d.deptype = 'e'
  )
order by n.nspname collate "C", o.opcname collate "C", m.amname collate "C"
