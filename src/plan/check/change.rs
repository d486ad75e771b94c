//! Checks changes: each change has reasons, the steps of its verb in a safe order, and all its
//! dangers.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, kind, subject};
use super::{Violations, named, names};
use crate::base::ident::{ContainerId, StepId};
use crate::plan::facts::{ContainerFact, Verdict};
use crate::plan::{Action, Because, Change, Danger, ImagePin, Plan, Reason, Subject, Verb};

pub(super) fn check(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let facts: BTreeMap<_, _> = plan.facts.containers.iter().map(|fact| (&fact.id, fact)).collect();
    let mut adopted = BTreeMap::new();
    for (set, report) in &plan.sets {
        adopted.extend(report.matched.iter().map(|matched| ((set, &matched.id), matched.adopted)));
    }
    let strangers: BTreeSet<&str> = plan
        .sets
        .values()
        .flat_map(|report| &report.matched)
        .filter(|matched| matched.adopted)
        .map(|matched| matched.name.as_str())
        .collect();
    let steps = graph.by_change();
    let mut seen = BTreeSet::new();
    for change in &plan.changes {
        let id = named(&change.id);
        violations.unless(seen.insert(change.id.as_str()), "change", || {
            format!("expected one change {id}, but found two")
        });
        violations.unless(!change.reasons.is_empty(), "reason", || {
            format!("expected a reason for {id}, but found none")
        });
        if let Some(set) = &change.set {
            violations.unless(plan.sets.contains_key(set), "sets", || {
                format!("expected {id} to be of a known set, but found {}", named(set))
            });
        }
        let Some(places) = steps.get(change.id.as_str()) else {
            violations.add("step", format!("expected steps of {id}, but found none"));
            continue;
        };
        if change.id.target().is_object() {
            super::resources::change(change, places, graph, &strangers, violations);
            continue;
        }
        let shape = Shape::of(graph, places);
        shape.fits(change, graph, violations);
        shape.loses_nothing(change, &facts, graph, violations);
        shape.follows(change, &steps, graph, violations);
        let acts: Vec<&ContainerFact> =
            shape.addressed(graph).into_iter().filter_map(|id| facts.get(id).copied()).collect();
        dangers(change, &shape, graph, &acts, violations);
        let strange = acts.iter().any(|fact| {
            let set = change.set.as_ref();
            set.and_then(|set| adopted.get(&(set, &fact.id))).copied().unwrap_or_default()
        });
        violations.unless(change.adopted == strange, "adopted", || {
            let (expected, found) = (yes(strange), yes(change.adopted));
            format!("expected {id} to be {expected}, but found {found}")
        });
    }
    for change in steps.keys().filter(|change| !change.is_empty() && !seen.contains(*change)) {
        violations
            .add("step", format!("expected a change {}, but found its steps alone", named(change)));
    }
    let worst = |change: &Change| change.danger.iter().min().copied();
    let order = |change: &Change| (worst(change).is_none(), worst(change));
    violations.unless(plan.changes.is_sorted_by_key(order), "order", || {
        "expected the most dangerous changes first".into()
    });
}

fn yes(adopted: bool) -> &'static str {
    if adopted { "adopted" } else { "not adopted" }
}

/// The steps of one change by kind; the first step of each kind.
struct Shape {
    places: Vec<usize>,
    create: Option<usize>,
    files: Option<usize>,
    update: Option<usize>,
    fence: Option<usize>,
    restart: Option<usize>,
    /// The start of the created or existing container.
    start: Option<usize>,
    ready: Option<usize>,
    end: Option<usize>,
    remove: Option<usize>,
    /// The rename of the created container.
    rename_new: Option<usize>,
    rename_old: Option<usize>,
    /// Whether the start waits for the end of a one-shot.
    waits: bool,
}

impl Shape {
    fn of(graph: &Graph<'_>, places: &[usize]) -> Self {
        let find = |is: &dyn Fn(&Action) -> bool| {
            places.iter().copied().find(|place| is(&graph.steps[*place].action))
        };
        let renames = |new: bool| {
            find(&|action| match action {
                Action::Rename { container, to, .. } => {
                    matches!(container, Subject::CreatedBy(_)) == new
                        && !names::is_in_place(container, to)
                }
                _ => false,
            })
        };
        Self {
            places: places.to_vec(),
            create: find(&|action| matches!(action, Action::Create { .. })),
            files: find(&|action| matches!(action, Action::PutFiles { .. })),
            update: find(&|action| matches!(action, Action::Update { .. })),
            fence: find(&|action| matches!(action, Action::Fence { .. })),
            restart: find(&|action| matches!(action, Action::Restart { .. })),
            start: find(&|action| matches!(action, Action::Start { .. })),
            ready: find(&|action| matches!(action, Action::WaitReady { .. })),
            end: find(&|action| matches!(action, Action::Stop { .. } | Action::Kill { .. })),
            remove: find(&|action| matches!(action, Action::Remove { .. })),
            rename_new: renames(true),
            rename_old: renames(false),
            waits: find(&|action| matches!(action, Action::Start { wait: true, .. })).is_some(),
        }
    }

