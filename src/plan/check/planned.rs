//! Checks `planned`: exactly the created containers are described, once, with the image of their
//! step. Their dangers must be among the dangers of their change.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Violations, named};
use crate::base::ident::{ContainerName, SetName};
use crate::plan::planned::Options;
use crate::plan::{Action, Change, Danger, ImagePin, Plan, Verb};

pub(super) fn check(plan: &Plan, violations: &mut Violations) {
    let mut created: BTreeSet<(&SetName, &ContainerName)> = BTreeSet::new();
    for step in &plan.steps {
        let Action::Create { final_name, set, image, .. } = &step.action else { continue };
        created.insert((set, final_name));
        let planned = plan.planned.get(set);
        let told = planned.is_some_and(|planned| planned.containers.contains_key(final_name));
        violations.unless(told, "planned", || {
            format!("expected what {} will be, but found nothing of it", named(final_name))
        });
        violations.unless(planned.is_none_or(|planned| planned.image == *image), "planned", || {
            format!("expected {} to be of the image that set {set} has", named(&step.id))
        });
    }
    for change in &plan.changes {
        values(change, violations);
        let planned = change.set.as_ref().and_then(|set| plan.planned.get(set));
        let name = ContainerName::new(change.id.as_str());
        if let Some(options) = planned.and_then(|planned| planned.container(&name)) {
            let fresh = matches!(change.verb, Verb::Create | Verb::Run)
                && !plan.facts.containers.iter().any(|fact| fact.name == name);
            dangers(change, &options, fresh, violations);
        }
    }
    for (set, planned) in &plan.planned {
        let declared = plan.declared["containers"][set.as_str()]["image"].as_str();
        violations.unless(declared == Some(&planned.reference), "planned", || {
            format!("expected set {} to have the image that it declares", named(set))
        });
        let pulled = matches!(planned.image, ImagePin::Digest(_));
        violations.unless(planned.from_image.is_none() == pulled, "planned", || {
            format!(
                "expected what the image of {} hands down to be told unless it is pulled",
                named(set)
            )
        });
        violations.unless(!planned.containers.is_empty(), "planned", || {
            format!("expected containers of set {}, but found none", named(set))
        });
        for (name, own) in &planned.containers {
            violations.unless(created.contains(&(set, name)), "planned", || {
                format!("expected a step that creates {}, but found none", named(name))
            });
            let twice = own.keys().find(|key| planned.options.contains_key(*key));
            violations.unless(twice.is_none(), "planned", || {
                format!("expected each option of {} once, but found one twice", named(name))
            });
        }
        let all = planned.containers.values().chain([&planned.options]).flatten();
        for (key, _) in all.filter(|(key, _)| crate::options::row(key).is_none()) {
            violations.add("planned", format!("expected options, but found {}", named(key)));
        }
    }
}

/// Dangerous values must belong to listed dangers, once each and sorted. If a danger has classes,
/// each value has a class.
fn values(change: &Change, violations: &mut Violations) {
    let id = named(&change.id);
    for (danger, values) in &change.dangerous {
        violations.unless(change.danger.contains(danger), "danger", || {
            format!("expected {id} to have the danger `{}` of which it has values", danger.word())
        });
        let sorted = values.windows(2).all(|pair| pair[0] < pair[1]);
        violations.unless(sorted && !values.is_empty(), "danger", || {
            format!("expected the values of `{}` of {id} once each, in order", danger.word())
        });
        let known = danger.classes();
        let classed = |value: &String| known.contains(&value.split(':').next().unwrap_or_default());
        let fine = danger.names_values() && (known.is_empty() || values.iter().all(classed));
        violations.unless(fine, "danger", || {
            format!("expected values of `{}` of {id} that it can have", danger.word())
        });
    }
    for danger in change.danger.iter().filter(|danger| danger.names_values()) {
        violations.unless(change.dangerous.contains_key(danger), "danger", || {
            format!("expected what is dangerous of {id}: `{}`", danger.word())
        });
    }
}

/// The dangers that follow from the options of a container.
fn dangers(change: &Change, options: &Options, fresh: bool, violations: &mut Violations) {
    let some = |key: &str| {
        options.get(key).is_some_and(|value| match value {
            Json::Array(all) => !all.is_empty(),
            Json::Null => false,
            _ => true,
        })
    };
    let list = |key: &str| options.get(key).and_then(Json::as_array).into_iter().flatten();
    let host = |key: &&str| options.get(*key).is_some_and(|value| value == "host");
    let binds = list("volumes").any(|mount| {
        mount["type"] == "bind"
            || mount.as_str().is_some_and(|text| text.starts_with('/') && text.contains(':'))
    });
    let namespaces = ["network_mode", "pid", "ipc", "uts", "userns_mode"];
    let shared = ["network_mode", "pid", "ipc"].iter().any(|key| {
        let mode = options.get(*key).and_then(Json::as_str);
        mode.is_some_and(|mode| mode.starts_with("container:"))
    });
    let secrets = options.get("environment").and_then(Json::as_object);
    let secret = secrets.is_some_and(|all| all.values().any(Json::is_object));
    let devices = ["devices", "device_cgroup_rules", "gpus"].into_iter().any(some);
    let plain = [
        (Danger::Privileged, options.get("privileged") == Some(&Json::Bool(true))),
        (Danger::HostAccess, binds || devices || namespaces.iter().any(host)),
        (Danger::Capabilities, list("cap_add").any(|name| name == "ALL" || name == "SYS_ADMIN")),
        (Danger::Unconfined, list("security_opt").filter_map(Json::as_str).any(frees)),
        (Danger::OtherContainers, shared || some("volumes_from")),
        (Danger::SecretGiven, fresh && secret),
    ];
    for (danger, _) in plain.into_iter().filter(|(_, plain)| *plain) {
        violations.unless(change.danger.contains(&danger), "danger", || {
            format!("expected {} to have the danger `{}`", named(&change.id), danger.word())
        });
    }
}

/// Whether a security option takes confinement off, or puts a profile of its own in its place.
fn frees(option: &str) -> bool {
    let Some((name, profile)) = option.split_once('=') else { return false };
    let is = |usual: &[&str]| profile.is_empty() || usual.contains(&profile);
    match name {
        "seccomp" => !is(&["builtin", "default"]),
        "apparmor" => !is(&["docker-default"]),
        _ => matches!(profile, "unconfined" | "disable"),
    }
}

#[cfg(test)]
mod tests {
    use super::frees;

    #[test]
    fn what_takes_confinement_off_or_replaces_it() {
        for option in [
            "seccomp=unconfined",
            "seccomp={}",
            "apparmor=unconfined",
            "apparmor=default",
            "apparmor=mine",
            "systempaths=unconfined",
            "label=disable",
        ] {
            assert!(frees(option), "{option}");
        }
        for option in [
            "seccomp=",
            "seccomp=builtin",
            "apparmor=docker-default",
            "label=type:svirt_apache_t",
            "no-new-privileges",
            "no-new-privileges=true",
        ] {
            assert!(!frees(option), "{option}");
        }
    }
}
