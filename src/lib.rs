//! Bayplan: an offline planner with a separate executor for Docker containers.

pub mod adapt;
pub mod apply;
pub mod canonical;
pub mod cli;
pub mod compare;
pub mod desired;
pub mod engine;
pub mod ident;
pub mod image_ref;
pub mod import;
pub mod look;
pub mod objects;
pub mod options;
pub mod plan;
pub mod say;
pub mod seal;
pub mod signals;
pub mod snapshot;
pub mod snapshot_file;
pub mod spec;
pub mod stale;
pub mod wanted;
