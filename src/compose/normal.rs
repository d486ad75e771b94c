//! Completes the merged project: the default network, implied dependencies, names and profiles.

use std::collections::BTreeSet;

use super::model::said_pairs;
use super::tree::{boolean, map, null, text};
use crate::base::ident::Reference;
use crate::base::path::clean;
use crate::options::value::mark_reference;
use crate::syntax::node::{Entry, Kind, Node, Place};
use crate::syntax::template::Template;

/// The keys with which a service shares a namespace of another service.
const SHARED: &[&str] = &["network_mode", "ipc", "pid", "uts", "cgroup"];

/// Adds the default values of a project.
pub(super) fn normalize(root: &mut Node, project: &str) {
    let place = Place::default();
    let mut uses_default = false;
    if let Some(services) = root.get_mut("services").and_then(Node::entries_mut) {
        for service in services {
            let at = service.place;
            let service = &mut service.value;
            uses_default |= networks(service, at);
            if service.text_of("pull_policy") == Some("if_not_present") {
                service.set("pull_policy", text(at, "missing"));
            }
            if let Some(build) = service.get_mut("build") {
                build.set_default("context", text(at, "."));
                if build.get("dockerfile_inline").is_none() {
                    build.set_default("dockerfile", text(at, "Dockerfile"));
                }
            }
            implied(service, at);
            super::canonical::each(service.get_mut("volumes"), |mount| {
                if let Some(Node { kind: Kind::Text(target), .. }) = mount.get_mut("target") {
                    *target = clean(target);
                }
            });
        }
    }
    if uses_default {
        if root.said("networks").is_none() {
            root.set("networks", map(place, Vec::new()));
        }
        if let Some(networks) = root.get_mut("networks") {
            networks.set_default("default", null(place));
        }
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        let Some(entries) = root.get_mut(kind).and_then(Node::entries_mut) else { continue };
        for Entry { key, place, value } in entries {
            if value.kind == Kind::Null {
                *value = map(*place, Vec::new());
            }
            if value.said("name").is_none() {
                let external = value.is_true("external");
                let name = if external { key.clone() } else { format!("{project}_{key}") };
                value.set("name", text(*place, name));
            }
        }
    }
}

/// Adds the networks of a service; whether the service uses the default network.
fn networks(service: &mut Node, at: Place) -> bool {
    if service.said("provider").is_some() || service.get("network_mode").is_some() {
        return false;
    }
    match service.said("networks") {
        Some(networks) if !networks.entries().is_empty() => networks.get("default").is_some(),
        _ => {
            service.set("networks", map(at, vec![("default", null(at))]));
            true
        }
    }
}

/// Adds the dependencies from links, shared namespaces and shared volumes.
fn implied(service: &mut Node, at: Place) {
    let mut targets: Vec<(String, bool)> = Vec::new();
    let texts = |key: &str| -> Vec<String> {
        let items = service.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.as_text().map(str::to_owned)).collect()
    };
    for link in texts("links") {
        let parts: Vec<&str> = link.split(':').collect();
        let target = if parts.len() == 2 { parts[0].to_owned() } else { link.clone() };
        targets.push((target, true));
    }
    for key in SHARED {
        let shared = service.text_of(key).and_then(|mode| mode.strip_prefix("service:"));
        targets.extend(shared.map(|target| (target.to_owned(), true)));
    }
    for from in texts("volumes_from").iter().filter(|from| !from.starts_with("container:")) {
        let target = from.split(':').next().unwrap_or_default();
        targets.push((target.to_owned(), false));
    }
    if targets.is_empty() {
        return;
    }
    if service.said("depends_on").is_none() {
        service.set("depends_on", map(at, Vec::new()));
    }
    let Some(depends_on) = service.get_mut("depends_on") else { return };
    for (target, restart) in targets {
        let dependency = vec![
            ("condition", text(at, "service_started")),
            ("restart", boolean(at, restart)),
            ("required", boolean(at, true)),
        ];
        depends_on.set_default(&target, map(at, dependency));
    }
}

/// Sets build arguments without value from the environment; arguments that the environment lacks
/// are removed.
pub(super) fn build_arguments(root: &mut Node, is_set: &dyn Fn(&str) -> bool) {
    let services = root.get_mut("services").and_then(Node::entries_mut);
    for Entry { value: service, .. } in services.into_iter().flatten() {
        let build = service.get_mut("build");
        let Some(arguments) = build.and_then(|build| build.get_mut("args")) else { continue };
        let mut own = map(arguments.place, Vec::new());
        for (key, value, of) in said_pairs(arguments) {
            let around = || {
                let text = is_set(&key).then(|| format!("${{{key}}}"))?;
                Template::parse(&text).ok()?;
                Some(mark_reference(&Reference::Template { text }))
            };
            if let Some(value) = value.or_else(around) {
                own.set(&key, text(of.place, value));
            }
        }
        *arguments = own;
    }
}

/// Removes the services of inactive profiles, and gives their names.
pub(super) fn inactive(root: &mut Node, profiles: &BTreeSet<String>) -> BTreeSet<String> {
    let mut gone = BTreeSet::new();
    let Some(services) = root.get_mut("services").and_then(Node::entries_mut) else { return gone };
    services.retain(|service| {
        let own = service.value.get("profiles").map(Node::items).unwrap_or_default();
        // To Compose, no profile at all is the profile with the empty name.
        let named = |own: &str| profiles.contains(own) || own.is_empty() && profiles.is_empty();
        let active = own.is_empty()
            || profiles.contains("*")
            || own.iter().any(|own| own.as_text().is_some_and(named));
        if !active {
            gone.insert(service.key.clone());
        }
        active
    });
    gone
}

/// Removes networks, volumes, secrets and configs that no service uses.
pub(super) fn unused(root: &mut Node) {
    let mut used: BTreeSet<(&str, String)> = BTreeSet::new();
    for Entry { value: service, .. } in root.get("services").map(Node::entries).unwrap_or_default()
    {
        let networks = service.get("networks").map(Node::entries).unwrap_or_default();
        used.extend(networks.iter().map(|entry| ("networks", entry.key.clone())));
        let mounts = service.get("volumes").map(Node::items).unwrap_or_default();
        let named = mounts.iter().filter(|mount| mount.text_of("type") == Some("volume"));
        used.extend(
            named.filter_map(|mount| Some(("volumes", mount.text_of("source")?.to_owned()))),
        );
        let of_build = service.get("build").and_then(|build| build.get("secrets"));
        for (kind, files) in [
            ("secrets", service.get("secrets")),
            ("secrets", of_build),
            ("configs", service.get("configs")),
        ] {
            let files = files.map(Node::items).unwrap_or_default();
            used.extend(
                files.iter().filter_map(|file| Some((kind, file.text_of("source")?.to_owned()))),
            );
        }
    }
    for kind in ["networks", "volumes", "secrets", "configs"] {
        if let Some(entries) = root.get_mut(kind).and_then(Node::entries_mut) {
            entries.retain(|entry| used.contains(&(kind, entry.key.clone())));
        }
    }
}
