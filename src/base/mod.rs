//! What is true of names, versions, references, paths, signals, times, words and bytes wherever they come from.

pub mod api;
pub mod canonical;
pub mod ident;
pub mod image_ref;
pub mod kind;
pub mod path;
pub mod say;
pub mod signal;
pub mod target;
pub mod time;
