//! The properties of an engine that affect its containers.
//!
//! The effects of the properties are in [`super::adapt`]. An engine's properties are requested in
//! [`crate::engine`].

use serde_json::Value as Json;

use crate::base::api::{self, Api};
use crate::base::say;
use crate::base::target::Target;
use crate::observed::snapshot::EngineRecord;
use crate::options::platform;

/// The kind of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Docker Engine, or Moby under another distributor's name.
    Docker,
    /// podman's Docker-compatible service, which shows containers differently from their
    /// declaration.
    Podman,
    /// Another engine, with the engine's own name.
    Unknown(String),
}

/// The properties of an engine, from its own answers.
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// The kind of the engine.
    pub kind: Kind,
    /// The newest API version of the engine.
    pub api: Api,
    /// The oldest API version of the engine.
    pub min_api: Api,
    /// The version of the engine, `28.5.2`.
    pub version: String,
    /// The operating system, `linux`.
    pub os: String,
    /// The architecture in Go's notation, `amd64`.
    pub arch: String,
    /// Whether the host uses cgroup v2.
    pub cgroup2: bool,
    /// Whether the host supports swap limits.
    pub swap_limit: bool,
    /// Whether the host supports memory limits.
    pub memory_limit: bool,
    /// Whether the host supports limits of processes.
    pub pids_limit: bool,
    /// Whether the host can disable the out-of-memory killer.
    pub oom_kill_disable: bool,
    /// Whether the host supports CPU shares.
    pub cpu_shares: bool,
    /// Whether the host supports CPU periods and quotas.
    pub cpu_quota: bool,
    /// Whether the host supports CPU sets.
    pub cpuset: bool,
    /// Whether the host supports block I/O weights. The engine does not tell; the kernel version
    /// does.
    pub blkio_weight: bool,
    /// The default runtime.
    pub default_runtime: String,
    /// The default log driver.
    pub log_driver: String,
    /// The storage driver, `overlay2`.
    pub storage: String,
    /// Whether the engine uses the containerd image store, in which an image ID is another digest.
    pub containerd_store: bool,
    /// The engine's own ID, which cloned hosts share.
    pub id: String,
    /// The name of the host.
    pub name: String,
    /// The data directory of the engine.
    pub root_dir: String,
}

impl Engine {
    /// An engine from its answers to `/version` and `/info`; an answer to `/version` may have the
    /// API version only. A missing value defaults to the value of the newest engine.
    pub fn of(record: &EngineRecord) -> Self {
        let EngineRecord { version, info } = record;
        let newest = Self::newest();
        let text = |json: &Json, or: &str| match json.as_str() {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => or.to_owned(),
        };
        let can = |field: &str| info[field].as_bool().unwrap_or(true);
        let cgroup2 = info["CgroupVersion"].as_str() == Some("2");
        let kernel = info["KernelVersion"].as_str().or_else(|| version["KernelVersion"].as_str());
        let machine = info["Architecture"].as_str().filter(|machine| !machine.is_empty());
        let machine = machine.map(platform::machine);
        Self {
            kind: kind(version),
            api: version["ApiVersion"].as_str().and_then(Api::parse).unwrap_or(newest.api),
            min_api: version["MinAPIVersion"]
                .as_str()
                .and_then(Api::parse)
                .unwrap_or(newest.min_api),
            version: text(&version["Version"], &text(&info["ServerVersion"], "")),
            os: text(&version["Os"], &text(&info["OSType"], &newest.os)),
            arch: text(&version["Arch"], &machine.unwrap_or(newest.arch)),
            cgroup2,
            swap_limit: can("SwapLimit"),
            memory_limit: can("MemoryLimit"),
            pids_limit: can("PidsLimit"),
            oom_kill_disable: info["OomKillDisable"].as_bool().unwrap_or(!cgroup2),
            cpu_shares: can("CPUShares"),
            cpu_quota: can("CpuCfsQuota") && can("CpuCfsPeriod"),
            cpuset: can("CPUSet"),
            blkio_weight: cgroup2 || !kernel.is_some_and(lost_blkio_weight),
            default_runtime: text(&info["DefaultRuntime"], &newest.default_runtime),
            log_driver: text(&info["LoggingDriver"], &newest.log_driver),
            storage: text(&info["Driver"], ""),
            containerd_store: has_containerd_store(info),
            id: text(&info["ID"], ""),
            name: text(&info["Name"], ""),
            root_dir: text(&info["DockerRootDir"], ""),
        }
    }

    /// The newest engine on a host with all features, for data without an engine. The engine has no
    /// identity.
    pub fn newest() -> Self {
        Self {
            kind: Kind::Docker,
            api: api::NEWEST,
            min_api: api::OLDEST_OF_NEWEST,
            version: String::new(),
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
            cgroup2: true,
            swap_limit: true,
            memory_limit: true,
            pids_limit: true,
            oom_kill_disable: false,
            cpu_shares: true,
            cpu_quota: true,
            cpuset: true,
            blkio_weight: true,
            default_runtime: "runc".to_owned(),
            log_driver: "json-file".to_owned(),
            storage: String::new(),
            containerd_store: false,
            id: String::new(),
            name: String::new(),
            root_dir: String::new(),
        }
    }

    /// Whether the engine shows a container's requested MAC address in `Config` during its whole
    /// life.
    pub fn shows_mac_address(&self) -> bool {
        self.api < api::HIDES_MAC_ADDRESS
    }

