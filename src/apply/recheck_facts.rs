//! Compares the state that the plan expects of a container with a look right before a step.
//!
//! The expected state begins with the facts of the plan. Each step that took effect updates the
//! expected state, so that effects of the plan itself are expected.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::outcome::Stale;
use super::run::Context;
use crate::base::ident::{ContainerId, LABEL_PLAN};
use crate::engine::{EngineError, Writer};
use crate::observed::snapshot::Seen;
use crate::plan::effect::Effect;
use crate::plan::world::{Cell, World};
use crate::plan::{Action, Because, Reason, Step, Subject};
use crate::stale::difference::difference;
use crate::stale::observed::note_container;

/// The result of a look at the container of a step.
pub(super) enum InspectView {
    /// The container is as the plan expects: the call may be made.
    Before,
    /// The container is already as the step makes the container.
    After,
    /// The container is in neither state.
    Otherwise(Stale),
}

impl<W> Context<'_, W> {
    /// The state of a container, as cells of a world.
    pub(super) fn seen(&self, subject: &Subject, found: &Json) -> World {
        let mut now = World::default();
        for (step, id) in self.networks.borrow().iter() {
            if let Some(Action::CreateNetwork { network, .. }) =
                self.index.step(step).map(|step| &step.action)
            {
                now.note_made(network, id.clone());
            }
        }
        note_container(&mut now, subject, Seen::inspected(found), &self.origin);
        now
    }

    /// The effects of a step on its own container.
    fn own_effects(&self, step: &Step, subject: &Subject) -> Vec<Effect> {
        let effects = step.effects(&self.world.borrow()).into_iter();
        effects.filter(|(cell, _)| cell.container() == Some(subject)).collect()
    }

    /// Compares a container with the state before the step and with the state after the step.
    pub(super) fn compared(&self, step: &Step, subject: &Subject, found: &Json) -> InspectView {
        let now = self.seen(subject, found);
        let before = self.world.borrow().of(subject);
        let effects = self.own_effects(step, subject);
        let mut after = before.clone();
        after.take(effects.clone());
        let untouched = effects.iter().all(|(cell, _)| before.holds(cell, &now));
        let made = effects.iter().all(|(cell, _)| after.holds(cell, &now));
        // A container that restarted by itself did so before its dependency was up again.
        let restarts = matches!(step.action, Action::Restart { .. }) && self.follows(step);
        if made && !untouched && !restarts {
            // What else moved tells that another run made the effect, which is not this plan's.
            return self
                .otherwise(step, &after, &now, found)
                .map_or(InspectView::After, InspectView::Otherwise);
        }
        self.otherwise(step, &before, &now, found)
            .map_or(InspectView::Before, InspectView::Otherwise)
    }

    /// The first difference between a container and the state that the plan expects.
    fn otherwise(&self, step: &Step, before: &World, now: &World, found: &Json) -> Option<Stale> {
        let restarts = matches!(step.action, Action::Restart { .. }) && self.follows(step);
        let waits = matches!(step.action, Action::WaitReady { .. });
        let ended = self.ended_with_its_target(found);
        let flying = self.touched_by_others(step);
        let may_move = |cell: &Cell| match cell {
            // A waiting step looks at the run state itself.
            Cell::Run(_) | Cell::Exit(_) => waits || ended,
            Cell::Start(_) => waits || restarts || ended,
            cell => flying.contains(cell),
        };
        let moved = before.moved(now).into_iter().find(|cell| !may_move(cell))?;
        Some(Stale::of(&difference(moved, before, now)))
    }

    /// The first unexpected difference in a container that a change removes or replaces.
    pub(super) fn moved_fact(&self, step: &Step, id: &ContainerId, found: &Json) -> Option<Stale> {
        let subject = Subject::Container(id.clone());
        let now = self.seen(&subject, found);
        let before = self.world.borrow().of(&subject);
        self.otherwise(step, &before, &now, found)
    }

    /// The cells that other steps in flight change.
    fn touched_by_others(&self, step: &Step) -> BTreeSet<Cell> {
        let world = self.world.borrow();
        let flying = self.flying.borrow();
        let others = flying.iter().filter(|id| **id != step.id);
        let steps = others.filter_map(|id| self.index.step(id));
        steps.flat_map(|step| step.effects(&world)).map(|(cell, _)| cell).collect()
    }

    /// Whether a restart of another container is among the reasons of a change.
    fn follows(&self, step: &Step) -> bool {
        let change = self.index.change_of(&step.id);
        let mut reasons = change.into_iter().flat_map(|change| &change.reasons);
        reasons.any(|reason| matches!(reason, Reason::Because(Because::RestartsWith { .. })))
    }

    /// Whether the container shares the process namespace of a container that this run stopped. The
    /// end of the first process there kills all other processes.
    fn ended_with_its_target(&self, found: &Json) -> bool {
        let mode = found["HostConfig"]["PidMode"].as_str().unwrap_or_default();
        let Some(target) = mode.strip_prefix("container:") else { return false };
        let ended = self.ended.borrow();
        self.plan.steps.iter().filter(|step| ended.contains(&step.id)).any(|step| {
            let Some(Subject::Container(id)) = step.action.subject() else { return false };
            let named = self.index.fact(id).is_some_and(|fact| fact.name.as_str() == target);
            id.as_str() == target || named
        })
    }

    /// Records that a step took effect.
    pub(super) fn note_effect(&self, step: &Step) {
        self.world.borrow_mut().after(step);
        let ends = matches!(
            step.action,
            Action::Stop { .. } | Action::Kill { .. } | Action::Restart { .. }
        );
        if ends {
            self.ended.borrow_mut().insert(step.id.clone());
        }
    }
}

impl<W: Writer> Context<'_, W> {
    /// A volume that the create would have made, and that another program made meanwhile. A volume
    /// of another container that this plan creates is expected.
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
            if listed["Labels"][LABEL_PLAN] != self.digest {
                continue;
            }
            let id = listed["Id"].as_str().unwrap_or_default();
            let found = self.engine.inspect(id).await?.unwrap_or_default();
            let mounts = found["Mounts"].as_array().into_iter().flatten();
            let made: BTreeSet<&str> = mounts.filter_map(|mount| mount["Name"].as_str()).collect();
            wanted.retain(|name| !made.contains(name));
        }
        Ok(wanted.pop_first().map(|name| {
            let name = crate::base::say::short(name);
            let expected = format!("no volume `{name}`, which this container would make");
            Stale::new("volume_taken", expected, "one that somebody else made")
        }))
    }

    /// Whether a volume did not exist and is made by the first create that uses the volume.
    fn is_made_by_creates(&self, name: &str) -> bool {
        let declared = self.plan.steps.iter().any(
            |step| matches!(&step.action, Action::CreateVolume { volume, .. } if volume == name),
        );
        let fact = self.plan.facts.volumes.iter().find(|fact| fact.name == name);
        !declared && fact.is_some_and(|fact| fact.driver.is_none())
    }
}

/// The named volumes of a create body.
fn volumes_of(body: &Json) -> impl Iterator<Item = &str> {
    let list = |field: &str| body["HostConfig"][field].as_array().into_iter().flatten();
    let binds = list("Binds").filter_map(|bind| Some(bind.as_str()?.split_once(':')?.0));
    let mounts = list("Mounts").filter(|mount| mount["Type"] == "volume");
    binds
        .filter(|source| !source.starts_with('/'))
        .chain(mounts.filter_map(|mount| mount["Source"].as_str()))
        .filter(|name| !name.is_empty())
}
