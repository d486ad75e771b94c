//! Tests of facts: each step has the facts that it relies on, and no fact contradicts another.

use super::tests::{action, breaks, of, without};
use super::*;
use crate::base::ident::ContainerId;
use crate::observed::snapshot::Run;
use crate::plan::{Subject, Verb, sample};

#[test]
fn facts_carry_the_steps() {
    breaks("facts", |plan| plan.facts.containers.retain(|fact| fact.name.as_str() != "legacy"));
    breaks("facts", |plan| plan.facts.images.clear());
    breaks("facts", |plan| plan.facts.images[0].reference = "shop/".into());
    breaks("members", |plan| {
        let mut all = plan.facts.members.values().flatten();
        let member = all.next().unwrap().clone();
        let other = plan.facts.members.values_mut().find(|all| !all.contains(&member)).unwrap();
        other.push(member);
    });
    breaks("facts", |plan| {
        let fact = plan.facts.containers[0].clone();
        plan.facts.containers.push(fact);
    });
    breaks("run", |plan| without(plan, "shop-db/stop"));
    for run in [Run::Idle, Run::Dead] {
        breaks("run", |plan| plan.facts.containers[0].run = run);
    }
    breaks("facts", |plan| {
        of(plan, "legacy").verb = Verb::Kill;
        let container = Subject::Container(ContainerId::new(sample::hex("", 9)));
        *action(plan, "legacy/stop") = Action::Kill { container, signal: "KILL".into() };
    });
    breaks("members", |plan| plan.facts.members.values_mut().for_each(Vec::clear));
    breaks("members", |plan| {
        plan.facts.members.insert(SetName::new("x"), Vec::new());
    });
    breaks("names", |plan| plan.facts.names.clear());
}
