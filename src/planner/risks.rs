//! Classifies the dangerous values of options, for planned containers and for existing containers
//! that the plan touches. The risk class of an option is declared in its row. Lost data and outages
//! are [`super::danger`]'s.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::compare::collapse;
use super::danger::{self, Doing};
use super::draft::Planner;
use super::host_path;
use super::matching;
use super::nameless::named_sources;
use super::planned::canonical;
use super::resources::{Found, volume};
use crate::base::image_ref::ImageRef;
use crate::base::notation;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::risk::Risk;
use crate::options::{self, ROWS};
use crate::plan::planned::Options;
use crate::plan::{Action, Danger, Dangerous, Impact};

/// The capabilities that every container has by default.
const USUAL: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Adds a value, if the value is new.
pub(super) fn add(all: &mut Dangerous, danger: Danger, value: impl Into<String>) {
    let values = all.entry(danger).or_default();
    let value = value.into();
    if let Err(place) = values.binary_search(&value) {
        values.insert(place, value);
    }
}

/// Adds the dangerous values of these options.
pub(super) fn of(options: &Options, all: &mut Dangerous) {
    for (key, value) in options {
        let Some(row) = options::row(key) else { continue };
        of_option(row.def().risk, key, value, all);
    }
}

fn of_option(risk: Risk, key: &str, value: &Json, all: &mut Dangerous) {
    match risk {
        // Changed secrets of an existing container are reported elsewhere.
        Risk::None | Risk::Unsaid | Risk::Secrets => {}
        Risk::Privileged => {
            if value == &Json::Bool(true) {
                all.entry(Danger::Privileged).or_default();
            }
        }
        Risk::Capabilities => {
            for name in texts(value).filter(|name| !USUAL.contains(name)) {
                add(all, Danger::Capabilities, name);
            }
        }
        Risk::Confinement => confinement(value, all),
        Risk::Devices => {
            for device in entries(value) {
                add(all, Danger::HostAccess, format!("device:{}", device_source(&device)));
            }
        }
        Risk::DeviceRules => {
            for rule in texts(value) {
                add(all, Danger::HostAccess, format!("device_rule:{rule}"));
            }
        }
        Risk::Gpus => {
            for request in entries(value) {
                add(all, Danger::HostAccess, format!("gpu:{request}"));
            }
        }
        Risk::Namespace => namespace(key, value, all),
        Risk::VolumesOfOthers => {
            for from in entries(value) {
                add(all, Danger::OtherContainers, format!("volumes:{from}"));
            }
        }
        Risk::Mounts => mounts(value, all),
        Risk::VolumeDriver => {
            if let Some(driver) = value.as_str().filter(|driver| *driver != "local") {
                add(all, Danger::HostAccess, format!("volume:driver {driver}"));
            }
        }
        Risk::Ports => {
            for port in texts(value).filter(|port| on_every_address(port)) {
                add(all, Danger::PublicPort, port);
            }
        }
        Risk::AllPorts => {
            if value == &Json::Bool(true) {
                add(all, Danger::PublicPort, "all exposed ports");
            }
        }
    }
}

/// The environment variables and files whose values are references.
pub(super) fn secrets(options: &Options) -> Vec<&str> {
    let secret = |(key, _): &(&String, &Json)| {
        options::row(key).is_some_and(|row| row.def().risk == Risk::Secrets)
    };
    let variables = options.iter().filter(secret).filter_map(|(_, value)| value.as_object());
    let is_reference = |value: &Json| value.get("content").unwrap_or(value).is_object();
    let references = variables.flatten().filter(|(_, value)| is_reference(value));
    references.map(|(name, _)| name.as_str()).collect()
}

fn texts(value: &Json) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// The entries of a list, or the single value, as texts.
fn entries(value: &Json) -> Vec<String> {
    let text = |json: &Json| match json {
        Json::String(text) => text.clone(),
        other => notation::of(other),
    };
    match value {
        Json::Array(all) => all.iter().map(text).collect(),
        Json::Object(all) => all.keys().cloned().collect(),
        Json::Null => Vec::new(),
        one => vec![text(one)],
    }
}

/// The host path of a device such as `/dev/kvm:/dev/kvm:rwm`.
fn device_source(device: &str) -> &str {
    if device.starts_with('/') { device.split(':').next().unwrap_or(device) } else { device }
}

