//! `bayplan history`: results that lie about, what git knows of their plans, and the label of a
//! container that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::Global;
use super::files::{self, Files};
use super::report::{Exit, Failure, Result};
use super::{git, observe, output, show};
use crate::apply::history::{Commit, Filter, History, Live};
use crate::apply::result::ResultDocument;
use crate::base::canonical;
use crate::base::ident::{ContainerId, LABEL_NAME, LABEL_PLAN};
use crate::engine::Reader as _;
use crate::plan::format;

/// `bayplan history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Results, and folders that hold some (else the folder that is here)
    #[arg(value_name = "DIR|RESULT")]
    pub paths: Vec<PathBuf>,
    /// Only what changed this container, and which plan made it
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
    /// Ask the engine as well: the label of the container names the plan that made it
    #[arg(long, requires = "container")]
    pub live: bool,
    /// Only runs of this project
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Do not ask git which commit brought a plan
    #[arg(long)]
    pub without_git: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// So many files of folders are looked at.
const MOST_FILES: usize = 20_000;

/// So deep in a folder results are looked for.
const DEEPEST: usize = 8;

/// So many commits of plans are looked at.
const MOST_COMMITS: &str = "2000";

/// Runs the command.
pub fn run(args: &HistoryArgs, global: &Global, files: &Files) -> Result {
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let mut results = Vec::new();
    for path in paths {
        if path.is_dir() {
            in_folder(path, files, &mut results)?;
        } else {
            let document = read(path, files)?.ok_or_else(|| {
                let message = format!("{}: expected a result of an apply", files::named(path));
                Failure::new(Exit::Error, message)
            })?;
            results.push((path.display().to_string(), document));
        }
    }
    let mut commits = BTreeMap::new();
    if !args.without_git {
        let folders = paths.iter().filter_map(|path| folder_of(path));
        folders.for_each(|folder| commits.append(&mut commits_of_plans(folder)));
    }
    let filter = Filter { project: args.project.clone(), container: args.container.clone() };
    let mut history = History::of(results, &commits, &filter);
    if let Some(name) = args.container.as_deref().filter(|_| args.live) {
        let found = observe::runtime()?.block_on(async {
            let reader = observe::connect(global).await?;
            let found = reader.inspect(name).await?;
            Ok::<_, Failure>(found)
        })?;
        let live = found.and_then(|found| {
            (found["Name"].as_str()?.trim_start_matches('/') == name).then_some(found)
        });
        let Some(found) = live else {
            let message = format!(
                "expected container `{}` on the engine, but found none",
                crate::base::say::short(name)
            );
            return Err(Failure::new(Exit::Error, message));
        };
        history.know(live_of(&found, name), &commits);
    }
    let text = if args.json {
        let failed =
            |error| Failure::new(Exit::Error, "the history cannot be written").caused_by(error);
        canonical::flat(&history).map_err(failed)? + "\n"
    } else if history.runs.is_empty() && history.container.is_none() {
        "no results were found.\n".to_owned()
    } else {
        history.text()
    };
    output::data(&text)?;
    Ok(Exit::Done)
}

/// What an engine says of a container. Labels are handed on by `docker commit`: they count where they
/// name the container itself.
fn live_of(found: &serde_json::Value, name: &str) -> Live {
    let label = |key: &str| found["Config"]["Labels"][key].as_str();
    let own = label(LABEL_NAME) == Some(name);
    let id = ContainerId::new(found["Id"].as_str().unwrap_or_default());
    Live { id, plan: label(LABEL_PLAN).filter(|_| own).map(str::to_owned) }
}

fn folder_of(path: &Path) -> Option<&Path> {
    if path.is_dir() {
        return Some(path);
    }
    match path.parent()? {
        folder if folder == Path::new("") => Some(Path::new(".")),
        folder => Some(folder),
    }
}

/// A result; nothing: it is something else.
fn read(path: &Path, files: &Files) -> std::result::Result<Option<ResultDocument>, Failure> {
    let bytes = files.read(path, format::MAX_BYTES)?;
    show::result(&bytes).map_err(|failure| failure.within(&files::named(path)))
}

