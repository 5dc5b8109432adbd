-- As whom roles log in to foreign servers. Options are shown to some only, and of what may be a secret only the name
-- is read.
select
  m.srvname::pg_catalog.text as server,
  case when m.umuser = 0 then 'public' else m.usename::pg_catalog.text end as role,
  (
    select pg_catalog.array_agg(
      case
        when pg_catalog.split_part(o.option, '=', 1) ~* '(pass|secret|token|key|cred)' then pg_catalog.split_part(o.option, '=', 1)
        else o.option
      end
      order by o.option collate "C"
    )
    from pg_catalog.unnest(m.umoptions) o (option)
  ) as options
from pg_catalog.pg_user_mappings m
order by m.srvname collate "C", m.umuser <> 0, m.usename collate "C"
