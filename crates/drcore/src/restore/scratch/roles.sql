-- What a dump of a Supabase project refers to and does not bring itself: the roles of the platform, and what
-- stands in for its extensions where they are not installed. Runs on a plain PostgreSQL 13 to 18 as superuser.

-- Roles -------------------------------------------------------------------------
-- Source of the attributes: supabase/postgres, init scripts and migrations.
do $roles$
declare
  wanted record;
begin
  for wanted in
    select *
      from (values ('anon',                       'nologin noinherit'),
                   ('authenticated',              'nologin noinherit'),
                   ('service_role',               'nologin noinherit bypassrls'),
                   ('authenticator',              'login noinherit'),
                   ('supabase_admin',             'login superuser createdb createrole replication bypassrls'),
                   ('supabase_auth_admin',        'login noinherit createrole'),
                   ('supabase_storage_admin',     'login noinherit createrole'),
                   ('supabase_realtime_admin',    'nologin noinherit'),
                   ('supabase_functions_admin',   'login noinherit createrole'),
                   ('supabase_replication_admin', 'login replication'),
                   ('supabase_read_only_user',    'login bypassrls'),
                   ('supabase_etl_admin',         'login replication bypassrls'),
                   ('supabase_privileged_role',   'nologin'),
                   ('dashboard_user',             'nologin createdb createrole replication'),
                   ('pgbouncer',                  'login'),
                   ('pgsodium_keyholder',         'nologin'),
                   ('pgsodium_keyiduser',         'nologin'),
                   ('pgsodium_keymaker',          'nologin'),
                   ('pgtle_admin',                'nologin')) as r (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
  for wanted in
    select *
      from (values ('anon',                 'authenticator'),
                   ('authenticated',        'authenticator'),
                   ('service_role',         'authenticator'),
                   ('anon',                 'supabase_storage_admin'),
                   ('authenticated',        'supabase_storage_admin'),
                   ('service_role',         'supabase_storage_admin')) as m (role, member)
  loop
    execute format('grant %I to %I', wanted.role, wanted.member);
  end loop;
end
$roles$;

-- Extensions --------------------------------------------------------------------
create schema if not exists extensions;
create schema if not exists graphql_public;
create schema if not exists vault;
create schema if not exists net;
create schema if not exists cron;
grant usage on schema extensions, graphql_public to anon, authenticated, service_role;

-- The real ones where they are there.
do $extensions$
declare
  wanted text;
begin
  foreach wanted in array array['pgcrypto', 'uuid-ossp']
  loop
    if exists (select from pg_catalog.pg_available_extensions where name = wanted) then
      execute format('create extension if not exists %I with schema extensions', wanted);
    end if;
  end loop;
end
$extensions$;

-- What stands in for uuid-ossp: applications have these as defaults of columns.
do $uuids$
begin
  if to_regprocedure('extensions.uuid_generate_v4()') is null then
    create function extensions.uuid_generate_v4() returns uuid language sql volatile as 'select gen_random_uuid()';
    create function extensions.uuid_generate_v1() returns uuid language sql volatile as 'select gen_random_uuid()';
    create function extensions.uuid_nil() returns uuid language sql immutable as $$select '00000000-0000-0000-0000-000000000000'::uuid$$;
  end if;
  if to_regprocedure('extensions.digest(text, text)') is null then
    create function extensions.digest(text, text) returns bytea language sql immutable as $$
      select case lower($2) when 'sha256' then sha256(convert_to($1, 'UTF8')) when 'sha512' then sha512(convert_to($1, 'UTF8'))
                            when 'sha224' then sha224(convert_to($1, 'UTF8')) when 'sha384' then sha384(convert_to($1, 'UTF8'))
                            else decode(md5($1), 'hex') end
    $$;
    create function extensions.gen_random_bytes(integer) returns bytea language sql volatile as $$
      select substring(decode(string_agg(replace(gen_random_uuid()::text, '-', ''), ''), 'hex') for $1)
        from generate_series(1, 1 + $1 / 16)
    $$;
  end if;
end
$uuids$;

-- pg_net: nothing in a scratch cluster may ever call out.
create table if not exists net.http_request_queue (id bigserial, method text, url text, headers jsonb, body bytea, timeout_milliseconds integer);
create table if not exists net._http_response (id bigint, status_code integer, content_type text, headers jsonb, content text, timed_out boolean, error_msg text, created timestamptz default now());
create or replace function net.http_post(url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000)
  returns bigint language sql as 'select 0::bigint';
create or replace function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000)
  returns bigint language sql as 'select 0::bigint';
create or replace function net.http_delete(url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000)
  returns bigint language sql as 'select 0::bigint';

-- pg_cron: jobs can be kept, and none runs.
create table if not exists cron.job (
  jobid    bigserial primary key,
  schedule text not null,
  command  text not null,
  nodename text not null default 'localhost',
  nodeport integer not null default 5432,
  database text not null default current_database(),
  username text not null default current_user,
  active   boolean not null default true,
  jobname  text
);
create or replace function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as $$
  insert into cron.job (jobname, schedule, command) values ($1, $2, $3) returning jobid
$$;
create or replace function cron.schedule(schedule text, command text) returns bigint language sql as $$
  insert into cron.job (schedule, command) values ($1, $2) returning jobid
$$;
create or replace function cron.unschedule(job_name text) returns boolean language sql as $$
  with gone as (delete from cron.job where jobname = $1 returning 1) select exists (select from gone)
$$;

-- Vault: what was encrypted stays so; its key is not in any dump.
create table if not exists vault.secrets (
  id uuid primary key default gen_random_uuid(), name text, description text not null default '', secret text not null,
  key_id uuid, nonce bytea, created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create or replace view vault.decrypted_secrets as
  select id, name, description, secret, null::text as decrypted_secret, key_id, nonce, created_at, updated_at from vault.secrets;

create or replace function graphql_public.graphql("operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null)
  returns jsonb language sql as $$select '{"errors": [{"message": "pg_graphql is not here"}]}'::jsonb$$;

-- Webhooks: triggers refer to it, and nothing is called.
create schema if not exists supabase_functions;
create or replace function supabase_functions.http_request() returns trigger language plpgsql as $$
begin
  return new;
end
$$;

do $publication$
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
end
$publication$;

-- By which the guard and the restore know them: what is in these schemas is not the application's.
do $stubs$
declare
  stub text;
begin
  foreach stub in array array['cron', 'extensions', 'graphql_public', 'net', 'supabase_functions', 'vault']
  loop
    execute format('comment on schema %I is %L', stub, 'stands in for the platform''s (drcore)');
  end loop;
end
$stubs$;
