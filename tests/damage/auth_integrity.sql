-- After the sample's supabase.sql, which has the tables that every version of the service has.
create table auth.mfa_factors (
  id uuid primary key, user_id uuid not null references auth.users (id) on delete cascade,
  factor_type text not null, status text not null, secret text
);
insert into auth.users (instance_id, id, aud, role, email, confirmation_token, recovery_token, email_change_token_new,
                        email_change, raw_app_meta_data, created_at)
select '00000000-0000-0000-0000-000000000000', ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
       'authenticated', 'authenticated', 'user' || n || '@example.com', '', '', '', '',
       '{"provider": "email", "providers": ["email"]}', '2026-11-20T01:00:00Z'
from generate_series(1, 10) n;
-- Who has no account has no identity, and who is deleted only a row.
update auth.users set is_anonymous = true, email = null where id = '00000000-0000-4000-8000-000000000008';
update auth.users set deleted_at = '2026-11-19T01:00:00Z', email = null where id = '00000000-0000-4000-8000-000000000009';
-- One organisation's sign-on may know the address of another user.
update auth.users set is_sso_user = true, email = 'USER1@example.com', raw_app_meta_data = '{"provider": "sso:1"}'
where id = '00000000-0000-4000-8000-000000000010';
update auth.users set banned_until = '2126-01-01T00:00:00Z' where id = '00000000-0000-4000-8000-000000000002';
update auth.users set banned_until = 'infinity' where id = '00000000-0000-4000-8000-000000000003';
-- This one has run out.
update auth.users set banned_until = '2020-01-01T00:00:00Z' where id = '00000000-0000-4000-8000-000000000004';
insert into auth.identities (id, provider_id, user_id, identity_data, provider)
select gen_random_uuid(), id::text, id, jsonb_build_object('sub', id, 'email', email), 'email'
from auth.users where not is_anonymous and deleted_at is null;
insert into auth.mfa_factors
select gen_random_uuid(), id, 'totp', case when id::text like '%5' then 'unverified' else 'verified' end, 'S3CRET'
from auth.users where id::text ~ '[56]$';
insert into auth.sessions (id, user_id) select gen_random_uuid(), id from auth.users where id::text ~ '[1-6]$';
insert into auth.refresh_tokens (token, user_id, session_id) select 't' || id, user_id::text, id from auth.sessions;
create table profiles (id uuid primary key, name text);
insert into profiles select id, 'someone' from auth.users where not is_anonymous and deleted_at is null;
create table "Mem""bers" (id int primary key, "user Id" text);
insert into "Mem""bers" select row_number() over (), upper(id::text) from auth.users where id::text ~ '[1-3]$';
insert into "Mem""bers" values (100, null);
-- damage
update auth.users set recovery_token = null where id = '00000000-0000-4000-8000-000000000001';
update auth.users set recovery_token = null, aud = null where id = '00000000-0000-4000-8000-000000000005';
update auth.users set banned_until = null where id = '00000000-0000-4000-8000-000000000002';
update auth.users set banned_until = '2027-01-01T00:00:00Z' where id = '00000000-0000-4000-8000-000000000003';
update auth.users set deleted_at = null where id = '00000000-0000-4000-8000-000000000009';
update auth.users set email = 'User1@example.com' where id = '00000000-0000-4000-8000-000000000006';
delete from auth.mfa_factors where status = 'verified';
delete from auth.refresh_tokens;
delete from auth.identities where user_id::text like '%1';
delete from profiles where id::text like '%5';
alter table auth.identities drop constraint identities_user_id_fkey;
set session_replication_role = replica;
delete from auth.users where id = '00000000-0000-4000-8000-000000000007';
update "Mem""bers" set "user Id" = 'nobody' where id = 1;
