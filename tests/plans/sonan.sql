create table clients (id int primary key, tenant_id uuid not null, name text, created_at timestamptz not null);
create table projects (id int primary key, tenant_id uuid not null, client_id int not null references clients, created_at timestamptz not null);
create table tasks (id int primary key, tenant_id uuid not null, project_id int not null references projects);
create table time_logs (id int primary key, tenant_id uuid not null, task_id int not null references tasks, created_at timestamptz not null);
create table invoices (id int primary key, tenant_id uuid not null, project_id int not null references projects, status text, due_date date, created_at timestamptz not null);
create table proposals (id int primary key, tenant_id uuid not null);
create table contracts (id int primary key, tenant_id uuid not null);
create table notifications (id int primary key, tenant_id uuid not null);
insert into clients select n, md5((n % 3)::text)::uuid, 'client', timestamptz '2026-11-20T01:59:00Z' - n * interval '1 hour' from generate_series(1, 9) n;
insert into projects select n, md5((n % 3)::text)::uuid, n, timestamptz '2026-11-20T01:59:00Z' - n * interval '1 hour' from generate_series(1, 9) n;
insert into tasks select n, md5((n % 3)::text)::uuid, n from generate_series(1, 9) n;
insert into time_logs select n, md5((n % 3)::text)::uuid, 1 + n % 9, timestamptz '2026-11-20T01:59:00Z' - n * interval '1 hour' from generate_series(1, 30) n;
insert into invoices select n, md5((n % 3)::text)::uuid, 1 + n % 9, 'paid', date '2026-11-01', timestamptz '2026-11-20T01:59:00Z' - n * interval '1 hour' from generate_series(1, 12) n;
insert into proposals select n, md5((n % 3)::text)::uuid from generate_series(1, 5) n;
insert into contracts select n, md5((n % 3)::text)::uuid from generate_series(1, 5) n;
insert into notifications select n, md5((n % 3)::text)::uuid from generate_series(1, 5) n;
insert into auth.users (instance_id, id, aud, role, confirmation_token, recovery_token, email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', md5(n::text)::uuid, 'authenticated', 'authenticated', '', '', '', '' from generate_series(1, 1) n;
insert into auth.identities (id, provider_id, user_id, identity_data, provider) select id, id::text, id, '{}', 'email' from auth.users;
do $$
declare
  t text;
begin
  foreach t in array array['clients', 'projects', 'tasks', 'time_logs', 'invoices', 'proposals', 'contracts', 'notifications'] loop
    execute format('alter table public.%I enable row level security', t);
  end loop;
end
$$;
insert into storage.buckets (id, name, public) values ('documents', 'documents', false), ('avatars', 'avatars', true);
