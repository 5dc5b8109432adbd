-- After the sample's supabase.sql: whatever is created in public is open to the API's roles at once.
create table memberships (user_id uuid, tenant_id uuid, primary key (user_id, tenant_id));
create function mine() returns setof uuid language sql stable security definer set search_path = ''
as $$ select tenant_id from public.memberships where user_id = auth.uid() $$;
create table invoices (id int primary key, tenant_id uuid, body text);
create table notes (id int primary key, tenant_id text not null, body text);
create table "Log""s; drop" (id int primary key, tenant_id uuid not null);
create table quotas (tenant_id varchar(40) primary key, most int);
create table drafts (id int primary key, tenant_id uuid not null);
create table settings (tenant_id uuid primary key, theme text);
create table internal (id int primary key, tenant_id uuid not null);
revoke all on internal, quotas from anon, authenticated;
insert into memberships values
  ('00000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-000000000000'),
  ('00000000-0000-4000-8000-00000000000b', 'b0000000-0000-4000-8000-000000000000');
insert into invoices
select n, case n % 2 when 0 then 'a0000000-0000-4000-8000-000000000000' else 'b0000000-0000-4000-8000-000000000000' end::uuid
from generate_series(1, 10) n;
-- What belongs to nobody is everybody's.
insert into invoices values (11, null, 'terms');
insert into notes select id, tenant_id::text from invoices where tenant_id is not null;
insert into "Log""s; drop" select id, tenant_id from invoices where tenant_id is not null;
insert into internal select id, tenant_id from invoices where tenant_id is not null;
insert into drafts select id, tenant_id from invoices where tenant_id is not null;
-- One tenant alone: nothing is proved by this one.
insert into settings values ('a0000000-0000-4000-8000-000000000000', 'dark');
create view totals as select tenant_id, count(*) as invoices from invoices group by tenant_id;
revoke all on totals from anon, authenticated;
alter table memberships enable row level security;
alter table invoices enable row level security;
alter table notes enable row level security;
alter table "Log""s; drop" enable row level security;
alter table drafts enable row level security;
alter table settings enable row level security;
create policy own on memberships for select to authenticated using (user_id = auth.uid());
create policy own on invoices for all to authenticated using (tenant_id in (select mine()) or tenant_id is null);
create policy own on notes for select to authenticated
using (tenant_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'tenant_id'));
create policy own on "Log""s; drop" for select to authenticated using (tenant_id in (select mine()));
create policy own on drafts for select to authenticated using (tenant_id in (select mine()));
create policy own on settings for select to authenticated using (tenant_id in (select mine()));
-- damage
alter policy own on invoices using (auth.uid() is not null);
alter table "Log""s; drop" disable row level security;
drop policy own on notes;
grant select on totals to authenticated;
