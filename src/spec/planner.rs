//! The planner keys of a set: how many, called what, in which state, and how to get there.

use std::collections::BTreeMap;

use super::node::{Entry, Kind, Node, Problem, Problems};
use super::read::one_of;
use super::set::{QUOTE, Said, expected};
use super::{
    Compat, Identity, Matching, OnStopped, Pull, Recreate, Set, State, depends, vocabulary,
};
use crate::ident::{ContainerName, reserved_suffix};
use crate::image_ref::ImageRef;
use crate::options::{Mode, row_by_word};
use crate::{say, signals};

/// The most members of a set; more is a slip of the finger.
const MOST_MEMBERS: u32 = 10_000;

/// The words for states.
pub(super) const STATES: &[(&str, State)] = &[
    ("present", State::Present),
    ("started", State::Started),
    ("reloaded", State::Reloaded),
    ("restarted", State::Restarted),
    ("stopped", State::Stopped),
    ("killed", State::Killed),
    ("absent", State::Absent),
];
/// The words for `match`.
pub(super) const MATCHINGS: &[(&str, Matching)] =
    &[("image", Matching::Image), ("owned", Matching::Owned)];
/// The words for `pull`.
pub(super) const PULLS: &[(&str, Pull)] =
    &[("missing", Pull::Missing), ("always", Pull::Always), ("never", Pull::Never)];
/// The words for `on_stopped`.
pub(super) const ON_STOPPED: &[(&str, OnStopped)] =
    &[("start", OnStopped::Start), ("replace", OnStopped::Replace)];
/// The words for `recreate`.
pub(super) const RECREATES: &[(&str, Recreate)] =
    &[("auto", Recreate::Auto), ("always", Recreate::Always), ("never", Recreate::Never)];
/// The words for ways to compare.
pub(super) const MODES: &[(&str, Mode)] =
    &[("strict", Mode::Strict), ("superset", Mode::Superset), ("ignore", Mode::Ignore)];

/// What a set is when its planner keys say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    /// See [`Set::matching`].
    pub(super) matching: Matching,
    /// See [`Set::on_stopped`].
    pub(super) on_stopped: OnStopped,
    /// See [`Set::recreate`].
    pub(super) recreate: Recreate,
    /// The mode of `*`, where there is one.
    pub(super) compare: Option<Mode>,
}

impl Defaults {
    /// Bayplan's own, or those of whom the spec says to be compatible with.
    pub(super) fn of(compat: Option<Compat>, one_shot: bool) -> Self {
        match compat {
            None => Self {
                matching: Matching::ImageByDefault,
                on_stopped: OnStopped::Start,
                recreate: Recreate::Auto,
                compare: None,
            },
            // The 2015 module made new containers instead of starting stopped ones, touched
            // whatever ran the image, saw no removals, and ran what it waits for every time.
            Some(Compat::Ansible19) => Self {
                matching: Matching::Image,
                on_stopped: OnStopped::Replace,
                recreate: if one_shot { Recreate::Always } else { Recreate::Auto },
                compare: Some(Mode::Superset),
            },
        }
    }
}

/// Reads the planner keys; the options are left empty. Nothing is given where rules across keys
/// could not be told: without an identity or a state.
pub(super) fn read(
    entry: &Entry,
    said: &Said<'_>,
    compat: Option<Compat>,
    problems: &mut Problems,
) -> Option<Set> {
    let word = |key: &str| said.get(key);
    let one_shot = word("detach").and_then(|node| boolean(node, problems)) == Some(false);
    let defaults = Defaults::of(compat, one_shot);
    let state = word("state").map_or(Some(State::Started), |node| one_of(node, STATES, problems));
    let matching = matching(said, problems);
    let identity = identity(entry, said, problems);
    let set = Set {
        // Kept in the dark until the rest is read, so that all problems are told.
        identity: identity.clone().unwrap_or(Identity::Counted(1)),
        image: word("image").and_then(|node| image(node, problems)),
        state: state.unwrap_or(State::Started),
        matching: matching.unwrap_or(defaults.matching),
        pull: word("pull").and_then(|node| pull(node, problems)).unwrap_or(Pull::Missing),
        on_stopped: word("on_stopped")
            .and_then(|node| one_of(node, ON_STOPPED, problems))
            .unwrap_or(defaults.on_stopped),
        recreate: word("recreate")
            .and_then(|node| one_of(node, RECREATES, problems))
            .unwrap_or(defaults.recreate),
        compare: compare(word("compare"), defaults.compare, problems),
        kill_signal: word("kill_signal")
            .and_then(|node| signal(node, problems))
            .unwrap_or_else(|| "KILL".into()),
        discard: word("discard").and_then(|node| boolean(node, problems)).unwrap_or(false),
        one_shot,
        depends_on: word("depends_on")
            .map(|node| depends::read(node, problems))
            .unwrap_or_default(),
        options: Vec::new(),
    };
    (identity.is_some() && state.is_some()).then_some(set)
}

fn identity(entry: &Entry, said: &Said<'_>, problems: &mut Problems) -> Option<Identity> {
    let count = said.get("count").map(|node| count(node, problems));
    let name = said.get("name").map(|node| name(node, problems));
    match (name, count) {
        (None, None) => Some(Identity::Counted(1)),
        (None, Some(count)) => count.map(Identity::Counted),
        (Some(name), None | Some(None | Some(1))) => name.map(Identity::Named),
        (Some(_), Some(Some(count))) => {
            let place = said.planner.get("count").map_or(entry.place, |entry| entry.place);
            problems.add_hint(
                place,
                format!("expected a count of 1 beside a `name`, but found {count}"),
                "leave `name` out: members are called PROJECT-SET-1, -2, …; or say `state: absent`",
            );
            None
        }
    }
}

