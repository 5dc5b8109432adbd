//! The whole command, as a process, against real servers.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may panic, and is nobody's library"
)]

mod backup;
mod command;
mod conformance;
mod copy;
mod diff;
mod drill;
mod gap;
mod incident;
mod inspect;
mod interrupt;
mod libpq;
mod log;
mod merge;
mod outputs;
mod refusals;
mod repair;
mod restore;
mod schedule;
mod screens;
mod secrets;
mod storage;

/// A database as it was backed up.
pub const HEALTHY: &str = "
create table tenants (id int primary key, name text);
insert into tenants select n, 'tenant ' || n from generate_series(1, 3) n;
create table invoices (id int primary key, tenant_id int not null references tenants);
insert into invoices select n, 1 + n % 3 from generate_series(1, 40) n;
";

/// What the restore did to it.
pub const DAMAGE: &str = "
set session_replication_role = replica;
delete from invoices where id <= 3;
delete from tenants where id = 2;
";
