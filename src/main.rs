//! The `bayplan` program: everything is in the library.

fn main() {}
