//! Reasons as text: the seed's `option (found => expected)`, and a fragment for other reasons.
//!
//! Text from containers is shortened and made safe here; escaping for a markup is done by the
//! caller.

use serde_json::Value as Json;

use super::told::{self, Entry, Kind};
use crate::options::Change as Changes;
use crate::options::row::Unit;
use crate::plan::{
    Because, Change, Danger, EnvironmentDifference, OptionDifference, Origin, Reason, References,
    Values, Verb,
};
use crate::spec::State;

/// The longest side of a difference, in characters.
const SIDE: usize = 80;
/// The longest image reference, in characters.
const REFERENCE: usize = 200;

/// A reason as a lowercase fragment: `mem_limit (536870912 => 1073741824), 512m => 1g`.
pub fn text(reason: &Reason) -> String {
    format!("{}{}", bare(reason), origin(reason).map_or("", from))
}

/// A reason without its origin.
fn bare(reason: &Reason) -> String {
    match reason {
        Reason::Environment(difference) => environment(difference),
        Reason::Option(difference) => option(difference),
        Reason::Because(because) => fragment(because),
    }
}

fn option(difference: &OptionDifference) -> String {
    let OptionDifference { option, origin: _, expected, found, in_place: _, references } =
        difference;
    let row = crate::options::row(option);
    let sides = told::difference(found, expected, told::is_ordered(option));
    let sides = match references {
        None => sides,
        Some(References { expected: new, found: Some(old) }) if old == new => {
            format!("{} has moved, {sides}", shown(new))
        }
        Some(References { expected: new, found: old }) => {
            let old = old.as_deref().map_or("nothing".into(), shown);
            format!("{old} => {}, {sides}", shown(new))
        }
    };
    let spelt = row.map_or(String::new(), |row| spelt(row.def().unit, found, expected));
    format!("{} ({sides}){spelt}", told::value(option, SIDE))
}

/// An image reference with a short digest.
pub(super) fn shown(reference: &str) -> String {
    told::value(&told::short_reference(reference), REFERENCE)
}

/// All reasons of one change, each as a fragment. Differences that a new image causes are joined
/// with the image reason.
pub fn texts(reasons: &[Reason]) -> Vec<String> {
    let is_image = |reason: &Reason| matches!(reason, Reason::Option(it) if it.option == "image");
    if !reasons.iter().any(is_image) {
        return reasons.iter().map(text).collect();
    }
    let handed = |reason: &Reason| !is_image(reason) && origin(reason) == Some(Origin::Image);
    let changes: Vec<String> = reasons.iter().filter(|reason| handed(reason)).map(bare).collect();
    let told = |reason: &Reason| {
        if is_image(reason) && !changes.is_empty() {
            return format!("{}, which changes {}", bare(reason), changes.join(", "));
        }
        text(reason)
    };
    reasons.iter().filter(|reason| !handed(reason)).map(told).collect()
}

fn origin(reason: &Reason) -> Option<Origin> {
    match reason {
        Reason::Environment(difference) => Some(difference.origin),
        Reason::Option(difference) => Some(difference.origin),
        Reason::Because(_) => None,
    }
}

/// Says that a change is made in place, or which option forces a new container although other
/// options could change in place.
pub fn how(change: &Change) -> Option<String> {
    let in_place = |reason: &&Reason| matches!(reason, Reason::Option(option) if option.in_place);
    let (could, forces): (Vec<&Reason>, Vec<&Reason>) = change.reasons.iter().partition(in_place);
    match change.verb {
        Verb::Update => Some("changed in place: nothing stops".into()),
        Verb::Start if !could.is_empty() => Some("changed in place before it starts".into()),
        Verb::Restart if !could.is_empty() => Some("changed in place before it restarts".into()),
        Verb::Replace | Verb::Run if !could.is_empty() && !forces.is_empty() => {
            let names = |reasons: &[&Reason]| {
                reasons.iter().map(|reason| topic(reason)).collect::<Vec<_>>().join(", ")
            };
            Some(format!(
                "forced by {}; {} alone could be changed in place",
                names(&forces),
                names(&could)
            ))
        }
        Verb::Replace | Verb::Run => left_to_a_new_one(&forces),
        _ => None,
    }
}

/// Why a new container is needed although each of these options can change in place.
fn left_to_a_new_one(reasons: &[&Reason]) -> Option<String> {
    let mut off = Vec::new();
    for reason in reasons {
        let Reason::Option(difference) = reason else { return None };
        let row = crate::options::row(&difference.option)?;
        if matches!(row.def().change, Changes::Replace) {
            return None;
        }
        if difference.expected.is_null() {
            off.push(topic(reason));
        }
    }
    if off.is_empty() {
        let topics: Vec<String> = reasons.iter().map(|reason| topic(reason)).collect();
        let (all, together) = (topics.join(", "), if topics.len() > 1 { " together" } else { "" });
        return (!all.is_empty())
            .then(|| format!("forced by {all}: cannot be done in place{together}"));
    }
    Some(format!("forced by {}: cannot be taken off in place", off.join(", ")))
}

