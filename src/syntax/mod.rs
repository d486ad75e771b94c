//! How specs are written: the tree of a YAML file with its places, what is wrong with it, and the
//! spellings of durations, sizes, command lines and environment files. What they mean is said above.

pub mod durations;
pub mod env_file;
pub mod node;
pub mod problems;
pub mod shell_words;
pub mod sizes;
pub mod template;
pub mod yaml;
pub mod yaml_go;
