//! The house's invariants, held by reading its files: what may use what, and what every file
//! must have. What a compiler or a lint can hold is left to them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Parts of `src` that do I/O; all else is core.
const SHELL: &[&str] = &["main.rs", "apply/", "cli/", "engine/"];

/// The rooms of the house from the ground up. What stands in one names only rooms below it.
const ROOMS: &[&str] = &[
    "base",
    "syntax",
    "options",
    "spec",
    "compose",
    "observed",
    "engine_model",
    "plan",
    "planner",
    "stale",
    "import",
    "engine",
    "apply",
    "cli",
];

/// What the core never names.
const IO: &[&str] = &[
    "std::fs",
    "std::env",
    // Not all of `std::io` and `std::net`: formatters write to a `Write`, addresses are values.
    "std::io::std",
    "io::std",
    "TcpStream",
    "UnixStream",
    "std::process",
    "std::time",
    "std::thread",
    "tokio",
    "clap",
    "hyper",
    "SystemTime",
    "Instant::",
    "bollard::Docker",
    "async fn",
];

/// The most lines of a file of the program, blank ones and its tests not counted.
const LONGEST: usize = 500;

/// The most lines of a function in a `mod.rs`, which holds nouns and no logic.
const LONGEST_FUNCTION_IN_MOD: usize = 40;

struct Source {
    /// Relative to `src`, `/` between parts.
    path: String,
    text: String,
}

impl Source {
    /// What is left without its unit tests, which stand at the end.
    fn without_tests(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
    }

    /// Its lines of code, numbered from 1, without tests and comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.without_tests()
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(number, line)| (number, line.split(" // ").next().unwrap_or(line)))
    }

    fn is_core(&self) -> bool {
        !SHELL.iter().any(|part| self.path.starts_with(part))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut paths = Vec::new();
    files(&src, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/"),
        })
        .collect()
}

/// Fails with every complaint, not the first.
#[track_caller]
fn none(complaints: &str) {
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn core_does_no_io() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|source| source.is_core()) {
        for (number, line) in source.code() {
            for word in IO.iter().filter(|word| line.contains(**word)) {
                let _ = writeln!(complaints, "src/{}:{number}: core names `{word}`", source.path);
            }
        }
    }
    none(&complaints);
}

#[test]
fn a_room_names_only_rooms_below_it() {
    let floor = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut complaints = String::new();
    let mut seen = 0;
    for source in sources().iter().filter(|source| source.path.contains('/')) {
        // Tests may build what they need with the rooms above.
        if source.path.ends_with("tests.rs") {
            continue;
        }
        let room = source.path.split('/').next().unwrap_or_default();
        let Some(own) = floor(room) else {
            let _ = writeln!(complaints, "src/{}: the room `{room}` has no floor", source.path);
            continue;
        };
        for (number, line) in source.code() {
            for named in line.split("crate::").skip(1) {
                let end = named.find(|c: char| !c.is_alphanumeric() && c != '_');
                let named = &named[..end.unwrap_or(named.len())];
                seen += 1;
                // A `use` may name several at once; then each has to be named alone.
                if floor(named).is_none_or(|floor| floor > own) {
                    let _ = writeln!(
                        complaints,
                        "src/{}:{number}: `{room}` names `{named}`, which is not below it",
                        source.path
                    );
                }
            }
        }
    }
    none(&complaints);
    assert!(seen > 500, "only {seen} names were seen");
}

