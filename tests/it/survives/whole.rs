//! What must hold after a broken run, whatever broke it.

use std::collections::{BTreeMap, BTreeSet};

use bayplan::base::ident::{ContainerId, reserved_suffix};
use bayplan::engine::Reader;
use bayplan::engine::simulated::Simulated;
use bayplan::observed::snapshot::Run;
use bayplan::options::settings::Settings as Limits;
use bayplan::plan::{Action, Plan, Subject};
use serde_json::Value as Json;

use super::Trial;
use crate::made::block;

/// The containers that steps of a plan are about, as far as they are there before it.
pub(crate) fn touched(plan: &Plan) -> BTreeSet<&ContainerId> {
    let subjects = plan.steps.iter().filter_map(|step| step.action.subject());
    let known = subjects.filter_map(|subject| match subject {
        Subject::Container(id) => Some(id),
        Subject::CreatedBy(_) => None,
    });
    known.collect()
}

impl Trial<'_> {
    /// Which containers are neither as before nor as planned, and what else is not as it must be.
    pub(crate) fn not_whole(&self, engine: &Simulated) -> Vec<String> {
        let mut wrong = Vec::new();
        let all = block(engine.list()).unwrap();
        let found: BTreeMap<ContainerId, Json> = all
            .iter()
            .map(|listed| listed["Id"].as_str().unwrap())
            .map(|id| (ContainerId::new(id), block(engine.inspect(id)).unwrap().unwrap()))
            .collect();
        let name = |json: &Json| json["Name"].as_str().unwrap_or_default()[1..].to_owned();
        let had: BTreeMap<ContainerId, &Json> = self
            .world
            .containers
            .iter()
            .filter_map(|one| Some((one.id(), one.inspect.as_ref()?)))
            .collect();
        for (id, json) in &found {
            if reserved_suffix(&name(json)).1.is_some() && !had.contains_key(id) {
                wrong.push(format!("`{}` is left over", name(json)));
            }
        }
        wrong.extend(self.others_moved(&had, &found));
        for change in self.plan.changes.iter().filter(|change| change.set.is_some()) {
            wrong.extend(self.change_not_whole(change.id.as_str(), &found));
        }
        let volumes: BTreeSet<String> = block(engine.volumes())
            .unwrap()
            .iter()
            .filter_map(|one| one["Name"].as_str().map(str::to_owned))
            .collect();
        for volume in &self.world.volumes {
            let name = volume["Name"].as_str().unwrap_or_default();
            if !volumes.contains(name)
                && !self.plan.changes.iter().any(|change| !change.impact.loses.is_empty())
            {
                wrong.push(format!("volume `{name}` is lost"));
            }
        }
        wrong
    }

    /// What became of containers that the plan does not touch, or does not remove.
    fn others_moved(
        &self,
        had: &BTreeMap<ContainerId, &Json>,
        found: &BTreeMap<ContainerId, Json>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = |json: &Json| json["Name"].as_str().unwrap_or_default()[1..].to_owned();
        let touched = touched(self.plan);
        let removed: BTreeSet<&ContainerId> = self
            .plan
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Remove { container: Subject::Container(id) } => Some(id),
                _ => None,
            })
            .collect();
        for (id, before) in had {
            match found.get(id) {
                None if removed.contains(id) => {}
                None => wrong.push(format!("`{}` is gone", name(before))),
                Some(now) if !touched.contains(id) => {
                    for field in ["Name", "HostConfig"] {
                        let links = field == "HostConfig" && before[field]["Links"].is_array();
                        if before[field] != now[field] && !links {
                            wrong.push(format!(
                                "`{}` is not of the plan and has another {field}",
                                name(before)
                            ));
                        }
                    }
                    if before["State"]["Status"] != now["State"]["Status"] {
                        wrong.push(format!(
                            "`{}` is not of the plan and is {}",
                            name(before),
                            now["State"]["Status"]
                        ));
                    }
                }
                Some(_) => {}
            }
        }
        wrong
    }

    /// A change is done, or all of it is as before.
    fn change_not_whole(&self, change: &str, found: &BTreeMap<ContainerId, Json>) -> Vec<String> {
        let mut wrong = Vec::new();
        let steps = || self.plan.steps.iter().filter(|step| step.id.change() == change);
        let started = steps().any(|step| {
            matches!(&step.action, Action::Start { container: Subject::CreatedBy(_), wait: false })
        });
        let creates = steps().any(|step| matches!(step.action, Action::Create { .. }));
        let new = found.values().find(|json| {
            json["Name"] == format!("/{change}")
                && json["Config"]["Labels"]["io.bayplan.plan"] == self.digest
        });
        if let Some(new) = new
            && started
            && new["State"]["Running"] != true
        {
            wrong.push(format!("the new `{change}` does not run"));
        }
        let olds: BTreeSet<&ContainerId> = steps()
            .filter_map(|step| match step.action.subject() {
                Some(Subject::Container(id)) => Some(id),
                _ => None,
            })
            .collect();
        for old in olds {
            let Some(fact) = self.plan.facts.containers.iter().find(|fact| fact.id == *old) else {
                continue;
            };
            let Some(json) = found.get(old) else {
                if creates && new.is_none() {
                    wrong.push(format!("`{change}` is neither old nor new"));
                }
                continue;
            };
            if creates && new.is_some() {
                wrong.push(format!("`{change}` is both old and new"));
                continue;
            }
            if !creates {
                continue;
            }
            if json["Name"] != format!("/{}", fact.name) {
                wrong.push(format!("the old `{}` is called {}", fact.name, json["Name"]));
            }
            let live = json["State"]["Running"] == true;
            let one_shot =
                steps().any(|step| matches!(step.action, Action::Start { wait: true, .. }));
            if live != fact.run.is_live() && !one_shot && fact.run != Run::Paused {
                wrong.push(format!("the old `{}` is {}", fact.name, json["State"]["Status"]));
            }
            if Limits::of_host(&json["HostConfig"]) != fact.settings {
                wrong.push(format!("the old `{}` has other settings", fact.name));
            }
        }
        wrong
    }
}
