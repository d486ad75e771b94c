//! Fuzzes one entry; what must hold is said there.
#![no_main]

#[path = "../entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::env_file(data));
