//! The look that each step takes at its own objects right before its call.
//!
//! The look has three possible results: the call is needed, the work is already done, or the
//! objects changed meanwhile and the plan is stale.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::outcome::Stale;
use super::recheck_facts::InspectView;
use super::run::Context;
use crate::base::ident::{ContainerId, ContainerName, ImageId, StepId};
use crate::engine::{EngineError, Writer};
use crate::observed::snapshot::{Container, Run};
use crate::options::platform::Platform;
use crate::plan::facts::ContainerFact;
use crate::plan::{Action, ImagePin, Step, Subject};

/// The result of a look.
#[derive(Debug)]
pub(super) enum Check {
    /// The call is needed; with the inspect data of the container of the step.
    Ready(Option<Box<Json>>),
    /// The work of the step is done.
    Already,
    /// The plan is stale.
    Unexpected(Stale),
}

/// The result of a look, or the error of the engine.
pub(super) type Checked = Result<Check, EngineError>;

/// The run state of a container.
pub(super) fn run_of(inspect: &Json) -> Run {
    Container { list: None, inspect: Some(inspect.clone()), env: BTreeMap::new() }.run()
}

/// The primary name of a container.
pub(super) fn name_of(inspect: &Json) -> ContainerName {
    ContainerName::new(inspect["Name"].as_str().unwrap_or_default().trim_start_matches('/'))
}

/// Whether an image fits a platform; without a platform every image fits.
pub(super) fn is_for(image: &Json, platform: Option<&str>) -> bool {
    !platform.is_some_and(|platform| Platform::read(platform).is_missing_in(image))
}

/// The start time of a container.
pub(super) fn started_at(inspect: &Json) -> &str {
    inspect["State"]["StartedAt"].as_str().unwrap_or_default()
}

/// The status of a container: `exited`, `running`, …
pub(super) fn status_of(inspect: &Json) -> String {
    crate::base::say::short(inspect["State"]["Status"].as_str().unwrap_or("in an unknown state"))
}

