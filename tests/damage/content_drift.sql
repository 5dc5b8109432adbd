create table tenants (id int primary key, name text);
insert into tenants select n, 'tenant ' || n from generate_series(1, 200) n;
create table prices (id bigint primary key, amount numeric, factor double precision, note text);
insert into prices select n, n * 1.10, n / 3.0, case when n % 7 <> 0 then 'n' || n end from generate_series(1, 5000) n;
create table "we""ird; DROP" ("select" uuid, "k|ey" text, v jsonb, primary key ("select", "k|ey"));
insert into "we""ird; DROP"
  select md5(n::text)::uuid, 'key ' || n, jsonb_build_object('n', n) from generate_series(1, 300) n;
create table keyless (a int, b text);
insert into keyless select n % 10, 'b' from generate_series(1, 100) n;
create type mood as enum ('sad', 'ok', 'happy');
create domain email as text check (value like '%@%');
create table typed (id int primary key, m mood, e email, ms mood[], at timestamptz, tags text[], d interval, raw bytea);
insert into typed
  select n, 'ok', 'u' || n || '@example.com', '{sad,happy}', '2026-01-01Z'::timestamptz + n * interval '1 hour',
    array['a', null, 'b' || n], n * interval '1 day', decode(md5(n::text), 'hex')
  from generate_series(1, 100) n;
create table events (id int, at date, primary key (id, at)) partition by range (at);
create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');
create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01');
insert into events select n, date '2026-01-20' + n from generate_series(1, 20) n;
create table longkeys (k text primary key, v int);
insert into longkeys select repeat('x', 100) || n, n from generate_series(1, 50) n;
create table toast (id int primary key, body text);
insert into toast values (1, repeat('abcdefghij', 1000000)), (2, 'short');
create table untouched (id int primary key, v text);
insert into untouched select n, 'v' || n from generate_series(1, 1000) n;
create table empty (id int primary key);
create table gone (id int primary key);
insert into gone values (1), (2);
create table audit (id int primary key, v int);
insert into audit values (1, 1);
-- damage
-- As many rows, and other ones.
update tenants set name = 'tenant 8' where id = 7;
delete from prices where id in (42, 4999);
insert into prices values (9000, 1, 1, null), (9001, 1, 1, '');
update prices set amount = 11.0 where id = 10;
update prices set factor = '-0' where id = 11;
update prices set note = '' where id = 14;
update "we""ird; DROP" set v = '{"n": 0}' where "k|ey" = 'key 5';
delete from keyless where ctid in (select ctid from keyless where a = 3 limit 2);
insert into keyless values (4, 'b'), (11, 'c');
update typed set m = 'sad' where id = 1;
update typed set ms = '{sad,ok}' where id = 2;
update typed set tags = array['a', '', 'b3'] where id = 3;
update typed set d = interval '96 hours' where id = 4;
delete from events where id = 1;
delete from longkeys where v = 1;
update toast set body = overlay(body placing 'X' from 5000000 for 1) where id = 1;
-- The values of two rows, swapped.
update untouched set v = case id when 5 then 'v6' else 'v5' end where id in (5, 6);
insert into empty values (1);
drop table gone;
update audit set v = 2;