/// The topic of a reason in one or two words.
fn topic(reason: &Reason) -> String {
    match reason {
        Reason::Environment(difference) => told::value(&difference.option, SIDE),
        Reason::Option(difference) => told::value(&difference.option, SIDE),
        Reason::Because(Because::RecreateAlways) => "`recreate: always`".into(),
        Reason::Because(Because::OnStoppedReplace) => "`on_stopped: replace`".into(),
        Reason::Because(because) => fragment(because),
    }
}

/// Both sides in the notation of a spec, if the engine's numbers are hard to read.
fn spelt(unit: Unit, found: &Json, expected: &Json) -> String {
    match unit.both([found.as_i64(), expected.as_i64()]) {
        [None, None] => String::new(),
        [found_spelt, expected_spelt] => format!(
            ", {} => {}",
            found_spelt.unwrap_or_else(|| told::alone(found)),
            expected_spelt.unwrap_or_else(|| told::alone(expected)),
        ),
    }
}

/// The words for the origin of a difference; empty for the spec.
fn from(origin: Origin) -> &'static str {
    match origin {
        Origin::Declared => "",
        Origin::Image => ", from the image",
        Origin::Unknown => ", from the spec or the image",
    }
}

fn environment(difference: &EnvironmentDifference) -> String {
    format!("{} ({})", told::value(&difference.option, SIDE), told::text(&variables(difference)))
}

/// The differing variables, with their values if the values are public.
pub(super) fn variables(difference: &EnvironmentDifference) -> Vec<Entry> {
    let EnvironmentDifference { option: _, origin: _, added, changed, removed, values } =
        difference;
    let one = |kind: Kind, name: &String| {
        let Values { expected, found } = values.get(name).cloned().unwrap_or_default();
        let (found, expected) = (found.map(Json::from), expected.map(Json::from));
        Entry::named(kind, name, found.as_ref(), expected.as_ref())
    };
    let of = |kind: Kind, names: &[String]| -> Vec<Entry> {
        names.iter().map(|name| one(kind, name)).collect()
    };
    [of(Kind::Added, added), of(Kind::Changed, changed), of(Kind::Removed, removed)].concat()
}

/// The word for the expected state in a reason: `running` for started and reloaded, otherwise the
/// word of the state.
pub(super) fn becomes(expected: State) -> &'static str {
    match expected {
        State::Started | State::Reloaded => "running",
        State::Restarted | State::Present | State::Stopped | State::Killed | State::Absent => {
            state(expected)
        }
    }
}

fn fragment(because: &Because) -> String {
    let reference = shown;
    match because {
        Because::TooFew { expected, found } => format!("too few: {found} of {expected}"),
        Because::TooMany { expected, found } => format!("too many: {found} instead of {expected}"),
        Because::State { expected, found } => {
            format!("state ({} => {})", told::value(found, SIDE), becomes(*expected))
        }
        Because::RecreateAlways => "recreate is `always`".into(),
        Because::OnStoppedReplace => "it is stopped, and on_stopped is `replace`".into(),
        Because::TargetReplaced { target } => {
            format!("target replaced: {}", told::value(target.as_str(), SIDE))
        }
        Because::NetworkReplaced { network } => {
            format!("its network {} was removed", told::value(network, SIDE))
        }
        Because::RestartsWith { target } => {
            format!("restarts after {}", told::value(target.as_str(), SIDE))
        }
        Because::OneShot { exit_code: None } => "it has not run to its end".into(),
        Because::OneShot { exit_code: Some(0) } => "it runs every time".into(),
        Because::OneShot { exit_code: Some(code) } => format!("it ended with exit code {code}"),
        Because::Orphan => "orphan: no set of the spec declares it".into(),
        Because::Dead => "it is dead, and a new one needs its name".into(),
        Because::ImageMissing { reference: image } => {
            format!("image {} is not on the engine", reference(image))
        }
        Because::ImageMoved { reference: image, expected, found } => {
            let (found, expected) = told::pair(found.as_deref().unwrap_or("no digest"), expected);
            format!("image {} moved in the registry ({found} => {expected})", reference(image))
        }
        Because::ImagePlatform { reference: image, expected, found } => format!(
            "image {} is here for another platform ({} => {})",
            reference(image),
            told::ends(found, SIDE),
            told::ends(expected, SIDE),
        ),
        Because::ImageNotKnown { reference: image, found: None } => {
            format!("image {} is not known until it is pulled", reference(image))
        }
        Because::ImageNotKnown { reference: image, found: Some(found) } => format!(
            "image ({} => {}, not known until it is pulled)",
            reference(found),
            reference(image)
        ),
        Because::NotThere => "it is not on the engine".into(),
    }
}

/// The word for a state in a spec.
pub fn state(state: State) -> &'static str {
    match state {
        State::Present => "present",
        State::Started => "started",
        State::Reloaded => "reloaded",
        State::Restarted => "restarted",
        State::Stopped => "stopped",
        State::Killed => "killed",
        State::Absent => "absent",
    }
}

