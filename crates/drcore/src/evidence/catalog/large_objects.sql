-- How many large objects there are.
select pg_catalog.count(*) as count
from pg_catalog.pg_largeobject_metadata
order by 1
