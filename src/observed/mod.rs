//! The observed state of an engine: snapshots and their files, the scope of a look, and the
//! redaction of secrets.

pub mod file;
pub mod off_network;
pub mod owners;
pub mod pick;
pub mod redact;
pub mod scope;
pub mod snapshot;
