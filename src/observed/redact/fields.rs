//! Decides which fields of an engine's answer may carry a secret.
//!
//! The lists name the fields that stay readable. Any other text is hidden unless it is public, so
//! that a new field of a newer engine (or podman's `CreateCommand`) is hidden first. Numbers and
//! booleans always stay readable; names, paths, addresses and IDs stay too.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json, json};

use super::places::within;
use super::{View, object};
use crate::base::ident::LABEL_PREFIX;
use crate::observed::snapshot::Container;
use crate::options::fields::Of;
use crate::options::value::Live;

/// Log options about the amount of kept logs; options about a destination are not here.
const KNOWN_LOG_OPTIONS: &[&str] =
    &["cache-", "compress", "max-buffer-size", "max-file", "max-size", "mode"];

/// The label prefixes by which containers are matched or skipped.
const KNOWN_LABELS: &[&str] = &[LABEL_PREFIX, "com.docker.compose.", "com.docker.swarm."];

/// The options about the function of a network.
const KNOWN_OPTIONS: &[&str] =
    &["com.docker.network.", "encrypted", "parent", "ipvlan_", "macvlan_"];

const INSPECT: &[&str] = &[
    "Id",
    "Created",
    "State",
    "Image",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "Name",
    "Driver",
    "Platform",
    "MountLabel",
    "ProcessLabel",
    "AppArmorProfile",
    "HostConfig",
    "Mounts",
    "Config",
    "NetworkSettings",
    "ImageManifestDescriptor",
];

/// Storage paths and running execs of a container, which no plan needs.
pub const UNKEPT: &[&str] = &["ExecIDs", "GraphDriver"];

const STATE: &[&str] = &["Status", "StartedAt", "FinishedAt", "Health"];

/// Readable fields without an option row.
const OTHERS: &[&str] = &["Image", "Capabilities", "Cgroup", "ContainerIDFile", "Isolation"];

/// The readable fields of `Config` or `HostConfig`: from the option rows, and from the list above.
fn kept(of: Of) -> &'static [&'static str] {
    static CONFIG: OnceLock<Vec<&'static str>> = OnceLock::new();
    static HOST: OnceLock<Vec<&'static str>> = OnceLock::new();
    let kept = if of == Of::Host { &HOST } else { &CONFIG };
    kept.get_or_init(|| of.kept().chain(OTHERS.iter().copied()).collect())
}

const MOUNT: &[&str] = &[
    "Type",
    "Name",
    "Source",
    "Target",
    "Destination",
    "Driver",
    "Mode",
    "Propagation",
    "Consistency",
    "BindOptions",
    "TmpfsOptions",
    "ImageOptions",
    "VolumeOptions",
];

const VOLUME_OPTIONS: &[&str] = &["Subpath", "DriverConfig", "Labels"];

const NETWORKS: &[&str] = &[
    "IPAMConfig",
    "Links",
    "Aliases",
    "MacAddress",
    "NetworkID",
    "EndpointID",
    "Gateway",
    "IPAddress",
    "IPv6Gateway",
    "GlobalIPv6Address",
    "DNSNames",
];

const LIST: &[&str] = &[
    "Id",
    "Names",
    "Image",
    "ImageID",
    "ImageManifestDescriptor",
    "Ports",
    "Labels",
    "State",
    "Status",
    "Health",
    "HostConfig",
    "NetworkSettings",
    "Mounts",
];

const NETWORK: &[&str] = &[
    "Name",
    "Id",
    "Created",
    "Scope",
    "Driver",
    "IPAM",
    "ConfigFrom",
    "Containers",
    "Options",
    "Labels",
    "Peers",
];

const VOLUME: &[&str] =
    &["CreatedAt", "Driver", "Labels", "Mountpoint", "Name", "Scope", "Options"];

/// The fields of `/info` that a plan may need. Other fields only change, or name proxies, whose
/// addresses may contain passwords.
const INFO: &[&str] = &[
    "ID",
    "Name",
    "DockerRootDir",
    "Driver",
    "DriverStatus",
    "OSType",
    "Architecture",
    "OperatingSystem",
    "KernelVersion",
    "ServerVersion",
    "CgroupDriver",
    "CgroupVersion",
    "DefaultRuntime",
    "LoggingDriver",
    "SecurityOptions",
    "LiveRestoreEnabled",
    "Isolation",
    "MemoryLimit",
    "SwapLimit",
    "KernelMemory",
    "KernelMemoryTCP",
    "CpuCfsPeriod",
    "CpuCfsQuota",
    "CPUShares",
    "CPUSet",
    "PidsLimit",
    "OomKillDisable",
    "IPv4Forwarding",
    "NCPU",
    "MemTotal",
    "InitBinary",
    "ExperimentalBuild",
    "CDISpecDirs",
    "DefaultAddressPools",
];

