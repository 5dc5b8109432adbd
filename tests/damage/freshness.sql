-- Healthy: as of the restore target, 2026-11-20 02:55:00Z.
create table clients (id int primary key, created_at timestamptz not null);
insert into clients select n, timestamptz '2026-11-20 02:54:40Z' - n * interval '1 hour' from generate_series(0, 99) n;
create table invoices (id int primary key, issued_on date, created_at timestamptz);
insert into invoices select n, date '2026-11-19', timestamptz '2026-11-20 02:50:00Z' - n * interval '1 day' from generate_series(0, 9) n;
insert into invoices values (100, null, null), (101, null, 'infinity'), (102, null, '-infinity');
create table "User" (id int primary key, "createdAt" timestamp(3) not null);
insert into "User" values (1, '2026-11-20 02:00:00'), (2, '2026-11-19 02:00:00');
create table events (id int, inserted_at timestamptz) partition by range (inserted_at);
create table events_1 partition of events for values from ('2026-01-01') to ('2027-01-01');
insert into events values (1, '2026-11-20 02:54:59.5Z');
create table notes (id int primary key, created date);
insert into notes values (1, '2026-11-20');
create table sessions (id int primary key, created_at timestamptz);
insert into sessions values (1, '2026-11-20 02:30:00Z');
create table renamed (id int primary key, created_at timestamptz);
insert into renamed values (1, '2026-11-20 02:30:00Z');
create table never_used (id int primary key, created_at timestamptz);
-- No such column: not looked at.
create table settings (key text primary key, created_by text, updated_at timestamptz);
-- damage
delete from clients where created_at > '2026-11-20 00:00:00Z';
insert into invoices values (200, null, '2026-11-20 03:10:00Z');
delete from "User" where id = 1;
truncate sessions;
alter table renamed rename column created_at to made_at;
