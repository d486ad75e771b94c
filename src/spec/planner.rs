//! The planner keys of a set: count, name, state and update behaviour. Options are
//! [`super::set`]'s.

use std::collections::BTreeMap;

use super::places::Places;
use super::read::one_of;
use super::set::{QUOTE, Said};
use super::{
    Compat, Identity, Matching, OnStopped, Order, Pull, Recreate, Set, State, UpdateConfig,
    depends, label_file, update_config, vocabulary,
};
use crate::base::ident::{ContainerName, reserved_suffix};
use crate::base::image_ref::ImageRef;
use crate::base::{say, signal};
use crate::options::{Mode, row_by_word};
use crate::syntax::durations;
use crate::syntax::node::{Entry, Kind, Node, Problems};

/// The limit of members of a set, and of all sets together; a larger number is a mistake.
pub(super) const MOST_MEMBERS: u32 = 10_000;

/// The default of `prove_for`, in seconds.
pub(super) const PROVE_FOR: u32 = 10;

/// The maximum of `prove_for`, in seconds.
const LONGEST_PROOF: i64 = 24 * 60 * 60;

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

/// Planner keys for which an empty text is an error instead of "not set".
pub(super) const FILES: &[&str] = &["env_file", "label_file", "depends_on", "compare"];

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
    fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node, &mut Problems) -> T,
    ) -> Option<T> {
        let node = self.said.get(key)?;
        let before = self.problems.all.len();
        let value = read(node, self.problems);
        if self.problems.all.len() > before {
            self.places.breaks(key);
        }
        Some(value)
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
    reader.read("label_file", label_file::unread);
    let one_shot = reader.read("detach", Node::boolean).flatten() == Some(false);
    let defaults = Defaults::of(compat, one_shot);
    let state = reader.read("state", |node, problems| one_of(node, STATES, problems)).flatten();
    let matching = reader.read("match", |node, problems| matching(node, said, problems)).flatten();
    let on_stopped =
        reader.read("on_stopped", |node, problems| one_of(node, ON_STOPPED, problems)).flatten();
    let recreate =
        reader.read("recreate", |node, problems| one_of(node, RECREATES, problems)).flatten();
    let recreate = recreate.filter(|_| !never_made(&mut reader, (recreate, state)));
    let prove_for = reader.read("prove_for", seconds).flatten();
    let (update, monitor) = updates(&mut reader, prove_for, one_shot);
    // A key of the set overrides `defaults`.
    let own = prove_for.filter(|_| monitor.is_none() || !said.yields("prove_for", "update_config"));
    Set {
        identity: identity(entry, &mut reader),
        image: reader.read("image", image).flatten(),
        state: state.unwrap_or(State::Started),
        matching: matching.unwrap_or(defaults.matching),
        pull: reader.read("pull", pull).flatten().unwrap_or(Pull::Missing),
        on_stopped: on_stopped.unwrap_or(defaults.on_stopped),
        recreate: recreate.unwrap_or(defaults.recreate),
        compare: compare(&mut reader, defaults.compare),
        kill_signal: reader.read("kill_signal", signal).flatten().unwrap_or_else(|| "KILL".into()),
        prove_for: own.or(monitor).unwrap_or(PROVE_FOR),
        update: update.unwrap_or_default(),
        discard: reader.read("discard", Node::boolean).flatten().unwrap_or(false),
        one_shot,
        depends_on: reader.read("depends_on", depends::read).unwrap_or_default(),
        options: Vec::new(),
    }
}

/// Reads the update settings, and the proof time of each member.
fn updates(
    reader: &mut Reader<'_, '_>,
    prove_for: Option<u32>,
    one_shot: bool,
) -> (Option<UpdateConfig>, Option<u32>) {
    let Some((mut config, monitor)) = reader.read("update_config", update_config::read) else {
        return (None, None);
    };
    let said = reader.said;
    let Some(node) = said.get("update_config") else { return (None, None) };
    let twice = prove_for.zip(monitor).filter(|(one, other)| one != other);
    let apart =
        said.yields("update_config", "prove_for") || said.yields("prove_for", "update_config");
    if let Some((one, other)) = twice.filter(|_| !apart) {
        let message = format!(
            "expected `monitor` and `prove_for` to be the same, but found {other} s and {one} s"
        );
        reader.problems.add_hint(node.place, message, "say one of them");
        reader.places.breaks("update_config");
    }
    if one_shot && config.order == Order::StartFirst && said.yields("update_config", "detach") {
        config.order = Order::StopFirst;
    } else if one_shot && config.order == Order::StartFirst {
        let message =
            "expected `order: stop-first` beside `detach: false`, but found `start-first`";
        reader.problems.add_hint(node.place, message, "what runs to its end runs once at a time");
        reader.places.breaks("update_config");
    }
    (Some(config), monitor)
}

