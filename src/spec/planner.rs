//! The planner keys of a set: count, name, state and update behaviour, and the rules across them.
//!
//! The form of each value is [`super::planner_grammar`]'s; options are [`super::set`]'s.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::depends::{self, DependsOn};
use super::places::Places;
use super::planner_grammar::Seconds;
use super::set::Said;
use super::update_config::Updates;
use super::vocabulary;
use super::{
    Compat, Dependency, Identity, Matching, OnStopped, Order, Pull, Recreate, Set, State,
    UpdateConfig,
};
use crate::base::say;
use crate::options::Mode;
use crate::syntax::node::{Entry, Node, Place, Problems};

/// The default of `kill_signal`.
pub(super) const KILL: &str = "KILL";

/// The default of `prove_for`, in seconds.
pub(super) const PROVE_FOR: u32 = 10;

/// The defaults of the planner keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    /// See [`Set::matching`].
    pub(super) matching: Matching,
    /// See [`Set::on_stopped`].
    pub(super) on_stopped: OnStopped,
    /// See [`Set::recreate`].
    pub(super) recreate: Recreate,
    /// The mode of `*`, if any.
    pub(super) compare: Option<Mode>,
}

impl Defaults {
    /// The defaults of bayplan, or of the tool in `compat`.
    pub(super) fn of(compat: Option<Compat>, one_shot: bool) -> Self {
        match compat {
            None => Self {
                matching: Matching::ImageByDefault,
                on_stopped: OnStopped::Start,
                recreate: Recreate::Auto,
                compare: None,
            },
            // Compose finds its containers by labels only.
            Some(Compat::Compose) => Self { matching: Matching::Owned, ..Self::of(None, one_shot) },
            // The 2015 module replaced stopped containers instead of starting them. The module
            // touched every container of the image, ignored removed options, and ran a one-shot
            // every time.
            Some(Compat::Ansible19) => Self {
                matching: Matching::Image,
                on_stopped: OnStopped::Replace,
                recreate: if one_shot { Recreate::Always } else { Recreate::Auto },
                compare: Some(Mode::Superset),
            },
        }
    }
}

/// A reader for the planner keys of a set.
struct Reader<'a, 'b> {
    said: &'a Said<'a>,
    places: &'b mut Places,
    problems: &'b mut Problems,
}

impl Reader<'_, '_> {
    /// Reads a key, if declared; an invalid key is marked.
    fn read<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.said.get(key).and_then(|node| self.parse(key, node))
    }

    /// Reads a value of a key.
    fn parse<T: DeserializeOwned>(&mut self, key: &'static str, node: &Node) -> Option<T> {
        let grammar = vocabulary::planner_key(key).map(|planner| &planner.grammar)?;
        let read = grammar.read(node, self.problems);
        if read.is_none() {
            self.places.breaks(key);
        }
        serde_json::from_value(read?).ok()
    }

    /// Reports a problem of a key, and marks the key.
    fn refuse(&mut self, key: &'static str, place: Place, message: String, hint: &str) {
        self.problems.add_hint(place, message, hint);
        self.places.breaks(key);
    }
}

/// Reads the planner keys, and leaves the options empty. An unreadable key counts as undeclared,
/// and `places` marks the key.
pub(super) fn read(
    entry: &Entry,
    said: &Said<'_>,
    compat: Option<Compat>,
    places: &mut Places,
    problems: &mut Problems,
) -> Set {
    let mut reader = Reader { said, places, problems };
    // The shell has replaced the files that it could read.
    reader.read::<serde::de::IgnoredAny>("label_file");
    let one_shot = reader.read("detach") == Some(false);
    let defaults = Defaults::of(compat, one_shot);
    let state = reader.read("state");
    let recreate = reader.read("recreate");
    let recreate = recreate.filter(|_| !never_made(&mut reader, (recreate, state)));
    let prove_for = reader.read::<Seconds>("prove_for");
    let (update, monitor) = updates(&mut reader, prove_for, one_shot);
    // A key of the set overrides `defaults`.
    let own = prove_for.filter(|_| monitor.is_none() || !said.yields("prove_for", "update_config"));
    let proof = own.or(monitor).map_or(PROVE_FOR, |Seconds(seconds)| seconds);
    Set {
        identity: identity(entry, &mut reader),
        image: reader.read("image"),
        state: state.unwrap_or(State::Started),
        matching: matching(&mut reader).unwrap_or(defaults.matching),
        pull: reader.read("pull").unwrap_or(Pull::Missing),
        on_stopped: reader.read("on_stopped").unwrap_or(defaults.on_stopped),
        recreate: recreate.unwrap_or(defaults.recreate),
        compare: compare(&mut reader, defaults.compare),
        kill_signal: reader.read("kill_signal").unwrap_or_else(|| KILL.into()),
        prove_for: proof,
        update: update.unwrap_or_default(),
        discard: reader.read("discard").unwrap_or(false),
        one_shot,
        depends_on: depends_on(&mut reader),
        options: Vec::new(),
    }
}

