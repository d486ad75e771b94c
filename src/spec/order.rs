//! The dependencies between sets, and the order of the sets.
//!
//! A word refers to the set with this key, or else with this `name`. Otherwise the word refers to
//! the set that has a member of this name. Any other word refers to a container outside of the
//! sets, which needs no order. Conditions are [`super::depends`]'s; the order of steps is the
//! planner's.

use std::collections::{BTreeMap, BTreeSet};

use super::{Identity, Set, Spec};
use crate::base::ident::{ContainerName, SetName, member_number};

/// A dependency of a set on another set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The set that comes first.
    pub set: SetName,
    /// The key of the dependency: `depends_on` or an option.
    pub by: &'static str,
}

/// A dependency cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Each set with its dependency on the next set; the last set depends on the first.
    pub hops: Vec<(SetName, Need)>,
}

impl std::fmt::Display for Cycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (set, need)) in self.hops.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}`{set}` needs `{}` ({})", need.set, need.by)?;
        }
        Ok(())
    }
}

impl std::error::Error for Cycle {}

/// An index of the words by which a spec refers to sets.
#[derive(Debug)]
pub struct Words<'a> {
    spec: &'a Spec,
    /// Sets by the name of their single container.
    named: BTreeMap<&'a str, &'a SetName>,
}

impl<'a> Words<'a> {
    /// Indexes a spec.
    pub fn of(spec: &'a Spec) -> Self {
        let mut named = BTreeMap::new();
        for (key, set) in &spec.sets {
            if let Identity::Named(name) = &set.identity {
                named.entry(name.as_str()).or_insert(key);
            }
        }
        Self { spec, named }
    }

    /// The indexed spec.
    pub fn spec(&self) -> &'a Spec {
        self.spec
    }

    /// The set that a word refers to, by key or name.
    pub fn resolve(&self, word: &str) -> Option<&'a SetName> {
        let by_key = self.spec.sets.get_key_value(word).map(|(key, _)| key);
        by_key.or_else(|| self.named(word))
    }

    /// The named set with this container name.
    pub fn named(&self, name: &str) -> Option<&'a SetName> {
        self.named.get(name).copied()
    }

    /// The counted set whose new member may get this name: `{project}-{set}-{n}`.
    pub fn member_of(&self, name: &str) -> Option<&'a SetName> {
        let (stem, _) = name.rsplit_once('-')?;
        let key = stem.strip_prefix(self.spec.project.as_str())?.strip_prefix('-')?;
        let (key, set) = self.spec.sets.get_key_value(key)?;
        let counted = matches!(set.identity, Identity::Counted(_));
        (counted && member_number(&self.spec.project, key, name).is_some()).then_some(key)
    }
}

/// The words by which a set refers to other sets, with their keys, sorted.
pub fn words(set: &Set) -> Vec<(String, &'static str)> {
    let mut words: Vec<_> =
        set.depends_on.iter().map(|one| (one.word.clone(), "depends_on")).collect();
    for declared in &set.options {
        let mut targets = Vec::new();
        declared.targets(&mut targets);
        words.extend(targets.into_iter().map(|word| (word, declared.row().def().key)));
    }
    words.sort();
    words.dedup();
    words
}

/// Known members of sets, by container name.
pub type Members = BTreeMap<ContainerName, SetName>;

/// The set that a word refers to, by key, name, known member or possible new member.
fn meant(known: &Words<'_>, members: &Members, word: &str) -> Option<SetName> {
    let of_member = || members.get(word).or_else(|| known.member_of(word));
    known.resolve(word).or_else(of_member).cloned()
}

/// The other sets that a set depends on, sorted and unique.
pub fn needs(known: &Words<'_>, members: &Members, key: &SetName) -> Vec<Need> {
    let Some(set) = known.spec.sets.get(key) else { return Vec::new() };
    let mut needs: Vec<Need> = words(set)
        .into_iter()
        .filter_map(|(word, by)| {
            let own = known.resolve(&word).is_none();
            let set = meant(known, members, &word)?;
            // A reference to a member of the own set does not order sets.
            (set != *key || !own).then_some(Need { set, by })
        })
        .collect();
    needs.sort();
    needs.dedup_by(|one, another| one.set == another.set);
    needs
}

