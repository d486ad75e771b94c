//! What was found on an engine, and what of it is kept: looks and their files, which part of an
//! engine a look covers, and what is hidden of it.

pub mod file;
pub mod owners;
pub mod pick;
pub mod redact;
pub mod scope;
pub mod snapshot;