impl View<'_> {
    pub(super) fn container(&self, container: &mut Container) {
        if let Some(list) = &mut container.list {
            self.list(list);
        }
        if let Some(inspect) = &mut container.inspect {
            container.env = self.inspect(inspect);
        }
    }

    fn list(&self, entry: &mut Json) {
        self.hide_but(entry, "", LIST);
        self.hide_values(entry.get_mut("Labels"), "Labels", KNOWN_LABELS);
        if let Some(host) = entry.get_mut("HostConfig") {
            self.hide_but(host, "HostConfig", &["NetworkMode"]);
        }
        self.networks(entry);
        self.mounts(entry.get_mut("Mounts"), "Mounts");
    }

    fn inspect(&self, inspect: &mut Json) -> BTreeMap<String, Live> {
        self.hide_but(inspect, "", INSPECT);
        if let Json::Object(map) = inspect {
            for field in UNKEPT {
                map.remove(*field);
            }
        }
        if let Some(state) = object(inspect, "State") {
            trim_state(state);
        }
        if let Some(state) = inspect.get_mut("State") {
            self.hide_but(state, "State", STATE);
        }
        self.options(inspect)
    }

    /// Hides what options read.
    pub(super) fn options(&self, inspect: &mut Json) -> BTreeMap<String, Live> {
        self.networks(inspect);
        self.mounts(inspect.get_mut("Mounts"), "Mounts");
        if let Some(host) = inspect.get_mut("HostConfig") {
            self.host(host);
        }
        let Some(config) = inspect.get_mut("Config") else {
            return BTreeMap::new();
        };
        let mut plain = kept(Of::Config).to_vec();
        let said = |field: &&&str| self.noted.says(field, &config[**field]);
        plain.extend(["Cmd", "Entrypoint"].iter().filter(said));
        self.hide_but(config, "", &plain);
        self.hide_values(config.get_mut("Labels"), "Labels", KNOWN_LABELS);
        if !self.noted.says("Healthcheck.Test", &config["Healthcheck"]["Test"]) {
            self.health(config.get_mut("Healthcheck"));
        }
        self.environment(config.get_mut("Env"))
    }

    /// Hides a health check, but keeps the words for its kind.
    fn health(&self, check: Option<&mut Json>) {
        let Some(Json::Array(test)) = check.and_then(|check| check.get_mut("Test")) else { return };
        for (index, word) in test.iter_mut().enumerate() {
            let kind = index == 0 && matches!(word.as_str(), Some("NONE" | "CMD" | "CMD-SHELL"));
            if !kind {
                self.hide(word, "Healthcheck.Test");
            }
        }
    }

    fn host(&self, host: &mut Json) {
        self.hide_but(host, "HostConfig", kept(Of::Host));
        if let Some(log) = host.get_mut("LogConfig") {
            self.hide_but(log, "HostConfig.LogConfig", &["Type", "Config"]);
            self.hide_values(
                log.get_mut("Config"),
                &within("HostConfig.LogConfig", "Config"),
                KNOWN_LOG_OPTIONS,
            );
        }
        self.mounts(host.get_mut("Mounts"), "HostConfig.Mounts");
        for request in
            host.get_mut("DeviceRequests").and_then(Json::as_array_mut).into_iter().flatten()
        {
            let plain = &["Driver", "DeviceIDs", "Capabilities"];
            self.hide_but(request, "HostConfig.DeviceRequests", plain);
        }
    }

    fn mounts(&self, mounts: Option<&mut Json>, place: &str) {
        for mount in mounts.and_then(Json::as_array_mut).into_iter().flatten() {
            self.hide_but(mount, place, MOUNT);
            let place = &within(place, "VolumeOptions");
            let Some(options) = mount.get_mut("VolumeOptions") else { continue };
            self.hide_but(options, place, VOLUME_OPTIONS);
            self.hide_values(options.get_mut("Labels"), &within(place, "Labels"), KNOWN_LABELS);
            if let Some(driver) = options.get_mut("DriverConfig") {
                self.hide_but(driver, &within(place, "DriverConfig"), &["Name"]);
            }
        }
    }

    fn networks(&self, json: &mut Json) {
        let networks = json.get_mut("NetworkSettings").and_then(|all| object(all, "Networks"));
        for network in networks.into_iter().flat_map(Map::values_mut) {
            self.hide_but(network, "Networks", NETWORKS);
        }
    }

    pub(super) fn network(&self, network: &mut Json) {
        self.hide_but(network, "", NETWORK);
        self.hide_values(network.get_mut("Labels"), "Labels", KNOWN_LABELS);
        self.hide_values(network.get_mut("Options"), "Options", KNOWN_OPTIONS);
        if let Some(addresses) = network.get_mut("IPAM") {
            self.hide_but(addresses, "IPAM", &["Driver", "Config"]);
        }
    }

    pub(super) fn volume(&self, volume: &mut Json) {
        self.hide_but(volume, "", VOLUME);
        self.hide_values(volume.get_mut("Labels"), "Labels", KNOWN_LABELS);
        let plain = local_options(volume);
        let plain = plain.into_iter().filter(|(key, _)| !self.refers(&within("Options", key)));
        let plain: Map<String, Json> = plain.collect();
        self.hide_values(volume.get_mut("Options"), "Options", &[]);
        if let Some(options) = volume.get_mut("Options").and_then(Json::as_object_mut) {
            options.extend(plain);
        }
    }
}

