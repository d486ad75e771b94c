//! The look that each step takes at its own objects right before its call.
//!
//! It finds out one of three things: the call is to be made, its work is done already, or
//! something else happened meanwhile and the plan is stale.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::outcome::Stale;
use super::run::Context;
use crate::engine::{EngineError, Writer};
use crate::ident::{ContainerId, ContainerName, ImageId, StepId};
use crate::options::platform::Platform;
use crate::options::settings::Settings;
use crate::plan::facts::ContainerFact;
use crate::plan::{Action, Because, ImagePin, Reason, Step, Subject};
use crate::snapshot::{Container, Run};

/// What a look found out.
#[derive(Debug)]
pub(super) enum Check {
    /// The call is to be made; what inspect says of the container it is about.
    Ready(Option<Box<Json>>),
    /// Its work is done.
    Already,
    /// The plan is stale.
    Unexpected(Stale),
}

/// A look, or why there was none.
pub(super) type Checked = Result<Check, EngineError>;

/// How a container is.
pub(super) fn run_of(inspect: &Json) -> Run {
    Container { list: None, inspect: Some(inspect.clone()), env: BTreeMap::new() }.run()
}

/// Its primary name.
pub(super) fn name_of(inspect: &Json) -> ContainerName {
    ContainerName::new(inspect["Name"].as_str().unwrap_or_default().trim_start_matches('/'))
}

