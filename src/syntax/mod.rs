//! The notation of specs: YAML trees with places, problems, and the notation of durations, sizes,
//! command lines and environment files. The meaning of a spec is in [`crate::spec`].

pub mod durations;
pub mod env_file;
pub mod node;
pub mod problems;
pub mod shell_words;
pub mod sizes;
pub mod template;
pub mod yaml;
pub mod yaml_go;
