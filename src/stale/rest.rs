//! Compares the parts of a plan beside its changes with those of the derived plan: what is declared,
//! reports, planned containers and facts. Changes and warnings are [`super::whole`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::whole::{Parts, tampered};
use super::{Staleness, rotated};
use crate::base::ident::{ChangeTarget, ContainerId, ContainerName, SetName};
use crate::plan::facts::{ContainerFact, Facts, ImageFact, Verdict};
use crate::plan::planned::{Options, Planned};
use crate::plan::{Action, ImagePin, Matched, Plan, SetReport, Subject};
use crate::spec::State;

/// A planned container: its set, name, image and options.
#[derive(PartialEq)]
struct WillBe<'p> {
    set: &'p SetName,
    name: &'p ContainerName,
    image: (&'p String, &'p ImagePin),
    options: Options,
    from_image: Option<&'p Options>,
}

impl Parts<'_> {
    /// Compares the parts beside changes, and the facts.
    pub(super) fn rest(&self, again: &Plan, all: &mut Vec<Staleness>) {
        let plan = self.case.plan;
        let mut unless = |same: bool, what: &str| {
            if !same {
                let found = "something else follows from what it declares and relies on";
                all.push(tampered(
                    None,
                    what.to_owned(),
                    "as in the file".to_owned(),
                    found.to_owned(),
                ));
            }
        };
        unless(plan.project == again.project, "the project");
        unless(plan.declared == again.declared, "what is declared");
        unless(!self.whole() || plan.summary == again.summary, "the summary");
        unless(self.reports(plan) == self.reports(again), "what sets matched, and what is left");
        unless(self.planned(plan) == self.planned(again), "what the containers will be");
        unless(self.assumed(), "what was assumed");
        unless(self.containers(&plan.facts, &again.facts), "the facts of containers");
        unless(self.members(&plan.facts) == self.members(&again.facts), "the members of sets");
        unless(self.images(&plan.facts) == self.images(&again.facts), "the facts of images");
        unless(self.lists(again), "the facts of names, networks, ports and volumes");
    }

    fn images<'p>(&self, facts: &'p Facts) -> Vec<&'p ImageFact> {
        let own = |fact: &&ImageFact| !self.references.contains(&fact.reference);
        facts.images.iter().filter(own).collect()
    }

    /// Compares the facts of names, networks, ports and volumes. With changes left out, the plan may
    /// have more of them, which are compared with the snapshot. It may lack those that follow from
    /// changes of sets that moved.
    fn lists(&self, again: &Plan) -> bool {
        let (old, new) = (&self.case.plan.facts, &again.facts);
        if self.whole() {
            return (&old.names, &old.networks, &old.ports, &old.volumes)
                == (&new.names, &new.networks, &new.ports, &new.volumes);
        }
        let left: BTreeSet<&str> = again
            .changes
            .iter()
            .filter_map(|change| {
                let set = change.set.as_ref().filter(|set| self.left.contains(set));
                set.map(|_| change.id.as_str())
            })
            .collect();
        let replaced: BTreeSet<&str> = self.apart.iter().filter_map(|id| network(id)).collect();
        let theirs = again.steps.iter().filter(|step| left.contains(step.id.change()));
        let theirs: BTreeSet<&ContainerName> = theirs
            .filter_map(|step| match &step.action {
                Action::Create { name, .. } => Some(name),
                Action::Rename { to, .. } => Some(to),
                _ => None,
            })
            .collect();
        // Which set takes a port, a network or a volume is not told, so nothing is told apart here.
        let moved = !left.is_empty();
        new.names.iter().all(|name| old.names.contains(name) || theirs.contains(name))
            && new.networks.iter().all(|network| {
                moved || old.networks.contains(network) || replaced.contains(network.name.as_str())
            })
            && new.ports.iter().all(|port| moved || old.ports.contains(port))
            && new.volumes.iter().all(|volume| moved || old.volumes.contains(volume))
    }

    /// Whether a container is there before the plan and after the changes that removed containers.
    fn stays(&self, id: &ContainerId) -> bool {
        !self.gone.contains(id) && !self.created.contains(id)
    }

    fn reports<'p>(&self, plan: &'p Plan) -> BTreeMap<&'p SetName, (State, Vec<&'p Matched>)> {
        let own = plan.sets.iter().filter(|(set, _)| self.told(set));
        let each = own.map(|(set, SetReport { state, matched })| {
            (set, (*state, matched.iter().filter(|one| self.stays(&one.id)).collect()))
        });
        each.collect()
    }

    /// The planned containers, each as a whole, because the common options of a set depend on its
    /// members.
    fn planned<'p>(&self, plan: &'p Plan) -> Vec<WillBe<'p>> {
        let sets = plan.planned.iter().filter(|(set, _)| !self.left.contains(set));
        let containers = sets.flat_map(|(set, planned)| {
            let Planned { reference, image, from_image, .. } = planned;
            let own = planned.containers.keys().filter(|name| !self.apart.contains(name.as_str()));
            own.map(move |name| WillBe {
                set,
                name,
                image: (reference, image),
                options: planned.container(name).unwrap_or_default(),
                from_image: from_image.as_ref(),
            })
        });
        containers.collect()
    }

    fn members<'p>(&self, facts: &'p Facts) -> BTreeMap<&'p SetName, Vec<&'p ContainerId>> {
        let own = facts.members.iter().filter(|(set, _)| self.told(set));
        own.map(|(set, all)| (set, all.iter().filter(|id| self.stays(id)).collect())).collect()
    }

    /// Whether the assumed references agree with the facts.
    fn assumed(&self) -> bool {
        let plan = self.case.plan;
        let declared = self.case.spec.references();
        let facts = plan.facts.containers.iter().flat_map(|fact| fact.references.values());
        let fits = |fact: &crate::plan::facts::ReferenceFact| {
            (fact.verdict == Verdict::Assumed) == plan.assumed.contains(&fact.reference)
        };
        let sorted = plan.assumed.windows(2).all(|pair| pair[0] < pair[1]);
        sorted
            && plan.assumed.iter().all(|reference| declared.contains(reference))
            && facts.into_iter().all(fits)
    }

    /// Compares the facts of containers, except of sets and changes that are not compared.
    fn containers(&self, old: &Facts, new: &Facts) -> bool {
        let of = |told: bool| {
            let all = [old, new].into_iter().flat_map(|facts| &facts.members);
            let sets = all.filter(move |(set, _)| self.told(set) == told);
            sets.flat_map(|(_, members)| members).collect::<BTreeSet<&ContainerId>>()
        };
        let members = of(true);
        let moved: BTreeSet<&ContainerId> = of(false).difference(&members).copied().collect();
        // Facts of containers that only an excluded change addresses are no longer derived.
        let told = self.case.plan.facts.members.iter().filter(|(set, _)| self.told(set));
        let steps = self.case.plan.steps.iter();
        let steps = steps.filter(|step| !self.apart.contains(step.id.change()));
        let kept: BTreeSet<&ContainerId> = told
            .flat_map(|(_, members)| members)
            .chain(steps.filter_map(|step| match step.action.subject() {
                Some(Subject::Container(id)) => Some(id),
                _ => None,
            }))
            .collect();
        let networks: BTreeSet<&str> = self.apart.iter().filter_map(|id| network(id)).collect();
        let own = |facts: &'_ Facts| -> Vec<ContainerFact> {
            let all = facts.containers.iter().filter(|fact| !moved.contains(&fact.id));
            let all = all.filter(|fact| self.stays(&fact.id));
            let all = all.filter(|fact| self.whole() || kept.contains(&fact.id));
            let mut all: Vec<ContainerFact> = all.cloned().collect();
            for fact in &mut all {
                fact.networks.retain(|name, _| !networks.contains(name.as_str()));
            }
            all
        };
        let (old, new) = (own(old), own(new));
        old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| same_fact(old, new))
    }
}

/// The network that a change is about.
fn network(change: &str) -> Option<&str> {
    if let ChangeTarget::Network(name) = ChangeTarget::of(change) { Some(name) } else { None }
}

/// Compares facts of containers. Changed references are reported by [`rotated`].
fn same_fact(old: &ContainerFact, new: &ContainerFact) -> bool {
    let same_references = old.references.len() == new.references.len()
        && old.references.iter().zip(&new.references).all(|((name, one), (other, two))| {
            name == other
                && one.reference == two.reference
                && rotated::same(one.verdict, two.verdict)
        });
    let bare = |fact: &ContainerFact| ContainerFact { references: BTreeMap::new(), ..fact.clone() };
    same_references && bare(old) == bare(new)
}
