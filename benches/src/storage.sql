-- The tables of the storage service, as far as the audit reads them, with :objects rows.
create schema storage;
create table storage.buckets (id text primary key, name text not null);
create unlogged table storage.objects (
  id uuid, bucket_id text references storage.buckets (id), name text,
  owner_id text, created_at timestamptz default now(), updated_at timestamptz default now(), metadata jsonb, version text
);
insert into storage.buckets values ('files', 'files');
insert into storage.objects (id, bucket_id, name, version, metadata, created_at, updated_at)
select lpad(to_hex(n), 32, '0')::uuid, 'files', lpad(n::text, 9, '0') || '.jpg', '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'),
       jsonb_build_object('size', n % 100000, 'mimetype', 'image/jpeg'),
       now() - interval '1 day', now() - interval '1 day'
from generate_series(0, :objects - 1) n;
analyze storage.objects;
