//! What is where after a change was begun and not finished, and the commands that lead out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::outcome::{Became, Outcome, StepOutcome, Trouble, change_of, touches};
use super::precheck::{name_of, networks_of, run_of, started_at, status_of};
use super::run::Context;
use crate::base::ident::{ChangeId, ContainerId, ContainerName, SUFFIX_OLD};
use crate::engine::Writer;
use crate::observed::snapshot::Run;
use crate::options::settings::Settings;
use crate::plan::facts::ContainerFact;
use crate::plan::{Action, Step, Subject};
use crate::stale::connect_command;

/// One container of a change, as it is now.
struct Now {
    id: ContainerId,
    name: ContainerName,
    run: Run,
    status: String,
    started_at: String,
    settings: Settings,
    networks: BTreeSet<String>,
}

impl Now {
    fn of(found: &Json) -> Self {
        Self {
            id: ContainerId::new(found["Id"].as_str().unwrap_or_default()),
            name: name_of(found),
            run: run_of(found),
            status: status_of(found),
            started_at: started_at(found).to_owned(),
            settings: Settings::of_host(&found["HostConfig"]),
            networks: networks_of(found),
        }
    }
}

/// What looking for a container gave.
enum Seen {
    There(Now),
    Gone,
    Silent,
}

impl<W: Writer> Context<'_, W> {
    /// The changes that failed, or were begun and are not finished.
    pub(super) async fn troubles(&self, outcome: &Outcome) -> Vec<Trouble> {
        let mut troubles: Vec<Trouble> = Vec::new();
        for step in &outcome.steps {
            let change = change_of(&step.id);
            if step.became.is_success() || troubles.iter().any(|trouble| trouble.change == change) {
                continue;
            }
            let begun = self.begun(&change, outcome);
            let message = match &step.became {
                Became::Failed { message } => message.clone(),
                _ if !begun => continue,
                Became::Stale(stale) => stale.to_string(),
                _ => "not reached: the run was asked to stop, or something before it failed"
                    .to_owned(),
            };
            let trouble = match self.object_trouble(&change, step, &message, begun).await {
                Some(trouble) => trouble,
                None => self.trouble(change, step, message, begun).await,
            };
            troubles.push(trouble);
        }
        troubles
    }

    /// Whether any step of a change took effect.
    fn begun(&self, change: &ChangeId, outcome: &Outcome) -> bool {
        self.index.steps_of(change.as_str()).iter().any(|step| {
            // A create that found its container made from something else created it all the same.
            let created = || self.created.borrow().contains_key(&step.id);
            touches(step) && (outcome.became(&step.id) == Some(&Became::Done) || created())
        })
    }

    async fn trouble(
        &self,
        change: ChangeId,
        step: &StepOutcome,
        message: String,
        begun: bool,
    ) -> Trouble {
        let mine = self.index.steps_of(change.as_str());
        let old = mine.iter().find_map(|step| match step.action.subject() {
            Some(Subject::Container(id)) => Some(id.clone()),
            _ => None,
        });
        let create = mine.iter().find_map(|step| match &step.action {
            Action::Create { name, final_name, .. } => Some((step.id.clone(), name, final_name)),
            _ => None,
        });
        let old_now = match &old {
            Some(id) => Some(self.see(id.as_str()).await),
            None => None,
        };
        let (new_now, final_name) = match &create {
            Some((create, name, final_name)) => {
                let id = self.created.borrow().get(create).cloned();
                let seen = match id {
                    Some(id) => Some(self.see(id.as_str()).await),
                    None => self.see_stray(name).await,
                };
                (seen, (*final_name).clone())
            }
            // A change may be called otherwise than its container: `dead:web`.
            None => (None, self.name_before(old.as_ref(), &change)),
        };
        let mut now = Vec::new();
        if let (Some(id), Some(seen)) = (&old, &old_now) {
            let what = if create.is_some() { "the old container" } else { "the container" };
            now.push(line(what, id.short(), seen));
        }
        if let Some(seen) = &new_now {
            now.push(line("the new container", "", seen));
        } else if create.is_some() {
            now.push("the new container was not created".to_owned());
        }
        let settings = old.as_ref().and_then(|id| self.fact(id)).map(|fact| fact.settings.clone());
        let was_live =
            old.as_ref().and_then(|id| self.fact(id)).is_some_and(|fact| fact.run.is_live());
        let starts = mine.iter().any(|step| matches!(step.action, Action::Start { .. }));
        let as_before =
            !begun && new_now.is_none() && self.old_as_before(old.as_ref(), old_now.as_ref());
        let before = self.name_before(old.as_ref(), &change);
        let (old, new) = (there(old_now), there(new_now));
        let mut back = back(old.as_ref(), new.as_ref(), &before, was_live);
        if let (Some(old), Some(before)) = (&old, &settings)
            && let Some(command) = update_back(old, before)
        {
            back.push(command);
        }
        let finish = if create.is_some() {
            finish(old.as_ref(), new.as_ref(), &final_name, starts)
        } else {
            let rewired = old.as_ref().map(|old| self.rewired(old, mine));
            let (undo, finish) = rewired.unwrap_or_default();
            back.extend(undo);
            finish
        };
        // Nothing is removed before its replacement is proven, by hand neither.
        let replaced = old.as_ref().filter(|_| new.is_some());
        let then = replaced.map(|old| format!("docker rm {}", old.id.short()));
        let then = then.into_iter().collect();
        Trouble { change, step: step.id.clone(), message, as_before, now, back, finish, then }
    }

    /// What a container was called before the run.
    fn name_before(&self, id: Option<&ContainerId>, change: &ChangeId) -> ContainerName {
        let fact = id.and_then(|id| self.fact(id));
        fact.map_or_else(|| ContainerName::new(change.as_str()), |fact| fact.name.clone())
    }

    /// Whether a found container has the name and the run state, and where that is a fact the
    /// process, that the plan relied on.
    fn old_as_before(&self, id: Option<&ContainerId>, now: Option<&Seen>) -> bool {
        match (id.and_then(|id| self.fact(id)), now) {
            (Some(fact), Some(Seen::There(now))) => {
                let process = fact.started_at.as_ref().is_none_or(|at| *at == now.started_at);
                let same = now.name == fact.name && now.run == fact.run;
                same && process
                    && now.settings == fact.settings
                    && now.networks.iter().eq(before(fact))
            }
            (_, None) => true,
            (None, Some(_)) | (_, Some(Seen::Gone | Seen::Silent)) => false,
        }
    }

    /// Commands that put a container back on the networks that it was on, and ones that make the
    /// moves which are left.
    fn rewired(&self, now: &Now, mine: &[&Step]) -> (Vec<String>, Vec<String>) {
        let (mut undo, mut finish) = (Vec::new(), Vec::new());
        let Some(fact) = self.fact(&now.id) else { return (undo, finish) };
        let id = now.id.short();
        for step in mine {
            let (network, on, wishes) = match &step.action {
                Action::Connect { network, endpoint, .. } => (network, true, endpoint.clone()),
                Action::Disconnect { network, .. } => {
                    let before = fact.networks.get(network);
                    (network, false, before.map(|own| own.endpoint.clone()).unwrap_or_default())
                }
                _ => continue,
            };
            let (was, is) = (fact.networks.contains_key(network), now.networks.contains(network));
            let name = crate::base::say::short(network);
            let command = |connect: bool| {
                if connect {
                    connect_command(id, &wishes, &name)
                } else {
                    format!("docker network disconnect {name} {id}")
                }
            };
            if was != is {
                undo.push(command(was));
            }
            if is != on {
                finish.push(command(on));
            }
        }
        undo.reverse();
        (undo, finish)
    }

    async fn see(&self, id: &str) -> Seen {
        match self.look_again(|| self.engine.inspect(id)).await {
            Ok(Some(found)) => Seen::There(Now::of(&found)),
            Ok(None) => Seen::Gone,
            Err(_) => Seen::Silent,
        }
    }

    /// A container under the name of a create whose answer never came.
    async fn see_stray(&self, name: &ContainerName) -> Option<Seen> {
        match self.see(name.as_str()).await {
            Seen::There(now) if now.name == *name && self.fact(&now.id).is_none() => {
                Some(Seen::There(now))
            }
            Seen::Silent => Some(Seen::Silent),
            Seen::There(_) | Seen::Gone => None,
        }
    }
}