fn count(node: &Node, problems: &mut Problems) -> Option<u32> {
    let number = match &node.kind {
        Kind::Number(text) => text.parse::<u32>().ok(),
        _ => None,
    };
    match number {
        Some(count) if count <= MOST_MEMBERS => Some(count),
        _ => problems.expected(&format!("a whole number from 0 to {MOST_MEMBERS}"), node),
    }
}

fn name(node: &Node, problems: &mut Problems) -> Option<ContainerName> {
    let what = "a name of two or more letters, digits, `_`, `.` and `-` that begins with a letter or digit";
    let text = text(node, what, problems)?;
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if text.len() < 2
        || !text.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !text.chars().all(inside)
    {
        return problems.expected(what, node);
    }
    if let (_, Some(suffix)) = reserved_suffix(text) {
        let what = format!("a name that does not end in `{suffix}`, which is bayplan's own");
        return problems.expected(&what, node);
    }
    Some(ContainerName::new(text))
}

fn image(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = text(node, "a reference to an image", problems)?;
    match ImageRef::parse(text) {
        Ok(_) => Some(text.to_owned()),
        Err(error) => {
            let message = format!(
                "expected a reference to an image, but found `{}`: {error}",
                say::short(text)
            );
            problems.add(node.place, message);
            None
        }
    }
}

fn matching(said: &Said<'_>, problems: &mut Problems) -> Option<Matching> {
    let matching = one_of(said.get("match")?, MATCHINGS, problems);
    if let (Some(_), Some(entry)) = (said.get("name"), said.planner.get("match")) {
        problems.add(
            entry.place,
            "expected no `match` beside a `name`: it is the container of this name, whatever its image",
        );
    }
    matching
}

fn pull(node: &Node, problems: &mut Problems) -> Option<Pull> {
    // Compose's other word for the same.
    if matches!(&node.kind, Kind::Text(text) if text == "if_not_present") {
        return Some(Pull::Missing);
    }
    one_of(node, PULLS, problems)
}

fn compare(
    node: Option<&Node>,
    default: Option<Mode>,
    problems: &mut Problems,
) -> BTreeMap<String, Mode> {
    let mut modes: BTreeMap<String, Mode> = BTreeMap::new();
    if let Some(node) = node {
        let Kind::Map(entries) = &node.kind else {
            problems.expected::<()>("a map of options to `strict`, `superset` or `ignore`", node);
            return modes;
        };
        for entry in entries {
            let Some(key) = compared(entry, problems) else { continue };
            let Some(mode) = one_of(&entry.value, MODES, problems) else { continue };
            let many = key == "*" || crate::options::row(key).is_some_and(|row| row.about().many);
            if mode == Mode::Superset && !many {
                let message = format!(
                    "expected `strict` or `ignore`, but found `superset`: of `{key}` there is one"
                );
                problems.add(entry.value.place, message);
                continue;
            }
            if modes.insert(key.to_owned(), mode).is_some() {
                problems.add(entry.place, format!("expected `{key}` once, but found it again"));
            }
        }
    }
    if let Some(default) = default {
        modes.entry("*".into()).or_insert(default);
    }
    modes
}

/// The key of the option that an entry of `compare` means.
fn compared(entry: &Entry, problems: &mut Problems) -> Option<&'static str> {
    match entry.key.as_str() {
        "*" => return Some("*"),
        "image" => return Some("image"),
        _ => {}
    }
    if let Some(row) = row_by_word(&entry.key) {
        return Some(row.about().key);
    }
    let (message, hint) = vocabulary::unknown_compared(&entry.key);
    problems.all.push(Problem { place: entry.place, message, hint });
    None
}

/// `SIGHUP`, `hup` and `HUP` are `HUP`; a number stays one.
fn signal(node: &Node, problems: &mut Problems) -> Option<String> {
    let what = "a signal, like `HUP` or `SIGTERM`";
    let (Kind::Text(text) | Kind::Number(text)) = &node.kind else {
        return problems.expected(what, node);
    };
    let said = signals::number(text);
    if text.parse::<u64>().is_ok() {
        let most = signals::MOST;
        let wrong = || problems.expected(&format!("a signal from 1 to {most}"), node);
        return said.map(|number| number.to_string()).or_else(wrong);
    }
    let name = signals::bare(text);
    if said.is_some() {
        return Some(name);
    }
    let hint = say::did_you_mean(&name, signals::NAMES.iter().copied())
        .map(|close| format!("did you mean `{close}`?"));
    expected(what, node, hint.as_deref(), problems)
}

fn boolean(node: &Node, problems: &mut Problems) -> Option<bool> {
    match &node.kind {
        Kind::Bool(value) => Some(*value),
        _ => problems.expected("`true` or `false`", node),
    }
}

pub(super) fn text<'a>(node: &'a Node, what: &str, problems: &mut Problems) -> Option<&'a str> {
    match &node.kind {
        Kind::Text(text) => Some(text),
        Kind::Number(_) | Kind::Bool(_) => expected(what, node, Some(QUOTE), problems),
        _ => problems.expected(what, node),
    }
}
