-- The shape of the runbooks' applications: few tenants, many time logs. Rows are deterministic.
create table tenants (id int primary key, name text not null);
insert into tenants select n, 'tenant ' || n from generate_series(1, 1000) n;
create table clients (id int primary key, tenant_id int not null, name text not null);
insert into clients select n, 1 + n % 1000, 'client ' || n from generate_series(1, :scale * 10) n;
create table projects (id int primary key, tenant_id int not null, client_id int not null, name text not null);
insert into projects select n, 1 + n % 1000, 1 + n % (:scale * 10), 'project ' || n from generate_series(1, :scale * 100) n;
create table tasks (id int primary key, tenant_id int not null, project_id int not null, title text not null);
insert into tasks select n, 1 + n % 1000, 1 + n % (:scale * 100), 'task number ' || n from generate_series(1, :scale * 1000) n;
create table time_logs (
  id bigint primary key, tenant_id int not null, task_id int not null, project_id int, minutes numeric not null,
  note text, created_at timestamptz not null
);
insert into time_logs
select n, 1 + n % 1000, 1 + (n * 7919::bigint) % (:scale * 1000), 1 + (n * 31) % (:scale * 100), n % 480,
  'worked on it ' || n, timestamptz '2026-01-01' + n * interval '2 seconds'
from generate_series(1, :scale * 10000::bigint) n;
create table invoices (id int primary key, tenant_id int not null, project_id int not null, total numeric not null, created_at timestamptz not null);
insert into invoices
select n, 1 + n % 1000, 1 + (n * 17) % (:scale * 100), n % 9999, timestamptz '2026-01-01' + n * interval '7 seconds'
from generate_series(1, :scale * 3000) n;
-- Wide rows, most of them out of line.
create table documents (id int primary key, tenant_id int not null, body text not null);
insert into documents
select n, 1 + n % 1000, (select string_agg(md5(n || ' ' || m), '') from generate_series(1, 200) m)
from generate_series(1, :scale * 50) n;
-- What is different in the broken copy is hard to tell by some formulas: each in a table of its own.
create table collisions (id int primary key, body text);
insert into collisions select n, 'note ' || n from generate_series(1, 1000) n;
update collisions
set body = (
  select min(c.body)
  from (
    select 'collide' || n as body, hashtext('(7,collide' || n || ')') as hash from generate_series(1, 300000) n
  ) c
  group by c.hash
  having count(*) > 1
  limit 1
)
where id = 7;
create table empties (id int primary key, body text);
insert into empties select n, nullif('note ' || n, 'note 5') from generate_series(1, 1000) n;
create table nulls (id int primary key, body text);
insert into nulls select n, nullif('note ' || n, 'note 5') from generate_series(1, 1000) n;
create table separators (id int primary key, a text not null, b text not null);
insert into separators select n, case n when 5 then 'a|b' else 'a' end, case n when 5 then 'c' else 'b' end from generate_series(1, 1000) n;
-- Validated and then broken, as a load with triggers off leaves it.
alter table clients add foreign key (tenant_id) references tenants;
alter table projects add foreign key (client_id) references clients;
alter table tasks add foreign key (project_id) references projects;
alter table time_logs add foreign key (tenant_id) references tenants;
alter table time_logs add foreign key (task_id) references tasks;
alter table time_logs add foreign key (project_id) references projects;
alter table invoices add foreign key (tenant_id) references tenants;
alter table invoices add foreign key (project_id) references projects;
set session_replication_role = replica;
delete from tasks where id in (17, 4711);
reset session_replication_role;
