//! Describes what a create step brings along: ports from declared ranges, and volumes that the
//! engine makes.

use std::collections::{BTreeMap, BTreeSet};

use super::told;
use crate::plan::{Action, Carried, Step};

/// The longest path or name, in characters.
const WORD: usize = 60;
/// The largest number of volumes that are named.
const MOST: usize = 20;

/// The ports and volumes that come with one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Besides<'a> {
    ports: &'a [String],
    volumes: &'a [String],
    anonymous: &'a [String],
    carried: &'a [Carried],
}

impl<'a> Besides<'a> {
    fn of(action: &'a Action) -> Option<Self> {
        let Action::Create { ports, volumes, anonymous, carried, .. } = action else { return None };
        let any =
            !(ports.is_empty() && volumes.is_empty() && anonymous.is_empty() && carried.is_empty());
        any.then_some(Self { ports, volumes, anonymous, carried })
    }
}

/// The ports and volumes by change, if there are any.
pub(super) fn of(steps: &[Step]) -> BTreeMap<&str, Besides<'_>> {
    let with = steps.iter().filter_map(|step| {
        let besides = Besides::of(&step.action)?;
        Some((step.id.change(), besides))
    });
    with.collect()
}

/// The lines for changes that are shown together; ports are not here, because `planned` shows the
/// ports.
pub(super) fn lines(changes: &[&str], all: &BTreeMap<&str, Besides<'_>>) -> Vec<String> {
    let own = || changes.iter().filter_map(|change| all.get(change));
    let volumes: BTreeSet<&String> = own().flat_map(|one| one.volumes).collect();
    let anonymous: BTreeSet<&String> = own().flat_map(|one| one.anonymous).collect();
    let carried: BTreeSet<&String> =
        own().flat_map(|one| one.carried).map(|one| &one.path).collect();
    [
        (!volumes.is_empty()).then(|| format!("makes {}", named(volumes))),
        (!anonymous.is_empty()).then(|| format!("makes {}", unnamed(anonymous))),
        (!carried.is_empty()).then(|| format!("takes over {}", unnamed(carried))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The end of the sentence about a step.
pub(super) fn words(action: &Action) -> String {
    let Some(one) = Besides::of(action) else { return String::new() };
    let parts = [
        (!one.ports.is_empty()).then(|| format!(", publishing {}", listed(one.ports))),
        (!one.volumes.is_empty()).then(|| format!(", with {}", named(one.volumes))),
        (!one.anonymous.is_empty()).then(|| format!(", with {}", unnamed(one.anonymous))),
        (!one.carried.is_empty()).then(|| {
            let paths = one.carried.iter().map(|one| &one.path);
            format!(", taking over {}", unnamed(paths))
        }),
    ];
    parts.into_iter().flatten().collect()
}

fn named<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    format!("the volume {}, which is not at the root", listed(names))
}

fn unnamed<'a>(paths: impl IntoIterator<Item = &'a String>) -> String {
    format!("a volume without a name at {}", listed(paths))
}

fn listed<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let words: Vec<&String> = words.into_iter().collect();
    let more = words.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {more} more"));
    let words = words.iter().take(MOST).map(|word| told::value(word, WORD));
    words.chain(more).collect::<Vec<_>>().join(", ")
}
