create table invoices (id int primary key, status text, due_date date, total numeric(20, 4));
insert into invoices values (1, 'sent', '2999-01-01', 12.5), (2, 'paid', '2000-01-01', 7.25);
create table tier_definitions (id int primary key);
insert into tier_definitions values (1), (2), (3);
create table configuration (key text primary key, value text);
insert into configuration values ('whatsapp', 'sk_live_original'), ('region', 'ap-southeast-1'), ('empty', null);
create schema billing;
create table billing.plans (id int primary key, price numeric);
insert into billing.plans values (1, 10.00);
-- damage
insert into invoices values (3, 'sent', '2000-01-01', 99), (4, 'sent', '2000-01-01', 99);
delete from tier_definitions where id = 3;
update configuration set value = 'us-east-1' where key = 'region';
update billing.plans set price = 10.0000000000000000001;
