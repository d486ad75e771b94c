//! Basic types and helpers for all modules: names, versions, references, paths, signals, times,
//! words and bytes.

pub mod api;
pub mod canonical;
pub mod ident;
pub mod image_ref;
pub mod kind;
pub mod notation;
pub mod path;
pub mod say;
pub mod signal;
pub mod target;
pub mod time;
pub mod unique;
