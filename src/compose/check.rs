//! Checks the merged project: exclusive keys, and references to existing services, networks and
//! volumes.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Path, dotted};
use crate::base::say;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// Checks the rules for single values.
pub(super) fn rules(root: &Node, problems: &mut Problems) {
    for kind in ["volumes"] {
        for Entry { key, value, .. } in entries(root, kind) {
            external(value, &vec![kind.to_owned(), key.clone()], problems);
        }
    }
    let sources: [(&str, &[&str]); 2] =
        [("configs", &["file", "environment", "content"]), ("secrets", &["file", "environment"])];
    for (kind, keys) in sources {
        for Entry { key, place, value } in entries(root, kind) {
            let said = keys.iter().filter(|key| value.get(key).is_some()).count();
            let name = format!("{kind}.{}", say::short(key));
            let one = say::or(keys);
            if said > 1 {
                problems
                    .add(*place, format!("expected one of {one} in `{name}`, but found several"));
            } else if said == 0 && value.get("external").is_none() && value.get("driver").is_none()
            {
                problems.add(*place, format!("expected one of {one} in `{name}`, but found none"));
            }
        }
    }
    for Entry { key, value: service, .. } in entries(root, "services") {
        let path = |key: &str, more: &str| format!("services.{}.{more}", say::short(key));
        for mount in service.get("volumes").map(Node::items).unwrap_or_default() {
            if mount.text_of("type") == Some("bind") && mount.said("source").is_none() {
                let key = path(key, "volumes");
                problems.add(
                    mount.place,
                    format!("expected a `source` of the bind in `{key}`, but found none"),
                );
            }
        }
        for port in service.get("ports").map(Node::items).unwrap_or_default() {
            let Some(address) = port.get("host_ip") else { continue };
            let fits =
                address.as_text().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok());
            if !fits {
                let what = format!("an address in `{}`", path(key, "ports"));
                problems.expected::<()>(&what, address);
            }
        }
        let watch = service.get("develop").and_then(|develop| develop.get("watch"));
        for watch in watch.map(Node::items).unwrap_or_default() {
            if let Some(place) = watch.get("path").filter(|path| path.as_text() == Some("")) {
                let key = path(key, "develop.watch");
                let message = format!("expected a `path` in `{key}`, but found an empty text");
                problems.add(place.place, message);
            }
        }
        let reserved = service
            .get("deploy")
            .and_then(|deploy| deploy.get("resources")?.get("reservations")?.get("devices"));
        let requests = [service.get("gpus"), reserved];
        for request in requests.into_iter().flatten().flat_map(Node::items) {
            if request.get("count").is_some() && request.get("device_ids").is_some() {
                let message = "expected `count` or `device_ids` of a device, but found both";
                problems.add(request.place, message);
            }
        }
    }
}

fn external(node: &Node, path: &Path, problems: &mut Problems) {
    if !node.is_true("external") {
        return;
    }
    for entry in node.entries() {
        let fits = matches!(entry.key.as_str(), "name" | "external") || entry.key.starts_with("x-");
        if !fits {
            let message = format!(
                "expected nothing but `name` beside `external` in `{}`, but found `{}`",
                say::short(&dotted(path)),
                say::short(&entry.key),
            );
            problems.add(entry.place, message);
        }
    }
}

fn entries<'a>(node: &'a Node, key: &str) -> &'a [Entry] {
    node.get(key).map(Node::entries).unwrap_or_default()
}

/// Checks the references by name. `inactive`: services of inactive profiles.
pub(super) fn consistency(root: &Node, inactive: &BTreeSet<String>, problems: &mut Problems) {
    let services: BTreeSet<&str> =
        entries(root, "services").iter().map(|entry| entry.key.as_str()).collect();
    let mut check = Check { root, services, inactive, problems };
    for entry in entries(root, "services") {
        check.service(entry);
    }
    check.container_names();
    for Entry { key, place, value } in entries(root, "secrets") {
        let said = value.said("file").or_else(|| value.said("environment"));
        if !value.is_true("external") && said.is_none_or(Node::says_nothing) {
            let name = say::short(key);
            let message =
                format!("expected `file` or `environment` in `secrets.{name}`, but found none");
            check.problems.add(*place, message);
        }
    }
    check.cycles();
}