    /// The same engine with the newest API and all host features. No real host has all features,
    /// because cgroup v2 dropped some features of cgroup v1.
    #[must_use]
    pub fn supporting_all(&self) -> Self {
        Self {
            api: api::NEWEST.max(self.api),
            cgroup2: false,
            swap_limit: true,
            memory_limit: true,
            pids_limit: true,
            oom_kill_disable: true,
            cpu_shares: true,
            cpu_quota: true,
            cpuset: true,
            blkio_weight: true,
            ..self.clone()
        }
    }

    /// The engine of a snapshot; the newest engine if the snapshot names no engine.
    pub fn of_snapshot(snapshot: &crate::observed::snapshot::Snapshot) -> Self {
        snapshot.engine.as_ref().map_or_else(Self::newest, Self::of)
    }

    /// Why bayplan refuses to plan for the engine, with a hint; `None` for a supported engine.
    pub fn refuse(&self) -> Option<String> {
        let found = say::short(&self.version);
        if self.kind == Kind::Podman {
            return Some(format!(
                "expected Docker Engine, but found podman {found}, which shows containers \
                 otherwise than it was told\n\
                 hint: point --host at a Docker Engine; podman is not supported"
            ));
        }
        if let Kind::Unknown(name) = &self.kind {
            let name = say::short(name);
            return Some(format!(
                "expected Docker Engine, but found {name} {found}\n\
                 hint: point --host at a Docker Engine"
            ));
        }
        if self.os != "linux" {
            let os = say::short(&self.os);
            return Some(format!(
                "expected an engine that runs Linux containers, but found {os}\n\
                 hint: switch the engine to Linux containers"
            ));
        }
        if self.api < api::OLDEST {
            return Some(format!(
                "expected API {} or newer, but found {} (Docker {found})\n\
                 hint: Docker 20.10 is the oldest that is supported",
                api::OLDEST,
                self.api
            ));
        }
        None
    }

    /// The identity of the engine, for a plan.
    pub fn target(&self) -> Target {
        let storage = if self.containerd_store {
            format!("{} containerd", self.storage)
        } else {
            self.storage.clone()
        };
        Target {
            name: self.name.clone(),
            engine_id: self.id.clone(),
            root_dir: self.root_dir.clone(),
            platform: format!("{}/{}", self.os, self.arch),
            storage,
        }
    }
}

impl Kind {
    /// The kind of an engine by its `/version`: the name of the engine component.
    pub fn of(version: &Json) -> Self {
        kind(version)
    }
}

fn kind(version: &Json) -> Kind {
    let names: Vec<&str> = version["Components"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|component| component["Name"].as_str())
        .collect();
    if names.iter().any(|name| name.to_ascii_lowercase().contains("podman")) {
        return Kind::Podman;
    }
    // Only an old Docker has no components.
    match names.first() {
        None => Kind::Docker,
        Some(_) if names.contains(&"Engine") => Kind::Docker,
        Some(name) => Kind::Unknown((*name).to_owned()),
    }
}

/// Whether the engine uses the containerd image store, by the snapshotter in its status.
fn has_containerd_store(info: &Json) -> bool {
    info["DriverStatus"].as_array().into_iter().flatten().any(|pair| {
        pair[0].as_str() == Some("driver-type")
            && pair[1].as_str().is_some_and(|kind| kind.starts_with("io.containerd.snapshotter"))
    })
}

/// On cgroup v1, the weight was lost with the CFQ scheduler in Linux 5.0.
fn lost_blkio_weight(kernel: &str) -> bool {
    let major = kernel.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= 5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn engine(version: Json, info: Json) -> Engine {
        Engine::of(&EngineRecord { version, info })
    }

    #[test]
    fn podman_is_refused_by_name() {
        let podman = engine(
            json!({"Components": [{"Name": "Podman Engine"}], "Version": "5.8.6", "ApiVersion": "1.44"}),
            json!({}),
        );
        insta::assert_snapshot!(podman.refuse().unwrap(), @r"
        expected Docker Engine, but found podman 5.8.6, which shows containers otherwise than it was told
        hint: point --host at a Docker Engine; podman is not supported
        ");
    }

    #[test]
    fn an_api_that_is_too_old_is_refused() {
        let old = engine(json!({"Version": "19.03.5", "ApiVersion": "1.40"}), json!({}));
        insta::assert_snapshot!(old.refuse().unwrap(), @r"
        expected API 1.41 or newer, but found 1.40 (Docker 19.03.5)
        hint: Docker 20.10 is the oldest that is supported
        ");
        assert_eq!(Engine::newest().refuse(), None);
    }

    #[test]
    fn the_image_store_is_part_of_who_it_is() {
        let containerd = engine(
            json!({"ApiVersion": "1.51", "Os": "linux", "Arch": "arm64"}),
            json!({"Driver": "overlayfs", "Name": "h", "ID": "i", "DockerRootDir": "/d",
                   "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}),
        );
        assert!(containerd.containerd_store);
        assert_eq!(
            containerd.target(),
            Target {
                name: "h".into(),
                engine_id: "i".into(),
                root_dir: "/d".into(),
                platform: "linux/arm64".into(),
                storage: "overlayfs containerd".into(),
            }
        );
    }
}
