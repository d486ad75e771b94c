//! Names along the steps: nobody takes a name that another may still have, reserved suffixes are
//! for replacements alone, and everything is called what its change is called in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, subject};
use super::{Violations, named};
use crate::base::ident::{
    ChangeTarget, ContainerId, ContainerName, SUFFIX_NEW, SUFFIX_OLD, reserved_suffix,
};
use crate::plan::{Action, Plan, Step, Subject};

/// Who has which name while the steps are followed in the order of the list.
struct NameTable<'a> {
    /// Name → who has it; nobody once the step at this place has freed it.
    names: BTreeMap<&'a ContainerName, Slot>,
    /// What each container is called at present.
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
    // What is renamed for good is about its new name all along.
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
                    violations.unless(free.contains(to) && !held.contains(to), "names", || {
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

/// Whether a container that is there gets a name for good.
pub(super) fn is_in_place(container: &Subject, to: &ContainerName) -> bool {
    matches!(container, Subject::Container(_)) && reserved_suffix(to.as_str()).1.is_none()
}

/// Everything else of the change comes surely after it.
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

/// A step on a container that is there is part of the change that bears its name.
fn belongs(
    facts: &BTreeMap<&ContainerId, &ContainerName>,
    step: &Step,
    violations: &mut Violations,
) {
    let Some(Subject::Container(container)) = subject(&step.action) else { return };
    // A network that is replaced takes its containers off and puts them back.
    let about = ChangeTarget::of(step.id.change());
    if matches!(about, ChangeTarget::Network(_)) {
        return;
    }
    // Without a fact nothing is known of it; that is a violation of its own.
    let Some(name) = facts.get(container) else { return };
    // A dead one that makes room for a new one of its name is a change of its own.
    let name = name.as_str();
    let fine = [ChangeTarget::Container(name), ChangeTarget::Dead(name)].contains(&about);
    violations.unless(fine, "names", || {
        format!("expected {} to be about {}", named(&step.id), named(name))
    });
}