/// Reads a value as a number.
type ReadNumber<'a> = &'a dyn Fn(&Node) -> Option<i64>;

struct Check<'a, 'b> {
    root: &'a Node,
    services: BTreeSet<&'a str>,
    inactive: &'a BTreeSet<String>,
    problems: &'b mut Problems,
}

impl Check<'_, '_> {
    fn service(&mut self, entry: &Entry) {
        let Entry { key, place, value: service } = entry;
        let name = say::short(key);
        let image = service.said("image").is_some_and(|image| !image.says_nothing());
        if !image && service.said("build").is_none() && service.said("provider").is_none() {
            let message =
                format!("expected `image` or `build` in `services.{name}`, but found none");
            self.problems.add(*place, message);
        }
        if let (Some(mode), Some(networks)) =
            (service.said("network_mode"), service.said("networks"))
            && !networks.entries().is_empty()
            && !mode.says_nothing()
        {
            let message = format!(
                "expected `networks` or `network_mode` in `services.{name}`, but found both"
            );
            self.problems.add(mode.place, message);
        }
        if let Some(build) = service.said("build")
            && build.said("dockerfile_inline").is_some()
            && build.said("dockerfile").is_some()
        {
            let message = format!(
                "expected `dockerfile` or `dockerfile_inline` in `services.{name}.build`, but found both"
            );
            self.problems.add(build.place, message);
        }
        self.build(service, &name);
        self.watch(service, &name);
        self.test(service, &name);
        self.names(service, &name);
        self.numbers(service, &name);
        self.mounts(service, &name);
    }

    /// Checks that every `container_name` is said once.
    fn container_names(&mut self) {
        let mut known: BTreeMap<&str, &str> = BTreeMap::new();
        for Entry { key, value, .. } in entries(self.root, "services") {
            let Some(name) = value.said("container_name") else { continue };
            let Some(text) = name.as_text() else { continue };
            if let Some(other) = known.insert(text, key) {
                let message = format!(
                    "expected another `container_name` in `services.{}` than in `services.{}`, but \
                     both say `{}`",
                    say::short(key),
                    say::short(other),
                    say::short(text),
                );
                self.problems.add(name.place, message);
            }
        }
    }

    /// Checks the names in `build`, and that the service's platform is among those of the build.
    fn build(&mut self, service: &Node, name: &str) {
        let Some(build) = service.said("build") else { return };
        for Entry { place, value, .. } in entries(build, "additional_contexts") {
            let target = value.as_text().and_then(|text| text.strip_prefix("service:"));
            let Some(target) = target else { continue };
            let services = self.root.get("services");
            let known = services.and_then(|services| services.get(target));
            if known.is_none_or(|service| service.said("build").is_none()) {
                let message = format!(
                    "expected a service with `build`, but `services.{name}.build` takes `{}`",
                    say::short(target),
                );
                self.problems.add(*place, message);
            }
        }
        for secret in build.get("secrets").map(Node::items).unwrap_or_default() {
            let source = secret.text_of("source").unwrap_or_default();
            self.there("secrets", source, (name, secret.place));
        }
        let platforms = build.get("platforms").map(Node::items).unwrap_or_default();
        if let Some(own) = service.said("platform").filter(|own| !own.says_nothing())
            && !platforms.is_empty()
            && !platforms.iter().any(|platform| platform.as_text() == own.as_text())
        {
            let message = format!(
                "expected the `platform` of `services.{name}` among its `build.platforms`, but found \
                 others alone"
            );
            self.problems.add(own.place, message);
        }
    }

    /// Checks the paths and targets of `develop.watch`.
    fn watch(&mut self, service: &Node, name: &str) {
        let watch = service.get("develop").and_then(|develop| develop.get("watch"));
        for watch in watch.map(Node::items).unwrap_or_default() {
            let bare = matches!(watch.text_of("action"), Some("rebuild" | "restart"));
            let targeted = watch.said("target").is_some_and(|target| !target.says_nothing());
            if !bare && !targeted {
                let message = format!(
                    "expected a `target` in `services.{name}.develop.watch`, but found none"
                );
                self.problems.add(watch.place, message);
            }
        }
    }

