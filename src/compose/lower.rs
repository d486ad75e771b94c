//! Converts a Compose project to a spec: each service becomes a container set, beside networks and
//! volumes.
//!
//! The meaning of values is defined by the options, not here. This module maps keys, converts
//! long forms to short forms, and refuses unsupported keys by name.

use std::collections::{BTreeMap, BTreeSet};

use super::fitted;
use super::model::said_pairs;
use super::source::Source;
use super::tree::{boolean, list, map, null, text};
use super::values::{
    device, duration, health, hosts, logging, mount, networks, port, relative, requests, size,
    texts, written,
};
use super::{Project, Request};
use crate::base::ident::{COMPOSE_NETWORK, COMPOSE_PROJECT, COMPOSE_VOLUME};
use crate::base::say;
use crate::spec::vocabulary;
use crate::syntax::node::{Entry, Kind, Node, Place, Problem, Problems, is_extension};

/// The keys with the same meaning in a set, or without any effect on the conversion.
const SAME: &[&str] = &[
    "annotations",
    "blkio_config",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "device_cgroup_rules",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "expose",
    "group_add",
    "hostname",
    "init",
    "ipc",
    "mac_address",
    "network_mode",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "privileged",
    "read_only",
    "runtime",
    "stdin_open",
    "stop_signal",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "uts",
    "volumes_from",
    "working_dir",
];

/// The sizes in bytes.
const SIZES: &[&str] =
    &["mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "shm_size"];

/// The keys with maps of texts.
const MAPS: &[&str] = &["annotations", "labels", "storage_opt", "sysctls"];

/// The unsupported keys, with a hint for each.
const REFUSED: &[(&str, &str)] = &[
    (
        "cpu_count",
        "it is for containers of Windows: `cpus` says how many processors' time it may use",
    ),
    (
        "cpu_percent",
        "it is for containers of Windows: `cpus` says how many processors' time it may use",
    ),
    ("credential_spec", "it is for containers of Windows"),
    ("isolation", "it is for containers of Windows: `runtime` says what runs a container of Linux"),
    ("models", "run the model as a service of its own, and say where under `environment`"),
    ("post_start", "an engine has no hooks: run it from the image's entrypoint"),
    ("pre_stop", "an engine has no hooks: let the container handle its `stop_signal`"),
    ("provider", "a plan is about one engine: say under `environment` where the service is"),
    (
        "use_api_socket",
        "mount the engine's socket with `volumes` if it must be: whoever has it is the host's root",
    ),
];

/// The keys for other programs, with a note for each.
const NOTED: &[(&str, &str)] = &[
    ("attach", "bayplan shows no output of what it starts"),
    ("develop", "it is for a developer's machine, and does nothing here"),
    ("pull_refresh_after", "`pull_policy: always` asks the registry whenever a plan is made"),
];

/// Converts a project to a tree for [`crate::spec::read`]; also gives notes for the user.
pub fn lowered(
    project: &Project,
    request: &Request,
    source: &dyn Source,
) -> Result<(Node, Vec<Problem>), Vec<Problem>> {
    let mut lower = Lower {
        project,
        request,
        source,
        problems: Problems::default(),
        notes: Vec::new(),
        one_shots: one_shots(&project.root),
        services: services(&project.root),
        pulls: fitted::pulls(project),
    };
    let root = lower.root();
    let Lower { problems, notes, .. } = lower;
    if problems.all.is_empty() { Ok((written(root), notes)) } else { Err(problems.all) }
}

/// The services whose end other services wait for.
fn one_shots(root: &Node) -> BTreeSet<String> {
    let services = root.get("services").map(Node::entries).unwrap_or_default();
    let waits = services
        .iter()
        .flat_map(|entry| entry.value.get("depends_on").map(Node::entries).unwrap_or_default());
    let ended =
        |entry: &&Entry| entry.value.text_of("condition") == Some("service_completed_successfully");
    waits.filter(ended).map(|entry| entry.key.clone()).collect()
}

/// The names of all services.
fn services(root: &Node) -> BTreeSet<&str> {
    let services = root.get("services").map(Node::entries).unwrap_or_default();
    services.iter().map(|entry| entry.key.as_str()).collect()
}

pub(super) struct Lower<'a> {
    pub(super) project: &'a Project,
    pub(super) request: &'a Request,
    pub(super) source: &'a dyn Source,
    pub(super) problems: Problems,
    notes: Vec<Problem>,
    one_shots: BTreeSet<String>,
    services: BTreeSet<&'a str>,
    pub(super) pulls: BTreeMap<String, &'static str>,
}

