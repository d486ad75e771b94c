//! A world: the state of containers, images, networks and volumes, as cells with one value each.
//!
//! [`World::planned`] builds a world from the facts of a plan, and [`crate::stale::observed`] from
//! a look at an engine. [`super::effect`] defines how a step changes a world. This module defines
//! the cells, and when a found value is as expected. Messages about unexpected values are made in
//! [`crate::stale`], not here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Action, NetworkRef, Plan, Subject};
use crate::base::ident::{ContainerName, ImageId, NetworkId, StepId};
use crate::base::time;
use crate::observed::snapshot::Run;
use crate::options::settings::Settings;

/// One property of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// The name of a container; absent: the container does not exist.
    Name(Subject),
    /// The image that a container was made from.
    Image(Subject),
    /// The run state of a container.
    Run(Subject),
    /// The exit code of a one-shot; absent: the one-shot never ran.
    Exit(Subject),
    /// The start time of a container.
    Start(Subject),
    /// The resource limits and the restart policy of a container.
    Settings(Subject),
    /// The attachment of a container to a network, by the name of the network.
    Attached(Subject, String),
    /// The container that has a name.
    Holder(ContainerName),
    /// The image of an image reference.
    Reference(String),
    /// The network that has a name.
    Network(String),
    /// The volume that has a name.
    Volume(String),
}

/// The value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No object has this property.
    Absent,
    /// The name of a container.
    Name(ContainerName),
    /// An image, by ID.
    Image(ImageId),
    /// The image that the pull of a step gave.
    Pulled,
    /// The image of another reference.
    SameImage(String),
    /// A run state.
    Run(Run),
    /// An exit code.
    Exit(i64),
    /// A start at this time, in the engine's format.
    StartedAt(String),
    /// A start later than this time.
    StartedAgain(String),
    /// Resource limits and restart policy.
    Settings(Settings),
    /// An attachment: the network, if it is known, and the endpoint settings, if they matter.
    Attached(Option<NetworkRef>, Json),
    /// The container that has a name.
    Holder(Subject),
    /// A network.
    Network(NetworkRef),
    /// This number of networks or volumes share one name.
    Several(usize),
    /// A volume, by its driver and its creation time.
    Volume {
        /// The driver.
        driver: String,
        /// The creation time, if the engine tells the time.
        created_at: Option<String>,
    },
    /// The volume that a step of the plan created.
    CreatedVolume(StepId),
    /// A volume that is created together with a container of the plan.
    WithContainer,
}

/// The values of all cells. The plan does not rely on a cell without a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    cells: BTreeMap<Cell, Value>,
    /// The IDs of the networks that steps created, by name; only a world from a look has them.
    made: BTreeMap<String, NetworkId>,
}

impl Cell {
    /// The container of a cell.
    pub fn container(&self) -> Option<&Subject> {
        match self {
            Self::Name(subject)
            | Self::Image(subject)
            | Self::Run(subject)
            | Self::Exit(subject)
            | Self::Start(subject)
            | Self::Settings(subject)
            | Self::Attached(subject, _) => Some(subject),
            Self::Holder(_) | Self::Reference(_) | Self::Network(_) | Self::Volume(_) => None,
        }
    }
}

