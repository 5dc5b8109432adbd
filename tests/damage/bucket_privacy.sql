-- After the sample's supabase.sql.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('avatars', 'avatars', true, 2000000, '{image/png,image/jpeg}'),
  ('documents', 'documents', false, null, null),
  ('Exports 2026', 'Exports 2026', false, 5, null),
  ('logos', 'logos', true, null, null),
  ('scans', 'scans', false, null, '{application/pdf}'),
  ('undecided', 'undecided', null, null, null);
insert into storage.objects (bucket_id, name) select 'documents', n || '.pdf' from generate_series(1, 1204) n;
insert into storage.objects (bucket_id, name) values ('avatars', 'a.png');
create policy "own documents" on storage.objects for select to authenticated
  using (bucket_id = 'documents' and owner_id = auth.uid()::text);
create policy "upload documents" on storage.objects for insert to authenticated
  with check (bucket_id = 'documents' and owner_id = auth.uid()::text);
create policy "list logos" on storage.objects for select to public using (bucket_id = 'logos');
create policy "staff scans" on storage.objects for select to authenticated using (bucket_id = 'scans');
create policy fence on storage.objects as restrictive for delete to public using (owner_id = auth.uid()::text);
create policy "delete own" on storage.objects for delete to authenticated using (bucket_id = 'documents');
create policy "know buckets" on storage.buckets for select to authenticated using (id = 'documents');
-- damage
set storage.allow_delete_query = 'true';
update storage.buckets set public = true where id = 'documents';
update storage.buckets set public = false, name = 'avatars' where id = 'avatars';
update storage.buckets set file_size_limit = null, allowed_mime_types = '{image/png,text/html}' where id = 'avatars';
delete from storage.buckets where id = 'Exports 2026';
-- Only its order changed.
update storage.buckets set allowed_mime_types = '{application/pdf}' where id = 'scans';
insert into storage.buckets (id, name, public) values ('leak', 'leak', true), ('spare', 'spare', false);
alter table storage.buckets disable row level security;
drop policy "own documents" on storage.objects;
drop policy "know buckets" on storage.buckets;
drop policy fence on storage.objects;
alter policy "staff scans" on storage.objects to anon, authenticated;
create policy "upload for all" on storage.objects for insert to anon with check (bucket_id = 'scans' and true);
