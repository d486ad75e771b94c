//! Checks the subjects of steps. A step addresses a known container in a fitting state, once. A
//! created container is addressed after its creation, and an image is used after its pull.

use std::collections::{BTreeMap, BTreeSet};

use super::change::created_by;
use super::graph::{Graph, kind, subject};
use super::{Violations, named, names};
use crate::base::image_ref::ImageRef;
use crate::observed::snapshot::Run;
use crate::plan::{Action, ImagePin, Plan, Subject};

pub(super) fn check(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let mut seen = BTreeSet::new();
    for (place, step) in graph.steps.iter().enumerate() {
        let id = named(&step.id);
        let Some(subject) = subject(&step.action) else { continue };
        let network = match &step.action {
            Action::Connect { network, .. } | Action::Disconnect { network, .. } => {
                Some((network, step.id.change()))
            }
            _ => None,
        };
        // A replaced container may get the name of its set before it is set aside.
        let for_good = matches!(&step.action, Action::Rename { container, to, .. }
            if names::is_in_place(container, to));
        let what = (subject, kind(&step.action), for_good, network);
        violations.unless(seen.insert(what), "twice", || {
            format!(
                "expected one step to {} the container of {id}, but found two",
                kind(&step.action)
            )
        });
        let Some(create) = created_by(subject) else { continue };
        let made = graph.place(create).filter(|made| {
            matches!(graph.steps[*made].action, Action::Create { .. })
                && step.id.change() == create.change()
        });
        violations.unless(made.is_some_and(|made| graph.before(made, place)), "created", || {
            format!(
                "expected {id} after the step that creates its container, but found {}",
                named(create)
            )
        });
    }
    runs(plan, graph, violations);
    images(plan, graph, violations);
}

/// The run state of every existing container, along its steps.
fn runs(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let facts: BTreeMap<_, _> = plan.facts.containers.iter().map(|fact| (&fact.id, fact)).collect();
    violations.unless(facts.len() == plan.facts.containers.len(), "facts", || {
        "expected one fact of each container, but found two".into()
    });
    let mut ends: BTreeMap<_, usize> = BTreeMap::new();
    for (place, step) in graph.steps.iter().enumerate() {
        let Some(Subject::Container(container)) = subject(&step.action) else { continue };
        let id = named(&step.id);
        let Some(fact) = facts.get(container) else {
            let container = named(container.short());
            violations
                .add("facts", format!("expected a fact about {container} of {id}, but found none"));
            continue;
        };
        let live = fact.run.is_live();
        let fine = match &step.action {
            Action::Stop { .. } | Action::Kill { .. } => {
                ends.insert(container, place);
                live
            }
            Action::Restart { .. } => live,
            Action::Start { .. } => fact.run == Run::Idle,
            Action::Update { .. } => !matches!(fact.run, Run::Dead | Run::Removing),
            Action::Remove { .. } => {
                !live || ends.get(container).is_some_and(|end| graph.before(*end, place))
            }
            _ => fact.run != Run::Removing,
        };
        violations.unless(fine, "run", || {
            format!(
                "expected {id} on a container in another state, but found it {}",
                fact.run.word()
            )
        });
        if matches!(step.action, Action::Restart { .. } | Action::Kill { .. }) {
            violations.unless(fact.started_at.is_some(), "facts", || {
                format!("expected the facts to say since when the container of {id} runs")
            });
        }
    }
}

/// An image is pulled by digest before it is used, or is known from the facts.
fn images(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let mut pulls: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, step) in graph.steps.iter().enumerate() {
        if let Action::Pull { image, .. } = &step.action {
            let digest = image.split_once('@').map_or(image.as_str(), |(_, digest)| digest);
            pulls.entry(digest).or_default().push(place);
        }
    }
    for fact in &plan.facts.images {
        violations.unless(ImageRef::parse(&fact.reference).is_ok(), "facts", || {
            format!("expected an image reference, but found {}", named(&fact.reference))
        });
    }
    let known: BTreeSet<_> = plan.facts.images.iter().filter_map(|fact| fact.id.as_ref()).collect();
    for (place, step) in graph.steps.iter().enumerate() {
        let id = named(&step.id);
        match &step.action {
            Action::Pull { image, .. } | Action::Tag { image, .. } => {
                let digest = image.split_once('@').map(|(_, digest)| digest);
                violations.unless(digest.is_some_and(is_digest), "pin", || {
                    format!("expected {id} to name a digest, but found {}", named(image))
                });
            }
            Action::Create { image: ImagePin::Digest(pin), .. } => {
                let mut pulls = pulls.get(pin.as_str()).into_iter().flatten();
                let pulled = pulls.any(|pull| graph.before(*pull, place));
                violations.unless(pulled, "pin", || {
                    format!("expected {id} after the pull of {}, but found none", named(pin))
                });
            }
            Action::Create { image: ImagePin::Id(image), .. } => {
                violations.unless(is_digest(image.as_str()), "pin", || {
                    format!("expected {id} to name an image by ID, but found {}", named(image))
                });
                violations.unless(known.contains(image), "facts", || {
                    format!("expected a fact about the image of {id}, but found none")
                });
            }
            _ => {}
        }
    }
}

/// `sha256:` and 64 hexadecimal digits.
fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}
