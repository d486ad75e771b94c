//! What is known of an engine, as far as it decides what a container looks like there.
//!
//! Facts only: what follows from them is [`super::adapt`]'s. Asking an engine is
//! [`crate::engine`]'s.

use serde_json::Value as Json;

use crate::base::api::{self, Api};
use crate::base::say;
use crate::base::target::Target;
use crate::observed::snapshot::EngineRecord;
use crate::options::platform;

/// Whose engine it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Docker Engine, or Moby under another distributor's name.
    Docker,
    /// podman's Docker-compatible service, which shows containers otherwise than it was told.
    Podman,
    /// Something else; the name that it gives itself.
    Unknown(String),
}

/// Facts about an engine, from its own words.
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Whose engine it is.
    pub kind: Kind,
    /// The newest API that it speaks.
    pub api: Api,
    /// The oldest API that it speaks.
    pub min_api: Api,
    /// Its version, `28.5.2`.
    pub version: String,
    /// `linux`.
    pub os: String,
    /// `amd64`, as Go writes it.
    pub arch: String,
    /// Whether its host has control groups of version 2.
    pub cgroup2: bool,
    /// Whether a limit of swap can be set.
    pub swap_limit: bool,
    /// Whether a limit of memory can be set.
    pub memory_limit: bool,
    /// Whether a limit of processes can be set.
    pub pids_limit: bool,
    /// Whether the out-of-memory killer can be kept away.
    pub oom_kill_disable: bool,
    /// Whether CPU shares can be set.
    pub cpu_shares: bool,
    /// Whether a CPU period and quota can be set.
    pub cpu_quota: bool,
    /// Whether processors can be chosen.
    pub cpuset: bool,
    /// Whether a weight of block I/O can be set. Not in the engine's words: its kernel tells.
    pub blkio_weight: bool,
    /// The runtime of containers that name none.
    pub default_runtime: String,
    /// The log driver of containers that name none.
    pub log_driver: String,
    /// The storage driver, `overlay2`.
    pub storage: String,
    /// Whether images are in containerd's store: an image ID is another digest then.
    pub containerd_store: bool,
    /// The ID that the engine gave itself; clones share it.
    pub id: String,
    /// The name of its host.
    pub name: String,
    /// Its data directory.
    pub root_dir: String,
}

impl Engine {
    /// An engine from its answers to `/version` and `/info`; of the first the API is enough. What is
    /// missing is as on the newest engine.
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

    /// The newest engine on a host that can do everything; for data that tells no engine. It has
    /// no identity.
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

    /// Whether it shows under `Config` which address a container wished for, as long as it lives.
    pub fn shows_mac_address(&self) -> bool {
        self.api < api::HIDES_MAC_ADDRESS
    }

    /// The same engine, if its API were the newest and its host could do everything. No host has
    /// it all: what version 2 of control groups lost is here beside what it brought.
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

    /// The engine of a snapshot; the newest where the snapshot tells none.
    pub fn of_snapshot(snapshot: &crate::observed::snapshot::Snapshot) -> Self {
        snapshot.engine.as_ref().map_or_else(Self::newest, Self::of)
    }

    /// Why nothing can be planned for it, with the way out; `None` for an engine that is known.
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

    /// Who it is, for a plan.
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
    /// Whose engine it is by its `/version`: the name of the component that is the engine.
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
    // Without components it is an old Docker; nobody else ever left them out.
    match names.first() {
        None => Kind::Docker,
        Some(_) if names.contains(&"Engine") => Kind::Docker,
        Some(name) => Kind::Unknown((*name).to_owned()),
    }
}

/// Whether images are in containerd's store. Its status names the snapshotter.
fn has_containerd_store(info: &Json) -> bool {
    info["DriverStatus"].as_array().into_iter().flatten().any(|pair| {
        pair[0].as_str() == Some("driver-type")
            && pair[1].as_str().is_some_and(|kind| kind.starts_with("io.containerd.snapshotter"))
    })
}

/// With control groups of version 1 the weight went with the CFQ scheduler, in Linux 5.0.
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
