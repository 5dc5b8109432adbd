-- After the sample's supabase.sql: every check passes, and on what is damaged every check fails.
create table tenants (id int primary key, name text not null);
create table tasks (id serial primary key, tenant_id int not null references tenants, created_at timestamptz not null);
create table kinds (id int primary key);
-- Reading it takes more locks than there are to be had where locks are short.
create table visits (id int, kind_id int references kinds, primary key (id)) partition by list (id);
do $$
begin
  for n in 1..40 loop
    execute format('create table visits_%s partition of visits for values in (%s)', n, n);
    execute format('alter table visits_%s enable row level security', n);
  end loop;
end
$$;
create index tasks_created_at on tasks (created_at);
create index tasks_tenant_id on tasks (tenant_id);
insert into tenants select n, 'tenant ' || n from generate_series(1, 3) n;
insert into tasks (tenant_id, created_at)
select 1 + n % 3, timestamptz '2026-11-20T02:00:00Z' + n * interval '1 minute' from generate_series(1, 30) n;
insert into kinds values (1), (2);
insert into visits select n, 1 + n % 2 from generate_series(1, 40) n;
alter table tenants enable row level security;
alter table tasks enable row level security;
alter table kinds enable row level security;
alter table visits enable row level security;
create policy own on tasks for all to authenticated using (tenant_id = right((select auth.uid())::text, 1)::int);
insert into storage.buckets (id, name, public) values ('documents', 'documents', false);
-- Of the first two the files are there.
insert into storage.objects (bucket_id, name, version)
select 'documents', n || '.pdf', '1f9d7a52-3c0e-4b57-9a2e-' || lpad(n::text, 12, '0') from generate_series(1, 2) n;
insert into auth.users (instance_id, id, aud, role, email, confirmation_token, recovery_token, email_change_token_new, email_change, created_at)
select '00000000-0000-0000-0000-000000000000', ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'authenticated', 'authenticated', 'user' || n || '@example.com', '', '', '', '', '2026-11-20T02:00:00Z' from generate_series(1, 2) n;
insert into auth.identities (id, provider_id, user_id, identity_data, provider) select id, id::text, id, '{}', 'email' from auth.users;
create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values ('20240101000000', array['select 1'], 'one'), ('20240201000000', array['select 2'], 'two');
-- damage
delete from supabase_migrations.schema_migrations where name = 'two';
update auth.users set recovery_token = null where email = 'user1@example.com';
-- What is written while an index is not ready is not in it.
update pg_index set indisready = false where indexrelid = 'kinds_pkey'::regclass;
insert into kinds values (1);
update pg_index set indisready = true where indexrelid = 'kinds_pkey'::regclass;
set session_replication_role = replica;
delete from tenants where id = 3;
delete from kinds where id = 2;
delete from tasks where created_at > '2026-11-20T02:20:00Z';
select setval('tasks_id_seq', 2);
alter table tasks disable row level security;
update storage.buckets set public = true;
update storage.objects set version = '1f9d7a52-3c0e-4b57-9a2e-000000000003' where name = '2.pdf';
grant truncate on kinds to public;
drop index tasks_created_at;
update pg_index set indisvalid = false where indexrelid = 'tasks_tenant_id'::regclass;
