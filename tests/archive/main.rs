//! What is read from archives is what `pg_dump` put there, and what a server says of the same database.

mod compare;
mod contents;
mod counts;
mod damage;
mod dumps;
mod faults;
mod plain;
mod synthetic;