/// Whether an empty map means the same as no value.
fn says_nothing(said: &Entry) -> bool {
    let empty = matches!(&said.value.kind, Kind::Map(entries) if entries.is_empty());
    empty && matches!(said.key.as_str(), "blkio_config" | "logging")
}

/// Adds links to a set: engines treat links to services and links to other containers in the same
/// way.
fn add_links(set: &mut Node, more: &Node) {
    let mut all = set.get("links").map(|links| links.items().to_vec()).unwrap_or_default();
    all.extend(more.items().iter().cloned());
    set.set("links", list(more.place, all));
}

impl Lower<'_> {
    fn root(&mut self) -> Node {
        let start = Place { line: 1, column: 1 };
        let mut root = map(start, Vec::new());
        root.set("project", text(start, self.project.name.clone()));
        root.set("compat", text(start, "compose"));
        root.set("base_dir", text(start, self.request.folder.clone()));
        for kind in ["networks", "volumes"] {
            let own = self.project.root.get(kind).map(Node::entries).unwrap_or_default();
            if own.is_empty() {
                continue;
            }
            let entries = own.iter().map(|entry| Entry {
                key: entry.key.clone(),
                place: entry.place,
                value: self.object(kind, &entry.key, &entry.value),
            });
            let entries = entries.collect();
            root.set(kind, Node { place: start, kind: Kind::Map(entries) });
        }
        let services = self.project.root.get("services").map(Node::entries).unwrap_or_default();
        let mut sets = Vec::new();
        for entry in services {
            let value = self.set(entry);
            sets.push(Entry { key: entry.key.clone(), place: entry.place, value });
        }
        root.set("containers", Node { place: start, kind: Kind::Map(sets) });
        root
    }

    /// Converts a network or a volume. The default name is omitted.
    fn object(&self, kind: &str, key: &str, node: &Node) -> Node {
        let mut own = map(node.place, Vec::new());
        let external = node.is_true("external");
        let usual = if external { key.to_owned() } else { format!("{}_{key}", self.project.name) };
        for entry in node.entries().iter().filter(|entry| !is_extension(&entry.key)) {
            match entry.key.as_str() {
                "name" if entry.value.as_text() == Some(usual.as_str()) => {}
                "external" if !external => {}
                // An external object is never changed, whatever its other keys say.
                "name" | "external" => own.set(&entry.key, entry.value.clone()),
                _ if external => {}
                "labels" | "driver_opts" => own.set(&entry.key, texts(&entry.value)),
                _ => own.set(&entry.key, entry.value.clone()),
            }
        }
        // Compose recognises its own objects by these labels.
        if !external {
            let place = node.place;
            own.set_default("labels", map(place, Vec::new()));
            if let Some(labels) = own.get_mut("labels") {
                let label = if kind == "networks" { COMPOSE_NETWORK } else { COMPOSE_VOLUME };
                labels.set(label, text(place, key));
                labels.set(COMPOSE_PROJECT, text(place, self.project.name.clone()));
            }
        }
        own
    }

    fn set(&mut self, entry: &Entry) -> Node {
        let Entry { key, place, value } = entry;
        let service = &self.fitted(key, value);
        let mut set = map(*place, Vec::new());
        self.own_keys(service, &mut set);
        self.identity(key, service, &mut set);
        let says = |said: &&Entry| said.value.kind != Kind::Null && !says_nothing(said);
        for said in service.entries().iter().filter(says) {
            let word = said.key.as_str();
            if let Some((_, why)) = REFUSED.iter().find(|(known, _)| *known == word) {
                self.problems.add_hint(
                    said.place,
                    format!(
                        "`{word}` of `{}` is Compose's, and bayplan has nothing for it",
                        say::short(key)
                    ),
                    *why,
                );
            } else if let Some((_, why)) = NOTED.iter().find(|(known, _)| *known == word) {
                self.note(said.place, format!("`{word}` of `{}`: {why}", say::short(key)));
            } else if MAPS.contains(&word) {
                set.set(word, texts(&said.value));
            } else if SIZES.contains(&word) {
                set.set(word, size(&said.value));
            } else if SAME.contains(&word) {
                set.set(word, said.value.clone());
            } else {
                self.special(key, said, &mut set);
            }
        }
        self.files(service, &mut set);
        self.deploy(key, service, &mut set);
        set
    }

    /// Copies the planner options under `x-bayplan`, from the root and from the service.
    fn own_keys(&mut self, service: &Node, set: &mut Node) {
        let place = set.place;
        set.set("state", text(place, "reloaded"));
        let known: Vec<&str> =
            vocabulary::by_default().into_iter().chain(std::iter::once("detach")).collect();
        for own in [self.project.root.get("x-bayplan"), service.get("x-bayplan")] {
            for entry in own.map(Node::entries).unwrap_or_default() {
                if known.contains(&entry.key.as_str()) {
                    set.set(&entry.key, entry.value.clone());
                    continue;
                }
                let close = self.problems.close(&entry.key, known.iter().copied());
                let message = format!(
                    "expected {} under `x-bayplan`, but found `{}`",
                    say::or(&known),
                    say::short(&entry.key),
                );
                let hint = close.map(|close| format!("did you mean `{close}`?"));
                self.problems.all.push(Problem { place: entry.place, message, hint });
            }
        }
    }

    fn identity(&mut self, key: &str, service: &Node, set: &mut Node) {
        let replicas = service.said("deploy").and_then(|deploy| deploy.said("replicas"));
        let count = service.said("scale").or(replicas);
        if let Some(name) = service.said("container_name") {
            set.set("name", name.clone());
            if count.is_some_and(|count| count.printed().as_deref() == Some("0")) {
                set.set("state", text(set.place, "absent"));
            }
        } else if let Some(count) = count.filter(|count| count.printed().as_deref() != Some("1")) {
            set.set("count", count.clone());
        }
        let image = text(service.place, fitted::image(self.project, key, service));
        set.set(
            "image",
            service.said("image").filter(|own| !own.says_nothing()).cloned().unwrap_or(image),
        );
        self.pull(key, service, set);
        if self.one_shots.contains(key) {
            set.set_default("detach", boolean(set.place, false));
        }
    }

    /// Converts the keys whose values need another form.
    fn special(&mut self, service: &str, said: &Entry, set: &mut Node) {
        let Entry { key, place, value } = said;
        match key.as_str() {
            "command" | "entrypoint" => {
                let words = self.words(value);
                set.set(key, words);
            }
            "environment" => {
                let environment = self.environment(value);
                set.set(key, environment);
            }
            "env_file" | "label_file" => {
                let files = self.relative(value);
                set.set(key, files);
            }
            "depends_on" => {
                let depends_on = self.depends_on(value);
                set.set(key, depends_on);
            }
            "links" => add_links(set, &self.links(value)),
            "external_links" => add_links(set, value),
            "healthcheck" => set.set(key, health(value)),
            "logging" => set.set(key, logging(value)),
            "networks" => set.set(key, networks(service, value)),
            "ports" => {
                let ports = value.items().iter().map(port).collect();
                set.set(key, list(*place, ports));
            }
            "volumes" => {
                let mounts = value.items().iter().map(mount).collect();
                set.set(key, list(*place, mounts));
            }
            "devices" => {
                let devices = value.items().iter().map(device).collect();
                set.set(key, list(*place, devices));
            }
            "security_opt" => {
                let options = self.security(value);
                set.set(key, options);
            }
            "gpus" => set.set(key, requests(value)),
            "extra_hosts" => set.set(key, hosts(value)),
            "restart" => set.set(key, value.clone()),
            "stop_grace_period" => set.set(key, duration(value)),
            "build" | "configs" | "container_name" | "deploy" | "extends" | "image"
            | "profiles" | "pull_policy" | "scale" | "secrets" => {}
            word if is_extension(word) => {}
            word => {
                let message = format!(
                    "`{}` of `{}` is Compose's, and bayplan has nothing for it",
                    say::short(word),
                    say::short(service),
                );
                self.problems.add(*place, message);
            }
        }
    }

    /// Converts variables. A variable without value takes the value of the environment, and is
    /// omitted if the environment has none.
    fn environment(&mut self, node: &Node) -> Node {
        let mut own = map(node.place, Vec::new());
        for (key, value, of) in said_pairs(node) {
            match value {
                Some(value) => own.set(&key, text(of.place, value)),
                None if self.request.assume || self.source.variable(&key).is_some() => {
                    own.set(&key, null(of.place));
                }
                None => own.set(&key, map(of.place, vec![("unset", boolean(of.place, true))])),
            }
        }
        own
    }

    /// Splits a command line into words. A line whose words depend on the values of variables is a
    /// problem: a plan shows the words, and not the values.
    fn words(&mut self, line: &Node) -> Node {
        let Some(written) = line.as_text() else { return line.clone() };
        let Some(words) = super::lines::split(written, self.source) else {
            let flags: Vec<String> = super::lines::splitting(written, self.source)
                .into_iter()
                .map(|name| format!("`--public {}`", say::short(&name)))
                .collect();
            let message = "expected values without blanks, quotes and characters of the shell in a \
                           command line, but a variable has another one";
            let hint = format!(
                "say it as a list of words, or that its values are public: {}",
                flags.join(" ")
            );
            self.problems.add_hint(line.place, message, hint);
            return line.clone();
        };
        list(line.place, words.into_iter().map(|word| text(line.place, word)).collect())
    }

    /// Converts links, by the aliases that Compose uses too.
    fn links(&self, node: &Node) -> Node {
        let mut all = Vec::new();
        for link in node.items() {
            let Some(word) = link.as_text() else { continue };
            let target = word.split(':').next().unwrap_or_default();
            let first = format!("{target}-1");
            let whole = format!("{}-{first}", self.project.name);
            all.push(link.clone());
            for alias in [first, whole] {
                all.push(text(link.place, format!("{target}:{alias}")));
            }
        }
        list(node.place, all)
    }

    /// Converts dependencies. A service of an inactive profile is omitted, and an existing service
    /// is required.
    fn depends_on(&self, node: &Node) -> Node {
        let mut own = node.clone();
        let Some(entries) = own.entries_mut() else { return own };
        entries.retain(|entry| self.services.contains(entry.key.as_str()));
        for Entry { value, .. } in entries {
            if let Some(known) = value.entries_mut() {
                known.retain(|entry| entry.key != "required" && !is_extension(&entry.key));
            }
        }
        own
    }

    /// Converts the paths of environment files or label files, relative to the project directory.
    fn relative(&self, node: &Node) -> Node {
        let path = |node: &Node| {
            text(node.place, relative(&self.request.folder, node.as_text().unwrap_or_default()))
        };
        let items = node.items().iter().map(|item| {
            if item.as_text().is_some() {
                return path(item);
            }
            let mut item = item.clone();
            if let Some(said) = item.get("path").map(path) {
                item.set("path", said);
            }
            item
        });
        list(node.place, items.collect())
    }

    pub(super) fn note(&mut self, place: Place, message: String) {
        self.notes.push(Problem { place, message, hint: None });
    }
}