impl<W: Writer> Context<'_, W> {
    /// Looks at the objects of a step.
    pub(super) async fn precheck(&self, step: &Step) -> Checked {
        match &step.action {
            Action::Pull { image, platform } => Ok(match self.engine.image(image).await? {
                Some(found) if is_for(&found, platform.as_deref()) => Check::Already,
                Some(_) | None => Check::Ready(None),
            }),
            Action::Tag { image, tag } => self.precheck_tag(image, tag).await,
            Action::Create { name, image, .. } => self.precheck_create(step, name, image).await,
            Action::PutFiles { container, .. }
            | Action::Start { container, .. }
            | Action::WaitReady { container, .. }
            | Action::Fence { container }
            | Action::Stop { container, .. }
            | Action::Kill { container, .. }
            | Action::Restart { container, .. }
            | Action::Update { container, .. }
            | Action::Rename { container, .. }
            | Action::Remove { container } => self.precheck_container(step, container).await,
            Action::Connect { container, network, which, .. }
            | Action::Disconnect { container, network, which } => {
                if self.which(which).await?.is_none() {
                    let expected = format!("network `{}`", crate::base::say::short(network));
                    return Ok(Check::Unexpected(Stale::new("network_gone", expected, "none")));
                }
                self.precheck_container(step, container).await
            }
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume { .. } => self.precheck_object(step).await,
        }
    }

    async fn precheck_tag(&self, image: &str, tag: &str) -> Checked {
        let id = |json: Option<Json>| json.and_then(|json| json["Id"].as_str().map(ImageId::new));
        let wanted = id(self.engine.image(image).await?);
        let now = id(self.engine.image(tag).await?);
        if wanted.is_none() {
            let expected = format!("image `{image}` on the engine");
            return Ok(Check::Unexpected(Stale::new("image_gone", expected, "none")));
        }
        if wanted == now {
            return Ok(Check::Already);
        }
        let fact = self.plan.facts.images.iter().find(|fact| fact.reference == tag);
        match fact {
            Some(fact) if fact.id != now => {
                let words = |id: Option<&ImageId>| match id {
                    Some(id) => format!("`{tag}` to be {}", id.short()),
                    None => format!("no image `{tag}`"),
                };
                let (expected, found) = (words(fact.id.as_ref()), words(now.as_ref()));
                Ok(Check::Unexpected(Stale::new("image_moved", expected, found)))
            }
            _ => Ok(Check::Ready(None)),
        }
    }

    async fn precheck_create(&self, step: &Step, name: &ContainerName, pin: &ImagePin) -> Checked {
        if let Some(stale) = self.name_taken(name, None).await? {
            return Ok(Check::Unexpected(stale));
        }
        if let Some(stale) = self.predecessor_moved(step).await? {
            return Ok(Check::Unexpected(stale));
        }
        let Some(body) = self.bodies.get(&step.id) else { return Ok(Check::Ready(None)) };
        if let Some(stale) = self.volume_appeared(body.json()).await? {
            return Ok(Check::Unexpected(stale));
        }
        let reference = body.json()["Image"].as_str().unwrap_or_default();
        let Some(wanted) = self.pinned(pin).await? else {
            let expected = format!("the pulled image of `{reference}` on the engine");
            return Ok(Check::Unexpected(Stale::new("image_gone", expected, "none")));
        };
        let now = self.engine.image(reference).await?;
        let now = now.as_ref().and_then(|image| image["Id"].as_str()).map(ImageId::new);
        if now.as_ref() == Some(&wanted) {
            return Ok(Check::Ready(None));
        }
        let expected =
            format!("image `{}` to be {}", crate::base::say::short(reference), wanted.short());
        let found = now.map_or_else(|| "none".to_owned(), |now| now.short());
        Ok(Check::Unexpected(Stale::new("image_moved", expected, found)))
    }

    /// The image that a create must use; `None`: the pulled image is gone.
    pub(super) async fn pinned(&self, pin: &ImagePin) -> Result<Option<ImageId>, EngineError> {
        let digest = match pin {
            ImagePin::Id(id) => return Ok(Some(id.clone())),
            ImagePin::Digest(digest) => digest,
        };
        if let Some(id) = self.pulled.borrow().get(digest) {
            return Ok(Some(id.clone()));
        }
        for step in &self.plan.steps {
            if let Action::Pull { image, .. } = &step.action
                && image.rsplit_once('@').is_some_and(|(_, pulled)| pulled == digest)
                && let Some(found) = self.engine.image(image).await?
            {
                return Ok(found["Id"].as_str().map(ImageId::new));
            }
        }
        Ok(None)
    }

    /// The foreign container that has a name, where the name must be free or belong to `but`.
    async fn name_taken(
        &self,
        name: &ContainerName,
        but: Option<&ContainerId>,
    ) -> Result<Option<Stale>, EngineError> {
        let Some(holder) = self.engine.inspect(name.as_str()).await? else { return Ok(None) };
        let id = ContainerId::new(holder["Id"].as_str().unwrap_or_default());
        // An engine also accepts the beginning of an ID in place of a name.
        if name_of(&holder) != *name || Some(&id) == but {
            return Ok(None);
        }
        let expected = format!("the name `{name}` to be free");
        let found = format!("container {} under it", id.short());
        Ok(Some(Stale::new("name_taken", expected, found)))
    }

    /// A replacement begins only while the old container matches the facts of the plan.
    async fn predecessor_moved(&self, step: &Step) -> Result<Option<Stale>, EngineError> {
        let change = super::outcome::change_of(&step.id);
        for id in self.old_of(&change, &step.id) {
            let Some(fact) = self.fact(&id) else { return Ok(Some(no_fact(&id))) };
            let Some(found) = self.engine.inspect(id.as_str()).await? else {
                return Ok(Some(gone(&id, &fact.name)));
            };
            if let Some(stale) = self.moved_fact(step, &id, &found) {
                return Ok(Some(stale));
            }
        }
        Ok(None)
    }

    async fn precheck_container(&self, step: &Step, subject: &Subject) -> Checked {
        let Some(id) = self.resolve(subject) else {
            let expected = "the container that an earlier step created";
            return Ok(Check::Unexpected(Stale::new("not_created", expected, "none")));
        };
        if !self.world.borrow().has(subject) {
            return Ok(Check::Unexpected(no_fact(&id)));
        }
        let called = self.name(&id).unwrap_or_else(|| ContainerName::new(id.short()));
        let Some(found) = self.engine.inspect(id.as_str()).await? else {
            // A removed container is attached to no network either.
            if matches!(step.action, Action::Remove { .. } | Action::Disconnect { .. }) {
                return Ok(Check::Already);
            }
            return Ok(Check::Unexpected(gone(&id, &called)));
        };
        match self.compared(step, subject, &found) {
            InspectView::After => return Ok(Check::Already),
            InspectView::Otherwise(stale) => return Ok(Check::Unexpected(stale)),
            InspectView::Before => {}
        }
        if let Action::Rename { to, .. } = &step.action
            && let Some(stale) = self.name_taken(to, Some(&id)).await?
        {
            return Ok(Check::Unexpected(stale));
        }
        Ok(Check::Ready(Some(Box::new(found))))
    }

    /// The facts of a container.
    pub(super) fn fact(&self, id: &ContainerId) -> Option<&ContainerFact> {
        self.index.fact(id)
    }

    /// The old containers of a change: the containers that the change removes or updates after it
    /// creates their replacement. A container that is removed before the create is not included.
    fn old_of(&self, change: &crate::base::ident::ChangeId, create: &StepId) -> Vec<ContainerId> {
        let steps = self.index.steps_of(change.as_str());
        // In a plan, a step stands after its dependencies.
        let mut before = BTreeSet::from([create]);
        for step in steps.iter().rev().filter(|step| before.contains(&step.id)).collect::<Vec<_>>()
        {
            before.extend(&step.after);
        }
        let mut old: Vec<ContainerId> = Vec::new();
        for step in steps {
            if !before.contains(&step.id)
                && let Some(Subject::Container(id)) = step.action.subject()
                && !old.contains(id)
            {
                old.push(id.clone());
            }
        }
        old
    }
}

pub(super) fn gone(id: &ContainerId, name: &ContainerName) -> Stale {
    let expected = format!("container `{name}` ({})", id.short());
    Stale::new("container_gone", expected, "none")
}

pub(super) fn no_fact(id: &ContainerId) -> Stale {
    let expected = format!("facts of container {} in the plan", id.short());
    Stale::new("no_fact", expected, "none")
}
