//! The files of Supabase Storage against the rows that know of them: in a directory and behind a real
//! server of the S3 protocol, through an emulated API of the storage service, healthy, damaged, out of reach and in use.

mod busy;
mod damage;
mod fake;
mod hosted;
mod live;
mod places;
mod references;
mod server;
mod service;
mod signature;
mod verb;
mod world;
