//! What the plan relied on of a container, against a look right before a step: how it runs, its
//! settings, its networks.
//!
//! What a step of the plan makes of it is no surprise: another change may have been at it, or a run
//! before this one.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::outcome::Stale;
use super::precheck::{networks_of, other_run, run_of};
use super::run::Context;
use crate::engine::{EngineError, Writer};
use crate::ident::{ContainerId, ContainerName, LABEL_PROJECT, StepId};
use crate::options::settings::Settings;
use crate::plan::facts::ContainerFact;
use crate::plan::{Action, Step, Subject};
use crate::snapshot::Run;

/// What the steps of a plan make of one container.
struct Makes<'a> {
    starts: bool,
    ends: bool,
    update: Option<&'a Settings>,
    networks: BTreeSet<&'a str>,
}

impl<'a> Makes<'a> {
    /// `by`: the change that the look is for; that it has begun already is no excuse.
    fn of(steps: &[&'a Step], by: &str) -> Self {
        let mut all = Self { starts: false, ends: false, update: None, networks: BTreeSet::new() };
        for step in steps {
            match &step.action {
                Action::Start { .. } | Action::Restart { .. } => {
                    all.starts |= step.id.change() != by;
                }
                Action::Stop { .. } | Action::Kill { .. } => all.ends |= step.id.change() != by,
                Action::Update { settings, .. } => all.update = Some(settings),
                Action::Connect { network, .. } | Action::Disconnect { network, .. } => {
                    all.networks.insert(network);
                }
                _ => {}
            }
        }
        all
    }
}

impl<W> Context<'_, W> {
    /// What of a container is not as the plan relied on. Once a step of this run has been at it, it
    /// is what that made of it.
    pub(super) fn unrelied(
        &self,
        step: &StepId,
        id: &ContainerId,
        fact: &ContainerFact,
        found: &Json,
    ) -> Option<Stale> {
        if self.handled.borrow().contains(id) {
            return None;
        }
        let mut makes = Makes::of(self.index.steps_at(id), step.change());
        makes.ends |= self.ended_with_its_target(found);
        let name = self.name(id).unwrap_or_else(|| fact.name.clone());
        other_class(&name, fact, &makes, found)
            .or_else(|| other_settings(&name, fact, &makes, found))
            .or_else(|| other_networks(&name, fact, &makes, found))
    }

    /// Whether it runs in the process namespace of a container that this plan ends, and that this run
    /// has been at: with the first process there all others are killed.
    pub(super) fn ended_with_its_target(&self, found: &Json) -> bool {
        let mode = found["HostConfig"]["PidMode"].as_str().unwrap_or_default();
        let Some(target) = mode.strip_prefix("container:") else { return false };
        let handled = self.handled.borrow();
        self.plan.steps.iter().any(|step| {
            let (Action::Stop { container: Subject::Container(id), .. }
            | Action::Kill { container: Subject::Container(id), .. }
            | Action::Restart { container: Subject::Container(id), .. }) = &step.action
            else {
                return false;
            };
            let named = self.index.fact(id).is_some_and(|fact| fact.name.as_str() == target);
            handled.contains(id) && (id.as_str() == target || named)
        })
    }

    /// Notes that a step of this run has been at a container. Who is put on or taken off a network is
    /// not handled by that, and neither is who only gets another name: it goes on as it was.
    pub(super) fn note_handled(&self, action: &Action) {
        if let Some(Subject::Container(id)) = action.subject()
            && !matches!(
                action,
                Action::Connect { .. } | Action::Disconnect { .. } | Action::Rename { .. }
            )
        {
            self.handled.borrow_mut().insert(id.clone());
        }
    }
}

