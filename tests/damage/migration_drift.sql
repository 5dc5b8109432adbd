-- After the sample's supabase.sql: the histories of four tools, and levels of services.
create schema supabase_migrations;
-- In the order that clients add columns in, whatever they are.
create table supabase_migrations.schema_migrations (version text primary key, rollback text[], statements text[], name text);
insert into supabase_migrations.schema_migrations (version, name, statements) values
  ('20240101000000', 'tenants', array['create table tenants (id int primary key)', E'-- a comment; of two\ncomment on table tenants is ''a;  b''']),
  ('20240201000000', 'it''s', array[E'create function f() returns int language sql as $$ select 1; -- ''one\n $$;']),
  ('20240301000000', 'textless', null),
  ('20240401000000', 'secret', array['select ''S3CRET''']);
create table auth.schema_migrations (version varchar primary key);
insert into auth.schema_migrations values ('20250101000000'), ('20250201000000');
create table storage.migrations (id int primary key, name text, hash text, executed_at timestamp);
insert into storage.migrations select n, 'migration ' || n, 'hash', '2026-01-01' from generate_series(1, 12) n;
create table _prisma_migrations (
  id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
  logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count int not null default 0
);
insert into _prisma_migrations (id, checksum, finished_at, migration_name, rolled_back_at) values
  ('a', encode(sha256('create table a (id int);'), 'hex'), '2026-01-01', '1_a', null),
  ('b', encode(sha256('create table b (id int);'), 'hex'), null, '2_b', '2026-01-01'),
  ('c', encode(sha256('create table b (id int);'), 'hex'), '2026-01-01', '2_b', null);
create schema drizzle;
create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint);
insert into drizzle.__drizzle_migrations (hash, created_at) values
  (encode(sha256('create table c (id int);'), 'hex'), 1700000000000),
  (encode(sha256('create table d (id int);'), 'hex'), 1710000000000);
create table _sqlx_migrations (
  version bigint primary key, description text not null, installed_on timestamptz not null default now(), success boolean not null,
  checksum bytea not null, execution_time bigint not null
);
insert into _sqlx_migrations (version, description, success, checksum, execution_time)
select n, 'e', true, sha384(convert_to('create table e' || n || ' (id int);', 'UTF8')), 1 from generate_series(1, 2) n;
create schema app;
create table app.schema_migrations (version varchar(128) primary key);
insert into app.schema_migrations values ('20240101'), ('20240102');
-- The last version alone, by golang-migrate: no history.
create table schema_migrations (version bigint primary key, dirty boolean not null);
insert into schema_migrations values (7, false);
-- damage
drop schema supabase_migrations cascade;
delete from auth.schema_migrations where version = '20250201000000';
insert into storage.migrations values (13, 'migration 13', 'hash', '2026-01-01');
delete from _prisma_migrations where id = 'c';
insert into _prisma_migrations (id, checksum, migration_name) values ('d', 'x', '3_c');
update drizzle.__drizzle_migrations set hash = encode(sha256('create table f (id int);'), 'hex') where created_at = 1710000000000;
truncate _sqlx_migrations;
insert into app.schema_migrations values ('20240103');