    /// The change has only the steps of its verb, and all required steps.
    fn fits(&self, change: &Change, graph: &Graph<'_>, violations: &mut Violations) {
        let (may, must): (&[&str], &[&str]) = match change.verb {
            Verb::Remove => (&["stop", "kill", "remove"], &["remove"]),
            Verb::Replace => (
                &[
                    "create",
                    "put_files",
                    "connect",
                    "fence",
                    "stop",
                    "rename",
                    "start",
                    "wait_ready",
                    "remove",
                ],
                &["create", "rename", "remove"],
            ),
            Verb::Kill => (&["kill"], &["kill"]),
            Verb::Stop => (&["stop"], &["stop"]),
            Verb::Restart => (
                &["rename", "update", "connect", "disconnect", "restart", "wait_ready"],
                &["restart"],
            ),
            Verb::Update => (&["rename", "update", "connect", "disconnect"], &[]),
            Verb::Run => (
                &["create", "put_files", "connect", "fence", "stop", "rename", "start", "remove"],
                &["create", "start"],
            ),
            Verb::Start => {
                (&["rename", "update", "connect", "disconnect", "start", "wait_ready"], &["start"])
            }
            Verb::Create => {
                (&["create", "put_files", "connect", "start", "wait_ready"], &["create"])
            }
            Verb::Pull => (&["pull", "tag"], &[]),
        };
        let kinds: BTreeSet<&str> =
            self.places.iter().map(|place| kind(&graph.steps[*place].action)).collect();
        let (id, verb) = (named(&change.id), change.verb.word());
        for step in kinds.iter().filter(|kind| !may.contains(kind)) {
            violations.add("shape", format!("expected {id} to {verb}, but found a step to {step}"));
        }
        for step in must.iter().filter(|kind| !kinds.contains(*kind)) {
            violations
                .add("shape", format!("expected {id} to {verb}, but found no step to {step}"));
        }
        violations.unless(!kinds.is_empty(), "shape", || {
            format!("expected {id} to {verb}, but found no step")
        });
        violations.unless(change.verb != Verb::Run || self.waits, "shape", || {
            format!("expected {id} to run to its end, but found a start that does not wait")
        });
        for place in &self.places {
            if let Action::Create { set, .. } = &graph.steps[*place].action {
                violations.unless(change.set.as_ref() == Some(set), "sets", || {
                    format!("expected {id} to create of its own set, but found {}", named(set))
                });
            }
        }
    }

    /// A replacement creates the new container before it touches the old container. The old
    /// container is removed only after the new container is proven. Each of these steps must depend
    /// on the step before.
    fn loses_nothing(
        &self,
        change: &Change,
        facts: &BTreeMap<&ContainerId, &ContainerFact>,
        graph: &Graph<'_>,
        violations: &mut Violations,
    ) {
        let id = named(&change.id);
        if self.create.is_some() && self.remove.is_some() {
            let proof = if self.waits { None } else { self.ready };
            let swap = [self.fence, self.end, self.rename_old, self.rename_new];
            let starts = [self.start, proof];
            let ahead =
                self.start.zip(self.end).is_some_and(|(start, end)| graph.before(start, end));
            let (first, then) =
                if ahead { (&starts[..], &swap[..]) } else { (&swap[..], &starts[..]) };
            let chain = [&[self.create, self.files][..], first, then, &[self.remove][..]].concat();
            chained(&chain, &id, graph, violations);
            violations.unless(
                self.rename_old.is_some() && self.rename_new.is_some(),
                "replace",
                || format!("expected {id} to swap two names, but found a rename missing"),
            );
            violations.unless(self.end.is_none() || self.start.is_some(), "replace", || {
                format!("expected what replaces the running {id} to be started")
            });
        } else {
            let up = self.start.or(self.restart);
            let chain =
                [self.create, self.files, self.end, self.update, up, self.ready, self.remove];
            chained(&chain, &id, graph, violations);
        }
        self.fenced(change, facts, graph, violations);
        let proven = self.start.is_none() || self.waits || self.ready.is_some();
        let removes = self.create.is_some() && self.remove.is_some();
        violations.unless(proven || !removes, "replace", || {
            format!("expected the replacement of {id} to be proven before the old one is removed")
        });
    }

    /// In a replacement, the old container is fenced if, and only if, an engine restart would start
    /// the stopped container again.
    fn fenced(
        &self,
        change: &Change,
        facts: &BTreeMap<&ContainerId, &ContainerFact>,
        graph: &Graph<'_>,
        violations: &mut Violations,
    ) {
        let replaces = self.create.is_some() && self.remove.is_some();
        let Some(end) = self.end.filter(|_| replaces) else { return };
        let Some(Subject::Container(old)) = subject(&graph.steps[end].action) else { return };
        let needed = facts.get(old).is_some_and(|fact| revives(fact));
        violations.unless(needed == self.fence.is_some(), "fence", || {
            let (expected, found) = if needed { ("a", "none") } else { ("no", "one") };
            format!("expected {expected} fence in {}, but found {found}", named(&change.id))
        });
    }

