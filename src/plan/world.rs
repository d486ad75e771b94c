//! A world: what facts are about, by value, as cells of one type.
//!
//! [`World::planned`] makes it from the facts of a plan, [`crate::stale::observed`] from a look at an
//! engine, and [`super::effect`] says what a step makes of it. Here is what a cell is, and when what
//! is found in it is what was expected. What is wrong where it is not, in words for people, is
//! [`crate::stale`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Action, NetworkRef, Plan, Subject};
use crate::base::ident::{ContainerName, ImageId, NetworkId, StepId};
use crate::base::time;
use crate::observed::snapshot::Run;
use crate::options::settings::Settings;

/// One thing that may move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// The name of a container; absent: there is no such container.
    Name(Subject),
    /// The image that a container was made from.
    Image(Subject),
    /// How a container runs.
    Run(Subject),
    /// How a one-shot ended; absent: it never ran.
    Exit(Subject),
    /// When a container started.
    Start(Subject),
    /// Limits and restart policy of a container.
    Settings(Subject),
    /// How a container is attached to a network, by the network's name.
    Attached(Subject, String),
    /// The container that has a name.
    Holder(ContainerName),
    /// What a reference to an image means.
    Reference(String),
    /// The network that has a name.
    Network(String),
    /// The volume that has a name.
    Volume(String),
}

/// What is in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing is there.
    Absent,
    /// The name of a container.
    Name(ContainerName),
    /// An image, by ID.
    Image(ImageId),
    /// Whatever image the pull of a step gave.
    Pulled,
    /// The image that another reference means.
    SameImage(String),
    /// A run state.
    Run(Run),
    /// An exit code.
    Exit(i64),
    /// A start at this time, as the engine writes it.
    StartedAt(String),
    /// A start later than this one.
    StartedAgain(String),
    /// Limits and restart policy.
    Settings(Settings),
    /// An attachment: the network, where that is known, and the endpoint's wishes, where they count.
    Attached(Option<NetworkRef>, Json),
    /// The container that has a name.
    Holder(Subject),
    /// A network.
    Network(NetworkRef),
    /// So many networks or volumes of one name.
    Several(usize),
    /// A volume, by its driver and the time when it was made.
    Volume {
        /// The driver.
        driver: String,
        /// When it was made, where that is known.
        created_at: Option<String>,
    },
    /// The volume that a step of the plan created.
    CreatedVolume(StepId),
    /// A volume that was not there before a container of the plan was created with it.
    WithContainer,
}

/// What is in all cells. A cell that is not here is not relied on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    cells: BTreeMap<Cell, Value>,
    /// The IDs of the networks that steps created, by name; of a world that was seen alone.
    made: BTreeMap<String, NetworkId>,
}

impl Cell {
    /// The container that a cell is about.
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
    /// What a plan relies on, before any of its steps.
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

    /// What steps make or take and what no fact names is not there before.
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
                // Only how a one-shot ended tells that it ran.
                Action::Start { container: created @ Subject::CreatedBy(_), wait: true } => {
                    absent.push(Cell::Exit(created.clone()));
                }
                // What it is attached to when it is created is its body's to say.
                Action::Connect { container, network, .. } => {
                    absent.push(Cell::Attached(container.clone(), network.clone()));
                }
                // What is here by that digest is here for another platform.
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

    /// What is in a cell.
    pub fn get(&self, cell: &Cell) -> Option<&Value> {
        self.cells.get(cell)
    }

    /// Puts something into a cell.
    pub fn set(&mut self, cell: Cell, value: Value) {
        self.cells.insert(cell, value);
    }

    /// Relies on a cell no more.
    pub fn forget(&mut self, cell: &Cell) {
        self.cells.remove(cell);
    }

    /// The network of this name that a step created.
    pub fn made(&self, name: &str) -> Option<&NetworkId> {
        self.made.get(name)
    }

    /// Notes the network of this name that a step created.
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

    /// Whether what is found in a cell is what is expected there. `now` is the world that was found.
    pub fn holds(&self, cell: &Cell, now: &Self) -> bool {
        let Some(expected) = self.expected(cell) else { return true };
        expected.is(now.get(cell).unwrap_or(&Value::Absent), now)
    }

    /// What is expected in a cell, if anything. A container that a plan knows is off all networks
    /// that the plan does not name.
    fn expected(&self, cell: &Cell) -> Option<&Value> {
        let known = || match cell {
            Cell::Attached(subject @ Subject::Container(_), _) => self.has(subject),
            _ => false,
        };
        self.get(cell).or_else(|| known().then_some(&Value::Absent))
    }

    /// The cells in which something else is found than is expected: of a container that is gone its
    /// name alone, and of one that is there the networks that nobody expects, too.
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

    /// What is relied on of one container.
    #[must_use]
    pub fn of(&self, subject: &Subject) -> Self {
        let cells = [Cell::Name, Cell::Image, Cell::Run, Cell::Exit, Cell::Start, Cell::Settings];
        let own =
            cells.into_iter().filter_map(|cell| self.cells.get_key_value(&cell(subject.clone())));
        let cells = own.chain(self.attachments(subject));
        let cells = cells.map(|(cell, value)| (cell.clone(), value.clone())).collect();
        Self { cells, made: BTreeMap::new() }
    }

    /// Whether a container is there.
    pub fn has(&self, subject: &Subject) -> bool {
        matches!(self.get(&Cell::Name(subject.clone())), Some(Value::Name(_)))
    }
}

impl Value {
    /// Whether a value that was found is the expected one.
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
                    // Before the first start the engine tells the network's name alone.
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

/// Whether a time comes after another one; what is no time does not.
fn is_later(before: &str, at: &str) -> bool {
    matches!((time::nanos(before), time::nanos(at)), (Some(before), Some(at)) if before < at)
}

/// Whether an attachment is as a step wishes it; nothing: whatever it is like. Engines add aliases of
/// their own: the beginning of the container's ID, its name, its hostname.
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
