//! Reads a single set: its planner keys, and its options through the table.
//!
//! Rules across sets are [`super::across`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::places::Places;
use super::planner;
use super::read::Files;
use super::vocabulary;
use super::{Compat, Identity, Set, State};
use super::{deploy, env_merge};
use crate::options::{AnyRow, Declared, ROWS, row, row_by_word};
use crate::syntax::node::{Entry, Kind, Node, Problems, is_extension};

/// The limit of values in a set, far above the limits of an engine.
const MOST_IN_A_SET: usize = 25_000;

/// The inputs for reading a set.
#[derive(Debug)]
pub(super) struct SetReader<'a> {
    /// The names in environment files.
    pub(super) files: &'a Files,
    /// The tool whose defaults the spec follows.
    pub(super) compat: Option<Compat>,
    /// The entries of `defaults`, by planner key.
    pub(super) defaults: &'a Defaulted<'a>,
}

/// The entries of `defaults`, by planner key; a set may override them.
pub(super) type Defaulted<'a> = BTreeMap<&'static str, &'a Entry>;

/// The entries of a set, by their keys.
#[derive(Default)]
pub(super) struct Said<'a> {
    /// The entries by planner key.
    pub(super) planner: BTreeMap<&'static str, &'a Entry>,
    /// The entries by row key.
    options: BTreeMap<&'static str, &'a Entry>,
    /// The entry `compare` of `defaults`.
    pub(super) compare: Option<&'a Entry>,
    /// The planner keys that only `defaults` declares.
    defaulted: BTreeSet<&'static str>,
    /// The repeated entries of a key.
    again: Vec<(&'static str, &'a Entry)>,
}

impl<'a> Said<'a> {
    /// The value of a planner key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.planner.get(key).map(|entry| &entry.value)
    }

    /// Whether `key` comes from `defaults` and `own` from the set. If both conflict, `own` wins.
    pub(super) fn yields(&self, key: &str, own: &str) -> bool {
        self.defaulted.contains(key) && self.get(own).is_some() && !self.defaulted.contains(own)
    }
}

impl SetReader<'_> {
    /// Reads a set. Invalid parts are left out, so that the rest can be checked; `None` for a node
    /// that is not a map.
    pub(super) fn read(&self, entry: &Entry, problems: &mut Problems) -> Option<(Set, Places)> {
        let entries = match &entry.value.kind {
            Kind::Null => &[],
            Kind::Map(entries) => entries.as_slice(),
            _ => return problems.expected("a map of options", &entry.value),
        };
        let size = entry.value.size(MOST_IN_A_SET + 1);
        // The declaration in a plan was already checked as a spec.
        let written = entry.place.line > 0;
        if written && size > MOST_IN_A_SET {
            let message =
                format!("expected at most {MOST_IN_A_SET} values in one set, but found more");
            problems.add_hint(entry.place, message, "no engine makes such a container");
            return None;
        }
        let deployed = deploy::entries(entries, problems);
        let mut said = sort(entries, &deployed, problems);
        self.fill_in(&mut said);
        let mut places = Places::new(entry.place);
        for (key, entry) in said.planner.iter().chain(&said.options) {
            places.keep(key, entry);
        }
        let options = self.options(&said, &mut places, problems);
        let mut set = planner::read(entry, &said, self.compat, &mut places, problems);
        set.options = options;
        self.again(entry, &said, problems);
        rules(&set, &places, problems);
        Some((set, places))
    }

    /// Fills in the entries of `defaults`. A named set takes no `match` from `defaults`, because
    /// its name decides. The two maps of `compare` are merged.
    fn fill_in<'s>(&'s self, said: &mut Said<'s>) {
        let named = said.planner.contains_key("name");
        for (key, entry) in self.defaults.iter().filter(|(key, _)| !(named && **key == "match")) {
            if *key == "compare" {
                said.compare = Some(entry);
            }
            if !said.planner.contains_key(key) {
                said.planner.insert(key, entry);
                said.defaulted.insert(key);
            }
        }
    }

    /// A repeated key counts once, but the problems of all its values are reported.
    fn again(&self, set: &Entry, said: &Said<'_>, problems: &mut Problems) {
        for (key, entry) in &said.again {
            if let Some(row) = row(key) {
                row.parse(&entry.value, problems);
                continue;
            }
            if *key == "env_file" {
                env_merge::uses(&entry.value, problems);
            }
            let alone = Said { planner: BTreeMap::from([(*key, *entry)]), ..Said::default() };
            planner::read(set, &alone, self.compat, &mut Places::default(), problems);
        }
    }

    /// Reads the options, in the order of the table.
    fn options(
        &self,
        said: &Said<'_>,
        places: &mut Places,
        problems: &mut Problems,
    ) -> Vec<Declared> {
        let mut options = Vec::new();
        for row in ROWS {
            let key = row.def().key;
            let before = problems.all.len();
            let node = said.options.get(key).map(|entry| &entry.value);
            options.extend(match (key, node) {
                ("environment", node) => self.environment(said, *row, node, problems),
                (_, node) => node.and_then(|node| row.parse(node, problems)),
            });
            if problems.all.len() > before {
                places.breaks(key);
            }
        }
        options
    }

    /// Reads `environment` together with `env_file`.
    fn environment(
        &self,
        said: &Said<'_>,
        row: &'static dyn AnyRow,
        node: Option<&Node>,
        problems: &mut Problems,
    ) -> Option<Declared> {
        let declared = node.map(|node| env_merge::written(row, node, problems));
        let Some(files) = said.get("env_file") else { return declared.flatten() };
        let uses = env_merge::uses(files, problems);
        let explicit = declared.as_ref().and_then(|declared| Some(declared.as_ref()?.print()));
        let merged = env_merge::merged(explicit.as_ref(), &uses, self.files, problems);
        // An unreadable value is already reported.
        if matches!(declared, Some(None)) {
            return None;
        }
        row.parse(&merged, problems)
    }
}

