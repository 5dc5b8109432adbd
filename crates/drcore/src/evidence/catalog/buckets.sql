-- The buckets, through jsonb, because columns came and went with the storage schema's versions.
select
  b.row ->> 'id' as id,
  b.row ->> 'name' as name,
  (b.row ->> 'public')::pg_catalog.bool as public,
  (b.row ->> 'file_size_limit')::pg_catalog.int8 as file_size_limit,
  case when pg_catalog.jsonb_typeof(b.row -> 'allowed_mime_types') = 'array' then b.row -> 'allowed_mime_types' end as allowed_mime_types,
  b.row ->> 'type' as type
from (
  select pg_catalog.to_jsonb(t) as row
  from storage.buckets t
) b
order by b.row ->> 'id' collate "C"
