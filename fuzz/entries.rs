//! What is fuzzed, and what must hold whatever comes in: `cargo fuzz run TARGET` looks for inputs,
//! and `tests/it/fuzzed.rs` runs the corpus and some thousand changes of it on stable Rust.
//!
//! Nothing here finds inputs, and nothing reads or writes files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bayplan::base::say;
use bayplan::observed::file;
use bayplan::plan::show::text::Options;
use bayplan::plan::show::{About, diff, diff_text, markdown, text};
use bayplan::plan::{check, format};
use bayplan::planner::{Input, Pins, build};
use bayplan::spec::{Spec, read};
use bayplan::syntax::env_file::{EnvFile, Format, Unset};
use bayplan::syntax::node::{Node, Problem};
use bayplan::syntax::{problems, yaml};
use sha2::{Digest as _, Sha256};

/// An entry by its name.
pub(crate) type Entry = (&'static str, fn(&[u8]));

/// All of them; each has a folder of the corpus.
pub(crate) const ENTRIES: &[Entry] = &[
    ("spec", spec),
    ("env_file", env_file),
    ("snapshot", snapshot),
    ("plan", plan),
    ("sanitiser", sanitiser),
    ("diff", diff),
];

/// A value that no message of the program may repeat: seeds have it where secrets stand.
pub(crate) const SECRET: &str = "S3CR3T-zebra";

/// Nothing in it that a terminal obeys, or that cannot be seen.
fn harmless(shown: &str) {
    let strange = shown.chars().find(|found| *found != '\n' && say::is_unsafe(*found));
    assert_eq!(strange, None, "{shown:?}");
}

fn door(bytes: &[u8]) -> Result<Spec, Vec<Problem>> {
    let text = yaml::text(bytes).map_err(|problem| vec![problem])?;
    read::text(text, &read::Files::new())
}

/// What is a spec is the same one when it is read from its canonical form, and the same plan comes of
/// both; what is none is told.
pub(crate) fn spec(bytes: &[u8]) {
    match door(bytes) {
        Ok(spec) => {
            let canonical = spec.canonical();
            let again = read::spec(Node::from_json(&canonical), &read::Files::new());
            let again = again.map(|again| again.canonical());
            assert_eq!(again, Ok(canonical), "canonical form");
        }
        Err(wrong) => {
            assert!(!wrong.is_empty());
            harmless(&problems::render("spec.yaml", &String::from_utf8_lossy(bytes), &wrong));
        }
    }
}

/// No text of an environment file is ever in a message about it.
pub(crate) fn env_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for format in [Format::Quoted, Format::Raw] {
        match EnvFile::parse_as(text, format) {
            Ok(file) => {
                let lookup = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
                for unset in [Unset::Missing, Unset::Empty] {
                    let Err(fault) = file.resolve(unset, lookup) else { continue };
                    let told = fault.in_file("e.env");
                    harmless(&told);
                    assert!(!told.contains(SECRET), "{told}");
                }
                let mut names = file.names();
                names.sort();
                let all = names.len();
                names.dedup();
                assert_eq!(names.len(), all, "each name once");
            }
            Err(faults) => {
                assert!(!faults.is_empty());
                for fault in faults {
                    let told = fault.in_file("e.env");
                    harmless(&told);
                    assert!(!told.contains(SECRET), "{told}");
                }
            }
        }
    }
    if let Err(faults) = EnvFile::parse_labels(text).and_then(|file| file.labels()) {
        for fault in faults {
            harmless(&fault.in_file("e.env"));
        }
    }
}

/// The spec that snapshots are planned for.
const SPEC: &str = "\
project: shop
containers:
  db: {name: shop-db, image: 'postgres:16.4', state: reloaded, mem_limit: 1g}
  web: {image: app, count: 2, state: reloaded, match: image, ports: ['8080-8090:80']}
  old: {image: app, state: absent, match: image, command: old}
";

