//! `moved`: sets with a new key. Labels of containers keep the old key, which then refers to the
//! new set. `moved` alone touches no container; other differences may.

use std::collections::BTreeMap;

use super::Spec;
use crate::base::ident::SetName;
use crate::base::say;
use crate::syntax::node::{Entry, Kind, Node, Problems};

/// The limit of entries, because each entry is checked for every container.
const MOST: usize = 100;

impl Spec {
    /// The set of a key in a label: the set with this key, or else the set with its new key.
    pub fn labelled<'s>(&'s self, key: &'s SetName) -> &'s SetName {
        let mut now = key;
        // A cycle is an error of the spec, but this loop must end.
        for _ in 0..MOST {
            match self.moved.get(now) {
                Some(next) if !self.sets.contains_key(now) => now = next,
                _ => break,
            }
        }
        now
    }

    /// The former keys of a set.
    pub fn former<'s>(&'s self, key: &'s SetName) -> impl Iterator<Item = &'s SetName> {
        self.moved.keys().filter(move |old| self.labelled(old) == key)
    }
}

/// Reads `{old: new}`.
pub(super) fn read(node: &Node, problems: &mut Problems) -> BTreeMap<SetName, SetName> {
    let mut all = BTreeMap::new();
    let Kind::Map(entries) = &node.kind else {
        problems.expected::<()>("a map of old keys of sets to new ones", node);
        return all;
    };
    if entries.len() > MOST {
        let found = entries.len();
        problems.add_hint(
            node.place,
            format!("expected at most {MOST} sets under `moved`, but found {found}"),
            "take those out whose containers were all replaced since",
        );
        return all;
    }
    for Entry { key, value, .. } in entries {
        match &value.kind {
            Kind::Text(new) => {
                all.insert(SetName::new(key.as_str()), SetName::new(new.as_str()));
            }
            _ => drop(problems.expected::<()>("the key that the set has now", value)),
        }
    }
    all
}

/// Requires that every old key is unused, and leads to a set.
pub(super) fn check(spec: &Spec, node: &Node, lost: bool, problems: &mut Problems) {
    let Kind::Map(entries) = &node.kind else { return };
    for entry in entries {
        let old = SetName::new(entry.key.as_str());
        let shown = say::short(&entry.key);
        if spec.sets.contains_key(&old) {
            problems.add_hint(
                entry.place,
                format!("expected the old key of a set, but found `{shown}`, which is a set now"),
                "take the set out, or the line of `moved`: containers of that label are the set's",
            );
        } else if spec.moved.contains_key(&old)
            && !lost
            && !spec.sets.contains_key(spec.labelled(&old))
        {
            let now = spec.labelled(&old);
            let close = say::did_you_mean(now.as_str(), spec.sets.keys().map(SetName::as_str));
            let hint = match close {
                Some(close) => format!("did you mean `{close}`?"),
                None => "name a set under `containers`".to_owned(),
            };
            let found = say::short(now.as_str());
            let message = format!("expected `{shown}` to lead to a set, but found `{found}`");
            problems.add_hint(entry.value.place, message, hint);
        }
    }
}