fn identity(entry: &Entry, reader: &mut Reader<'_, '_>) -> Identity {
    let count = reader.read("count", count).flatten();
    let Some(name) = reader.read("name", name) else {
        return Identity::Counted(count.unwrap_or(1));
    };
    if let Some(count) = count.filter(|count| *count != 1) {
        let place = reader.said.planner.get("count").map_or(entry.place, |entry| entry.place);
        reader.problems.add_hint(
            place,
            format!("expected a count of 1 beside a `name`, but found {count}"),
            "leave `name` out: members are called PROJECT-SET-1, -2, …; or say `state: absent`",
        );
        reader.places.breaks("count");
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
    reader.problems.add_hint(
        node.place,
        "expected a state in which containers are made beside `recreate: always`, but found one \
         that only ends or removes them",
        "say `state: present`: what runs is replaced and runs, what rests is replaced and rests",
    );
    reader.places.breaks("recreate");
    true
}

fn count(node: &Node, problems: &mut Problems) -> Option<u32> {
    match digits(node).and_then(|text| text.parse::<u32>().ok()) {
        Some(count) if count <= MOST_MEMBERS => Some(count),
        _ => problems.expected(&format!("a whole number from 0 to {MOST_MEMBERS}"), node),
    }
}

/// The digits of a whole number, plain or quoted, as Compose accepts them. A leading zero is
/// refused, because the number may be octal.
pub(super) fn digits(node: &Node) -> Option<&str> {
    let (Kind::Number(text) | Kind::Text(text)) = &node.kind else { return None };
    let plain = text == "0" || !text.is_empty() && !text.starts_with('0');
    (plain && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
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

fn matching(node: &Node, said: &Said<'_>, problems: &mut Problems) -> Option<Matching> {
    let matching = one_of(node, MATCHINGS, problems);
    if let (Some(_), Some(entry)) = (said.get("name"), said.planner.get("match")) {
        problems.add(
            entry.place,
            "expected no `match` beside a `name`: it is the container of this name, whatever its image",
        );
    }
    matching
}

fn pull(node: &Node, problems: &mut Problems) -> Option<Pull> {
    // Compose has another word for `missing`.
    let hint = match &node.kind {
        Kind::Text(text) if text == "if_not_present" => return Some(Pull::Missing),
        Kind::Text(text) if text == "build" => "build the image elsewhere and name it in `image`",
        Kind::Text(text)
            if matches!(text.as_str(), "daily" | "weekly") || text.starts_with("every_") =>
        {
            "`always` asks the registry whenever a plan is made: make one that often"
        }
        _ => return one_of(node, PULLS, problems),
    };
    let words: Vec<&str> = PULLS.iter().map(|(word, _)| *word).collect();
    problems.expected_with(&say::or(&words), node, Some(hint))
}

fn modes(node: &Node, problems: &mut Problems) -> BTreeMap<String, Mode> {
    let mut modes: BTreeMap<String, Mode> = BTreeMap::new();
    let Kind::Map(entries) = &node.kind else {
        problems.expected::<()>("a map of options to `strict`, `superset` or `ignore`", node);
        return modes;
    };
    for entry in entries {
        let Some(key) = compared(entry, problems) else { continue };
        let Some(mode) = one_of(&entry.value, MODES, problems) else { continue };
        let many = key == "*" || crate::options::row(key).is_some_and(|row| row.def().many);
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
    modes
}

/// The modes of the set, then of `defaults`, then of `compat`.
fn compare(reader: &mut Reader<'_, '_>, default: Option<Mode>) -> BTreeMap<String, Mode> {
    let mut modes = reader.read("compare", modes).unwrap_or_default();
    if let Some(entry) = reader.said.compare {
        for (key, mode) in self::modes(&entry.value, reader.problems) {
            modes.entry(key).or_insert(mode);
        }
    }
    if let Some(default) = default {
        modes.entry("*".into()).or_insert(default);
    }
    modes
}

/// The option key of an entry of `compare`.
fn compared(entry: &Entry, problems: &mut Problems) -> Option<&'static str> {
    match entry.key.as_str() {
        "*" => return Some("*"),
        "image" => return Some("image"),
        _ => {}
    }
    if let Some(row) = row_by_word(&entry.key) {
        return Some(row.def().key);
    }
    problems.unknown(entry, &entry.key, vocabulary::unknown_compared);
    None
}

/// Gives `SIGHUP`, `hup` and `HUP` the form `HUP`; a number stays a number.
fn signal(node: &Node, problems: &mut Problems) -> Option<String> {
    let what = "a signal, like `HUP` or `SIGTERM`";
    let (Kind::Text(text) | Kind::Number(text)) = &node.kind else {
        return problems.expected(what, node);
    };
    let said = signal::number(text);
    if text.parse::<u64>().is_ok() {
        let most = signal::MOST;
        let wrong = || problems.expected(&format!("a signal from 1 to {most}"), node);
        return said.map(|number| number.to_string()).or_else(wrong);
    }
    let name = signal::bare(text);
    if said.is_some() {
        return Some(name);
    }
    let hint = say::did_you_mean(&name, signal::NAMES.iter().copied())
        .map(|close| format!("did you mean `{close}`?"));
    problems.expected_with(what, node, hint.as_deref())
}

/// Whole seconds, written as a duration.
pub(super) fn seconds(node: &Node, problems: &mut Problems) -> Option<u32> {
    let what = "a duration of whole seconds up to a day, like `30s` or `1m30s`";
    let nanos = match &node.kind {
        Kind::Text(text) => durations::nanoseconds(text),
        Kind::Number(text) if text == "0" => Some(0),
        _ => None,
    };
    let second = 1_000_000_000;
    let whole = nanos.filter(|nanos| nanos % second == 0 && nanos / second <= LONGEST_PROOF);
    match whole.and_then(|nanos| u32::try_from(nanos / second).ok()) {
        Some(seconds) => Some(seconds),
        None => problems.expected(what, node),
    }
}

pub(super) fn text<'a>(node: &'a Node, what: &str, problems: &mut Problems) -> Option<&'a str> {
    match &node.kind {
        Kind::Text(text) => Some(text),
        Kind::Number(_) | Kind::Bool(_) => problems.expected_with(what, node, Some(QUOTE)),
        _ => problems.expected(what, node),
    }
}
