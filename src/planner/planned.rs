//! Lists the options of the containers to create: declared options, and options from the image.
//! Defaults of the engine are left out. Differences are [`super::compare`]'s.

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

/// Rows whose entries from the image are shown by key, without values.
const NAMES_ONLY: [&str; 2] = ["environment", "labels"];

/// The key of the row of published ports.
const PORTS: &str = "ports";

/// The planned options of the containers of a set.
#[derive(Debug)]
pub(super) struct Expected {
    reference: String,
    image: ImagePin,
    from_image: Option<Options>,
    containers: BTreeMap<ContainerName, Options>,
}

/// The values that an engine shows for an empty declaration.
#[derive(Debug)]
pub(super) struct Plain(Vec<Value>);

impl Plain {
    /// The values, by the position of the row in the table.
    pub(super) fn values(&self) -> &[Value] {
        &self.0
    }

    /// Computes the values for an engine.
    pub(super) fn of(engine: &Engine) -> Self {
        let look = bare(&Body::new(), &ContainerName::new(""), engine);
        Self(ROWS.iter().map(|row| collapse(row.read(&look))).collect())
    }
}

/// The inspect data of a create body without an image. References to containers stay names, because
/// the IDs may change during the plan.
fn bare(body: &Body, name: &ContainerName, engine: &Engine) -> InspectView {
    view::expected(body, name, None, engine, &World::default())
}

impl Planner<'_> {
    /// Notes the options of a container to create. Members of a set share the options, except for
    /// links. Ports from ranges are added at the end.
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
            from_image: known.then(|| self.handed.down(look, &bare)),
            containers: BTreeMap::from([(name.clone(), options)]),
        };
        self.expected.insert(key.clone(), expected);
    }

    /// The secrets of a container to create.
    pub(super) fn secrets_of(&self, key: &SetName, name: &ContainerName) -> Vec<String> {
        let own = self.expected.get(key).and_then(|all| all.containers.get(name));
        own.map(risks::secrets).into_iter().flatten().map(str::to_owned).collect()
    }

    /// The declared options that differ from the engine's defaults. An undeclared option changes
    /// only as a consequence, such as the swap limit of a memory limit or the exposed port of a
    /// published port.
    fn options(&self, set: &Set, look: &InspectView) -> Options {
        let rows = ROWS.iter().copied().zip(&self.plain.0);
        let said = rows.filter(|(row, plain)| {
            set.option(row.def().key).is_some() && collapse(row.read(look)) != **plain
        });
        said.map(|(row, _)| (row.def().key.to_owned(), canonical(row, look))).collect()
    }

    /// The planned options of all sets, with the ports that steps pin.
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

    /// The containers with a port from a range: set, name and create step.
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

/// The value of an option, in the canonical form of the spec.
pub(super) fn canonical(row: &dyn AnyRow, look: &InspectView) -> Json {
    printed(row, &row.to_spec(look))
}

/// The canonical form of a value of a spec.
fn printed(row: &dyn AnyRow, json: &Json) -> Json {
    let mut problems = Problems::default();
    let declared = row.parse(&Node::from_json(json), &mut problems);
    declared.map_or_else(|| json.clone(), |declared| declared.print())
}

/// The options that come from images, as they were told last: by row, the values with and without
/// the image, and the option. Most sets get the same from their images.
#[derive(Debug, Default)]
pub(super) struct HandedDown(BTreeMap<&'static str, ([Json; 2], Json)>);

impl HandedDown {
    /// The options that come from the image.
    fn down(&mut self, with: &InspectView, without: &InspectView) -> Options {
        let mut all = Options::new();
        for row in ROWS.iter().copied().filter(|row| row.def().from_image) {
            if collapse(row.read(with)) == collapse(row.read(without)) {
                continue;
            }
            let key = row.def().key;
            let values = [row.to_spec(with), row.to_spec(without)];
            let last = self.0.get(key).filter(|(last, _)| *last == values);
            let option = last.map(|(_, option)| option.clone());
            let option = option.unwrap_or_else(|| {
                let option = handed_down(row, &values);
                self.0.insert(key, (values, option.clone()));
                option
            });
            all.insert(key.to_owned(), option);
        }
        all
    }
}

/// What of an option comes from the image, from the values with and without the image.
fn handed_down(row: &dyn AnyRow, [with, without]: &[Json; 2]) -> Json {
    let more = beyond(printed(row, with), &printed(row, without));
    match more {
        Json::Object(map) if NAMES_ONLY.contains(&row.def().key) => {
            map.keys().map(String::as_str).collect()
        }
        other => other,
    }
}

/// The entries of a value that another value lacks.
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
