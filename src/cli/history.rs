//! `bayplan history`: results and journals in folders, the commits of their plans, and the label of
//! a running container.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::Global;
use super::files::{self, Files};
use super::report::{Exit, Failure, Result};
use super::{git, observe, output, show};
use crate::apply::history::{Commit, Filter, History, Live};
use crate::apply::journal;
use crate::apply::journaled::{Journaled, JournaledRun, runs};
use crate::apply::result::ResultDocument;
use crate::base::canonical;
use crate::base::ident::{ContainerId, LABEL_NAME, LABEL_PLAN};
use crate::engine::Reader as _;
use crate::plan::format;

/// `bayplan history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Results, journals, and folders that hold some (else the folder that is here)
    #[arg(value_name = "DIR|RESULT|JOURNAL")]
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

/// How many files are examined.
const MOST_FILES: usize = 20_000;

/// The file extensions of results and journals.
const ENDS: [&str; 2] = ["json", "journal"];

/// How deep folders are searched.
const DEEPEST: usize = 8;

/// How many commits of plans are examined.
const MOST_COMMITS: &str = "2000";

/// Runs the command.
pub fn run(args: &HistoryArgs, global: &Global, files: &Files) -> Result {
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let filter = Filter { project: args.project.clone(), container: args.container.clone() };
    let (results, journals) = gathered(paths, files, &filter)?;
    let mut commits = BTreeMap::new();
    if !args.without_git {
        let folders = paths.iter().filter_map(|path| folder_of(path));
        folders.for_each(|folder| commits.append(&mut commits_of_plans(folder)));
    }
    let mut history = History::of(results, &commits, &filter);
    history.journals = journals;
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
            let hint = "leave `--live` out: the results tell which plan made it";
            return Err(Failure::new(Exit::Error, message).hint(hint));
        };
        history.know(live_of(&found, name), &commits);
    }
    if let Some(name) = args.container.as_deref().filter(|_| history.is_empty()) {
        return Err(unknown(name));
    }
    if args.json {
        let failed =
            |error| Failure::new(Exit::Error, "the history cannot be written").caused_by(error);
        output::data(&(canonical::flat(&history).map_err(failed)? + "\n"))?;
        return Ok(Exit::Done);
    }
    let none = || "no results were found.\n".to_owned();
    output::told(&if history.is_empty() { none() } else { history.text() })?;
    Ok(Exit::Done)
}

/// No run changed the container that the user asked for.
fn unknown(name: &str) -> Failure {
    let name = crate::base::say::short(name);
    let message = format!("expected a run that changed container `{name}`, but found none");
    let hint = "without `--container` the command lists all runs; `--live` asks the engine";
    Failure::new(Exit::Error, message).hint(hint)
}

/// The results with their files, and the runs of journals.
type Gathered = (Vec<(String, ResultDocument)>, Vec<JournaledRun>);

/// The results and journals at the given paths.
fn gathered(
    paths: &[PathBuf],
    files: &Files,
    filter: &Filter,
) -> std::result::Result<Gathered, Failure> {
    let (mut results, mut journals) = (Vec::new(), Vec::new());
    for path in paths {
        let found = if path.is_dir() { in_folder(path)? } else { vec![path.clone()] };
        for path in found {
            match read(&path, files) {
                Ok(Found::Result(document)) => {
                    results.push((path.display().to_string(), *document));
                }
                Ok(Found::Journal(journal)) => {
                    journals.extend(runs(&path.display().to_string(), journal, filter));
                }
                Ok(Found::Other) if paths.contains(&path) => {
                    let name = files::named(&path);
                    let message = format!("{name}: expected a result or a journal of an apply");
                    let hint = "`apply -o FILE` writes a result, `apply --journal FILE` a journal";
                    return Err(Failure::new(Exit::Error, message).hint(hint));
                }
                Ok(Found::Other) => {}
                Err(failure) if paths.contains(&path) => return Err(failure),
                // A broken file is reported, and the other files are still shown.
                Err(failure) => output::note(&format!("warning: {}", failure.message)),
            }
        }
    }
    Ok((results, journals))
}

/// The data of an existing container. `docker commit` copies labels to images, so the labels count
/// only if they name this container.
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

/// The kind of a file.
enum Found {
    Result(Box<ResultDocument>),
    Journal(Journaled),
    Other,
}

fn read(path: &Path, files: &Files) -> std::result::Result<Found, Failure> {
    let bytes = files.read(path, format::MAX_BYTES)?;
    if bytes.starts_with(b"{\"seq\":1,") {
        let kept = journal::read(&bytes).map_err(|broken| {
            let message = format!("{}: {broken}", files::named(path));
            Failure::new(Exit::Error, message)
        })?;
        let cut_off = kept.whole < bytes.len();
        let held = super::journal::is_held(path);
        return Ok(Found::Journal(Journaled { records: kept.records, held, cut_off }));
    }
    let found = show::result(&bytes).map_err(|failure| failure.within(&files::named(path)))?;
    Ok(found.map_or(Found::Other, |document| Found::Result(Box::new(document))))
}

/// The possible results and journals in a folder and its subfolders. Symbolic links and hidden
/// files are skipped.
fn in_folder(folder: &Path) -> std::result::Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = open.pop() {
        // An unreadable folder does not stop the search.
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
            let fits = path.extension().is_some_and(|end| ENDS.iter().any(|one| end == *one));
            if !kind.is_file() || !fits {
                continue;
            }
            seen += 1;
            if seen > MOST_FILES {
                let message = format!("expected at most {MOST_FILES} JSON files, but found more");
                return Err(Failure::new(Exit::Error, message).hint("name a folder of results"));
            }
            found.push(path);
        }
    }
    Ok(found)
}

/// The separator between commits and their parts.
const PART: char = '\0';
const COMMIT: char = '\u{1}';

/// The commits that added plans to the repository of a folder, by plan digest.
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

/// The boundary commits of a shallow clone. Such a commit seems to add all files in the repository.
fn cut_off(folder: &Path) -> BTreeSet<String> {
    let answer = git::ask(folder, &["rev-parse", "--git-path", "shallow"]).unwrap_or_default();
    let path = folder.join(String::from_utf8_lossy(&answer).trim_end());
    // The repository decides what stands there: a link to a device, or a pipe.
    let file = files::open_regular(&path).ok();
    let bytes = file.and_then(|file| files::to_the_end(file, 0, SHALLOW).ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

/// The longest list of cut-off commits that is read, in bytes.
const SHALLOW: usize = 1 << 20;

/// The commits in an answer of git, by the digests in the added lines. The answer begins with the
/// newest commit; the oldest commit added the plan.
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
