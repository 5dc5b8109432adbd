-- An application as its author made it, with something in every place where the official dump has none.

create table public.profiles (id uuid primary key references auth.users on delete cascade, email text not null);
alter table public.profiles enable row level security;
create policy own on public.profiles for all to authenticated using (id = auth.uid());

-- No schema of the platform's is dumped: neither this trigger, nor the policies below.
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, email) values (new.id, new.email);
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
create policy "documents of members" on storage.objects for select to authenticated using (bucket_id = 'documents');
create policy "upload own" on storage.objects for insert to authenticated
  with check ((storage.foldername(name))[1] = auth.uid()::text);
create policy "members see buckets" on storage.buckets for select to authenticated using (true);

-- Revoked, and granted again by the default privileges of the project that it is restored into.
create table public.secrets (id int primary key, value text);
insert into public.secrets values (1, 'x');
revoke all on public.secrets from anon, authenticated;
create table public.prices (id int primary key generated always as identity, cents int not null);
alter table public.prices enable row level security;
create policy everybody on public.prices for select to anon, authenticated using (true);
revoke insert, update, delete, truncate on public.prices from anon, authenticated;
insert into public.prices (cents) values (100), (250);
create function public.close_accounts() returns int language sql security definer set search_path = '' as 'select 1';
revoke execute on function public.close_accounts() from public, anon, authenticated;

-- A line of a literal that begins like a comment is deleted, and so is a real one.
create function public.receipt() returns text language sql immutable as $$
  select 'Thank you
-- the accounts department
Bye'
$$;
create function public.tax(cents int) returns int language plpgsql immutable as $$
begin
-- Rounded as the authority wants it.
  return (cents * 19 + 50) / 100;
end
$$;

create function public.log_ddl() returns event_trigger language plpgsql as 'begin end';
create event trigger log_ddl on ddl_command_end execute function public.log_ddl();

create role reporting login password 'secret' noinherit;
alter role reporting set statement_timeout = '5s';
grant usage on schema public to reporting;
grant select on public.prices to reporting;

alter database app set "app.settings.region" = 'eu';
alter database app set timezone = 'Europe/Berlin';

create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values
  ('20260101000000', '{create table public.profiles ()}', 'profiles'), ('20260201000000', '{select 1}', 'prices');

alter publication supabase_realtime add table public.prices;
create materialized view public.domains as select split_part(email, '@', 2) as domain, count(*) from auth.users group by 1;
-- Not for the API. A dump of the schema and one of the data: neither fills it.
revoke all on public.domains from anon, authenticated;
create view public.mine with (security_barrier) as select * from public.prices where cents > 100;
comment on table public.prices is 'what it costs';

insert into auth.users (instance_id, id, aud, role, email, confirmation_token, recovery_token, email_change_token_new,
                        email_change, created_at)
  select '00000000-0000-0000-0000-000000000000', ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,
    'authenticated', 'authenticated', n || '@example.com', '', '', '', '', now() from generate_series(1, 20) n;
insert into auth.identities (provider_id, user_id, identity_data, provider, id)
  select id::text, id, jsonb_build_object('email', email), 'email', gen_random_uuid() from auth.users;
insert into storage.buckets (id, name, public) values ('documents', 'documents', false), ('avatars', 'avatars', true);
insert into storage.objects (bucket_id, name, version) select 'documents', 'a/' || n, 'v' from generate_series(1, 30) n;
