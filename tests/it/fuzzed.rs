//! The corpus of `fuzz/`, and thousands of changes of it, on stable Rust: always the same ones, in bounded
//! time.
//!
//! What must hold is said by `fuzz/entries.rs`; `FUZZ_SECONDS` lets it look longer, and
//! `FUZZ_SEED` elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../fuzz/entries.rs"]
mod entries;

/// What changed inputs have put into them.
const WORDS: &[&str] = &[
    "null",
    "true",
    "-1",
    "18446744073709551616",
    "1e999",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{202e}",
    "\u{feff}",
    "${",
    "$$",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "---\n",
    "`",
    "|",
    "\\",
    "\\u0000",
    "\\ud800",
    "=",
    "export ",
    "from_env",
    "env_file",
    "count",
    "sha256:",
    "/",
    "..",
    "latest",
    "65536",
    "0x10",
    "%2F",
    "@",
    "\u{10ffff}",
];

/// A generator that gives the same numbers always.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most.max(1)
    }
}

/// An input that is a few changes away from one of the seeds.
fn changed(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let end = (at + numbers.below(24)).min(bytes.len());
        match numbers.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                let part = other[from..(from + numbers.below(200)).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
            4 => drop(bytes.splice(at..end, WORDS[numbers.below(WORDS.len())].bytes())),
            5 if bytes.get(at).is_some_and(u8::is_ascii_digit) => {
                bytes[at] = b'0' + u8::try_from(numbers.below(10)).unwrap();
            }
            _ => drop(bytes.splice(at..at, WORDS[numbers.below(WORDS.len())].bytes())),
        }
    }
    bytes
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Some thousand inputs, or as many as there is time for.
#[track_caller]
fn fuzzed(name: &str) {
    let (_, entry) = entries::ENTRIES.iter().find(|(known, _)| *known == name).unwrap();
    let seeds = corpus(name);
    assert!(seeds.len() >= 3, "{name}: only {} seeds", seeds.len());
    let seconds = number("FUZZ_SECONDS", 3);
    let (start, most) = (Instant::now(), Duration::from_secs(seconds));
    let mut numbers = Numbers(number("FUZZ_SEED", 0x2545_f491_4f6c_dd1d));
    let mut tried = 0_u64;
    let mut seeded = seeds.iter().cloned();
    while tried < 5_000 * seconds && start.elapsed() < most || tried < seeds.len() as u64 {
        let bytes = seeded.next().unwrap_or_else(|| changed(&seeds, &mut numbers));
        let begun = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| entry(&bytes)));
        if ended.is_err() || begun.elapsed() > Duration::from_secs(10) {
            let kept = std::env::temp_dir().join(format!("bayplan-{name}-{tried}"));
            std::fs::write(&kept, &bytes).unwrap();
            let (kept, took) = (kept.display(), begun.elapsed());
            panic!("{name}: input {tried} took {took:?}, kept as {kept}");
        }
        tried += 1;
    }
}

#[test]
fn specs() {
    fuzzed("spec");
}

#[test]
fn environment_files() {
    fuzzed("env_file");
}

#[test]
fn snapshots() {
    fuzzed("snapshot");
}

#[test]
fn plans() {
    fuzzed("plan");
}

#[test]
fn sanitisers() {
    fuzzed("sanitiser");
}

#[test]
fn differences() {
    fuzzed("diff");
}
