//! Networks and servers that fail, at every phase: nothing of it may look like a verified restore.

mod connecting;
mod errors;
mod loss;
mod matrix;
mod network;
mod pooler;
mod standby;
mod tls;
