//! An application on a Supabase project, and one piece of damage for each check.

/// Its tables, policies, rows and buckets, for [`SUPABASE`](crate::SUPABASE).
pub const APP: &str = "
create table tenants (id int primary key, created_at timestamptz not null);
create table invoices (id bigint generated always as identity primary key, tenant_id int not null references tenants, created_at timestamptz not null);
revoke truncate on tenants from anon;
create function stamp() returns trigger language plpgsql as 'begin return new; end';
create trigger stamp before update on tenants for each row execute function stamp();
create index invoices_created_at on invoices (created_at);
alter table tenants enable row level security;
alter table invoices enable row level security;
create policy own on tenants for select to authenticated using (id = 1);
create policy own on invoices for select to authenticated using (tenant_id = right((select auth.uid())::text, 1)::int);
insert into tenants select n, '2026-11-20T01:00:00Z' from generate_series(1, 5) n;
insert into invoices (tenant_id, created_at) select 1 + n % 5, '2026-11-20T01:00:00Z' from generate_series(1, 20) n;
insert into storage.buckets (id, name, public) values ('documents', 'documents', false);
insert into auth.users (instance_id, id, aud, role, email, confirmation_token, recovery_token, email_change_token_new, email_change, created_at)
select '00000000-0000-0000-0000-000000000000', ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'authenticated', 'authenticated', 'user' || n || '@example.com', '', '', '', '', '2026-11-20T01:00:00Z' from generate_series(1, 2) n;
insert into auth.identities (id, provider_id, user_id, identity_data, provider) select id, id::text, id, '{}', 'email' from auth.users;
create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values ('20240101000000', array['select 1'], 'one'), ('20240201000000', array['select 2'], 'two');
";

/// What must hold of it.
pub const PLAN: &str = "
[[assertions]]
name = \"there are five tenants\"
sql = \"select count(*) from tenants\"
expect = \"= 5\"
";

/// What is done to it.
pub const DAMAGE: &str = "
delete from invoices where id in (19, 20);
update pg_index set indisready = false where indexrelid = 'invoices_pkey'::regclass;
insert into invoices overriding system value values (1, 2, '2026-11-20T01:00:00Z');
update pg_index set indisready = true where indexrelid = 'invoices_pkey'::regclass;
update tenants set created_at = '2026-11-19T01:00:00Z';
set session_replication_role = replica; delete from tenants where id = 5; reset session_replication_role;
alter table invoices disable row level security;
update storage.buckets set public = true;
drop index invoices_created_at;
alter table tenants disable trigger stamp;
select setval('invoices_id_seq', 3);
grant truncate on tenants to anon;
update auth.users set recovery_token = null where email = 'user1@example.com';
delete from supabase_migrations.schema_migrations where name = 'two';
";

/// What is found of that against a baseline of before, by whoever can read everything.
pub const FOUND: &[&str] = &[
    "assertions:assertion_failed:there are five tenants",
    "auth_integrity:login_columns_null:auth.users",
    "bucket_privacy:bucket_public:documents",
    "content_drift:rows_differ:auth.users",
    "content_drift:rows_differ:public.invoices",
    "content_drift:rows_differ:public.tenants",
    "content_drift:rows_differ:storage.buckets",
    "duplicate_keys:duplicated_rows:public.invoices:invoices_pkey",
    "freshness:stale_data:public.tenants.created_at",
    "invalid_objects:disabled_trigger:public.tenants:stamp",
    "migration_drift:migrations_lost:supabase_migrations.schema_migrations",
    "orphan_fks:orphaned_rows:public.invoices:invoices_tenant_id_fkey",
    "privilege_drift:privileges_widened:public:tables",
    "rls_coverage:rls_disabled:public.invoices",
    "row_counts:fewer_rows:public.invoices",
    "row_counts:fewer_rows:public.tenants",
    "schema_drift:object_lost:public.invoices:index:invoices_created_at",
    "sequence_lag:sequence_behind:public.invoices_id_seq",
];
