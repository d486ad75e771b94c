//! Checks a plan without its spec and without an engine. Every plan is checked before it is written
//! and after it is read. The check shares no code with the planner, so that a bug in the planner
//! does not hide itself.
//!
//! Whether the plan fits its spec is not checked here; [`crate::stale`] finds that out by deriving
//! the plan again.

mod besides;
mod carried;
mod change;
mod files;
mod graph;
mod names;
mod planned;
mod replay;
mod resources;
mod subjects;
mod turns;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value as Json;

use super::{Action, Plan, Step, Summary};
use crate::base::ident::SetName;
use crate::base::say;
use crate::options::value::{HIDDEN, marked_reference};
use crate::spec::State;
use graph::Graph;

/// One violation in a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Stable, for machines: `after`, `danger`, ….
    pub rule: &'static str,
    /// A lowercase fragment, safe to print.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.text)
    }
}

/// The violations that were found so far.
#[derive(Default)]
struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, rule: &'static str, text: String) {
        self.0.push(Violation { rule, text });
    }

    /// Adds a violation unless a condition holds.
    fn unless(&mut self, fine: bool, rule: &'static str, text: impl FnOnce() -> String) {
        if !fine {
            self.add(rule, text());
        }
    }
}

/// Foreign text, quoted for a violation.
fn named(text: impl fmt::Display) -> String {
    format!("`{}`", say::short(&text.to_string()))
}

/// All violations of a plan; empty for a valid plan.
pub fn check(plan: &Plan) -> Vec<Violation> {
    let mut violations = Violations::default();
    steps(plan, &mut violations);
    let graph = Graph::of(&plan.steps);
    change::check(plan, &graph, &mut violations);
    subjects::check(plan, &graph, &mut violations);
    names::check(plan, &graph, &mut violations);
    turns::check(plan, &graph, &mut violations);
    replay::check(plan, &graph, &mut violations);
    resources::check(plan, &graph, &mut violations);
    update::check(plan, &graph, &mut violations);
    files::check(plan, &mut violations);
    besides::check(plan, &mut violations);
    carried::check(plan, &mut violations);
    planned::check(plan, &mut violations);
    summary(plan, &mut violations);
    sets(plan, &mut violations);
    marks(plan, &mut violations);
    let mut all = violations.0;
    all.sort();
    all.dedup();
    all
}

/// Step IDs must be valid, and dependencies must point upwards in the list, which excludes cycles.
fn steps(plan: &Plan, violations: &mut Violations) {
    let mut above = BTreeSet::new();
    for step in &plan.steps {
        let id = named(&step.id);
        for other in step.before() {
            violations.unless(above.contains(other), "after", || {
                format!("expected {id} to wait for a step above it, but found {}", named(other))
            });
        }
        let own: BTreeSet<_> = step.before().collect();
        violations.unless(own.len() == step.before().count(), "after", || {
            format!("expected {id} to name each step once, but found one twice")
        });
        violations.unless(above.insert(&step.id), "step", || {
            format!("expected one step {id}, but found two")
        });
        violations.unless(!step.id.change().is_empty(), "step", || {
            format!("expected a step of a change, but found {id}")
        });
    }
}

/// The summary must equal the summary of the steps.
fn summary(plan: &Plan, violations: &mut Violations) {
    let Summary {
        created,
        started,
        stopped,
        killed,
        removed,
        restarted,
        updated,
        renamed,
        pulled,
        networks_created,
        networks_removed,
        volumes_created,
        connected,
        disconnected,
        message,
    } = &plan.summary;
    let kinds = [
        ("created", "container", *created, "create"),
        ("started", "container", *started, "start"),
        ("stopped", "container", *stopped, "stop"),
        ("killed", "container", *killed, "kill"),
        ("removed", "container", *removed, "remove"),
        ("restarted", "container", *restarted, "restart"),
        ("updated", "container", *updated, "update"),
        ("renamed", "container", *renamed, "rename"),
        ("pulled", "image", *pulled, "pull"),
        ("created", "network", *networks_created, "create_network"),
        ("removed", "network", *networks_removed, "remove_network"),
        ("created", "volume", *volumes_created, "create_volume"),
        ("connected", "container", *connected, "connect"),
        ("disconnected", "container", *disconnected, "disconnect"),
    ];
    let mut sentence = String::new();
    for (word, what, said, step) in kinds {
        let counts = |own: &&Step| match &own.action {
            // A temporary rename during a replacement is not counted.
            Action::Rename { container, to, .. } => {
                step == "rename" && names::is_in_place(container, to)
            }
            action => graph::kind(action) == step,
        };
        let counted = plan.steps.iter().filter(counts).count();
        let besides = if what == "volume" { made_besides(&plan.steps) } else { 0 };
        let counted = counted + besides;
        let counted = u32::try_from(counted).unwrap_or(u32::MAX);
        violations.unless(said == counted, "summary", || {
            format!("expected {what}s {word} to be {counted}, but found {said}")
        });
        if counted > 0 {
            let plural = if counted == 1 { "" } else { "s" };
            let comma = if sentence.is_empty() { "" } else { ", " };
            sentence.extend([comma, word, " ", &counted.to_string(), " ", what, plural]);
        }
    }
    sentence.push_str(if sentence.is_empty() { "no action taken." } else { "." });
    violations.unless(*message == sentence, "summary", || {
        format!("expected the message `{sentence}`, but found {}", named(message))
    });
}

