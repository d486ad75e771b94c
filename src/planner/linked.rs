//! The containers that the words of a spec refer to, and the members of a set that a link reaches.
//! Under Compose a new container is linked to every member that exists on that day, and later
//! members change nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::draft::Planner;
use super::matching::Match;
use crate::base::ident::{ContainerName, SetName};
use crate::observed::snapshot::Container;
use crate::options::{Context, links};
use crate::spec::order::Words;
use crate::spec::{Compat, Identity, Set, Spec};

/// Maps the words of the spec to the containers that these words refer to.
pub(super) fn context(spec: &Spec, matches: &BTreeMap<SetName, Vec<Match<'_>>>) -> Context {
    let (mut containers, mut members) = (BTreeMap::new(), BTreeMap::new());
    for (key, set) in &spec.sets {
        let name = match &set.identity {
            Identity::Named(name) => name.to_string(),
            Identity::Counted(_) => {
                matches.get(key).and_then(|matches| matches.first()).map_or_else(
                    || format!("{}-{key}-1", spec.project),
                    |found| found.container.name().to_string(),
                )
            }
        };
        if let Identity::Named(name) = &set.identity {
            containers.entry(name.to_string()).or_insert_with(|| name.to_string());
        }
        if let Some(all) =
            matches.get(key).filter(|all| !all.is_empty() && links_reach_all(spec, set))
        {
            let names = all.iter().map(|found| found.container.name().to_string());
            members.insert(key.to_string(), names.collect());
        }
        containers.insert(key.to_string(), name);
    }
    Context {
        containers,
        members,
        base_dir: spec.base_dir.clone(),
        networks: spec.network_names(),
        volumes: spec.volume_names(),
    }
}

/// Whether a link to a set reaches all its members, not only the first.
pub(super) fn links_reach_all(spec: &Spec, target: &Set) -> bool {
    spec.compat == Some(Compat::Compose) && matches!(target.identity, Identity::Counted(_))
}

/// The context in which a container was made: its links reach the first member of each set, and
/// such further members as it was made with. A scaled target replaces no container that links to
/// it, as under Compose.
pub(super) fn as_made<'a>(
    cx: &'a Context,
    words: &Words<'_>,
    set: &Set,
    found: Option<&Container>,
) -> Cow<'a, Context> {
    let inspect = found.and_then(|found| found.inspect.as_ref());
    let (Some(inspect), Some(_), false) = (inspect, set.option("links"), cx.members.is_empty())
    else {
        return Cow::Borrowed(cx);
    };
    let made_with: BTreeSet<String> = links::targets(inspect);
    let mut own = cx.clone();
    for (key, all) in &mut own.members {
        let known: BTreeSet<String> = all.drain(..).collect();
        let first = cx.containers.get(key);
        let further = made_with.iter().filter(|name| {
            let of_set = || words.member_of(name).is_some_and(|set| set.as_str() == key);
            known.contains(*name) || of_set()
        });
        all.extend(further.chain(first).cloned().collect::<BTreeSet<String>>());
    }
    Cow::Owned(own)
}

impl Planner<'_> {
    /// The context in which a container of a set was made, or will be made.
    pub(super) fn context_of(&self, set: &Set, name: &ContainerName) -> Cow<'_, Context> {
        as_made(&self.cx, &self.words, set, self.index.by_name(name))
    }
}