/// The networks of a fact, in order.
fn before(fact: &ContainerFact) -> BTreeSet<&String> {
    fact.networks.keys().collect()
}

fn there(seen: Option<Seen>) -> Option<Now> {
    match seen {
        Some(Seen::There(now)) => Some(now),
        _ => None,
    }
}

fn line(what: &str, id: &str, seen: &Seen) -> String {
    match seen {
        Seen::There(now) => {
            format!("{what} is `{}` ({}), {}", now.name, now.id.short(), now.status)
        }
        Seen::Gone => format!("{what} {id} is gone").replace("  ", " "),
        Seen::Silent => format!("the engine does not say where {what} {id} is").replace("  ", " "),
    }
}

/// Commands that bring back what was.
fn back(old: Option<&Now>, new: Option<&Now>, name: &ContainerName, was_live: bool) -> Vec<String> {
    let mut commands = Vec::new();
    if let Some(new) = new {
        if new.run.is_live() {
            commands.push(format!("docker stop {}", new.id.short()));
        }
        commands.push(format!("docker rm {}", new.id.short()));
    }
    if let Some(old) = old {
        if old.name != *name {
            commands.push(format!("docker rename {} {name}", old.id.short()));
        }
        if was_live && !old.run.is_live() {
            commands.push(format!("docker start {}", old.id.short()));
        }
    }
    commands
}

/// The command that gives a container the settings that it had. A limit that it did not have
/// cannot be taken off, but for that of processes.
fn update_back(now: &Now, before: &Settings) -> Option<String> {
    let mut words = Vec::new();
    for (field, flag) in crate::options::fields::flags() {
        let (was, is) = (before.0.get(field), now.settings.0.get(field));
        if was == is {
            continue;
        }
        let value = match (field, was) {
            ("NanoCpus", Some(was)) => {
                crate::options::row::Unit::NanoCpus.spelt(was.as_i64().unwrap_or_default())
            }
            (_, Some(Json::String(text))) => Some(text.clone()),
            (_, Some(was)) => Some(was.to_string()),
            ("RestartPolicy", None) => Some("no".to_owned()),
            ("PidsLimit", None) => Some("-1".to_owned()),
            (_, None) => None,
        };
        words.extend(value.map(|value| format!("{flag} {value}")));
    }
    (!words.is_empty()).then(|| format!("docker update {} {}", words.join(" "), now.id.short()))
}

/// Commands that finish a replacement or a creation.
fn finish(old: Option<&Now>, new: Option<&Now>, name: &ContainerName, starts: bool) -> Vec<String> {
    let Some(new) = new else { return Vec::new() };
    let mut commands = Vec::new();
    if let Some(old) = old {
        if old.run.is_live() {
            commands.push(format!("docker stop {}", old.id.short()));
        }
        if old.name == *name {
            commands.push(format!("docker rename {} {name}{SUFFIX_OLD}", old.id.short()));
        }
    }
    if new.name != *name {
        commands.push(format!("docker rename {} {name}", new.id.short()));
    }
    if starts && !new.run.is_live() {
        commands.push(format!("docker start {}", new.id.short()));
    }
    commands
}