fn matching(reader: &mut Reader<'_, '_>) -> Option<Matching> {
    let matching = reader.read("match");
    let entry = reader.said.planner.get("match");
    let Some(entry) = entry.filter(|_| reader.said.get("name").is_some()) else { return matching };
    reader.refuse(
        "match",
        entry.place,
        "expected no `match` beside a `name`, but found both".to_owned(),
        "the set is the container of this name, whatever its image: take `match` out",
    );
    matching
}

fn depends_on(reader: &mut Reader<'_, '_>) -> Vec<Dependency> {
    let Some(node) = reader.said.get("depends_on") else { return Vec::new() };
    let Some(all) = reader.read::<DependsOn>("depends_on").map(DependsOn::each) else {
        return Vec::new();
    };
    if let Some((index, word)) = depends::repeated(&all) {
        let place = node.items().get(index).map_or(node.place, |item| item.place);
        let message = format!("expected `{}` once, but found it again", say::short(word));
        reader.problems.add(place, message);
        reader.places.breaks("depends_on");
    }
    all
}

/// Reads the update settings, and the proof time of each member.
fn updates(
    reader: &mut Reader<'_, '_>,
    prove_for: Option<Seconds>,
    one_shot: bool,
) -> (Option<UpdateConfig>, Option<Seconds>) {
    let said = reader.said;
    let Some(node) = said.get("update_config") else { return (None, None) };
    let Some(Updates { mut config, monitor }) = reader.read("update_config") else {
        return (None, None);
    };
    let twice = prove_for.zip(monitor).filter(|(one, other)| one != other);
    let apart =
        said.yields("update_config", "prove_for") || said.yields("prove_for", "update_config");
    if let Some((Seconds(one), Seconds(other))) = twice.filter(|_| !apart) {
        let message = format!(
            "expected `monitor` and `prove_for` to be the same, but found {other} s and {one} s"
        );
        reader.refuse("update_config", node.place, message, "say one of them");
    }
    if one_shot && config.order == Order::StartFirst && said.yields("update_config", "detach") {
        config.order = Order::StopFirst;
    } else if one_shot && config.order == Order::StartFirst {
        let message =
            "expected `order: stop-first` beside `detach: false`, but found `start-first`";
        let hint = "what runs to its end runs once at a time";
        reader.refuse("update_config", node.place, message.to_owned(), hint);
    }
    (Some(config), monitor)
}

fn identity(entry: &Entry, reader: &mut Reader<'_, '_>) -> Identity {
    let count = reader.read::<u32>("count");
    if reader.said.get("name").is_none() {
        return Identity::Counted(count.unwrap_or(1));
    }
    let name = reader.read("name");
    if let Some(count) = count.filter(|count| *count != 1) {
        let place = reader.said.planner.get("count").map_or(entry.place, |entry| entry.place);
        let message = format!("expected a count of 1 beside a `name`, but found {count}");
        let hint =
            "leave `name` out: members are called PROJECT-SET-1, -2, …; or say `state: absent`";
        reader.refuse("count", place, message, hint);
    }
    name.map_or(Identity::Counted(1), Identity::Named)
}

/// Whether `recreate: always` is declared for a set that creates no container, because its state
/// ends or removes containers.
fn never_made(
    reader: &mut Reader<'_, '_>,
    (recreate, state): (Option<Recreate>, Option<State>),
) -> bool {
    let ends = matches!(state, Some(State::Stopped | State::Killed | State::Absent));
    let Some(node) = reader.said.get("recreate").filter(|_| ends) else { return false };
    if recreate != Some(Recreate::Always) {
        return false;
    }
    if reader.said.yields("recreate", "state") {
        return true;
    }
    let message = "expected a state in which containers are made beside `recreate: always`, but \
                   found one that only ends or removes them";
    let hint =
        "say `state: present`: what runs is replaced and runs, what rests is replaced and rests";
    reader.refuse("recreate", node.place, message.to_owned(), hint);
    true
}

/// The modes of the set, then of `defaults`, then of `compat`.
fn compare(reader: &mut Reader<'_, '_>, default: Option<Mode>) -> BTreeMap<String, Mode> {
    let mut modes: BTreeMap<String, Mode> = reader.read("compare").unwrap_or_default();
    if let Some(entry) = reader.said.compare {
        let shared: Option<BTreeMap<String, Mode>> = reader.parse("compare", &entry.value);
        for (key, mode) in shared.unwrap_or_default() {
            modes.entry(key).or_insert(mode);
        }
    }
    if let Some(default) = default {
        modes.entry("*".into()).or_insert(default);
    }
    modes
}