/// What is a snapshot is the same one when it is written and read again, and a plan of it holds
/// together and is read again.
pub(crate) fn snapshot(bytes: &[u8]) {
    let found = match file::read(bytes) {
        Ok(found) => found,
        Err(error) => return harmless(&error.message),
    };
    let written = file::write(&found).unwrap_or_default();
    assert_eq!(file::read(&written).as_ref(), Ok(&found), "written and read");
    let Ok(spec) = read::text(SPEC, &BTreeMap::new()) else { panic!("the spec is right") };
    let pins = Pins::default();
    let input = Input { spec: &spec, snapshot: &found, assume: true, pins, source: None };
    let built = build(&input);
    for error in &built.errors {
        harmless(&say::safe(&error.message));
    }
    if !built.errors.is_empty() {
        return;
    }
    assert_eq!(check::check(&built.plan), [], "a plan without errors holds together");
    let Ok(written) = format::write(&built.plan) else { return };
    let again = format::read(written.text.as_bytes()).map(|loaded| loaded.plan);
    assert_eq!(again.as_ref(), Ok(&built.plan), "a plan is read as it was written");
    shown(&built.plan);
}

fn shown(plan: &bayplan::plan::Plan) {
    for steps in [false, true] {
        let options = Options { steps, ..Options::default() };
        harmless(&text::text(plan, &About::default(), options));
        let comment = markdown::markdown(&[(plan, About::default())], steps);
        harmless(&comment);
        assert!(comment.chars().count() < 65_536, "a forge takes it");
    }
}

/// The file with the digest that it should have: what is changed with care.
fn resealed(bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.len() < 3 {
        return bytes.to_vec();
    }
    let rest = [&lines[..2], &lines[3..]].concat().join(&b'\n');
    let mut line = "  \"digest\": \"sha256:".to_owned();
    for byte in Sha256::digest(&rest) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push_str("\",");
    lines[2] = line.as_bytes();
    lines.join(&b'\n')
}

fn loaded(bytes: &[u8]) -> Option<bayplan::plan::Plan> {
    match format::read(bytes).or_else(|_| format::read(&resealed(bytes))) {
        Ok(loaded) => Some(loaded.plan),
        Err(error) => {
            harmless(&error.message);
            None
        }
    }
}

/// What is read as a plan is written as it was read, is shown, and is checked.
pub(crate) fn plan(bytes: &[u8]) {
    let Some(plan) = loaded(bytes) else { return };
    for violation in check::check(&plan) {
        harmless(&say::safe(&violation.to_string()));
    }
    shown(&plan);
}

/// What makes foreign text harmless does, and changes nothing that is.
pub(crate) fn sanitiser(bytes: &[u8]) {
    let foreign = String::from_utf8_lossy(bytes);
    for safe in [say::safe(&foreign), say::short(&foreign), markdown::code(&say::safe(&foreign))] {
        harmless(&safe);
        assert!(!safe.contains('\n'), "{safe:?}");
        assert_eq!(say::safe(&safe), safe, "once is enough");
    }
    harmless(&say::safe_lines(&foreign));
    let struck = bayplan::observed::redact::redacted(&foreign, [SECRET]);
    assert!(!struck.contains(SECRET), "{struck:?}");
    assert!(bayplan::engine::known::without_users(&foreign).len() <= 2 * foreign.len() + 64);
}

/// Two plans, with a line of three dashes between them, are told apart.
pub(crate) fn diff(bytes: &[u8]) {
    let mark = b"\n---\n";
    let Some(at) = bytes.windows(mark.len()).position(|found| found == mark) else { return };
    let (old, new) = (loaded(&bytes[..=at]), loaded(&bytes[at + mark.len()..]));
    let (Some(old), Some(new)) = (old, new) else { return };
    let between = diff::between(&old, &new);
    harmless(&diff_text::text(&between, Options::default()));
    assert!(old != new || between.acts_alike, "a plan acts as itself");
    let _ = diff::unified(&old, &new, ("old", "new"));
}
