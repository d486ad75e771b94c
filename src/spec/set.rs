//! One container set: its planner keys, and its options through the table.
//!
//! What concerns several sets is [`super::read`]'s.

use std::collections::BTreeMap;

use super::node::{Entry, Kind, Node, Place, Problem, Problems};
use super::planner;
use super::read::Files;
use super::vocabulary;
use super::{Compat, Identity, Set, State};
use super::{deploy, env_merge};
use crate::options::{AnyRow, Declared, ROWS, row, row_by_word};

/// The way out where a word happens to look like a number or a boolean.
pub(super) const QUOTE: &str = "put it in quotes";

/// What reading a set needs to know of the rest.
#[derive(Debug)]
pub(super) struct SetReader<'a> {
    /// The names in environment files.
    pub(super) files: &'a Files,
    /// Whose habits.
    pub(super) compat: Option<Compat>,
    /// Whether that is as written: otherwise nothing that depends on it is a problem of its own.
    pub(super) base_is_known: bool,
}

/// Where a set says what, for problems that are found later.
#[derive(Debug, Default)]
pub(super) struct Places {
    set: Place,
    keys: BTreeMap<&'static str, Place>,
}

impl Places {
    /// Where a key stands; the set's own place where it was not said.
    pub(super) fn of(&self, key: &str) -> Place {
        self.keys.get(key).copied().unwrap_or(self.set)
    }
}

/// The entries of a set by what they mean.
#[derive(Default)]
pub(super) struct Said<'a> {
    /// By planner key.
    pub(super) planner: BTreeMap<&'static str, &'a Entry>,
    /// By the row's key.
    options: BTreeMap<&'static str, (&'a Entry, &'static dyn AnyRow)>,
}

impl<'a> Said<'a> {
    /// The value of a planner key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.planner.get(key).map(|entry| &entry.value)
    }
}

impl SetReader<'_> {
    /// Reads a set; nothing if something in it is wrong.
    pub(super) fn read(&self, entry: &Entry, problems: &mut Problems) -> Option<(Set, Places)> {
        let before = problems.all.len();
        let entries = match &entry.value.kind {
            Kind::Null => &[],
            Kind::Map(entries) => entries.as_slice(),
            _ => return problems.expected("a map of options", &entry.value),
        };
        let deployed = deploy::entries(entries, problems);
        let said = sort(entries, &deployed, problems);
        let mut places = Places { set: entry.place, keys: BTreeMap::new() };
        places.keys.extend(said.planner.iter().map(|(key, entry)| (*key, entry.place)));
        places.keys.extend(said.options.iter().map(|(key, (entry, _))| (*key, entry.place)));
        let options = self.options(&said, problems);
        let mut set = planner::read(entry, &said, self.compat, problems)?;
        set.options = options;
        rules(&set, &places, problems);
        (problems.all.len() == before).then_some((set, places))
    }

    /// The options in the order of the table.
    fn options(&self, said: &Said<'_>, problems: &mut Problems) -> Vec<Declared> {
        let mut options = Vec::new();
        for row in ROWS {
            let key = row.about().key;
            let entry = said.options.get(key).map(|(entry, _)| *entry);
            let declared = entry.and_then(|entry| row.parse(&entry.value, problems));
            if key == "environment" {
                options.extend(self.environment(said, *row, entry.is_some(), declared, problems));
                continue;
            }
            options.extend(declared);
        }
        options
    }

    /// `environment` with what `env_file` adds to it.
    fn environment(
        &self,
        said: &Said<'_>,
        row: &'static dyn AnyRow,
        written: bool,
        declared: Option<Declared>,
        problems: &mut Problems,
    ) -> Option<Declared> {
        let Some(node) = said.get("env_file") else { return declared };
        let uses = env_merge::uses(node, problems);
        if written && declared.is_none() {
            return None;
        }
        let explicit = declared.as_ref().map(Declared::print);
        let merged = env_merge::merged(explicit.as_ref(), &uses, self.files, problems);
        row.parse(&merged, problems)
    }
}

/// Sorts the entries of a set by what they mean.
fn sort<'a>(entries: &'a [Entry], deployed: &'a [Entry], problems: &mut Problems) -> Said<'a> {
    let mut said = Said::default();
    let own = entries.iter().map(|entry| (entry, entry.key.as_str()));
    let deployed = deployed.iter().map(|entry| (entry, deploy::meaning(&entry.key).unwrap_or("")));
    for (entry, word) in own.chain(deployed) {
        if vocabulary::is_extension(word) || word == "deploy" {
            continue;
        }
        let (key, first) = if let Some(key) = vocabulary::planner_by_word(word) {
            // A key with nothing after it declares nothing.
            if entry.value.kind == Kind::Null {
                continue;
            }
            (key, said.planner.insert(key, entry))
        } else if let Some(row) = row_by_word(word) {
            if entry.value.kind == Kind::Null {
                continue;
            }
            let key = row.about().key;
            (key, said.options.insert(key, (entry, row)).map(|(entry, _)| entry))
        } else {
            let (message, hint) = vocabulary::unknown_in_set(word);
            problems.all.push(Problem { place: entry.place, message, hint });
            continue;
        };
        if let Some(first) = first {
            let message = format!(
                "expected `{key}` once, but found `{}`, which means the same as `{}` in line {}",
                entry.key, first.key, first.place.line
            );
            problems.add(entry.place, message);
        }
    }
    said
}

/// Rules across keys.
fn rules(set: &Set, places: &Places, problems: &mut Problems) {
    let may_lack_image = matches!(set.identity, Identity::Named(_))
        && matches!(set.state, State::Stopped | State::Killed | State::Absent);
    if set.image.is_none() && !may_lack_image && !places.keys.contains_key("image") {
        problems.add_hint(
            places.set,
            "expected an `image`, but found none",
            "only a set with a `name` that is `stopped`, `killed` or `absent` needs none",
        );
    }
    if !set.one_shot {
        return;
    }
    if !matches!(set.state, State::Started | State::Reloaded) {
        problems.add(
            places.of("detach"),
            "expected `detach: false` with `state: started` or `reloaded`, but found another state",
        );
    }
    let restarts = row("restart").and_then(|row| set.option(row.about().key));
    if restarts.is_some_and(|restart| is_policy(&restart.print())) {
        problems.add(
            places.of("restart"),
            "expected no restart policy beside `detach: false`, but found one: it runs once",
        );
    }
}

/// Whether a printed `restart` brings anything back.
fn is_policy(printed: &serde_json::Value) -> bool {
    let word = printed.as_str().or_else(|| printed["policy"].as_str());
    !matches!(word, None | Some("no" | ""))
}

/// *Expected `what`, but found …* with a way out.
pub(super) fn expected<T>(
    what: &str,
    node: &Node,
    hint: Option<&str>,
    problems: &mut Problems,
) -> Option<T> {
    problems.all.push(Problem {
        place: node.place,
        message: format!("expected {what}, but found {}", node.what()),
        hint: hint.map(str::to_owned),
    });
    None
}
