//! What the containers to come will be, option by option: what is declared apart from what the image
//! hands down, and nothing of what an engine does anyway.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::compare::collapse;
use super::draft::Planner;
use super::images::ResolvedImage;
use super::risks;
use crate::base::ident::{ContainerName, SetName, StepId};
use crate::engine_model::{Engine, World, view};
use crate::options::inspect_view::InspectView;
use crate::options::value::Value;
use crate::options::{AnyRow, Body, ROWS};
use crate::plan::planned::{Options, Planned};
use crate::plan::{Action, ImagePin};
use crate::spec::Set;
use crate::syntax::node::{Node, Problems};

/// Rows whose values an image says in passing: of these the names are enough.
const NAMES_ONLY: [&str; 2] = ["environment", "labels"];

/// The row of published ports.
const PORTS: &str = "ports";

/// What is known of the containers of a set so far.
#[derive(Debug)]
pub(super) struct Expected {
    reference: String,
    image: ImagePin,
    from_image: Option<Options>,
    containers: BTreeMap<ContainerName, Options>,
}

/// What an engine shows where nothing is declared.
#[derive(Debug)]
pub(super) struct Plain(Vec<Value>);

impl Plain {
    /// By the places of the rows.
    pub(super) fn values(&self) -> &[Value] {
        &self.0
    }

    /// Of an engine.
    pub(super) fn of(engine: &Engine) -> Self {
        let look = bare(&Body::new(), &ContainerName::new(""), engine);
        Self(ROWS.iter().map(|row| collapse(row.read(&look))).collect())
    }
}

/// What a body comes to without an image, with other containers called by their names: their IDs may
/// be others once the plan has been begun.
fn bare(body: &Body, name: &ContainerName, engine: &Engine) -> InspectView {
    view::expected(body, name, None, engine, &World::default())
}

impl Planner<'_> {
    /// Notes what a container that is created will be. Members of a set differ in what links call
    /// them; which ports of a range they get is written down at the end.
    pub(super) fn expect_created(
        &mut self,
        key: &SetName,
        set: &Set,
        settled: &ResolvedImage<'_>,
        name: &ContainerName,
        (body, look): (&Body, &InspectView),
    ) {
        let Some(image) = Self::pin(settled) else { return };
        let alike = self.expected.get(key).filter(|_| set.option("links").is_none());
        if let Some(first) = alike.and_then(|all| all.containers.values().next().cloned()) {
            let all = self.expected.get_mut(key).map(|all| &mut all.containers);
            all.map(|all| all.insert(name.clone(), first));
            return;
        }
        let bare = bare(body, name, &self.engine);
        let options = self.options(set, &bare);
        if let Some(all) = self.expected.get_mut(key) {
            all.containers.insert(name.clone(), options);
            return;
        }
        let known = settled.image().is_some();
        let expected = Expected {
            reference: set.image.clone().unwrap_or_default(),
            image,
            from_image: known.then(|| handed_down(look, &bare)),
            containers: BTreeMap::from([(name.clone(), options)]),
        };
        self.expected.insert(key.clone(), expected);
    }

    /// The secrets that a container that is created gets.
    pub(super) fn secrets_of(&self, key: &SetName, name: &ContainerName) -> Vec<String> {
        let own = self.expected.get(key).and_then(|all| all.containers.get(name));
        own.map(risks::secrets).into_iter().flatten().map(str::to_owned).collect()
    }

    /// What is declared and is not as the engine does anyway. What nobody declared is so only because
    /// something else is: a limit of swap twice that of memory, an exposed port that is published.
    fn options(&self, set: &Set, look: &InspectView) -> Options {
        let rows = ROWS.iter().copied().zip(&self.plain.0);
        let said = rows.filter(|(row, plain)| {
            set.option(row.def().key).is_some() && collapse(row.read(look)) != **plain
        });
        said.map(|(row, _)| (row.def().key.to_owned(), canonical(row, look))).collect()
    }

    /// What all of them will be, once steps say which ports of a range they get.
    pub(super) fn planned(&mut self) -> BTreeMap<SetName, Planned> {
        let mut expected = std::mem::take(&mut self.expected);
        for (set, name, step) in self.pinned() {
            let Some(body) = self.bodies.get(&step) else { continue };
            let look = bare(body, &name, &self.engine);
            let own = expected.get_mut(&set).and_then(|all| all.containers.get_mut(&name));
            if let (Some(own), Some(row)) = (own, crate::options::row(PORTS)) {
                own.insert(PORTS.to_owned(), canonical(row, &look));
            }
        }
        let of = |(set, all): (SetName, Expected)| {
            let Expected { reference, image, from_image, containers } = all;
            (set, Planned::of(reference, image, containers, from_image))
        };
        expected.into_iter().map(of).collect()
    }

    /// The containers that get a port of a range: set, name, and the step that creates them.
    fn pinned(&self) -> Vec<(SetName, ContainerName, StepId)> {
        let steps = self.jobs.iter().flat_map(|job| &job.steps);
        let pinned = steps.filter_map(|step| match &step.action {
            Action::Create { final_name, set, ports, .. } if !ports.is_empty() => {
                Some((set.clone(), final_name.clone(), step.id.clone()))
            }
            _ => None,
        });
        pinned.collect()
    }
}

/// What a view says of an option, as the canonical form of a spec has it.
pub(super) fn canonical(row: &dyn AnyRow, look: &InspectView) -> Json {
    let json = row.to_spec(look);
    let mut problems = Problems::default();
    let declared = row.parse(&Node::from_json(&json), &mut problems);
    declared.map_or(json, |declared| declared.print())
}

/// What is there with the image and is not without.
fn handed_down(with: &InspectView, without: &InspectView) -> Options {
    let rows = ROWS.iter().copied().filter(|row| row.def().from_image);
    let other = rows.filter(|row| collapse(row.read(with)) != collapse(row.read(without)));
    let mut all = Options::new();
    for row in other {
        let key = row.def().key;
        let more = beyond(canonical(row, with), &canonical(row, without));
        let names = NAMES_ONLY.contains(&key);
        let more = match more {
            Json::Object(map) if names => map.keys().map(String::as_str).collect(),
            other => other,
        };
        all.insert(key.to_owned(), more);
    }
    all
}

/// What of a value another one lacks, entry by entry.
fn beyond(value: Json, other: &Json) -> Json {
    match (value, other) {
        (Json::Object(mut map), Json::Object(other)) => {
            map.retain(|key, value| other.get(key) != Some(value));
            Json::Object(map)
        }
        (Json::Array(mut items), Json::Array(other)) if !other.is_empty() => {
            items.retain(|item| !other.contains(item));
            Json::Array(items)
        }
        (value, _) => value,
    }
}
