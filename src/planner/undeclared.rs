//! Lists the undeclared options of matched containers that no plan reports. For a container that
//! bayplan did not create, the planner compares only declared options and options from the image.

use std::fmt::Write as _;

use super::images::{self, Images};
use super::index::Index;
use super::linked;
use super::linked::context;
use super::matching::{self, Match};
use super::renames;
use crate::base::ident::{ContainerName, SetName};
use crate::engine_model;
use crate::engine_model::view;
use crate::engine_model::{Engine, World};
use crate::observed::redact::Visible;
use crate::observed::snapshot::Snapshot;
use crate::options::Context;
use crate::options::inspect_view::InspectView;
use crate::plan::Reason;
use crate::plan::show::reason_text;
use crate::planner::compare;
use crate::planner::compare::{Known, Terms};
use crate::spec::Spec;
use crate::spec::body::{self, Labels};
use crate::spec::order::Words;

/// A container with undeclared options.
#[derive(Debug, Clone, PartialEq)]
pub struct Undeclared {
    /// The name of the container.
    pub name: ContainerName,
    /// The set that matches the container.
    pub set: SetName,
    /// The differences from a newly created container, beyond the differences in the plan.
    pub beyond: Vec<Reason>,
}

/// Lists every matched container with undeclared options.
pub fn undeclared(spec: &Spec, snapshot: &Snapshot) -> Vec<Undeclared> {
    let renames = renames::find(spec, snapshot);
    let snapshot = &*renames::renamed(snapshot, &renames);
    let words = Words::of(spec);
    let matches = matching::match_sets(&words, snapshot, &Index::of(snapshot));
    let around = (
        Engine::of_snapshot(snapshot),
        World::of(snapshot),
        context(spec, &matches.sets),
        Images::of(snapshot),
    );
    let mut all = Vec::new();
    for (key, matches) in &matches.sets {
        for found in matches {
            let beyond = beyond(&words, snapshot, key, found, &around);
            if !beyond.is_empty() {
                all.push(Undeclared { name: found.container.name(), set: key.clone(), beyond });
            }
        }
    }
    all
}

fn beyond(
    words: &Words<'_>,
    snapshot: &Snapshot,
    key: &SetName,
    found: &Match<'_>,
    (engine, world, cx, images): &(Engine, World, Context, Images<'_>),
) -> Vec<Reason> {
    let spec = words.spec();
    let (Some(set), Some(inspect)) = (spec.sets.get(key), &found.container.inspect) else {
        return Vec::new();
    };
    let name = found.container.name();
    let cx = linked::as_made(cx, words, set, Some(found.container));
    let body = body::create_body(spec, key, set, &name, Labels::None, &cx);
    let expect = |image| view::expected(&body, &name, image, engine, world);
    let own = snapshot.images.get(&found.container.image());
    let settled = images::resolve(set, images);
    let image = settled.image().or(own);
    let (want, have) = (expect(image), InspectView::new(inspect, &found.container.env));
    let strange = image.is_none().then(|| expect(Some(engine_model::strange_image())));
    let visible = Some(Visible::in_container(snapshot, found.container));
    let known = Known { visible, secrets: &snapshot.secrets, assume: true };
    let differences = |adopted, everything| {
        let terms = Terms { set, adopted, strange: strange.as_ref(), everything };
        compare::compare(terms, &want, || None, &have, known).differences
    };
    let planned = differences(found.adopted, false);
    let told = |option: &str| planned.iter().any(|reason| is_of(reason, option));
    let mut beyond = differences(false, true);
    for reason in &mut beyond {
        // The plan already reports the added and changed variables.
        if let Reason::Environment(difference) = reason
            && told(&difference.option)
        {
            difference.added.clear();
            difference.changed.clear();
        }
    }
    beyond.retain(|reason| !planned.contains(reason));
    beyond
}

fn is_of(reason: &Reason, option: &str) -> bool {
    match reason {
        Reason::Option(difference) => difference.option == option,
        Reason::Environment(difference) => difference.option == option,
        Reason::Because(_) => false,
    }
}

/// The list as the last part of a plan's text.
pub fn text(all: &[Undeclared]) -> String {
    let mut out = "\nUNDECLARED\n".to_owned();
    if all.is_empty() {
        out.push_str("  nothing: every container that is matched is as one that is created anew\n");
    }
    for Undeclared { name, set, beyond } in all {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "  {name} of {set}");
        for reason in beyond {
            let _ = writeln!(out, "    {}", reason_text::text(reason));
        }
    }
    out
}