/// All sets in order of their dependencies, otherwise by key.
pub fn order(spec: &Spec) -> Result<Vec<SetName>, Cycle> {
    order_among(&Words::of(spec), &Members::new())
}

/// All sets in order, with known members.
pub fn order_among(known: &Words<'_>, members: &Members) -> Result<Vec<SetName>, Cycle> {
    let needs = all_needs(known, members);
    let mut walk = Walk::new(&needs);
    let order = walk.go();
    if walk.open.is_empty() { Ok(order) } else { Err(circle(&needs, &walk.open)) }
}

/// Disjoint dependency cycles, up to the limit.
pub fn circles(spec: &Spec) -> Vec<Cycle> {
    let needs = all_needs(&Words::of(spec), &Members::new());
    let mut walk = Walk::new(&needs);
    let mut circles = Vec::new();
    loop {
        walk.go();
        if walk.open.is_empty() || circles.len() == MOST_CIRCLES {
            return circles;
        }
        let found = circle(&needs, &walk.open);
        for (set, _) in &found.hops {
            walk.done(set);
        }
        circles.push(found);
    }
}

/// The limit of reported cycles.
const MOST_CIRCLES: usize = 20;

fn all_needs<'a>(known: &Words<'a>, members: &Members) -> BTreeMap<&'a SetName, Vec<Need>> {
    known.spec.sets.keys().map(|key| (key, needs(known, members, key))).collect()
}

/// The state of a topological sort of the sets.
struct Walk<'a> {
    needed_by: BTreeMap<&'a SetName, Vec<&'a SetName>>,
    /// The open sets, with the number of their open dependencies.
    open: BTreeMap<&'a SetName, usize>,
    ready: BTreeSet<&'a SetName>,
}

impl<'a> Walk<'a> {
    fn new(needs: &'a BTreeMap<&'a SetName, Vec<Need>>) -> Self {
        let mut needed_by: BTreeMap<&SetName, Vec<&SetName>> = BTreeMap::new();
        let mut open: BTreeMap<&SetName, usize> = BTreeMap::new();
        for (key, needs) in needs {
            open.insert(key, needs.len());
            for need in needs {
                needed_by.entry(&need.set).or_default().push(key);
            }
        }
        let ready = open.iter().filter(|(_, open)| **open == 0).map(|(key, _)| *key).collect();
        Self { needed_by, open, ready }
    }

    /// Sorts as far as possible.
    fn go(&mut self) -> Vec<SetName> {
        let mut order = Vec::new();
        while let Some(next) = self.ready.pop_first() {
            self.done(next);
            order.push(next.clone());
        }
        order
    }

    /// Marks a set as done, and counts down its dependants.
    fn done(&mut self, set: &SetName) {
        if self.open.remove(set).is_none() {
            return;
        }
        self.ready.remove(set);
        for dependant in self.needed_by.get(set).into_iter().flatten() {
            if let Some(left) = self.open.get_mut(dependant) {
                *left -= 1;
                if *left == 0 {
                    self.ready.insert(dependant);
                }
            }
        }
    }
}

/// Finds a cycle: every open set depends on an open set, so following dependencies must return to a
/// set.
fn circle(needs: &BTreeMap<&SetName, Vec<Need>>, open: &BTreeMap<&SetName, usize>) -> Cycle {
    let mut hops: Vec<(SetName, Need)> = Vec::new();
    let mut seen: BTreeMap<SetName, usize> = BTreeMap::new();
    let mut at = open.keys().next().map(|key| (*key).clone());
    while let Some(set) = at {
        if let Some(&start) = seen.get(&set) {
            hops.drain(..start);
            // A cycle is printed the same way for every starting set.
            let first = (0..hops.len()).min_by_key(|at| hops.get(*at).map(|(set, _)| set.clone()));
            hops.rotate_left(first.unwrap_or(0));
            break;
        }
        let next = needs.get(&set).into_iter().flatten().find(|need| open.contains_key(&need.set));
        at = next.map(|need| need.set.clone());
        seen.insert(set.clone(), hops.len());
        hops.extend(next.map(|need| (set, need.clone())));
    }
    Cycle { hops }
}
