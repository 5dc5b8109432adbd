-- Objects that nothing depends on, after everything.sql: of each kind one to drop and one to change.

create schema spare;
create schema spare_empty;
create extension hstore schema spare;
create extension pg_trgm schema spare;

create access method spare_am type table handler heap_tableam_handler;
create access method spare_am_2 type table handler heap_tableam_handler;
create type spare.one as (a integer);
create type spare.two as (a integer);
create type spare.pair as (a integer, b text);
create type spare.gone as enum ('x');
create type spare.mood as enum ('sad', 'happy');
create domain spare.code as text default 'a' constraint short check (length(value) < 9);
create collation spare.words (locale = 'C');
create collation spare.words_2 (locale = 'C');
create conversion spare.latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create conversion spare.latin_2 for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create cast (spare.one as text) with inout;
create cast (spare.two as text) with inout;

create function spare.gone() returns integer language sql as 'select 1';
create function spare.body() returns integer language sql as 'select 1';
create function spare.attributes() returns integer language sql as 'select 1';
create function spare.definer() returns integer language sql as 'select 1';
create function spare.result() returns integer language sql as 'select 1';
create function spare.settings() returns integer language sql set search_path = '' as 'select 1';
create procedure spare.gone_too() language sql as 'select 1';
create procedure spare.work() language sql as 'select 1';
create function spare.note() returns trigger language plpgsql as 'begin return null; end';
create function spare.tell() returns event_trigger language plpgsql as 'begin null; end';
create aggregate spare.total (integer) (sfunc = int4pl, stype = integer, initcond = '0');
create aggregate spare.total_2 (integer) (sfunc = int4pl, stype = integer, initcond = '0');
create event trigger spare_ddl on ddl_command_end when tag in ('CREATE CAST') execute function spare.tell();
create event trigger spare_ddl_2 on ddl_command_end when tag in ('CREATE CAST') execute function spare.tell();
create language plspare handler app.handler;
create language plspare_2 handler app.handler;
create transform for smallint language sql (from sql with function prsd_lextype(internal));
create transform for bigint language sql (
  from sql with function prsd_lextype(internal), to sql with function int8recv(internal)
);

create operator spare.@@@ (function = texteq, leftarg = text, rightarg = text, restrict = eqsel);
create operator spare.@@@@ (function = texteq, leftarg = text, rightarg = text, restrict = eqsel);
create operator family spare.gone using btree;
create operator family spare.family using btree;
create operator family spare.classes using btree;
create operator class spare.gone for type integer using btree family spare.classes as
  operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(integer, integer);
create operator class spare.class for type bigint using btree family spare.classes as
  operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint8cmp(bigint, bigint);
create text search dictionary spare.stems (template = snowball, language = english);
create text search dictionary spare.stems_2 (template = snowball, language = english);
create text search configuration spare.words (copy = simple);
create text search configuration spare.words_2 (copy = simple);
create text search parser spare.parts (
  start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype
);
create text search parser spare.parts_2 (
  start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype
);
create text search template spare.plain (init = dsimple_init, lexize = dsimple_lexize);
create text search template spare.plain_2 (init = dsimple_init, lexize = dsimple_lexize);

create sequence spare.gone_numbers;
create sequence spare.numbers;
create table spare.parents (id integer primary key);
create table spare.gone_table (id serial primary key, note text, constraint noted check (note <> ''));
create index gone_table_note on spare.gone_table (note);
comment on column spare.gone_table.note is 'goes with it';
create table spare.options (id integer);
create table spare.logged (id integer);
create table spare.access (id integer);
create table spare.identity (id integer primary key);
create table spare.t (
  gone integer, retyped integer, defaulted text default 'a', nulled text, number bigint generated always as identity,
  twice integer generated always as (1 + 1) stored, sorted text, stored text, watched text, optioned text, parent integer,
  parent_2 integer, parent_3 integer,
  constraint gone_check check (parent > 0), constraint other check (parent > 0), constraint named check (parent > 1)
);
alter table spare.t add constraint gone_key foreign key (parent) references spare.parents;
alter table spare.t add constraint other_key foreign key (parent_2) references spare.parents;
create index gone_idx on spare.t (watched);
create index other_idx on spare.t (watched);
create index named_idx on spare.t (lower(watched));
create statistics spare.gone_statistics (dependencies) on watched, optioned from spare.t;
create statistics spare.statistics (ndistinct) on watched, optioned from spare.t;
create policy gone on spare.t using (parent > 0);
create policy other on spare.t using (parent > 0);
create trigger gone after insert on spare.t for each row execute function spare.note();
create trigger other after insert on spare.t for each row execute function spare.note();
create trigger switched after insert on spare.t for each row execute function spare.note();
create rule gone as on delete to spare.t do instead nothing;
create rule other as on update to spare.t where new.parent > 0 do instead nothing;
create table spare.parted (id integer) partition by range (id);
create table spare.parted_1 partition of spare.parted for values from (0) to (9);
create view spare.gone_view as select 1 as one;
create view spare.query as select 1 as one;
create view spare.barrier as select 1 as one;
create materialized view spare.gone_summary as select 1 as one;
create materialized view spare.summary as select 1 as one;

create foreign data wrapper spare_wrapper options (debug 'true');
create foreign data wrapper spare_wrapper_2 options (debug 'true');
create server spare_server foreign data wrapper somewhere options (host 'a.example.com');
create server spare_server_2 foreign data wrapper somewhere options (host 'a.example.com');
create user mapping for public server spare_server_2 options (user 'reader');
create server spare_server_3 foreign data wrapper somewhere;
create user mapping for public server spare_server_3 options (user 'reader');
create foreign table spare.gone_remote (id integer) server far options (table_name 'a');
create foreign table spare.remote (id integer) server far options (table_name 'a');
create publication spare_publication for table spare.parents;
create publication spare_publication_2 for table spare.parents;
comment on table spare.parents is 'gone';
comment on column spare.parents.id is 'other';
