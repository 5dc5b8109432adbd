-- After the sample's supabase.sql: whatever is created in public is open to the API's roles at once.
create function mine(uuid) returns boolean language sql stable as $$ select $1 = auth.uid() $$;
create table notes (id int primary key, owner_id uuid, body text);
create table invoices (like notes);
create table reports (like notes);
create table contracts (like notes);
create table "We.ird" (like notes);
create table vaults (like notes);
create table dormant (like notes);
create table secrets (like notes);
create table profiles (like notes);
create table logins (like notes);
create table locked (like notes);
create table prices (like notes);
insert into notes select n from generate_series(1, 1234) n;
do $$
declare
  name text;
begin
  foreach name in array array['notes', 'invoices', 'reports', 'contracts', 'We.ird', 'vaults', 'dormant', 'secrets',
                              'profiles', 'logins', 'locked', 'prices'] loop
    execute format('alter table %I enable row level security', name);
  end loop;
  foreach name in array array['notes', 'invoices', 'reports', 'contracts', 'We.ird', 'vaults', 'dormant', 'secrets',
                              'profiles', 'logins'] loop
    execute format('create policy "read own" on %I for select to authenticated using (mine(owner_id))', name);
    execute format('create policy change on %I for update to authenticated using (mine(owner_id))', name);
  end loop;
end
$$;
-- A price list is for everyone, and a permissive door is no hole behind a restrictive one.
create policy everyone on prices for select to anon, authenticated using (true);
create policy open on contracts for all to authenticated using (true);
create policy fence on contracts as restrictive for all to public using (mine(owner_id));
-- The back office is not the API's.
create policy back_office on reports for all to service_role using (true) with check (true);
alter table vaults force row level security;
revoke all on vaults, dormant, secrets from anon, authenticated;
revoke all on profiles from anon;
grant select (id) on profiles to anon;
-- The partitions are served as tables of their own, so they are shut.
create table events (id int, owner_id uuid) partition by list (id);
create table events_1 partition of events for values in (1);
create table events_2 partition of events for values in (2);
alter table events enable row level security;
create policy own on events for select to authenticated using (mine(owner_id));
revoke all on events_1, events_2 from anon, authenticated;
create view own_notes with (security_invoker = on) as select id, body from notes;
create view over_own_notes with (security_invoker = on) as select * from own_notes;
create view as_owner as select id from reports;
revoke all on as_owner from anon;
create view members as select id, email from auth.users;
create materialized view note_counts as select count(*) from notes;
revoke all on members, note_counts from anon, authenticated;
create sequence tickets;
revoke all on sequence tickets from anon, authenticated;
create function purge(p uuid, q text) returns void language sql security definer set search_path = '' as $$ $$;
create function sign_up() returns trigger language plpgsql security definer as $$ begin return new; end $$;
create function shared(p int) returns int language sql security definer set search_path = '' as $$ select p $$;
revoke all on function purge(uuid, text), shared(int) from public, anon, authenticated;
grant execute on function shared(int) to authenticated;
create schema internal;
create table internal.jobs (id int);
grant select on internal.jobs to anon;
-- damage
alter table notes disable row level security;
alter table invoices disable row level security;
drop policy "read own" on invoices;
drop policy "read own" on reports;
drop policy fence on contracts;
alter policy change on "We.ird" using (true or mine(owner_id)) with check (mine(owner_id));
alter table vaults no force row level security;
alter table dormant disable row level security;
grant insert, select on secrets to public;
grant select (owner_id) on profiles to anon;
revoke update on profiles from authenticated;
create policy staff on logins for select to authenticated using ((auth.jwt() -> 'user_metadata' ->> 'role') = 'staff');
create policy nobody on logins as restrictive for delete to authenticated using (false);
alter policy change on logins to anon, authenticated;
grant select on events_1 to anon;
alter view own_notes reset (security_invoker);
grant select on members to authenticated;
grant select on note_counts to anon;
grant usage on sequence tickets to anon;
grant execute on function purge(uuid, text) to authenticated;
grant usage on schema internal to anon;
create table leftover (id int);
create table leftover_behind_rls (id int);
alter table leftover_behind_rls enable row level security;