    fn test(&mut self, service: &Node, name: &str) {
        let test = service.get("healthcheck").and_then(|check| check.get("test"));
        let Some(first) = test.and_then(|test| test.items().first()) else { return };
        if !first.as_text().is_some_and(|word| matches!(word, "CMD" | "CMD-SHELL" | "NONE")) {
            let what =
                format!("`CMD`, `CMD-SHELL` or `NONE` first in `services.{name}.healthcheck.test`");
            self.problems.expected::<()>(&what, first);
        }
    }

    /// Checks that the references of a service exist.
    fn names(&mut self, service: &Node, name: &str) {
        for Entry { key, place, .. } in entries(service, "networks") {
            self.there("networks", key, (name, *place));
        }
        for mount in service.get("volumes").map(Node::items).unwrap_or_default() {
            let source = mount.text_of("source").filter(|source| !source.is_empty());
            if let (Some("volume"), Some(source)) = (mount.text_of("type"), source) {
                self.there("volumes", source, (name, mount.place));
            }
        }
        for kind in ["secrets", "configs"] {
            for file in service.get(kind).map(Node::items).unwrap_or_default() {
                self.there(kind, file.text_of("source").unwrap_or_default(), (name, file.place));
            }
        }
        for Entry { key, place, .. } in entries(service, "models") {
            self.there("models", key, (name, *place));
        }
        for Entry { key, place, value } in entries(service, "depends_on") {
            let optional = value.get("required").is_some_and(|node| node.kind == Kind::Bool(false));
            if self.services.contains(key.as_str()) || self.inactive.contains(key) && optional {
                continue;
            }
            let hint = if self.inactive.contains(key) {
                "it is of a profile that is not active: `--profile` activates it".to_owned()
            } else {
                let close = self.problems.close(key, self.services.iter().copied());
                close.map(|close| format!("did you mean `{close}`?")).unwrap_or_default()
            };
            let message = format!(
                "expected a service that is there, but `services.{name}` depends on `{}`",
                say::short(key),
            );
            if hint.is_empty() {
                self.problems.add(*place, message);
            } else {
                self.problems.add_hint(*place, message, hint);
            }
        }
    }

    fn there(&mut self, kind: &str, key: &str, (service, place): (&str, Place)) {
        let known = entries(self.root, kind);
        if known.iter().any(|entry| entry.key == key) {
            return;
        }
        let message = format!(
            "expected `{}` under `{kind}` at the root, where `services.{service}` looks for it, but \
             found none",
            say::short(key),
        );
        let close = self.problems.close(key, known.iter().map(|entry| entry.key.as_str()));
        let hint = match close {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("declare it: `{kind}: {{{}: …}}`", say::short(key)),
        };
        self.problems.add_hint(place, message, hint);
    }