fn confinement(value: &Json, all: &mut Dangerous) {
    for option in texts(value) {
        let (name, profile) = option.split_once('=').unwrap_or((option, ""));
        match (name, profile) {
            ("seccomp" | "apparmor" | "systempaths", "unconfined") | ("label", "disable") => {
                add(all, Danger::Unconfined, name);
            }
            ("seccomp", "" | "builtin" | "default") | ("apparmor", "" | "docker-default") => {}
            // What a profile of one's own allows is not known.
            ("seccomp", _) => add(all, Danger::Unconfined, "seccomp: own profile"),
            ("apparmor", profile) => add(all, Danger::Unconfined, format!("apparmor: {profile}")),
            _ => {}
        }
    }
}

fn namespace(key: &str, value: &Json, all: &mut Dangerous) {
    let class = match key {
        "network_mode" => "network",
        "userns_mode" => "userns",
        other => other,
    };
    let Some(mode) = value.as_str() else { return };
    let of_set = |mode: &'_ str| mode.split_once(':').map(|(_, name)| name.to_owned());
    if mode == "host" {
        add(all, Danger::HostAccess, class);
    } else if mode.starts_with("container:") || mode.starts_with("service:") {
        let name = of_set(mode).unwrap_or_default();
        add(all, Danger::OtherContainers, format!("{class}:{name}"));
    }
}

/// Adds the bind mounts, each with its class.
fn mounts(value: &Json, all: &mut Dangerous) {
    for mount in value.as_array().into_iter().flatten() {
        let (source, read_only) = match mount {
            Json::String(text) if text.starts_with('/') => {
                let mut parts = text.split(':');
                let source = parts.next().unwrap_or_default();
                let Some(_) = parts.next() else { continue };
                (
                    source,
                    parts.next().is_some_and(|words| words.split(',').any(|word| word == "ro")),
                )
            }
            Json::Object(long) if mount["type"] == "bind" => {
                let read_only = long.get("read_only") == Some(&Json::Bool(true));
                (mount["source"].as_str().unwrap_or_default(), read_only)
            }
            _ => continue,
        };
        let note = if read_only { "read-only" } else { "" };
        add(all, Danger::HostAccess, host_path::told(source, note));
    }
}

/// Whether a published port is bound to every address: `8080:80/tcp`, `0.0.0.0:8080:80/tcp`.
fn on_every_address(port: &str) -> bool {
    let address = match port.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None if port.matches(':').count() == 2 => port.split(':').next().unwrap_or_default(),
        None => "",
    };
    matches!(address, "" | "0.0.0.0" | "::")
}

impl Planner<'_> {
    /// The options of a container that may be dangerous.
    pub(super) fn risky(&self, found: &InspectView) -> Options {
        let rows = ROWS.iter().copied().zip(self.plain.values());
        let rows = rows.filter(|(row, _)| !matches!(row.def().risk, Risk::None | Risk::Secrets));
        let own = rows.filter(|(row, plain)| collapse(row.read(found)) != **plain);
        own.map(|(row, _)| (row.def().key.to_owned(), self.named(canonical(row, found)))).collect()
    }

    /// The dangers of a change that creates a container. A volume that is there already is judged
    /// where the container gets it newly.
    pub(super) fn dangers_of_created(
        &self,
        doing: &Doing<'_>,
        impact: &Impact,
        look: &InspectView,
    ) -> Dangerous {
        let mut all = danger::dangers(doing, impact);
        let before = doing.found.and_then(|member| member.container.inspect.as_ref());
        let before = before.map(named_sources).unwrap_or_default();
        for name in named_sources(look.json()).difference(&before) {
            let Found::One(found) = self.volumes.named(name) else { continue };
            if let Some(access) = volume::beyond_found(name, found) {
                add(&mut all, Danger::HostAccess, access);
            }
        }
        all
    }

    /// Marks new containers whose image comes from a new repository or registry. Without a running
    /// container of the project nothing is compared. Orphans are of the project, too.
    pub(super) fn image_sources(&mut self) {
        let members = self.members.values().flatten().map(|member| member.container);
        let own = self.snapshot.containers.iter().filter(|container| {
            matching::owner(container).is_some_and(|(project, _)| project == self.spec.project)
        });
        let live = members.chain(own).filter(|container| container.run().is_live());
        let known: BTreeSet<(String, String)> =
            live.filter_map(|container| source(container.made_from()?)).collect();
        if known.is_empty() {
            return;
        }
        for job in &mut self.jobs {
            let set = job.change.set.as_ref().and_then(|set| self.spec.sets.get(set));
            let reference = set.and_then(|set| set.image.as_deref());
            let Some((registry, path)) = reference.and_then(source) else { continue };
            let creates = job.steps.iter().any(|step| matches!(step.action, Action::Create { .. }));
            if !creates || known.contains(&(registry.clone(), path.clone())) {
                continue;
            }
            let value = if known.iter().any(|(known, _)| *known == registry) {
                format!("repository:{registry}/{path}")
            } else {
                format!("registry:{registry}")
            };
            add(&mut job.change.dangerous, Danger::ImageSource, value);
            job.change.danger.push(Danger::ImageSource);
            job.change.danger.sort();
        }
    }

    /// Replaces a container ID in a namespace mode by the container name.
    fn named(&self, value: Json) -> Json {
        let id = value.as_str().and_then(|text| text.strip_prefix("container:"));
        let name = id.and_then(|id| {
            let id = crate::base::ident::ContainerId::new(id);
            Some(self.index.by_id(&id)?.name())
        });
        name.map_or(value, |name| format!("container:{}", say::safe(name.as_str())).into())
    }
}