    /// A restart because of another container comes after that container is up again.
    fn follows(
        &self,
        change: &Change,
        steps: &BTreeMap<&str, Vec<usize>>,
        graph: &Graph<'_>,
        violations: &mut Violations,
    ) {
        let id = named(&change.id);
        for reason in &change.reasons {
            let Reason::Because(Because::RestartsWith { target }) = reason else { continue };
            let first = steps.get(target.as_str()).map(|places| Shape::of(graph, places));
            let again = first.filter(|shape| shape.restart.is_some() || shape.rename_new.is_some());
            let (Some(first), Some(restart)) = (again, self.restart) else {
                violations.add(
                    "follows",
                    format!(
                        "expected {id} to be restarted after {} is replaced or restarted",
                        named(target)
                    ),
                );
                continue;
            };
            let up = first.ready.or(first.start);
            violations.unless(up.is_none_or(|up| graph.before(up, restart)), "follows", || {
                format!("expected {} to be up before {id} is restarted", named(target))
            });
        }
    }

    /// The existing containers that the steps address.
    fn addressed<'a>(&self, graph: &Graph<'a>) -> BTreeSet<&'a ContainerId> {
        let subjects = self.places.iter().filter_map(|place| subject(&graph.steps[*place].action));
        subjects
            .filter_map(|subject| match subject {
                Subject::Container(id) => Some(id),
                Subject::CreatedBy(_) => None,
            })
            .collect()
    }
}

/// Each of these steps must come after the step before.
fn chained(chain: &[Option<usize>], id: &str, graph: &Graph<'_>, violations: &mut Violations) {
    let there: Vec<usize> = chain.iter().copied().flatten().collect();
    for two in there.windows(2) {
        let [first, then] = [two[0], two[1]].map(|place| kind(&graph.steps[place].action));
        violations.unless(graph.before(two[0], two[1]), "replace", || {
            format!("expected {id} to {first} before it may {then}")
        });
    }
}

/// Every danger that can be seen in the plan is listed, once and worst first.
fn dangers(
    change: &Change,
    shape: &Shape,
    graph: &Graph<'_>,
    acts: &[&ContainerFact],
    violations: &mut Violations,
) {
    let id = named(&change.id);
    let said: BTreeSet<Danger> = change.danger.iter().copied().collect();
    violations.unless(change.danger.iter().eq(said.iter()), "danger", || {
        format!("expected the dangers of {id} once each, worst first")
    });
    let ends = matches!(
        change.verb,
        Verb::Remove | Verb::Replace | Verb::Kill | Verb::Stop | Verb::Restart | Verb::Run
    );
    let live = acts.iter().any(|fact| fact.run.is_live());
    let halts = matches!(change.verb, Verb::Stop | Verb::Kill);
    let rotated = |fact: &&ContainerFact| {
        fact.references.values().any(|fact| fact.verdict == Verdict::Different)
    };
    let pulled = shape.create.is_some_and(|place| {
        matches!(graph.steps[place].action, Action::Create { image: ImagePin::Digest(_), .. })
    });
    let expected = [
        (Danger::Outage, ends && live),
        (Danger::Adopted, change.adopted),
        (Danger::ComesBack, halts && acts.iter().any(|fact| revives(fact))),
        (Danger::SecretChanged, shape.create.is_some() && acts.iter().any(rotated)),
        (Danger::ImageUnknown, pulled),
    ];
    for (danger, expected) in expected {
        let found = said.contains(&danger);
        violations.unless(!expected || found, "danger", || {
            format!("expected {id} to have the danger `{}`, but found it missing", danger.word())
        });
    }
    // Outage and adoption follow from facts alone; a false alarm would make the list less useful.
    for (danger, cause) in [(Danger::Outage, ends && live), (Danger::Adopted, change.adopted)] {
        violations.unless(cause || !said.contains(&danger), "danger", || {
            format!("expected no danger `{}` of {id}, but found it", danger.word())
        });
    }
}

/// Whether an engine restart starts a stopped container again.
fn revives(fact: &ContainerFact) -> bool {
    let policy = fact.settings.0.get("RestartPolicy").and_then(|policy| policy.as_str());
    let word = policy.and_then(|policy| policy.split(':').next());
    matches!(word, Some("always" | "on-failure"))
}

/// The create step of a subject.
pub(super) fn created_by(subject: &Subject) -> Option<&StepId> {
    match subject {
        Subject::CreatedBy(step) => Some(step),
        Subject::Container(_) => None,
    }
}