/// The networks that it is on, by name.
pub(super) fn networks_of(inspect: &Json) -> BTreeSet<String> {
    let all = inspect["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
    all.map(|(name, _)| name.clone()).collect()
}

/// Whether an image is for a platform; without one the engine's own choice does.
pub(super) fn is_for(image: &Json, platform: Option<&str>) -> bool {
    !platform.is_some_and(|platform| Platform::read(platform).is_missing_in(image))
}

/// When it started.
pub(super) fn started_at(inspect: &Json) -> &str {
    inspect["State"]["StartedAt"].as_str().unwrap_or_default()
}

/// `exited`, `running`, …
pub(super) fn status_of(inspect: &Json) -> String {
    crate::say::short(inspect["State"]["Status"].as_str().unwrap_or("in an unknown state"))
}

impl<W: Writer> Context<'_, W> {
    /// Looks at what a step is about.
    pub(super) async fn precheck(&self, step: &Step) -> Checked {
        match &step.action {
            Action::Pull { image, platform } => Ok(match self.engine.image(image).await? {
                Some(found) if is_for(&found, platform.as_deref()) => Check::Already,
                Some(_) | None => Check::Ready(None),
            }),
            Action::Tag { image, tag } => self.precheck_tag(image, tag).await,
            Action::Create { name, image, .. } => self.precheck_create(step, name, image).await,
            Action::Start { container, .. }
            | Action::WaitReady { container }
            | Action::Stop { container, .. }
            | Action::Kill { container, .. }
            | Action::Restart { container, .. }
            | Action::Update { container, .. }
            | Action::Rename { container, .. }
            | Action::Remove { container } => self.precheck_container(step, container).await,
            Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume { .. }
            | Action::Connect { .. }
            | Action::Disconnect { .. } => self.precheck_object(step).await,
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
        let expected = format!("image `{}` to be {}", crate::say::short(reference), wanted.short());
        let found = now.map_or_else(|| "none".to_owned(), |now| now.short());
        Ok(Check::Unexpected(Stale::new("image_moved", expected, found)))
    }

    /// The image that a create must be made from; `None`: it was pulled and is gone.
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

    /// Who has a name that must be free, or be `but`'s.
    async fn name_taken(
        &self,
        name: &ContainerName,
        but: Option<&ContainerId>,
    ) -> Result<Option<Stale>, EngineError> {
        let Some(holder) = self.engine.inspect(name.as_str()).await? else { return Ok(None) };
        let id = ContainerId::new(holder["Id"].as_str().unwrap_or_default());
        // An engine also takes the beginning of an ID for a name.
        if name_of(&holder) != *name || Some(&id) == but {
            return Ok(None);
        }
        let expected = format!("the name `{name}` to be free");
        let found = format!("container {} under it", id.short());
        Ok(Some(Stale::new("name_taken", expected, found)))
    }

    /// A replacement is begun only while what it replaces is as the facts say.
    async fn predecessor_moved(&self, step: &Step) -> Result<Option<Stale>, EngineError> {
        let change = super::outcome::change_of(&step.id);
        for id in self.old_of(&change, &step.id) {
            let Some(fact) = self.fact(&id) else { return Ok(Some(no_fact(&id))) };
            let Some(found) = self.engine.inspect(id.as_str()).await? else {
                return Ok(Some(gone(&id, &fact.name)));
            };
            if let Some(stale) = self.moved(&id, fact, &found) {
                return Ok(Some(stale));
            }
            if let Some(stale) = self.unrelied(&step.id, &id, fact, &found) {
                return Ok(Some(stale));
            }
        }
        Ok(None)
    }

    /// Name and image.
    pub(super) fn moved(
        &self,
        id: &ContainerId,
        fact: &ContainerFact,
        found: &Json,
    ) -> Option<Stale> {
        let name = self.name(id).unwrap_or_else(|| fact.name.clone());
        let now = name_of(found);
        if now != name {
            let expected = format!("container {} to be named `{name}`", id.short());
            let found = format!("`{}`", crate::say::short(now.as_str()));
            return Some(Stale::new("container_renamed", expected, found));
        }
        let image = found["Image"].as_str().unwrap_or_default();
        (image != fact.image.as_str()).then(|| {
            let expected = format!("container `{name}` to be made from {}", fact.image.short());
            Stale::new("container_image", expected, crate::ident::short_digest(image))
        })
    }

    async fn precheck_container(&self, step: &Step, subject: &Subject) -> Checked {
        let Some(id) = self.resolve(subject) else {
            let expected = "the container that an earlier step created";
            return Ok(Check::Unexpected(Stale::new("not_created", expected, "none")));
        };
        let fact = match subject {
            Subject::Container(_) => match self.fact(&id) {
                None => return Ok(Check::Unexpected(no_fact(&id))),
                some => some,
            },
            Subject::CreatedBy(_) => None,
        };
        let called = self.name(&id).unwrap_or_else(|| ContainerName::new(id.short()));
        let Some(found) = self.engine.inspect(id.as_str()).await? else {
            if matches!(step.action, Action::Remove { .. }) {
                return Ok(Check::Already);
            }
            return Ok(Check::Unexpected(gone(&id, &called)));
        };
        let unrelied = fact.and_then(|fact| self.unrelied(&step.id, &id, fact, &found));
        if let Action::Rename { from, to, .. } = &step.action {
            return match (self.precheck_rename(&id, &found, from, to).await?, unrelied) {
                (Check::Ready(_), Some(stale)) => Ok(Check::Unexpected(stale)),
                (check, _) => Ok(check),
            };
        }
        if let Some(stale) = fact.and_then(|fact| self.moved(&id, fact, &found)) {
            return Ok(Check::Unexpected(stale));
        }
        let mut verdict = verdict(&step.action, fact, &found);
        // One that came back by itself meanwhile did so before what it follows was up again.
        if matches!((&step.action, &verdict), (Action::Restart { .. }, Verdict::Already))
            && self.follows(step)
        {
            verdict = Verdict::Ready;
        }
        // What ended with its target is restarted from there.
        let waits = matches!(step.action, Action::Restart { .. }) && run_of(&found) == Run::Idle;
        if waits && self.follows(step) && self.ended_with_its_target(&found) {
            verdict = Verdict::Ready;
        }
        Ok(match (verdict, unrelied) {
            (Verdict::Ready, Some(stale)) => Check::Unexpected(stale),
            (verdict, _) => told(verdict, fact, found, &called),
        })
    }

    /// Whether a change is made because of what another container goes through.
    fn follows(&self, step: &Step) -> bool {
        let change = self.index.change_of(&step.id);
        let mut reasons = change.into_iter().flat_map(|change| &change.reasons);
        reasons.any(|reason| matches!(reason, Reason::Because(Because::RestartsWith { .. })))
    }

    async fn precheck_rename(
        &self,
        id: &ContainerId,
        found: &Json,
        from: &ContainerName,
        to: &ContainerName,
    ) -> Checked {
        let now = name_of(found);
        if now == *to {
            return Ok(Check::Already);
        }
        if now != *from {
            let expected = format!("container {} to be named `{from}`", id.short());
            let found = format!("`{}`", crate::say::short(now.as_str()));
            return Ok(Check::Unexpected(Stale::new("container_renamed", expected, found)));
        }
        Ok(match self.name_taken(to, Some(id)).await? {
            Some(stale) => Check::Unexpected(stale),
            None => Check::Ready(Some(Box::new(found.clone()))),
        })
    }

    /// The facts of a container.
    pub(super) fn fact(&self, id: &ContainerId) -> Option<&ContainerFact> {
        self.index.fact(id)
    }

    /// The containers that a change does away with or changes, where it creates one in their
    /// stead. A container that goes before the create is not one of them.
    fn old_of(&self, change: &crate::ident::ChangeId, create: &StepId) -> Vec<ContainerId> {
        let steps = self.index.steps_of(change.as_str());
        // Steps come after what they wait for.
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

/// What the look at a container that is there, with the right name, comes to.
enum Verdict {
    Ready,
    Already,
    /// It should be so, and is not.
    Should(&'static str),
    Restarted,
    /// What it would change is neither as it was nor as it is to be.
    Otherwise {
        expected: String,
        found: String,
    },
}

/// What the step does about it.
fn told(
    verdict: Verdict,
    fact: Option<&ContainerFact>,
    found: Json,
    called: &ContainerName,
) -> Check {
    match verdict {
        Verdict::Ready => Check::Ready(Some(Box::new(found))),
        Verdict::Already => Check::Already,
        Verdict::Should(be) => Check::Unexpected(other_run(called, be, &found)),
        Verdict::Otherwise { expected, found } => {
            let expected = format!("container `{called}` with {expected}");
            Check::Unexpected(Stale::new("container_settings", expected, found))
        }
        Verdict::Restarted => {
            let at = fact.and_then(|fact| fact.started_at.clone()).unwrap_or_default();
            let expected = format!("container `{called}` as it started at {at}");
            let found = format!("it started at {}", crate::say::short(started_at(&found)));
            Check::Unexpected(Stale::new("container_restarted", expected, found))
        }
    }
}

fn verdict(action: &Action, fact: Option<&ContainerFact>, found: &Json) -> Verdict {
    let run = run_of(found);
    let at = fact.and_then(|fact| fact.started_at.as_deref());
    let restarted = at.is_some_and(|at| at != started_at(found));
    match action {
        Action::Start { wait, .. } => match run {
            Run::Idle => Verdict::Ready,
            Run::Live if !wait => Verdict::Already,
            Run::Live | Run::Paused | Run::Dead | Run::Removing => Verdict::Should("stopped"),
        },
        Action::Stop { .. } | Action::Kill { .. } if !run.is_live() => Verdict::Already,
        Action::Kill { .. } if restarted => Verdict::Restarted,
        Action::Restart { .. } if !run.is_live() => Verdict::Should("running"),
        Action::Restart { .. } if restarted => Verdict::Already,
        Action::Update { .. } if matches!(run, Run::Dead | Run::Removing) => {
            Verdict::Should("neither dead nor being removed")
        }
        Action::Update { settings, .. } => updated(fact, settings, found),
        Action::Remove { .. } if run.is_live() => Verdict::Should("stopped"),
        // Proving is itself a look.
        _ => Verdict::Ready,
    }
}

/// An update is made on what the plan relied on, and not made twice.
fn updated(fact: Option<&ContainerFact>, settings: &Settings, found: &Json) -> Verdict {
    let now = Settings::of_host(&found["HostConfig"]);
    let words = |settings: &Settings| {
        if settings.is_empty() { "no limits".to_owned() } else { settings.words() }
    };
    match fact.map(|fact| &fact.settings) {
        Some(before) if now == before.after(settings) => Verdict::Already,
        Some(before) if now == *before => Verdict::Ready,
        before => Verdict::Otherwise {
            expected: before.map(words).unwrap_or_default(),
            found: words(&now),
        },
    }
}

pub(super) fn other_run(name: &ContainerName, be: &str, found: &Json) -> Stale {
    let expected = format!("container `{name}` to be {be}");
    Stale::new("container_run", expected, format!("it {}", status_of(found)))
}

pub(super) fn gone(id: &ContainerId, name: &ContainerName) -> Stale {
    let expected = format!("container `{name}` ({})", id.short());
    Stale::new("container_gone", expected, "none")
}

pub(super) fn no_fact(id: &ContainerId) -> Stale {
    let expected = format!("facts of container {} in the plan", id.short());
    Stale::new("no_fact", expected, "none")
}
