//! Restoring: what may be written to, scratch clusters, and what comes back.

mod aside;
mod copying;
mod flipped;
mod interrupted;
mod official;
mod refused;
mod repository;
mod round_trip;
mod scratch;
mod supabase;
mod target;