/// The meaning of a danger.
pub fn danger_means(danger: Danger) -> &'static str {
    match danger {
        Danger::DataLost => "a mount goes, or an anonymous volume with its data",
        Danger::Outage => "runs now and will not, for a while or for good",
        Danger::Adopted => "was not created by bayplan",
        Danger::SecretChanged => "gets a secret that it does not have now",
        Danger::SecretGiven => "is new and gets a secret",
        Danger::Privileged => "gets all rights on its host",
        Danger::HostAccess => "gets at its host's files, namespaces or devices",
        Danger::Capabilities => "may do more than containers usually do",
        Danger::Unconfined => "is without a profile or mask that confines containers",
        Danger::OtherContainers => "gets at namespaces or volumes of another container",
        Danger::PublicPort => "publishes a port on every address",
        Danger::ImageUnknown => "what the image is, is known once it is pulled",
        Danger::ImageSource => "is of a source that no running container of the project is of",
        Danger::ComesBack => "its restart policy may revive it when the engine restarts",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::ident::ContainerName;

    fn option(origin: Origin, found: Json, expected: Json) -> String {
        text(&Reason::Option(OptionDifference {
            option: "x".into(),
            origin,
            expected,
            found,
            in_place: false,
            references: None,
        }))
    }

    #[test]
    fn options_read_as_the_seed_wrote_them() {
        let digest = |number| json!(crate::plan::sample::hex("sha256:", number));
        insta::assert_snapshot!(option(Origin::Declared, json!(536_870_912), json!(1_073_741_824)), @"x (536870912 => 1073741824)");
        insta::assert_snapshot!(option(Origin::Image, digest(1), digest(2)), @"x (sha256:0000000000000000000000000000000000000000000000000000000000000001 => sha256:0000000000000000000000000000000000000000000000000000000000000002), from the image");
        insta::assert_snapshot!(option(Origin::Unknown, json!(["a", "b"]), Json::Null), @"x (removed a, b), from the spec or the image");
        let long = option(Origin::Declared, json!("\u{1b}[2J"), json!("x".repeat(1 << 20)));
        assert!(long.starts_with("x (\"\\u{1b}[2J\" => xxxx") && long.len() < 3_000, "{long}");
        insta::assert_snapshot!(option(Origin::Declared, json!("«hidden»"), json!("«from_env:P»")), @"x («hidden» => «from_env:P»)");
    }

    #[test]
    fn environment_names_variables_only() {
        let difference = |added: &[&str]| {
            text(&Reason::Environment(EnvironmentDifference {
                option: "environment".into(),
                origin: Origin::Declared,
                added: added.iter().map(|name| (*name).to_owned()).collect(),
                changed: vec!["B".into()],
                removed: vec![],
                values: std::collections::BTreeMap::new(),
            }))
        };
        insta::assert_snapshot!(difference(&["A", "Z"]), @"environment (added A, Z; changed B)");
        insta::assert_snapshot!(difference(&["\u{202e}"; 30]), @r#"environment (added "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}", "\u{202e}"; changed B)"#);
    }

    #[test]
    fn everything_else_is_a_fragment() {
        let all = [
            Because::TooFew { expected: 3, found: 2 },
            Because::TooMany { expected: 0, found: 2 },
            Because::State { expected: State::Stopped, found: "running".into() },
            Because::RecreateAlways,
            Because::OnStoppedReplace,
            Because::TargetReplaced { target: ContainerName::new("shop-db") },
            Because::NetworkReplaced { network: "shop_back".into() },
            Because::RestartsWith { target: ContainerName::new("shop-db") },
            Because::OneShot { exit_code: None },
            Because::OneShot { exit_code: Some(0) },
            Because::OneShot { exit_code: Some(137) },
            Because::Orphan,
            Because::Dead,
            Because::ImageMissing { reference: "a:1".into() },
            Because::ImageMoved {
                reference: "a:1".into(),
                expected: crate::plan::sample::hex("sha256:", 2),
                found: None,
            },
            Because::ImagePlatform {
                reference: "a:1".into(),
                expected: "linux/arm64".into(),
                found: "linux/amd64, linux/386".into(),
            },
            Because::ImageNotKnown { reference: "a:1".into(), found: None },
            Because::ImageNotKnown { reference: "a:2".into(), found: Some("a:1".into()) },
        ];
        insta::assert_snapshot!(all.map(|because| fragment(&because)).join("\n"), @"
        too few: 2 of 3
        too many: 2 instead of 0
        state (running => stopped)
        recreate is `always`
        it is stopped, and on_stopped is `replace`
        target replaced: shop-db
        its network shop_back was removed
        restarts after shop-db
        it has not run to its end
        it runs every time
        it ended with exit code 137
        orphan: no set of the spec declares it
        it is dead, and a new one needs its name
        image a:1 is not on the engine
        image a:1 moved in the registry (no digest => sha256:000000000000…)
        image a:1 is here for another platform (linux/amd64, linux/386 => linux/arm64)
        image a:1 is not known until it is pulled
        image (a:1 => a:2, not known until it is pulled)
        ");
    }
}
