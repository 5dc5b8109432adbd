create table "User" (id uuid primary key references auth.users, email text);
create table "Beacon" (id int primary key, "ownerId" uuid references "User", title text);
create table message (id int primary key, sender uuid references "User", body text);
create table marketplace_order (id int primary key, buyer uuid references "User", amount numeric);
create table support_tickets (id int primary key, body text);
create table gdpr_consents (id int primary key, user_id uuid references "User");
insert into auth.users (instance_id, id, aud, role, confirmation_token, recovery_token, email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', md5(n::text)::uuid, 'authenticated', 'authenticated', '', '', '', '' from generate_series(1, 10) n;
insert into auth.identities (id, provider_id, user_id, identity_data, provider) select id, id::text, id, '{}', 'email' from auth.users;
insert into "User" select id from auth.users;
insert into "Beacon" select n, md5(n::text)::uuid, 'beacon' from generate_series(1, 10) n;
insert into message select n, md5((1 + n % 10)::text)::uuid, 'hello' from generate_series(1, 50) n;
insert into marketplace_order select n, md5((1 + n % 10)::text)::uuid, n from generate_series(1, 20) n;
insert into support_tickets select n, 'help' from generate_series(1, 10) n;
insert into gdpr_consents select n, md5(n::text)::uuid from generate_series(1, 10) n;
do $$
declare
  t text;
begin
  foreach t in array array['User', 'Beacon', 'message', 'marketplace_order', 'support_tickets', 'gdpr_consents'] loop
    execute format('alter table public.%I enable row level security', t);
  end loop;
end
$$;
insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true), ('products', 'products', true), ('uploads', 'uploads', false);
