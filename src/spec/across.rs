//! Checks rules across the sets of a spec, and across the options of a set.
//!
//! The checks also run on a partly unreadable spec: they use all readable values, and skip findings
//! that depend on an unreadable value. Reading a set is [`super::set`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::order::Words;
use super::places::Places;
use super::resources_read::Resources;
use super::{Compat, Identity, Pull, Spec, addresses, depends, order, planner_grammar, read};
use crate::base::ident::SetName;
use crate::base::image_ref::ImageRef;
use crate::options::{AnyRow, Context, Declared, ROWS, rules};
use crate::syntax::node::{Place, Problem, Problems};

/// The readable parts of a spec, with the places of their values.
pub(super) struct Whole<'a> {
    /// The readable spec.
    pub(super) spec: &'a Spec,
    /// The places of the values of each set.
    pub(super) places: BTreeMap<SetName, Places>,
    /// Words that refer to unreadable sets.
    pub(super) lost: BTreeSet<String>,
    /// The places of the networks.
    pub(super) networks: Resources,
    /// The places of the volumes.
    pub(super) volumes: Resources,
    /// Whether `base_dir` could be read.
    pub(super) base_is_known: bool,
}

impl Whole<'_> {
    /// The place of a key of a set.
    pub(super) fn place(&self, set: &SetName, key: &str) -> Place {
        self.places.get(set).map(|places| places.of(key)).unwrap_or_default()
    }

    /// Whether one of these keys of a set could not be read.
    pub(super) fn broken(&self, set: &SetName, keys: &[&str]) -> bool {
        self.places.get(set).is_some_and(|places| places.any_broken(keys))
    }

    /// Runs all checks.
    pub(super) fn check(&self, problems: &mut Problems) {
        for (what, names, places) in [
            ("network", self.spec.network_names(), &self.networks),
            ("volume", self.spec.volume_names(), &self.volumes),
        ] {
            object_names(what, &names, places, problems);
        }
        self.containers(problems);
        self.names(problems);
        self.pulls(problems);
        self.circles(problems);
        self.conditions(problems);
        self.vet(problems);
        self.conflicts(problems);
        addresses::check(self, problems);
    }

    /// Limits the number of containers of all sets, and the total size of their options.
    fn containers(&self, problems: &mut Problems) {
        let (mut containers, mut bytes) = (0_usize, 0_usize);
        for (key, set) in &self.spec.sets {
            let count = match set.identity {
                Identity::Named(_) => 1,
                Identity::Counted(count) => usize::try_from(count).unwrap_or(usize::MAX),
            };
            containers = containers.saturating_add(count);
            if count > 1 {
                let each = set.options.iter().map(|option| weight(&option.print())).sum();
                bytes = bytes.saturating_add(count.saturating_mul(each));
            }
            let (most, what, hint) = if containers > planner_grammar::MOST_MEMBERS as usize {
                (planner_grammar::MOST_MEMBERS as usize, "containers in all sets", read::SPLIT)
            } else if bytes > MOST_SAID {
                let hint = "a `count` is for what says little; a file of the host can say the rest";
                (MOST_SAID, "bytes of options in all containers", hint)
            } else {
                continue;
            };
            let message =
                format!("expected at most {most} {what}, but found more with those of `{key}`");
            problems.add_hint(self.place(key, "count"), message, hint);
            return;
        }
    }

    /// Refuses two sets with the same container.
    fn names(&self, problems: &mut Problems) {
        let known = Words::of(self.spec);
        let mut seen: BTreeMap<&str, &SetName> = BTreeMap::new();
        for (key, set) in &self.spec.sets {
            let Identity::Named(name) = &set.identity else { continue };
            let place = self.place(key, "name");
            if let Some(first) = seen.insert(name.as_str(), key) {
                problems.add(
                    place,
                    format!(
                        "expected every name once, but found `{name}` in `{first}` and in `{key}`"
                    ),
                );
            }
            let member_of = known.member_of(name.as_str());
            if let Some(other) = member_of.filter(|other| !self.broken(other, &["name"])) {
                problems.add(
                    place,
                    format!("expected a name of its own, but `{name}` is what a member of `{other}` is called"),
                );
            }
        }
    }

    /// Refuses two pull policies for one image, because a pull changes the image for all its sets.
    fn pulls(&self, problems: &mut Problems) {
        let mut seen: BTreeMap<String, (&SetName, Pull)> = BTreeMap::new();
        for (key, set) in &self.spec.sets {
            let image = set.image.as_deref().and_then(|image| ImageRef::parse(image).ok());
            let Some(image) = image.filter(|_| !self.broken(key, &["pull"])) else { continue };
            let (first, pull) = *seen.entry(image.to_string()).or_insert((key, set.pull));
            if pull != set.pull {
                let (one, other) = (pull.word(), set.pull.word());
                let image = image.familiar();
                problems.add(
                    self.place(key, "pull"),
                    format!(
                        "expected one `pull` for `{image}`, but found `{one}` in `{first}` and \
                         `{other}` in `{key}`"
                    ),
                );
            }
        }
    }

    fn circles(&self, problems: &mut Problems) {
        for cycle in order::circles(self.spec) {
            let place = |hop: &(SetName, order::Need)| self.place(&hop.0, hop.1.by);
            let hop = |hop: &(SetName, order::Need)| {
                let (set, need) = hop;
                format!("`{set}` needs `{}` ({}, line {})", need.set, need.by, place(hop).line)
            };
            let told: Vec<String> = cycle.hops.iter().map(hop).collect();
            problems.add_hint(
                cycle.hops.first().map(place).unwrap_or_default(),
                format!(
                    "expected sets that can be put in an order, but found a circle: {}",
                    told.join(", ")
                ),
                "take one of these references out",
            );
        }
    }

    /// Refuses conditions that can never be met.
    fn conditions(&self, problems: &mut Problems) {
        let known = Words::of(self.spec);
        let unclear = |word: &str| {
            self.lost.contains(word)
                || known
                    .resolve(word)
                    .is_some_and(|key| self.broken(key, &["state", "count", "name", "detach"]))
        };
        for (key, set) in &self.spec.sets {
            for (message, hint) in depends::faults(&known, set, &unclear) {
                problems.add_hint(self.place(key, "depends_on"), message, hint);
            }
        }
    }

    /// Runs the checks of rows that need the whole spec.
    fn vet(&self, problems: &mut Problems) {
        if !self.base_is_known {
            return;
        }
        let (base_dir, volumes) = (self.spec.base_dir.clone(), self.spec.volume_names());
        let cx = Context { base_dir, volumes, ..Context::default() };
        for (key, set) in &self.spec.sets {
            let Some(places) = self.places.get(key) else { continue };
            for row in ROWS {
                let about = row.def().key;
                let wrong = |option: &Declared| AnyRow::vet(*row, option, &cx).err();
                let whole = set.option(about).and_then(wrong);
                if whole.is_none() && !places.any_broken(&[about]) {
                    continue;
                }
                // Items are checked one by one, to report each at its place, even beside unreadable
                // items.
                let items = places.items(*row).into_iter();
                let told: Vec<(Place, String)> =
                    items.filter_map(|(place, one)| Some((place, wrong(&one)?))).collect();
                let rest = whole.filter(|_| told.is_empty());
                let rest = rest.map(|message| (places.of(about), message));
                for (place, message) in told.into_iter().chain(rest) {
                    match message.split_once("; hint: ") {
                        Some((message, hint)) => problems.add_hint(place, message, hint),
                        None => problems.add(place, message),
                    }
                }
            }
        }
    }

    /// Reports conflicts between the options of a set.
    fn conflicts(&self, problems: &mut Problems) {
        for (key, set) in &self.spec.sets {
            let Some(places) = self.places.get(key) else { continue };
            for conflict in rules::conflicts(&set.options, places.broken()) {
                let rules::Conflict { key, item, message, hint, harmless } = conflict;
                // Compose asks the engine for options that do nothing.
                if harmless && self.spec.compat == Some(Compat::Compose) {
                    continue;
                }
                let place = item.map_or_else(|| places.of(key), |item| places.item(key, &item));
                problems.all.push(Problem { place, message, hint });
            }
        }
    }
}

/// The size limit of the options of all containers of counted sets, in bytes.
const MOST_SAID: usize = 16 << 20;
/// The size of a value beside its text.
const VALUE: usize = 16;

/// The approximate size of a value, in bytes.
fn weight(json: &Json) -> usize {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => VALUE,
        Json::String(text) => VALUE + text.len(),
        Json::Array(items) => items.iter().map(weight).sum(),
        Json::Object(map) => map.iter().map(|(key, one)| key.len() + weight(one)).sum(),
    }
}

/// Refuses two networks or two volumes with the same name on the engine.
fn object_names(
    what: &str,
    names: &BTreeMap<String, String>,
    places: &Resources,
    problems: &mut Problems,
) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, name) in names {
        if let Some(first) = seen.insert(name, key) {
            problems.add(
                places.of(key).max(places.of(first)),
                format!(
                    "expected every {what} once, but found the name `{name}` under `{first}` and \
                     under `{key}`"
                ),
            );
        }
    }
}
