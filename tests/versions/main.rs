//! What is not the same in every version of `PostgreSQL`.

mod across;
mod features;
mod roles;
mod unknown;
