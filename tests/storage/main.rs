//! The files of Supabase Storage against the rows that know of them: in a directory and behind a real
//! server of the S3 protocol, healthy, damaged, out of reach and in use.

mod damage;
mod fake;
mod live;
mod places;
mod server;
mod world;
