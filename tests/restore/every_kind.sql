-- One of every kind of object that a dump carries, and rows in all that hold some. Runs on PostgreSQL 13 to 18.
create schema app;
comment on schema app is 'the application''s';
create schema "we""ird; schema";

-- types
create type app.mood as enum ('sad', 'ok', 'happy');
create type app.address as (street text, zip varchar(10));
create domain app.email as text check (value ~ '@');
create type app.span as range (subtype = int4);
create collation app.plain (provider = libc, locale = 'C');

-- functions, procedures, aggregates, operators, casts
create function app.add(a int, b int default 1) returns int language sql immutable as 'select a + b';
create function app.fail() returns trigger language plpgsql as $$
begin
  -- not a comment that a filter of text may take away
  raise exception 'no: %', '
-- nor this line of a literal
';
end
$$;
create function app.touch() returns trigger language plpgsql as $$ begin new.updated_at = now(); return new; end $$;
create function app.secret() returns text language sql security definer set search_path = '' as $$ select 'x' $$;
create procedure app.noop(a int) language sql as 'select 1';
create aggregate app.total (int) (sfunc = int4pl, stype = int, initcond = '0');
create operator app.+@+ (leftarg = int, rightarg = int, function = app.add);
create cast (app.mood as text) with inout as assignment;
create operator family app.ints using btree;
create text search configuration app.words (copy = pg_catalog.simple);
create text search dictionary app.dictionary (template = pg_catalog.simple);
create conversion app.latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;

-- tables of every sort
create sequence app.numbers increment by -5 minvalue -100000 maxvalue 1000 start 900 cycle;
create table app.tenants (
  id          int generated always as identity primary key,
  name        text collate app.plain not null unique,
  mail        app.email,
  home        app.address,
  mood        app.mood default 'ok',
  nicknames   text[],
  valid       app.span,
  upper_name  text generated always as (upper(name)) stored,
  updated_at  timestamptz not null default '2026-11-20 02:00:00+00'
);
create table app.invoices (
  id        bigserial primary key,
  tenant_id int not null references app.tenants on delete cascade deferrable initially deferred,
  number    int default nextval('app.numbers'),
  amount    numeric(12, 2) check (amount >= 0),
  parent_id bigint references app.invoices,
  paid      daterange,
  exclude using gist (paid with &&) where (id < 0)
);
create table app."Odd ""Name""; DROP" ("Column; --" int, "select" text, primary key ("Column; --"));
create unlogged table app.cache (key text, value jsonb);
create table app.no_key (a int, b text);
create table app.base (id int primary key, note text);
create table app.derived (extra bytea) inherits (app.base);
create table app.log (at timestamptz not null, level text not null, message text, primary key (at, level)) partition by range (at);
create table app.log_2026 partition of app.log for values from ('2026-01-01') to ('2027-01-01') partition by list (level);
create table app.log_2026_error partition of app.log_2026 for values in ('error');
create table app.log_2026_rest partition of app.log_2026 default;
create table app.log_old partition of app.log default;
create table "we""ird; schema".t (id int primary key, x xml);

insert into app.tenants (name, mail, home, mood, nicknames, valid)
  select 'tenant ' || n, case when n % 3 > 0 then n || '@example.com' end, row ('street ' || n, n::text)::app.address,
         (array['sad', 'ok', 'happy']::app.mood[])[1 + n % 3], array['a"b', null, 'c\d', e't\tab'], app.span(n, n + 10)
    from generate_series(1, 50) n;
insert into app.invoices (tenant_id, amount, parent_id)
  select 1 + n % 50, n * 1.5, case when n > 1 and n % 7 = 0 then n - 1 end from generate_series(1, 500) n;
insert into app."Odd ""Name""; DROP" values (1, null), (2, ''), (3, 'x');
insert into app.cache values ('a', '{"b": [1, null]}');
insert into app.no_key select n % 3, 'row' from generate_series(1, 20) n;
insert into app.base values (1, 'own');
insert into app.derived values (2, 'inherited', '\x00ff');
insert into app.log select timestamptz '2025-12-30' + n * interval '1 hour', case when n % 4 = 0 then 'error' else 'info' end, 'm' || n from generate_series(1, 200) n;
insert into "we""ird; schema".t values (1, '<a/>');

-- Statements that come as one have their deferred constraints looked at here.
set constraints all immediate;

-- what hangs on tables
create index on app.invoices (tenant_id) where amount > 10;
create unique index on app.tenants (lower(name));
create statistics app.both on tenant_id, amount from app.invoices;
create trigger touch before update on app.tenants for each row execute function app.touch();
create trigger never after delete on app.tenants for each statement execute function app.fail();
alter table app.tenants disable trigger never;
create rule silent as on delete to app.no_key do instead nothing;
alter table app.invoices enable row level security;
alter table app.invoices force row level security;
create policy own on app.invoices for select to public using (tenant_id = 1);
create policy writers on app.invoices as restrictive for insert with check (amount > 0);
alter table app.invoices cluster on invoices_pkey;
alter table app.no_key replica identity full;
alter table app.invoices add constraint not_checked check (number < 100000) not valid;

-- views
create view app.rich with (security_barrier) as select * from app.invoices where amount > 100 with local check option;
create recursive view app.chain (id, depth) as
  select id, 0 from app.invoices where parent_id is null union all select i.id, c.depth + 1 from app.invoices i join chain c on c.id = i.parent_id;
create materialized view app.sums as select tenant_id, sum(amount) as total from app.invoices group by tenant_id;
create unique index on app.sums (tenant_id);
create materialized view app.later as select 1 as one with no data;

-- foreign data, publications, event triggers, large objects
create foreign data wrapper nowhere;
create server elsewhere foreign data wrapper nowhere options (host 'h');
create user mapping for public server elsewhere options (name 'n');
create foreign table app.far (id int options (key 'true')) server elsewhere;
create publication feed for table app.tenants, app.invoices with (publish = 'insert');
create function app.on_ddl() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function app.on_ddl();
alter event trigger watch disable;
select pg_catalog.lo_from_bytea(4242, '\xdeadbeef');

-- comments, grants, default privileges
do $$
begin
  create role every_kind_reader nologin;
exception
  when duplicate_object or unique_violation then null;
end
$$;
comment on table app.tenants is 'who pays';
comment on column app.tenants.mail is 'where to';
comment on function app.add(int, int) is 'adds';
grant usage on schema app to every_kind_reader;
grant select on app.tenants to every_kind_reader;
grant update (mood) on app.tenants to every_kind_reader;
grant usage on sequence app.numbers to every_kind_reader;
grant select on large object 4242 to every_kind_reader;
revoke execute on function app.secret() from public;
grant execute on function app.secret() to every_kind_reader;
alter default privileges in schema app grant select on tables to every_kind_reader;
select pg_catalog.setval('app.numbers', 100, false);