/// The registry and repository path of an image reference; an image ID has none.
fn source(reference: &str) -> Option<(String, String)> {
    match ImageRef::parse(reference).ok()? {
        ImageRef::Named(named) => Some((named.registry, named.path)),
        ImageRef::Id(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::super::tests::{add, plan, spec, world};
    use super::*;
    use crate::observed::snapshot::Snapshot;
    use crate::options::value::HIDDEN;
    use crate::spec::Spec;

    #[expect(clippy::too_many_lines, reason = "one line an option")]
    /// A new option changes this table, so the author has to decide its risk class.
    #[test]
    fn every_option_has_its_class_of_danger() {
        let mut table = String::new();
        for row in ROWS {
            let about = row.def();
            assert_ne!(about.risk, Risk::Unsaid, "{} says no `risk`", about.key);
            let _ = writeln!(table, "{:<22}{:?}", about.key, about.risk);
        }
        insta::assert_snapshot!(table, @"
        command               None
        entrypoint            None
        environment           Secrets
        labels                None
        user                  None
        group_add             None
        working_dir           None
        tty                   None
        stdin_open            None
        stdin_once            None
        healthcheck           None
        logging               None
        annotations           None
        ports                 Ports
        expose                None
        publish_all_ports     AllPorts
        hostname              None
        domainname            None
        network_mode          Namespace
        networks              None
        mac_address           None
        links                 None
        dns                   None
        dns_search            None
        dns_opt               None
        extra_hosts           None
        volumes               Mounts
        volumes_from          VolumesOfOthers
        volume_driver         VolumeDriver
        tmpfs                 None
        shm_size              None
        storage_opt           None
        files                 Secrets
        mem_limit             None
        memswap_limit         None
        mem_reservation       None
        mem_swappiness        None
        cpus                  None
        cpu_period            None
        cpu_quota             None
        cpu_rt_period         None
        cpu_rt_runtime        None
        cpu_shares            None
        cpuset                None
        cpuset_mems           None
        pids_limit            None
        blkio_config          None
        ulimits               None
        oom_score_adj         None
        oom_kill_disable      None
        privileged            Privileged
        read_only             None
        cap_add               Capabilities
        cap_drop              None
        security_opt          Confinement
        devices               Devices
        device_cgroup_rules   DeviceRules
        gpus                  Gpus
        pid                   Namespace
        ipc                   Namespace
        uts                   Namespace
        userns_mode           Namespace
        cgroup                Namespace
        cgroup_parent         None
        runtime               None
        sysctls               None
        platform              None
        restart               None
        restart_policy_retry  None
        auto_remove           None
        init                  None
        stop_signal           None
        stop_grace_period     None
        ");
    }

    #[expect(clippy::too_many_lines, reason = "one line a value")]
    #[test]
    fn each_dangerous_value_is_named() {
        let options = [
            ("cap_add", json!(["CHOWN", "SYS_ADMIN", "NET_ADMIN"])),
            ("cgroup", json!("host")),
            ("device_cgroup_rules", json!(["c 1:3 mr"])),
            ("devices", json!(["/dev/kvm:/dev/kvm", "vendor.com/gpu=all"])),
            ("gpus", json!("all")),
            ("ipc", json!("container:a")),
            ("network_mode", json!("host")),
            ("pid", json!("host")),
            ("ports", json!(["80/tcp", "8080:80/tcp", "127.0.0.1:1:1/tcp", "[::]:2:2/tcp"])),
            ("privileged", json!(true)),
            (
                "security_opt",
                json!([
                    "seccomp=unconfined",
                    "apparmor=unconfined",
                    "no-new-privileges=true",
                    r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW"}"#,
                    "apparmor=foo",
                    "apparmor=default",
                ]),
            ),
            ("userns_mode", json!("host")),
            ("uts", json!("host")),
            ("volume_driver", json!("nfs")),
            (
                "volumes",
                json!([
                    "data:/data", "/cache", "/:/host:ro", "/etc/app:/etc/app", "/srv:/srv",
                    "/var/run/docker.sock:/d.sock:ro", "/srv/../etc:/x", "/proc:/p",
                    {"type": "bind", "source": "/run", "target": "/run", "read_only": true},
                    "/opt (read-only):/opt", "/var/lib:/l", "/var/library:/m",
                    {"type": "tmpfs", "target": "/tmp"},
                ]),
            ),
            ("volumes_from", json!(["db:ro"])),
        ];
        let options = options.map(|(key, value)| (key.to_owned(), value)).into();
        let mut all = Dangerous::new();
        of(&options, &mut all);
        for (danger, values) in &all {
            let classes = danger.classes();
            for value in values.iter().filter(|_| !classes.is_empty()) {
                let class = value.split(':').next().unwrap_or_default();
                assert!(classes.contains(&class), "{danger:?}: {value}");
            }
        }
        insta::assert_snapshot!(serde_json::to_string_pretty(&all).unwrap(), @r#"
        {
          "privileged": [],
          "host_access": [
            "bind:\"/opt (read-only)\"",
            "bind:/srv",
            "bind:/var/library",
            "cgroup",
            "device:/dev/kvm",
            "device:vendor.com/gpu=all",
            "device_rule:c 1:3 mr",
            "docker_socket:/run (read-only)",
            "docker_socket:/var/run/docker.sock (read-only)",
            "etc:/etc",
            "etc:/etc/app",
            "gpu:all",
            "network",
            "pid",
            "root:/ (read-only)",
            "system:/proc",
            "system:/var/lib",
            "userns",
            "uts",
            "volume:driver nfs"
          ],
          "capabilities": [
            "NET_ADMIN",
            "SYS_ADMIN"
          ],
          "unconfined": [
            "apparmor",
            "apparmor: default",
            "apparmor: foo",
            "seccomp",
            "seccomp: own profile"
          ],
          "other_containers": [
            "ipc:a",
            "volumes:db:ro"
          ],
          "public_port": [
            "80/tcp",
            "8080:80/tcp",
            "[::]:2:2/tcp"
          ]
        }
        "#);
    }

    #[test]
    fn a_volume_that_is_there_is_a_danger_to_whom_it_is_new() {
        let text = |more: &str| {
            let web = format!("name: web, image: 'app:1', state: reloaded, {more}");
            spec(&format!(
                "project: p\nvolumes:\n  out: {{external: true}}\ncontainers:\n  web: {{{web}}}\n"
            ))
        };
        let host = |spec: &Spec, snapshot: &Snapshot| {
            let all = plan(spec, snapshot).plan.changes;
            all.into_iter().find_map(|mut change| change.dangerous.remove(&Danger::HostAccess))
        };
        let mounted = text("volumes: ['out:/out']");
        for (options, told) in [
            (json!({"type": "none", "o": "bind", "device": "/etc"}), Some("etc:/etc (volume out)")),
            (
                json!({"type": "none", "o": "bind,ro", "device": "/run/docker.sock"}),
                Some("docker_socket:/run/docker.sock (volume out)"),
            ),
            (json!({"type": "none", "o": "bind", "device": "/"}), Some("root:/ (volume out)")),
            (json!({"type": "none", "o": HIDDEN, "device": "/a"}), Some("bind:/a (volume out)")),
            (json!({"type": "tmpfs", "o": "bind", "device": "/"}), Some("root:/ (volume out)")),
            (json!({"type": "ext4", "device": "/dev/sdb"}), Some("device:/dev/sdb (volume out)")),
            (
                json!({"type": "nfs", "o": "addr=nas,rw", "device": ":/a"}),
                Some("volume:out :/a addr=nas"),
            ),
            (
                json!({"type": "none", "o": HIDDEN, "device": HIDDEN}),
                Some("volume:out a hidden device"),
            ),
            (json!({"type": "tmpfs", "device": "tmpfs"}), None),
            (json!(null), None),
        ] {
            let mut snapshot = world();
            snapshot.volumes.push(json!({"Name": "out", "Driver": "local", "Options": options}));
            let told = told.map(|told| vec![told.to_owned()]);
            assert_eq!(host(&mounted, &snapshot), told, "{options}");
            assert_eq!(host(&text("tty: true"), &snapshot), None, "{options}");
            let made = plan(&mounted, &snapshot).plan;
            let judged = crate::stale::judge(&made, &mounted, &snapshot);
            assert!(judged.is_current(), "{:?}", judged.tampered);
            // The first mount is new to a container that is replaced; a second time nothing is.
            add(&mut snapshot, &text("tty: true"), "web", "web", "running");
            assert_eq!(host(&mounted, &snapshot), told, "{options}");
            snapshot.containers.clear();
            add(&mut snapshot, &mounted, "web", "web", "running");
            let again = text("tty: true, volumes: ['out:/out']");
            assert_eq!(host(&again, &snapshot), None, "{options}");
        }
    }

    #[test]
    fn an_orphan_that_runs_tells_sources_of_the_project_too() {
        let both = "project: p\ncontainers: {web: {image: 'app:1'}, job: {image: 'app:1'}}\n";
        let now = spec("project: p\ncontainers: {web: {image: 'app:1', count: 2}}\n");
        let mut snapshot = world();
        add(&mut snapshot, &spec(both), "web", "p-web-1", "running");
        super::super::tests::inspect(&mut snapshot, "p-web-1")["Config"]["Image"] =
            json!("other:1");
        let told = |snapshot: &Snapshot| {
            let plan = plan(&now, snapshot).plan;
            let change = plan.changes.iter().find(|change| change.id.as_str() == "p-web-2");
            let sources = change.unwrap().dangerous.get(&Danger::ImageSource).cloned();
            (sources, plan)
        };
        let source = Some(vec!["repository:docker.io/library/app".to_owned()]);
        assert_eq!(told(&snapshot).0, source);
        add(&mut snapshot, &spec(both), "job", "p-job-1", "exited");
        assert_eq!(told(&snapshot).0, source);
        snapshot.containers.pop();
        add(&mut snapshot, &spec(both), "job", "p-job-1", "running");
        let (none, plan) = told(&snapshot);
        assert_eq!(none, None);
        assert!(crate::stale::judge(&plan, &now, &snapshot).is_current());
        // The orphan is in no fact: what the reviewer read has another danger now, and is stale.
        snapshot.containers.pop();
        let judged = crate::stale::judge(&plan, &now, &snapshot);
        let codes: Vec<&str> = judged.stale.iter().map(|stale| stale.code.as_str()).collect();
        assert_eq!((codes, judged.tampered.len()), (vec!["sources_moved", "warnings_moved"], 0));
    }

    #[test]
    fn what_is_not_dangerous_is_not_told() {
        let options = [
            ("cap_add", json!(["CHOWN"])),
            ("cgroup", json!("private")),
            ("network_mode", json!("none")),
            ("ports", json!(["127.0.0.1:8080:80/tcp", "[::1]:8080:80/tcp"])),
            ("privileged", json!(false)),
            ("security_opt", json!(["seccomp=builtin", "apparmor=docker-default"])),
            ("volume_driver", json!("local")),
            ("volumes", json!(["data:/data", "/cache", {"type": "volume", "target": "/x:y"}])),
        ];
        let mut all = Dangerous::new();
        of(&options.map(|(key, value)| (key.to_owned(), value)).into(), &mut all);
        assert_eq!(all, Dangerous::new());
    }
}
