-- How far a standby is behind, as far as it knows. Others than members of pg_read_all_stats see of a receiver
-- only that it runs.
with at as (
  select
    pg_catalog.pg_last_wal_replay_lsn() as replayed,
    greatest(pg_catalog.pg_last_wal_receive_lsn(), r.latest_end_lsn) as known,
    pg_catalog.pg_last_xact_replay_timestamp() as replayed_at,
    r.pid is not null as receiving
  from (select) one
  left join pg_catalog.pg_stat_wal_receiver r on true
)
select
  at.receiving,
  pg_catalog.pg_is_wal_replay_paused() as paused,
  pg_catalog.to_char(at.replayed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as replayed_at,
  case
    -- Between two transactions of the primary nothing is behind, however long ago the last one was.
    when at.receiving and at.replayed >= at.known then 0
    else greatest(
      pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - at.replayed_at) * 1000)::pg_catalog.int8,
      0
    )
  end as lag_ms,
  greatest(pg_catalog.pg_wal_lsn_diff(at.known, at.replayed), 0)::pg_catalog.int8 as lag_bytes
from at