    /// Checks that a number in two keys is the same.
    fn numbers(&mut self, service: &Node, name: &str) {
        let deploy = service.said("deploy");
        let replicas = deploy.and_then(|deploy| deploy.said("replicas"));
        let scale = service.said("scale");
        if let (Some(scale), Some(replicas)) = (scale, replicas)
            && scale.printed() != replicas.printed()
        {
            let message = format!(
                "expected `scale` and `deploy.replicas` of `services.{name}` to be the same"
            );
            self.problems.add(scale.place, message);
        }
        let number = |node: &Node| node.printed().and_then(|text| text.parse::<i64>().ok());
        for count in [scale, replicas].into_iter().flatten() {
            if number(count).is_some_and(|count| count < 0) {
                self.problems.expected::<()>("a number from 0 on", count);
            }
        }
        let many = scale.or(replicas).and_then(number).is_some_and(|count| count > 1);
        if let (true, Some(own)) = (many, service.said("container_name")) {
            let message = format!(
                "expected one container in `services.{name}`, which has a `container_name`, but found several"
            );
            self.problems.add(own.place, message);
        }
        let resources = deploy.and_then(|deploy| deploy.said("resources"));
        let limits = resources.and_then(|resources| resources.said("limits"));
        let reserved = resources.and_then(|resources| resources.said("reservations"));
        let bytes = |node: &Node| super::model::bytes(node);
        let whole = |node: &Node| node.printed()?.parse::<i64>().ok();
        #[expect(clippy::cast_possible_truncation, reason = "so small are differences that count")]
        let cpus = |node: &Node| Some((node.printed()?.parse::<f64>().ok()? * 1e9) as i64);
        let twice: [(&str, Option<&Node>, &str, ReadNumber<'_>); 4] = [
            ("cpus", limits, "cpus", &cpus),
            ("mem_limit", limits, "memory", &bytes),
            ("mem_reservation", reserved, "memory", &bytes),
            ("pids_limit", limits, "pids", &whole),
        ];
        for (key, of, inner, read) in twice {
            let (Some(own), Some(of)) = (service.said(key), of) else { continue };
            let own_value = read(own).unwrap_or_default();
            let other = of.said(inner).and_then(read).unwrap_or_default();
            if own_value != 0 && own_value != other {
                let kind = if key == "mem_reservation" { "reservations" } else { "limits" };
                let message = format!(
                    "expected `{key}` and `deploy.resources.{kind}.{inner}` of `services.{name}` to be \
                     the same"
                );
                self.problems.add_hint(own.place, message, "say it once");
            }
        }
    }

    fn mounts(&mut self, service: &Node, name: &str) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let tmpfs = service.get("tmpfs");
        let tmpfs = tmpfs.map(|node| match node.kind {
            Kind::List(_) => node.items().iter().collect(),
            _ => vec![node],
        });
        let tmpfs = tmpfs.unwrap_or_default().into_iter();
        let tmpfs = tmpfs.filter_map(|node| Some((node.as_text()?.split(':').next()?, node.place)));
        let mounts = service.get("volumes").map(Node::items).unwrap_or_default().iter();
        let mounts = mounts.map(|mount| (mount.text_of("target").unwrap_or_default(), mount.place));
        for (target, place) in tmpfs.chain(mounts) {
            if !seen.insert(target) {
                let message = format!(
                    "expected one mount at `{}` in `services.{name}`, but found another one",
                    say::short(target),
                );
                self.problems.add(place, message);
            }
        }
    }

    /// Reports services that wait for each other.
    fn cycles(&mut self) {
        let mut waits: BTreeMap<&str, Vec<(&str, Place)>> = BTreeMap::new();
        for Entry { key, value, .. } in entries(self.root, "services") {
            let on = entries(value, "depends_on").iter();
            let on = on.map(|entry| (entry.key.as_str(), entry.place)).collect();
            waits.insert(key.as_str(), on);
        }
        // A service without open dependencies is removed repeatedly; the rest is a cycle, or waits
        // for a cycle.
        let mut left: BTreeSet<&str> = waits.keys().copied().collect();
        let mut awaited: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for (key, on) in &waits {
            let on = on.iter().map(|(on, _)| *on).filter(|on| left.contains(on));
            for on in on {
                awaited.entry(on).or_default().push(key);
                *open.entry(key).or_default() += 1;
            }
        }
        let mut free: Vec<&str> =
            left.iter().filter(|key| !open.contains_key(*key)).copied().collect();
        while let Some(key) = free.pop() {
            left.remove(key);
            for waiter in awaited.get(key).into_iter().flatten() {
                let Some(count) = open.get_mut(waiter) else { continue };
                *count -= 1;
                if *count == 0 {
                    free.push(waiter);
                }
            }
        }
        let Some(start) = left.first().copied() else { return };
        let mut way = vec![start];
        let mut places = BTreeMap::from([(start, 0)]);
        let place = loop {
            let last = way.last().copied().unwrap_or_default();
            let next = waits[last].iter().find(|(on, _)| left.contains(on));
            let Some((next, place)) = next else { return };
            let known = places.insert(next, way.len());
            way.push(next);
            if let Some(known) = known {
                way.drain(..known);
                break *place;
            }
        };
        let more = way.len().saturating_sub(say::MOST);
        let mut told: Vec<String> = way.iter().take(say::MOST).map(|key| say::short(key)).collect();
        if more > 0 {
            told.push(format!("{more} more"));
        }
        let way = told;
        let message = format!(
            "expected services that do not wait for each other, but found `{}`",
            way.join("` -> `"),
        );
        self.problems.add(place, message);
    }
}
