-- After the sample's supabase.sql. The bytes that belong to the rows are written by the test, version by version.
insert into storage.buckets (id, name) values ('documents', 'documents'), ('avatars', 'avatars');
insert into storage.objects (bucket_id, name, version, metadata)
select b, n || '.pdf', '1f9d7a52-3c0e-4b57-9a2e-' || lpad(n::text, 12, '0'), '{"size": 5}'
from unnest(array['documents', 'avatars']) b, generate_series(1, 3) n;
-- damage
set storage.allow_delete_query = 'true';
-- The database went back in time, and the store did not: one object was overwritten, one uploaded, one resized since.
update storage.objects set version = '1f9d7a52-3c0e-4b57-9a2e-000000000009'
where bucket_id = 'documents' and name = '1.pdf';
delete from storage.objects where bucket_id = 'documents' and name = '2.pdf';
update storage.objects set metadata = '{"size": 4}' where bucket_id = 'documents' and name = '3.pdf';
delete from storage.objects where bucket_id = 'avatars';
delete from storage.buckets where id = 'avatars';