impl World {
    /// The world that a plan relies on before its first step.
    pub fn planned(plan: &Plan) -> Self {
        let mut world = Self::default();
        for fact in &plan.facts.containers {
            let subject = Subject::Container(fact.id.clone());
            world.set(Cell::Holder(fact.name.clone()), Value::Holder(subject.clone()));
            world.set(Cell::Name(subject.clone()), Value::Name(fact.name.clone()));
            world.set(Cell::Image(subject.clone()), Value::Image(fact.image.clone()));
            world.set(Cell::Run(subject.clone()), Value::Run(fact.run));
            world.set(Cell::Settings(subject.clone()), Value::Settings(fact.settings.clone()));
            if let Some(code) = fact.exit_code {
                world.set(Cell::Exit(subject.clone()), Value::Exit(code));
            }
            if let Some(at) = &fact.started_at {
                world.set(Cell::Start(subject.clone()), Value::StartedAt(at.clone()));
            }
            for (network, attached) in &fact.networks {
                let which = attached.id.clone().map(NetworkRef::Id);
                let value = Value::Attached(which, attached.endpoint.clone());
                world.set(Cell::Attached(subject.clone(), network.clone()), value);
            }
        }
        for fact in &plan.facts.images {
            let value = fact.id.clone().map_or(Value::Absent, Value::Image);
            world.set(Cell::Reference(fact.reference.clone()), value);
        }
        for fact in &plan.facts.networks {
            let value =
                fact.id.clone().map_or(Value::Absent, |id| Value::Network(NetworkRef::Id(id)));
            world.set(Cell::Network(fact.name.clone()), value);
        }
        for fact in &plan.facts.volumes {
            let value = fact.driver.clone().map_or(Value::Absent, |driver| Value::Volume {
                driver,
                created_at: fact.created_at.clone(),
            });
            world.set(Cell::Volume(fact.name.clone()), value);
        }
        world.not_there_yet(plan);
        world
    }

    /// Marks every object as absent that steps will create or take and that no fact mentions.
    fn not_there_yet(&mut self, plan: &Plan) {
        let names = plan.facts.names.iter().map(|name| Cell::Holder(name.clone()));
        let mut absent: Vec<Cell> = names.collect();
        for step in &plan.steps {
            match &step.action {
                Action::Create { name, .. } => {
                    absent.push(Cell::Name(Subject::CreatedBy(step.id.clone())));
                    absent.push(Cell::Holder(name.clone()));
                }
                Action::Rename { to, .. } => absent.push(Cell::Holder(to.clone())),
                // Only the exit code of a one-shot proves that the one-shot ran.
                Action::Start { container: created @ Subject::CreatedBy(_), wait: true } => {
                    absent.push(Cell::Exit(created.clone()));
                }
                // The networks of a new container are in its create body, not here.
                Action::Connect { container, network, .. } => {
                    absent.push(Cell::Attached(container.clone(), network.clone()));
                }
                // A local image with this digest is for another platform.
                Action::Pull { image, .. } => {
                    self.set(Cell::Reference(image.clone()), Value::Absent);
                }
                _ => {}
            }
        }
        for cell in absent {
            self.cells.entry(cell).or_insert(Value::Absent);
        }
    }

    /// The value of a cell.
    pub fn get(&self, cell: &Cell) -> Option<&Value> {
        self.cells.get(cell)
    }

    /// Sets the value of a cell.
    pub fn set(&mut self, cell: Cell, value: Value) {
        self.cells.insert(cell, value);
    }

    /// Removes a cell, so that the world no longer relies on the cell.
    pub fn forget(&mut self, cell: &Cell) {
        self.cells.remove(cell);
    }

    /// The network that a step created under this name.
    pub fn made(&self, name: &str) -> Option<&NetworkId> {
        self.made.get(name)
    }

    /// Records the network that a step created under this name.
    pub fn note_made(&mut self, name: &str, id: NetworkId) {
        self.made.insert(name.to_owned(), id);
    }

