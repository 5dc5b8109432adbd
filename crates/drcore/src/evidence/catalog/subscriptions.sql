-- Subscriptions of this database. What they connect with is not for everybody to read, and holds passwords.
select
  s.name,
  s.enabled,
  s.slot,
  s.publications,
  s.synchronous_commit,
  s.options
-- What older servers have no columns for is looked up here.
from (
  values (
    false, 'f'::pg_catalog.text, 'd'::"char", false, true, false, 'any'::pg_catalog.text, false
  )
) missing (
  subbinary, substream, subtwophasestate, subdisableonerr, subpasswordrequired, subrunasowner, suborigin, subfailover
)
cross join lateral (
  select
    s.subname::pg_catalog.text as name,
    s.subenabled as enabled,
    s.subslotname::pg_catalog.text as slot,
    s.subpublications as publications,
    s.subsynccommit as synchronous_commit,
    pg_catalog.array_remove(
      array[
        case when subbinary then 'binary' end,
        case substream::pg_catalog.text when 'true' then 'streaming' when 't' then 'streaming' when 'p' then 'streaming = parallel' end,
        case when subtwophasestate <> 'd' then 'two_phase' end,
        case when subdisableonerr then 'disable_on_error' end,
        case when not subpasswordrequired then 'password_required = false' end,
        case when subrunasowner then 'run_as_owner' end,
        case when suborigin <> 'any' then 'origin = ' || suborigin end,
        case when subfailover then 'failover' end
      ],
      null
    ) as options
  from pg_catalog.pg_subscription s
  where s.subdbid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
) s
order by s.name collate "C"
