//! What is written is what is read: plans, stored documents, the same answer from every collection.

mod fuzzed;
mod init;
mod stored;
