//! What a run of a plan changed in place is done, not moved: the look as if it had not been.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::ident::ContainerId;
use crate::options::settings::{RESTART, Settings};
use crate::plan::{Action, Plan, Subject};
use crate::snapshot::Snapshot;

/// Takes back the updates that containers show exactly as the steps of this plan make them; all
/// else that moved stays moved. Gives whether there was any.
pub(super) fn before_updates(plan: &Plan, snapshot: &mut Snapshot) -> bool {
    let facts: BTreeMap<&ContainerId, &Settings> =
        plan.facts.containers.iter().map(|fact| (&fact.id, &fact.settings)).collect();
    let updates = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Update { container: Subject::Container(id), settings } => {
            Some((id.clone(), (*facts.get(id)?, settings)))
        }
        _ => None,
    });
    let updates: BTreeMap<ContainerId, (&Settings, &Settings)> = updates.collect();
    let mut any = false;
    if updates.is_empty() {
        return any;
    }
    for container in &mut snapshot.containers {
        let Some((before, update)) = updates.get(&container.id()) else { continue };
        let Some(host) = container.inspect.as_mut().map(|inspect| &mut inspect["HostConfig"])
        else {
            continue;
        };
        if Settings::of_host(host) == before.after(update) {
            restore(host, before, update);
            any = true;
        }
    }
    any
}

/// Gives the fields of an update the values that they had.
fn restore(host: &mut Json, before: &Settings, update: &Settings) {
    let had = before.body();
    let Some(host) = host.as_object_mut() else { return };
    for field in update.0.keys() {
        let value = had.get(field).cloned().unwrap_or_else(|| match field.as_str() {
            RESTART => json!({"Name": "no", "MaximumRetryCount": 0}),
            _ => Json::Null,
        });
        host.insert(field.clone(), value);
    }
}