/// The results of a folder and those below it. Links are not followed, and what is hidden is left out.
fn in_folder(
    folder: &Path,
    files: &Files,
    results: &mut Vec<(String, ResultDocument)>,
) -> std::result::Result<(), Failure> {
    let mut open = vec![(folder.to_owned(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = open.pop() {
        // A folder that cannot be read hides no other.
        let warn = |error: &std::io::Error| {
            let (folder, why) = (files::named(&folder), crate::base::say::safe(&error.to_string()));
            output::note(&format!("warning: the results of {folder} are left out: {why}"));
        };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                warn(&error);
                continue;
            }
        };
        for entry in entries {
            let (entry, kind) = match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) => (entry, kind),
                Err(error) => {
                    warn(&error);
                    break;
                }
            };
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden && depth < DEEPEST {
                open.push((path, depth + 1));
                continue;
            }
            if !kind.is_file() || path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            seen += 1;
            if seen > MOST_FILES {
                let message = format!("expected at most {MOST_FILES} JSON files, but found more");
                return Err(Failure::new(Exit::Error, message).hint("name a folder of results"));
            }
            // A result that is broken is told, and hides no other.
            match read(&path, files) {
                Ok(Some(document)) => results.push((path.display().to_string(), document)),
                Ok(None) => {}
                Err(failure) => output::note(&format!("warning: {}", failure.message)),
            }
        }
    }
    Ok(())
}

/// Parts of a commit, and commits, end with these.
const PART: char = '\0';
const COMMIT: char = '\u{1}';

/// The commits that brought plans into the repository of a folder, by the digests of the plans.
fn commits_of_plans(folder: &Path) -> BTreeMap<String, Commit> {
    let most = format!("--max-count={MOST_COMMITS}");
    let words = [
        "log",
        &most,
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--patch",
        "--unified=0",
        "--format=%x01%H%x00%an%x00%cI%x00%s%x00",
        "-G^  \"digest\": \"sha256:",
        "--",
        ":/*.json",
    ];
    let answer = git::ask(folder, &words).unwrap_or_default();
    let mut commits = commits(&String::from_utf8_lossy(&answer));
    let cut = cut_off(folder);
    commits.retain(|_, commit| !cut.contains(&commit.id));
    commits
}

/// The commits where a shallow clone ends. Such a commit seems to bring every file that it has.
fn cut_off(folder: &Path) -> BTreeSet<String> {
    let answer = git::ask(folder, &["rev-parse", "--git-path", "shallow"]).unwrap_or_default();
    let path = folder.join(String::from_utf8_lossy(&answer).trim_end());
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The commits that an answer of git tells, by the digests in the lines that they add. It begins with
/// the newest; the oldest brought it.
fn commits(answer: &str) -> BTreeMap<String, Commit> {
    let mut all = BTreeMap::new();
    for told in answer.split(COMMIT).skip(1) {
        let parts: Vec<&str> = told.splitn(5, PART).collect();
        let [id, author, date, subject, patch] = parts[..] else { continue };
        let digests = patch.lines().filter_map(|line| {
            let digest = line.strip_prefix("+  \"digest\": \"")?.split('"').next()?;
            digest.starts_with("sha256:").then(|| digest.to_owned())
        });
        let [id, author, date, subject] = [id, author, date, subject].map(str::to_owned);
        let commit = Commit { id, author, date, subject };
        all.extend(digests.map(|digest| (digest, commit.clone())));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_brings_the_plans_whose_digests_it_adds() {
        let commit = |id: &str, lines: &str| {
            format!("\u{1}{id}\0Ann\02026-01-01T00:00:00Z\0plan it\0\n\ndiff --git a b\n{lines}\n")
        };
        let answer = commit("new", "+  \"digest\": \"sha256:b\",\n-  \"digest\": \"sha256:a\",")
            + &commit("old", "+  \"digest\": \"sha256:a\",\n+    \"digest\": \"sha256:c\"");
        let all = commits(&answer);
        let told: Vec<(&str, &str)> =
            all.iter().map(|(digest, commit)| (digest.as_str(), commit.id.as_str())).collect();
        assert_eq!(told, [("sha256:a", "old"), ("sha256:b", "new")]);
        assert_eq!(all["sha256:a"].subject, "plan it");
    }
}
