//! Checks names along the steps: no step takes a name that another container may still have.
//! Reserved suffixes appear only during replacements. In the end every container has the name of
//! its change.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, subject};
use super::{Violations, named};
use crate::base::ident::{
    ChangeTarget, ContainerId, ContainerName, SUFFIX_NEW, SUFFIX_OLD, reserved_suffix,
};
use crate::plan::{Action, Plan, Step, Subject};

/// The names of containers while the steps are followed in list order.
struct NameTable<'a> {
    /// The holder of each name; no holder after the step at this index has freed the name.
    names: BTreeMap<&'a ContainerName, Slot>,
    /// The current name of each container.
    called: BTreeMap<Subject, &'a ContainerName>,
}

enum Slot {
    Taken,
    FreedBy(usize),
}

pub(super) fn check(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let mut harbour = NameTable { names: BTreeMap::new(), called: BTreeMap::new() };
    for fact in &plan.facts.containers {
        harbour.names.insert(&fact.name, Slot::Taken);
        harbour.called.insert(Subject::Container(fact.id.clone()), &fact.name);
    }
    let mut facts: BTreeMap<_, _> =
        plan.facts.containers.iter().map(|fact| (&fact.id, &fact.name)).collect();
    // A permanently renamed container is known by its new name from the beginning.
    for step in graph.steps {
        if let Action::Rename { container: container @ Subject::Container(id), to, .. } =
            &step.action
            && is_in_place(container, to)
        {
            facts.insert(id, to);
        }
    }
    let changes = graph.by_change();
    let held: BTreeSet<_> = plan.facts.containers.iter().map(|fact| &fact.name).collect();
    let free: BTreeSet<_> = plan.facts.names.iter().collect();
    for (place, step) in graph.steps.iter().enumerate() {
        let id = named(&step.id);
        match &step.action {
            Action::Create { name, final_name, .. } => {
                harbour.take(name, place, graph, violations);
                harbour.called.insert(Subject::CreatedBy(step.id.clone()), name);
                created(step, name, final_name, violations);
                violations.unless(
                    held.contains(final_name) || free.contains(final_name),
                    "names",
                    || format!("expected a fact that the name of {id} is free, but found none"),
                );
            }
            Action::Rename { container, from, to } => {
                let called = harbour.called.get(container).copied();
                violations.unless(called == Some(from), "names", || {
                    let called = called.map_or("nothing known".into(), named);
                    format!("expected {id} to rename {called}, but found {}", named(from))
                });
                renamed(step, container, from, to, violations);
                if is_in_place(container, to) {
                    violations.unless(free.contains(to), "names", || {
                        format!(
                            "expected a fact that {} is free for {id}, but found none",
                            named(to)
                        )
                    });
                    first(place, &changes, graph, violations);
                }
                harbour.names.insert(from, Slot::FreedBy(place));
                harbour.take(to, place, graph, violations);
                harbour.called.insert(container.clone(), to);
            }
            Action::Remove { container } => {
                if let Some(name) = harbour.called.remove(container) {
                    harbour.names.insert(name, Slot::FreedBy(place));
                }
            }
            _ => {}
        }
        belongs(&facts, step, violations);
    }
    for (container, name) in &harbour.called {
        if let Subject::CreatedBy(create) = container {
            violations.unless(name.as_str() == create.change(), "names", || {
                let (expected, found) = (named(create.change()), named(name));
                format!("expected the new container to end as {expected}, but found {found}")
            });
        }
    }
}

impl<'a> NameTable<'a> {
    fn take(
        &mut self,
        name: &'a ContainerName,
        place: usize,
        graph: &Graph<'_>,
        violations: &mut Violations,
    ) {
        let id = named(&graph.steps[place].id);
        let fine = match self.names.insert(name, Slot::Taken) {
            None => true,
            Some(Slot::Taken) => false,
            Some(Slot::FreedBy(other)) => graph.before(other, place),
        };
        violations.unless(fine, "names", || {
            format!("expected {} to be free for {id}, but found it taken", named(name))
        });
    }
}

fn created(
    step: &Step,
    name: &ContainerName,
    final_name: &ContainerName,
    violations: &mut Violations,
) {
    let id = named(&step.id);
    let (bare, suffix) = reserved_suffix(name.as_str());
    let fine = match suffix {
        None => name == final_name,
        Some(suffix) => suffix == SUFFIX_NEW && bare == final_name.as_str(),
    };
    violations.unless(fine, "names", || {
        format!("expected {id} to create {}, but found {}", named(final_name), named(name))
    });
    violations.unless(reserved_suffix(final_name.as_str()).1.is_none(), "names", || {
        format!("expected no reserved suffix for good, but found {}", named(final_name))
    });
    violations.unless(final_name.as_str() == step.id.change(), "names", || {
        format!("expected {id} to be about {}", named(final_name))
    });
}

fn renamed(
    step: &Step,
    container: &Subject,
    from: &ContainerName,
    to: &ContainerName,
    violations: &mut Violations,
) {
    let fine = match container {
        Subject::Container(_) if is_in_place(container, to) => to.as_str() == step.id.change(),
        Subject::Container(_) => to.as_str() == format!("{from}{SUFFIX_OLD}"),
        Subject::CreatedBy(_) => from.as_str() == format!("{to}{SUFFIX_NEW}"),
    };
    violations.unless(fine, "names", || {
        let id = named(&step.id);
        format!("expected {id} to set aside or to take a name, but found {}", named(to))
    });
}

/// Whether an existing container gets a permanent name.
pub(super) fn is_in_place(container: &Subject, to: &ContainerName) -> bool {
    matches!(container, Subject::Container(_)) && reserved_suffix(to.as_str()).1.is_none()
}

/// All other steps of the change must come after the first step.
fn first(
    place: usize,
    changes: &BTreeMap<&str, Vec<usize>>,
    graph: &Graph<'_>,
    violations: &mut Violations,
) {
    let id = &graph.steps[place].id;
    let others = changes.get(id.change()).into_iter().flatten();
    for other in others.copied().filter(|other| *other != place) {
        violations.unless(graph.before(place, other), "names", || {
            let step = &graph.steps[other];
            format!("expected {} to come after {}", named(&step.id), named(id))
        });
    }
}

/// A step on an existing container must belong to the change with the name of the container.
fn belongs(
    facts: &BTreeMap<&ContainerId, &ContainerName>,
    step: &Step,
    violations: &mut Violations,
) {
    let Some(Subject::Container(container)) = subject(&step.action) else { return };
    // A replaced network disconnects its containers and connects them again.
    let about = ChangeTarget::of(step.id.change());
    if matches!(about, ChangeTarget::Network(_)) {
        return;
    }
    // A missing fact is reported by another check.
    let Some(name) = facts.get(container) else { return };
    // A dead container that blocks a name has a change of its own.
    let name = name.as_str();
    let fine = [ChangeTarget::Container(name), ChangeTarget::Dead(name)].contains(&about);
    violations.unless(fine, "names", || {
        format!("expected {} to be about {}", named(&step.id), named(name))
    });
}