/// The options of a `local` volume that say what it reaches, as the source of a mount does.
fn local_options(volume: &Json) -> Map<String, Json> {
    if volume["Driver"] != "local" {
        return Map::new();
    }
    let options = volume["Options"].as_object().into_iter().flatten();
    let plain = options.filter(|(key, value)| is_plain(key, value));
    plain.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The words of `o` that say nothing of a user or a password.
const MOUNT_WORDS: [&str; 6] = ["bind", "rbind", "ro", "rw", "nolock", "soft"];

/// Whether an option of a `local` volume says a path, an address or a usual word, and nothing else.
fn is_plain(key: &str, value: &Json) -> bool {
    let Some(text) = value.as_str() else { return false };
    match key {
        "type" => text.chars().all(char::is_alphanumeric),
        "device" => text.starts_with(['/', ':']) && !text.contains('@') || text == "tmpfs",
        "o" => text.split(',').all(|word| MOUNT_WORDS.contains(&word) || word.starts_with("addr=")),
        _ => false,
    }
}

/// Removes the output of a health check and of a failed start, which may quote anything.
fn trim_state(state: &mut Map<String, Json>) {
    if let Some(Json::Object(health)) = state.get_mut("Health") {
        health.retain(|field, _| field == "Status");
    }
    state.remove("Error");
}

/// Removes the build data and the storage paths of an image.
pub(super) fn trim_image(image: &mut Json) {
    if let Json::Object(map) = image {
        for field in ["ContainerConfig", "GraphDriver", "Container", "Metadata"] {
            map.remove(field);
        }
    }
}

/// Keeps the fields of `/info` that a plan may need. Runtimes keep only their names, because their
/// arguments may contain anything.
pub(super) fn trim_info(info: &mut Json) {
    let Json::Object(map) = info else { return };
    let runtimes = map.get("Runtimes").and_then(Json::as_object);
    let runtimes =
        runtimes.map(|all| all.keys().map(|name| (name.clone(), json!({}))).collect::<Map<_, _>>());
    let drivers = map.get("Plugins").map(|plugins| plugins["Log"].clone());
    // Devices keep only their names; future fields of a driver are dropped.
    let devices = map.remove("DiscoveredDevices").and_then(|devices| {
        let one = |device: &Json| json!({"Source": device["Source"], "ID": device["ID"]});
        Some(devices.as_array()?.iter().map(one).collect::<Json>())
    });
    map.retain(|field, _| INFO.contains(&field.as_str()));
    map.extend(devices.map(|devices| ("DiscoveredDevices".to_owned(), devices)));
    map.extend(runtimes.map(|names| ("Runtimes".to_owned(), Json::Object(names))));
    let drivers = drivers.filter(Json::is_array);
    map.extend(drivers.map(|names| ("Plugins".to_owned(), json!({"Log": names}))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_local_volume_stays_what_it_reaches() {
        for (key, value, plain) in [
            ("type", "nfs4", true),
            ("type", "a b", false),
            ("device", "/etc", true),
            ("device", "//user:s3cr3t@nas/share", false),
            ("device", "s3cr3t", false),
            ("o", "bind,ro", true),
            ("o", "addr=nas,rw", true),
            ("other", "/etc", false),
            ("o", "addr=nas,username=me,password=s3cr3t", false),
        ] {
            assert_eq!(is_plain(key, &json!(value)), plain, "{key}: {value}");
        }
    }

    #[test]
    fn of_an_engine_stays_what_a_plan_may_ask() {
        let mut info = json!({
            "NCPU": 2, "HttpProxy": "http://me:s3cr3t@proxy",
            "Runtimes": {"runc": {"path": "runc", "runtimeArgs": ["--token=s3cr3t"]}},
            "Plugins": {"Log": ["json-file"], "Authorization": ["s3cr3t"]},
            "DiscoveredDevices": [{"Source": "cdi", "ID": "lab.example/thing=one", "Key": "s3cr3t"}],
        });
        trim_info(&mut info);
        let kept = json!({
            "NCPU": 2, "Runtimes": {"runc": {}}, "Plugins": {"Log": ["json-file"]},
            "DiscoveredDevices": [{"Source": "cdi", "ID": "lab.example/thing=one"}],
        });
        assert_eq!(info, kept);
        let mut podman = json!({"NCPU": 2, "Plugins": {"Log": null}, "Runtimes": null});
        trim_info(&mut podman);
        assert_eq!(podman, json!({"NCPU": 2}));
    }
}