#[test]
fn only_the_applier_holds_a_writer() {
    let mut complaints = String::new();
    for source in sources() {
        let may =
            ["apply/", "engine/", "cli/apply"].iter().any(|part| source.path.starts_with(part));
        for (number, line) in source.code().filter(|_| !may) {
            if line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "Writer") {
                let _ = writeln!(complaints, "src/{}:{number}: names `Writer`", source.path);
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_engines_client_appears_in_one_place() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|source| !source.path.starts_with("engine/docker")) {
        for (number, line) in source.code() {
            if line.contains("bollard::Docker") || line.contains("bollard::{") {
                let _ = writeln!(complaints, "src/{}:{number}: names the client", source.path);
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_checker_shares_no_code_with_the_builder() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|source| source.path.starts_with("plan/check")) {
        for (number, line) in source.code() {
            for word in ["planner", "crate::engine_model", "create_body"] {
                if line.contains(word) {
                    let _ = writeln!(complaints, "src/{}:{number}: names `{word}`", source.path);
                }
            }
        }
    }
    none(&complaints);
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut complaints = String::new();
    let mut sources = sources();
    for folder in ["tests", "benches"] {
        let mut paths = Vec::new();
        files(&root().join(folder), &mut paths);
        sources.extend(paths.into_iter().map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: format!("../{}", path.strip_prefix(root()).unwrap().display()),
        }));
    }
    for source in &sources {
        if !source.text.starts_with("//!") {
            let _ = writeln!(complaints, "src/{}: does not begin with `//!`", source.path);
        }
        let lines = source.without_tests().lines().filter(|line| !line.trim().is_empty()).count();
        if lines > LONGEST && !source.path.starts_with("..") {
            let _ = writeln!(complaints, "src/{}: {lines} lines, more than {LONGEST}", source.path);
        }
    }
    none(&complaints);
}

/// What no module declares is compiled by nobody, and rots.
#[test]
fn every_source_file_is_a_module() {
    let sources = sources();
    let mut complaints = String::new();
    for source in &sources {
        let path = Path::new(&source.path);
        let by_path = format!("#[path = \"{}\"]", path.file_name().unwrap().to_str().unwrap());
        if sources.iter().any(|other| other.text.contains(&by_path)) {
            continue;
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let (name, parents) = match path.file_stem().and_then(|stem| stem.to_str()).unwrap() {
            "lib" | "main" => continue,
            "mod" => {
                let above = folder.parent().unwrap_or(Path::new(""));
                (folder.file_name().unwrap().to_str().unwrap(), above)
            }
            stem => (stem, folder),
        };
        let declared = sources.iter().any(|other| {
            let path = Path::new(&other.path);
            let own = path.with_extension("");
            let home = match own.file_name().and_then(|name| name.to_str()).unwrap() {
                "lib" | "mod" => own.parent().unwrap_or(Path::new("")).to_owned(),
                _ => own,
            };
            home == parents
                && other.text.lines().any(|line| {
                    line.trim_end()
                        .strip_suffix(';')
                        .is_some_and(|line| line.ends_with(&format!("mod {name}")))
                })
        });
        if !declared {
            let _ = writeln!(complaints, "src/{}: no module declares it", source.path);
        }
    }
    none(&complaints);
}

#[test]
fn mod_files_hold_nouns_not_logic() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|source| source.path.ends_with("mod.rs")) {
        let mut begun = None;
        for (number, line) in source.code() {
            let text = line.trim_start();
            let indent = line.len() - text.len();
            if text.contains("fn ") && text.ends_with('{') {
                begun = Some((number, indent));
            }
            if let Some((first, depth)) = begun
                && text == "}"
                && indent == depth
            {
                if number - first > LONGEST_FUNCTION_IN_MOD {
                    let _ = writeln!(complaints, "src/{}:{first}: a long function", source.path);
                }
                begun = None;
            }
        }
    }
    none(&complaints);
}

#[test]
fn no_map_of_random_order() {
    let mut complaints = String::new();
    for source in sources() {
        for (number, line) in source.code() {
            // What bollard's models are made of is named where bollard is.
            if (line.contains("HashMap") || line.contains("HashSet"))
                && !source.path.starts_with("engine/docker")
            {
                let _ = writeln!(complaints, "src/{}:{number}: a map of random order", source.path);
            }
        }
    }
    none(&complaints);
}

/// What came or went with a version has a name, in the room of its own.
#[test]
fn versions_of_the_api_stand_in_one_place() {
    let mut complaints = String::new();
    for source in sources().iter().filter(|source| source.path != "base/api.rs") {
        for (number, line) in source.code() {
            let pair = line
                .split("(1, ")
                .skip(1)
                .any(|rest| rest.starts_with(['4', '5']) && rest.get(2..3) == Some(")"));
            if pair || line.contains("Api::minor(") {
                let _ = writeln!(complaints, "src/{}:{number}: a version of the API", source.path);
            }
        }
    }
    none(&complaints);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut complaints = String::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            for word in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("] {
                if line.contains(word) {
                    let _ = writeln!(complaints, "src/{}:{}: {word}", source.path, number + 1);
                }
            }
        }
    }
    none(&complaints);
}