/// The number of volumes that create steps bring along.
fn made_besides(steps: &[Step]) -> usize {
    let made = |step: &Step| match &step.action {
        Action::Create { volumes, anonymous, .. } => volumes.len() + anonymous.len(),
        _ => 0,
    };
    steps.iter().map(made).sum()
}

/// The matched containers must fit the facts and the declared sets.
fn sets(plan: &Plan, violations: &mut Violations) {
    let facts: BTreeMap<_, _> =
        plan.facts.containers.iter().map(|fact| (&fact.id, &fact.name)).collect();
    for (set, report) in &plan.sets {
        let matched: BTreeSet<_> = report.matched.iter().map(|matched| &matched.id).collect();
        let members: Option<BTreeSet<_>> =
            plan.facts.members.get(set).map(|members| members.iter().collect());
        violations.unless(members.as_ref() == Some(&matched), "members", || {
            format!("expected the facts of set {} to list what it matched", named(set))
        });
        for matched in &report.matched {
            let name = facts.get(&matched.id);
            violations.unless(name.is_some_and(|name| **name == matched.name), "facts", || {
                format!("expected a fact about {}, but found none", named(&matched.name))
            });
        }
    }
    let mut members = BTreeSet::new();
    for member in plan.facts.members.values().flatten() {
        violations.unless(members.insert(member), "members", || {
            format!("expected {} in one set, but found it in two", named(member.short()))
        });
    }
    for set in plan.facts.members.keys().filter(|set| !plan.sets.contains_key(*set)) {
        violations.add("members", format!("expected no facts of a set {}", named(set)));
    }
    if let Some(project) = plan.declared["project"].as_str() {
        violations.unless(project == plan.project.as_str(), "project", || {
            format!("expected the project {}, but found {}", named(project), named(&plan.project))
        });
    } else {
        violations.add("project", "expected `declared` to name the project".into());
    }
    let declared = plan.declared["containers"].as_object();
    let declared: BTreeSet<&str> =
        declared.map(|sets| sets.keys().map(String::as_str).collect()).unwrap_or_default();
    let reported: BTreeSet<&str> = plan.sets.keys().map(SetName::as_str).collect();
    // For a set without a declaration only the removal is reported, and only if `prune` is set.
    let prunes = plan.declared["prune"] == true;
    let gone = |set: &&str| {
        prunes && plan.sets.get(*set).is_some_and(|report| report.state == State::Absent)
    };
    let other: Vec<&str> = declared
        .symmetric_difference(&reported)
        .copied()
        .filter(|set| declared.contains(set) || !gone(set))
        .collect();
    violations.unless(other.is_empty(), "sets", || {
        let all: Vec<_> = other.iter().map(named).collect();
        format!("expected every declared set in `sets` and no other, but found {}", all.join(", "))
    });
}

/// Finds the beginning of a mark in written bytes.
struct Begins(bool);

impl std::io::Write for Begins {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // A character is always written in one piece.
        self.0 |= !bytes.is_ascii() && bytes.windows(2).any(|two| two == "«".as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Marks that stand for a hidden value or a reference; no other text may look like a mark.
fn marks(plan: &Plan, violations: &mut Violations) {
    fn walk(json: &Json, bad: &mut Vec<String>) {
        match json {
            Json::String(text) => {
                let marked = text.starts_with('«') && text.ends_with('»');
                if marked && text != HIDDEN && marked_reference(text).is_none() {
                    bad.push(text.clone());
                }
            }
            Json::Array(items) => items.iter().for_each(|item| walk(item, bad)),
            Json::Object(map) => map.values().for_each(|value| walk(value, bad)),
            _ => {}
        }
    }
    // Few plans have marks, and scanning the bytes is faster than building a JSON value.
    let mut begins = Begins(false);
    if serde_json::to_writer(&mut begins, plan).is_ok() && !begins.0 {
        return;
    }
    let mut bad = Vec::new();
    walk(&serde_json::to_value(plan).unwrap_or_default(), &mut bad);
    for text in bad {
        violations
            .add("mark", format!("expected `{HIDDEN}` or a reference, but found {}", named(text)));
    }
}

#[cfg(test)]
mod facts_tests;
#[cfg(test)]
mod replay_tests;
#[cfg(test)]
mod tests;
