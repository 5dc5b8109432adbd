-- Tables whose indexes, constraints, triggers and rules all do what they are there for, and how each of them stops.
create domain amount as numeric constraint positive check (value >= 0);
create table tenants (id int primary key, name text not null constraint named check (name <> ''));
create table invoices (id int primary key, tenant_id int not null references tenants, total amount, number text);
create index invoices_total_idx on invoices (total);
create unique index invoices_number_idx on invoices (number);
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create function tell() returns event_trigger language plpgsql as $$ begin null; end $$;
create trigger touch before update on invoices for each row execute function touch();
create trigger "we""ird; DROP" before update on tenants for each row execute function touch();
create rule no_delete as on delete to tenants do instead nothing;
create event trigger invalid_objects_tell on ddl_command_end when tag in ('CREATE POLICY') execute function tell();
create materialized view totals as select tenant_id, sum(total) as total from invoices group by tenant_id;
insert into tenants values (1, 'a');
insert into invoices values (1, 1, 5, 'A1');
-- damage
update pg_index set indisvalid = false, indisready = false where indexrelid = 'invoices_total_idx'::regclass;
update pg_index set indisvalid = false where indexrelid = 'invoices_number_idx'::regclass;
alter table tenants drop constraint named, add constraint named check (name <> '') not valid;
alter domain amount drop constraint positive;
alter domain amount add constraint positive check (value >= 0) not valid;
alter table invoices drop constraint invoices_tenant_id_fkey,
  add constraint invoices_tenant_id_fkey foreign key (tenant_id) references tenants not valid;
alter table invoices disable trigger all;
alter table tenants disable trigger "we""ird; DROP", disable rule no_delete;
alter event trigger invalid_objects_tell disable;
refresh materialized view totals with no data;