impl<W: Writer> Context<'_, W> {
    /// A volume that a create would have made, and that somebody else has made meanwhile. One of a
    /// container that a run of this plan creates, or has created, is no surprise.
    pub(super) async fn volume_appeared(&self, body: &Json) -> Result<Option<Stale>, EngineError> {
        let mut wanted: BTreeSet<&str> =
            volumes_of(body).filter(|name| self.is_made_by_creates(name)).collect();
        for step in &self.plan.steps {
            let begun = matches!(step.action, Action::Create { .. }) && self.begun.has(&step.id);
            if let Some(body) = self.bodies.get(&step.id).filter(|_| begun) {
                let made: BTreeSet<&str> = volumes_of(body.json()).collect();
                wanted.retain(|name| !made.contains(name));
            }
        }
        if wanted.is_empty() {
            return Ok(None);
        }
        let all = self.engine.volumes().await?;
        let there: BTreeSet<&str> =
            all.iter().filter_map(|volume| volume["Name"].as_str()).collect();
        wanted.retain(|name| there.contains(name));
        if wanted.is_empty() {
            return Ok(None);
        }
        for listed in self.engine.list().await? {
            let id = ContainerId::new(listed["Id"].as_str().unwrap_or_default());
            let ours = listed["Labels"][LABEL_PROJECT] == self.plan.project.as_str();
            if !ours || self.fact(&id).is_some() {
                continue;
            }
            let found = self.engine.inspect(id.as_str()).await?.unwrap_or_default();
            let mounts = found["Mounts"].as_array().into_iter().flatten();
            let made: BTreeSet<&str> = mounts.filter_map(|mount| mount["Name"].as_str()).collect();
            wanted.retain(|name| !made.contains(name));
        }
        Ok(wanted.pop_first().map(|name| {
            let name = crate::say::short(name);
            let expected = format!("no volume `{name}`, which this container would make");
            Stale::new("volume_taken", expected, "one that somebody else made")
        }))
    }

    /// Whether a volume was not there and is made by the first create that uses it.
    fn is_made_by_creates(&self, name: &str) -> bool {
        let declared = self.plan.steps.iter().any(
            |step| matches!(&step.action, Action::CreateVolume { volume, .. } if volume == name),
        );
        let fact = self.plan.facts.volumes.iter().find(|fact| fact.name == name);
        !declared && fact.is_some_and(|fact| fact.driver.is_none())
    }
}

/// The named volumes that a create asks for.
fn volumes_of(body: &Json) -> impl Iterator<Item = &str> {
    let list = |field: &str| body["HostConfig"][field].as_array().into_iter().flatten();
    let binds = list("Binds").filter_map(|bind| Some(bind.as_str()?.split_once(':')?.0));
    let mounts = list("Mounts").filter(|mount| mount["Type"] == "volume");
    binds
        .filter(|source| !source.starts_with('/'))
        .chain(mounts.filter_map(|mount| mount["Source"].as_str()))
        .filter(|name| !name.is_empty())
}

fn other_class(
    name: &ContainerName,
    fact: &ContainerFact,
    makes: &Makes<'_>,
    found: &Json,
) -> Option<Stale> {
    let now = run_of(found);
    let made = match now {
        Run::Live => makes.starts,
        Run::Idle => makes.ends,
        Run::Paused | Run::Dead | Run::Removing => false,
    };
    if now != fact.run && !made {
        return Some(other_run(name, fact.run.word(), found));
    }
    // A one-shot that ran meanwhile.
    let code = found["State"]["ExitCode"].as_i64();
    let known = fact.exit_code.filter(|_| now == fact.run)?;
    (code != Some(known)).then(|| {
        let expected = format!("container `{name}` to have ended with exit code {known}");
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        Stale::new("container_exit", expected, code)
    })
}

fn other_settings(
    name: &ContainerName,
    fact: &ContainerFact,
    makes: &Makes<'_>,
    found: &Json,
) -> Option<Stale> {
    let now = Settings::of_host(&found["HostConfig"]);
    let made = makes.update.is_some_and(|update| now == fact.settings.after(update));
    (now != fact.settings && !made).then(|| {
        let words = |settings: &Settings| {
            if settings.is_empty() { "no limits".to_owned() } else { settings.words() }
        };
        let expected = format!("container `{name}` with {}", words(&fact.settings));
        Stale::new("container_settings", expected, words(&now))
    })
}

fn other_networks(
    name: &ContainerName,
    fact: &ContainerFact,
    makes: &Makes<'_>,
    found: &Json,
) -> Option<Stale> {
    let now = networks_of(found);
    let before: BTreeSet<String> = fact.networks.keys().cloned().collect();
    let mut moved = now.symmetric_difference(&before);
    moved.any(|network| !makes.networks.contains(network.as_str())).then(|| {
        let words = |all: &BTreeSet<String>| {
            let all: Vec<String> = all.iter().map(|name| crate::say::short(name)).collect();
            if all.is_empty() { "no network".to_owned() } else { all.join(", ") }
        };
        let expected = format!("container `{name}` on {}", words(&before));
        Stale::new("container_networks", expected, words(&now))
    })
}
