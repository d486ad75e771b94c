//! Compares the containers that a run of the plan created with what the plan creates. A label names the
//! plan, and anybody who reaches the engine can write a label.
//!
//! Options that an engine or a person may change in a running container are left out: the last look of
//! a run compares those, and so does the next plan.

use super::code::Code;
use super::judge::Case;
use super::{AGAIN, Staleness};
use crate::base::ident::{ContainerName, ImageId, SetName};
use crate::base::say;
use crate::engine_model::{Engine, World, view};
use crate::observed::redact::Visible;
use crate::observed::snapshot::Container;
use crate::options::Body;
use crate::options::inspect_view::InspectView;
use crate::options::row;
use crate::plan::{Action, ImagePin, Reason};
use crate::planner::Built;
use crate::planner::compare::{self, Known, Terms};

/// The created containers that differ from what the derived plan creates.
pub(super) fn differing(case: &Case<'_>, again: &Built) -> Vec<Staleness> {
    let created = case.look.containers.iter().filter_map(|container| {
        let step = case.origin.container(container.seen())?;
        let body = again.bodies.get(step)?;
        let action = again.plan.steps.iter().find(|one| one.id == *step).map(|one| &one.action)?;
        let Action::Create { final_name, set, image, ports, .. } = action else { return None };
        Some((container, body, final_name, set, (image, ports)))
    });
    let mut around = None;
    let mut all = Vec::new();
    for (container, body, name, set, (image, ports)) in created {
        let (engine, world) =
            around.get_or_insert_with(|| (Engine::of_snapshot(case.look), World::of(case.look)));
        let differs = match image {
            ImagePin::Id(id) if container.image() != *id => vec!["image".to_owned()],
            _ => {
                let mut all = options(case, (container, body), (name, set), (engine, world));
                // The body has the range, and the container the port that the plan chose of it.
                all.retain(|option| ports.is_empty() || option != "ports");
                all
            }
        };
        if !differs.is_empty() {
            all.push(report(container, set, &differs));
        }
    }
    all
}

/// The options that differ and that nothing can change in an existing container.
fn options(
    case: &Case<'_>,
    (container, body): (&Container, &Body),
    (name, set): (&ContainerName, &SetName),
    (engine, world): (&Engine, &World),
) -> Vec<String> {
    let (Some(declared), Some(inspect)) = (case.spec.sets.get(set), &container.inspect) else {
        return vec!["container, which cannot be looked at".to_owned()];
    };
    let id: ImageId = container.image();
    let want = view::expected(body, name, case.look.images.get(&id), engine, world);
    let have = InspectView::new(inspect, &container.env);
    let visible = Some(Visible::in_container(case.look, container));
    let known = Known { visible, secrets: &case.look.secrets, assume: true };
    let terms = Terms { set: declared, adopted: false, strange: None, everything: false };
    let found = compare::compare(terms, &want, || None, &have, known).differences;
    let options = found.into_iter().filter_map(|reason| match reason {
        Reason::Option(difference) => Some(difference.option),
        Reason::Environment(difference) => Some(difference.option),
        Reason::Because(_) => None,
    });
    options.filter(|key| row(key).is_some_and(|row| row.def().is_fixed())).collect()
}

fn report(container: &Container, set: &SetName, differs: &[String]) -> Staleness {
    let name = say::short(container.name().as_str());
    let differs: Vec<&str> = differs.iter().map(String::as_str).collect();
    Staleness {
        code: Code::CreatedDiffers.word().to_owned(),
        set: Some(set.clone()),
        object: format!("container `{name}`, which says that a run of this plan created it"),
        expected: "it as the plan creates it".to_owned(),
        found: format!("another {}", say::joined(&differs, "and")),
        hint: format!("find out who created it, and remove it; {AGAIN}"),
    }
}