/// Reports the problems in the values of planner keys.
pub(super) fn look_at(entry: &Entry, keys: &Defaulted<'_>, problems: &mut Problems) {
    let said = Said { planner: keys.clone(), ..Said::default() };
    planner::read(entry, &said, None, &mut Places::default(), problems);
}

/// Sorts the entries of a set by their keys.
fn sort<'a>(entries: &'a [Entry], deployed: &'a [Entry], problems: &mut Problems) -> Said<'a> {
    let mut said = Said::default();
    let own = entries.iter().map(|entry| (entry, entry.key.as_str()));
    let deployed = deployed.iter().map(|entry| (entry, deploy::meaning(&entry.key).unwrap_or("")));
    for (entry, word) in own.chain(deployed) {
        if is_extension(word) || word == "deploy" {
            continue;
        }
        let planner = vocabulary::planner_by_word(word);
        let Some(key) = planner.or_else(|| row_by_word(word).map(|row| row.def().key)) else {
            problems.unknown(entry, word, vocabulary::unknown_in_set);
            continue;
        };
        // A key without a value is undeclared; so is a key with an empty text, where texts are
        // allowed.
        let empty = match row(key) {
            Some(row) => entry.value.says_nothing() && row.takes_empty_for_nothing(),
            None => vocabulary::planner_key(key).is_some_and(|key| key.is_undeclared(&entry.value)),
        };
        if empty || entry.value.kind == Kind::Null {
            continue;
        }
        let known = if planner.is_some() { &mut said.planner } else { &mut said.options };
        let first = *known.entry(key).or_insert(entry);
        if !std::ptr::eq(first, entry) {
            let message = format!(
                "expected `{key}` once, but found `{}`, which means the same as `{}` in line {}",
                entry.key, first.key, first.place.line
            );
            problems.add(entry.place, message);
            said.again.push((key, entry));
        }
    }
    said
}

/// Checks rules across the keys of a set.
fn rules(set: &Set, places: &Places, problems: &mut Problems) {
    let may_lack_image = matches!(set.identity, Identity::Named(_))
        && matches!(set.state, State::Stopped | State::Killed | State::Absent);
    let unclear = places.any_broken(&["name", "state"]);
    if set.image.is_none() && !may_lack_image && !unclear && !places.has("image") {
        problems.add_hint(
            places.of("image"),
            "expected an `image`, but found none",
            "only a set with a `name` that is `stopped`, `killed` or `absent` needs none",
        );
    }
    if !set.one_shot {
        return;
    }
    let runs = matches!(set.state, State::Started | State::Reloaded);
    if !runs && !places.any_broken(&["state"]) {
        problems.add(
            places.of("detach"),
            "expected `detach: false` with `state: started` or `reloaded`, but found another state",
        );
    }
    let removed = set.option("auto_remove").is_some_and(|option| option.print() == true);
    if removed {
        problems.add_hint(
            places.of("auto_remove"),
            "expected no `auto_remove: true` beside `detach: false`, but found it",
            "the engine would remove it before anybody can see how it ended; take it out",
        );
    }
    let restarts = row("restart").and_then(|row| set.option(row.def().key));
    let policy = restarts.map(crate::options::Declared::print);
    if let Some(word) = policy.as_ref().and_then(never_ends) {
        problems.add_hint(
            places.of("restart"),
            format!(
                "expected `on-failure` or no policy of what runs to its end, but found `{word}`"
            ),
            "the engine would start it again after every end",
        );
    }
}

/// The word of a printed restart policy that starts a container again after every end.
fn never_ends(printed: &serde_json::Value) -> Option<&str> {
    printed.as_str().filter(|word| matches!(*word, "always" | "unless-stopped"))
}