    /// All cells, in order.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &Value)> {
        self.cells.iter()
    }

    /// The networks that a container is attached to.
    pub fn attachments<'a>(
        &'a self,
        subject: &'a Subject,
    ) -> impl Iterator<Item = (&'a Cell, &'a Value)> {
        let first = Cell::Attached(subject.clone(), String::new());
        let own = move |(cell, _): &(&Cell, &Value)| matches!(cell, Cell::Attached(other, _) if other == subject);
        self.cells.range(first..).take_while(own)
    }

    /// Whether a cell has the expected value in the found world `now`.
    pub fn holds(&self, cell: &Cell, now: &Self) -> bool {
        let Some(expected) = self.expected(cell) else { return true };
        expected.is(now.get(cell).unwrap_or(&Value::Absent), now)
    }

    /// The expected value of a cell. A known container is expected to be on no network except the
    /// networks in the plan.
    fn expected(&self, cell: &Cell) -> Option<&Value> {
        let known = || match cell {
            Cell::Attached(subject @ Subject::Container(_), _) => self.has(subject),
            _ => false,
        };
        self.get(cell).or_else(|| known().then_some(&Value::Absent))
    }

    /// The cells whose found value is unexpected. For a removed container only its name is given;
    /// for an existing container also its unexpected networks.
    pub fn moved<'a>(&'a self, now: &'a Self) -> Vec<&'a Cell> {
        let gone: BTreeSet<&Subject> = self
            .cells
            .keys()
            .filter_map(Cell::container)
            .filter(|subject| !now.has(subject))
            .collect();
        let mut moved: Vec<&Cell> = Vec::new();
        for cell in self.cells.keys() {
            let silent = cell.container().is_some_and(|subject| gone.contains(subject))
                && !matches!(cell, Cell::Name(_));
            if !silent && !self.holds(cell, now) {
                moved.push(cell);
            }
            if let Cell::Name(subject @ Subject::Container(_)) = cell
                && self.has(subject)
            {
                let more = now.attachments(subject).map(|(cell, _)| cell);
                moved.extend(more.filter(|cell| !self.cells.contains_key(cell)));
            }
        }
        moved
    }

    /// The cells of one container.
    #[must_use]
    pub fn of(&self, subject: &Subject) -> Self {
        let cells = [Cell::Name, Cell::Image, Cell::Run, Cell::Exit, Cell::Start, Cell::Settings];
        let own =
            cells.into_iter().filter_map(|cell| self.cells.get_key_value(&cell(subject.clone())));
        let cells = own.chain(self.attachments(subject));
        let cells = cells.map(|(cell, value)| (cell.clone(), value.clone())).collect();
        Self { cells, made: BTreeMap::new() }
    }

    /// Whether a container exists.
    pub fn has(&self, subject: &Subject) -> bool {
        matches!(self.get(&Cell::Name(subject.clone())), Some(Value::Name(_)))
    }
}

impl Value {
    /// Whether a found value is the expected value.
    pub fn is(&self, found: &Self, now: &World) -> bool {
        match (self, found) {
            (Self::Pulled, Self::Image(_)) | (Self::Absent, Self::WithContainer) => true,
            (Self::SameImage(reference), Self::Image(_)) => {
                now.get(&Cell::Reference(reference.clone())) == Some(found)
            }
            (Self::StartedAgain(before), Self::StartedAt(at)) => is_later(before, at),
            (Self::Attached(which, wishes), Self::Attached(found, endpoint)) => {
                let same = match (which, found) {
                    (Some(which), Some(found)) => which == found,
                    // Before the first start, the engine gives the name of the network and no ID.
                    _ => true,
                };
                same && is_as_wished(wishes, endpoint)
            }
            (
                Self::Volume { driver, created_at },
                Self::Volume { driver: other, created_at: at },
            ) => {
                let same_time = match (created_at, at) {
                    (Some(before), Some(now)) => before == now,
                    _ => true,
                };
                driver == other && same_time
            }
            _ => self == found,
        }
    }
}

/// Whether one time is after another time; an invalid time never is.
fn is_later(before: &str, at: &str) -> bool {
    matches!((time::nanos(before), time::nanos(at)), (Some(before), Some(at)) if before < at)
}

/// Whether an attachment has the endpoint settings of a step; null settings accept any attachment.
/// Engines add aliases: the beginning of the container ID, its name and its hostname.
fn is_as_wished(wishes: &Json, found: &Json) -> bool {
    if wishes.is_null() {
        return true;
    }
    let aliases = |json: &Json| -> BTreeSet<String> {
        let all = json["Aliases"].as_array().into_iter().flatten();
        all.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let same = |field: &str| {
        let something = |json: &Json| match json {
            Json::Object(map) if map.is_empty() => Json::Null,
            other => other.clone(),
        };
        something(&found[field]) == something(&wishes[field])
    };
    aliases(found).is_superset(&aliases(wishes)) && same("IPAMConfig") && same("DriverOpts")
}
