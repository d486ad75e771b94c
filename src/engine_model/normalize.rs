//! `HostConfig`: the create body with the engine's defaults, without unsupported options.

use std::sync::LazyLock;

use serde_json::{Value as Json, json};

use super::downlevel::MOUNT_GATES;
use super::json::{Object, fill, is_empty, text, texts};
use super::merge::object;
use super::{Engine, World, limits};
use crate::base::api;
use crate::base::ident::ContainerName;
use crate::options::fields::Of;

/// 64 MiB.
const DEFAULT_SHM_SIZE: i64 = 64 << 20;

/// The `HostConfig` of the inspect data.
pub(super) fn host_config(
    name: &ContainerName,
    sent: &Json,
    engine: &Engine,
    world: &World,
) -> Object {
    let mut host = nothing_said();
    fill(&mut host, sent, &Of::Host.missing().collect::<Vec<_>>());
    if engine.api < api::ANNOTATIONS {
        host.remove("Annotations");
    }
    for field in ["Annotations", "Mounts", "StorageOpt", "Sysctls", "Tmpfs"] {
        if host.get(field).is_some_and(is_empty) {
            host.remove(field);
        }
    }
    namespaces(&mut host, engine, world);
    defaults(&mut host, engine);
    limits::limits(&mut host, sent, engine);
    security(&mut host, engine);
    links(&mut host, name, world);
    ports(&mut host);
    mounts(&mut host, engine);
    host
}

/// The default values that an engine shows and that need no decision: from the option rows, and
/// from the fields without a row.
fn nothing_said() -> Object {
    static NOTHING: LazyLock<Object> = LazyLock::new(nothing);
    NOTHING.clone()
}

fn nothing() -> Object {
    let mut host = object(json!({
        "Cgroup": "", "ConsoleSize": [0, 0], "ContainerIDFile": "", "CpuCount": 0, "CpuPercent": 0,
        "IOMaximumBandwidth": 0, "IOMaximumIOps": 0, "Isolation": "",
        "LogConfig": {"Type": "", "Config": {}},
        "RestartPolicy": {"MaximumRetryCount": 0, "Name": ""},
    }));
    host.extend(Of::Host.shown().map(|(field, nothing)| (field.to_owned(), nothing)));
    host
}

/// The network, IPC, PID and cgroup namespaces, with their defaults.
fn namespaces(host: &mut Object, engine: &Engine, world: &World) {
    let said = text(host, "NetworkMode");
    if said.is_empty() || said == "default" {
        // From Docker 26 on, the network `default` is shown by its real name.
        let mode = if engine.api >= api::DEFAULTS_ARE_NAMED { "bridge" } else { "default" };
        host.insert("NetworkMode".to_owned(), mode.into());
    }
    for field in ["NetworkMode", "IpcMode", "PidMode"] {
        let said = text(host, field);
        let id = said.strip_prefix("container:").and_then(|word| world.container_id(word));
        if let Some(id) = id {
            let settled = format!("container:{id}");
            host.insert(field.to_owned(), settled.into());
        }
    }
    if text(host, "IpcMode").is_empty() {
        host.insert("IpcMode".to_owned(), "private".into());
    }
    if text(host, "CgroupnsMode").is_empty() {
        let mode = if engine.cgroup2 { "private" } else { "host" };
        host.insert("CgroupnsMode".to_owned(), mode.into());
    }
}

/// The other default values.
fn defaults(host: &mut Object, engine: &Engine) {
    if host.get("ShmSize").is_none_or(is_empty) {
        host.insert("ShmSize".to_owned(), DEFAULT_SHM_SIZE.into());
    }
    if text(host, "Runtime").is_empty() {
        host.insert("Runtime".to_owned(), engine.default_runtime.clone().into());
    }
    let restart =
        whole(host, "RestartPolicy", &[("MaximumRetryCount", 0.into()), ("Name", "".into())]);
    if engine.api >= api::DEFAULTS_ARE_NAMED && text(restart, "Name").is_empty() {
        restart.insert("Name".to_owned(), "no".into());
    }
    let log = whole(host, "LogConfig", &[("Type", "".into()), ("Config", json!({}))]);
    if text(log, "Type").is_empty() {
        log.insert("Type".to_owned(), engine.log_driver.clone().into());
    }
}

/// An object with exactly these fields, with the sent values and defaults.
fn whole<'h>(host: &'h mut Object, field: &str, fields: &[(&str, Json)]) -> &'h mut Object {
    let slot = host.entry(field).or_insert(Json::Null);
    if !slot.is_object() {
        *slot = Json::Object(Object::new());
    }
    let Json::Object(object) = slot else { unreachable!("made an object above") };
    object.retain(|key, value| !value.is_null() && fields.iter().any(|(field, _)| field == key));
    for (field, nothing) in fields {
        if !object.contains_key(*field) {
            object.insert((*field).to_owned(), nothing.clone());
        }
    }
    object
}

/// The security labels for a shared namespace, and the masked paths of `/proc` and `/sys`.
fn security(host: &mut Object, engine: &Engine) {
    let privileged = host.get("Privileged") == Some(&Json::Bool(true));
    let shared = ["IpcMode", "PidMode"].iter().any(|field| text(host, field) == "host");
    let mut options: Vec<Json> =
        host.get("SecurityOpt").and_then(Json::as_array).cloned().unwrap_or_default();
    let labelled = options.iter().filter_map(Json::as_str).any(|opt| opt.starts_with("label="));
    if (privileged || shared) && !labelled {
        options.push("label=disable".into());
        host.insert("SecurityOpt".to_owned(), options.into());
    }
    for (field, default) in
        [("MaskedPaths", masked_paths(engine)), ("ReadonlyPaths", readonly_paths())]
    {
        if privileged {
            host.insert(field.to_owned(), Json::Null);
        } else if host.get(field).is_none_or(Json::is_null) {
            host.insert(field.to_owned(), default);
        }
    }
}

/// The masked paths grow with releases; [`crate::options::inspect_view`] excludes them from
/// comparisons.
fn masked_paths(engine: &Engine) -> Json {
    let mut paths = vec!["/proc/asound", "/proc/acpi"];
    if engine.api >= api::MASKED_INTERRUPTS {
        paths.push("/proc/interrupts");
    }
    paths.extend([
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
    ]);
    if engine.api >= api::MASKED_POWERCAP {
        paths.push("/sys/devices/virtual/powercap");
    }
    json!(paths)
}

fn readonly_paths() -> Json {
    json!(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
}

/// A link `db:alias` is shown as `/db:/self/alias`. In user-defined networks, links belong to the
/// endpoint settings.
fn links(host: &mut Object, name: &ContainerName, world: &World) {
    let links: Vec<String> = texts(&host["Links"])
        .map(|link| {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            let target = world.container_name(target).unwrap_or(target.trim_start_matches('/'));
            let alias = alias.trim_start_matches('/');
            format!("/{target}:/{name}/{alias}")
        })
        .collect();
    let user_network = !matches!(text(host, "NetworkMode"), "default" | "bridge");
    let shown = if links.is_empty() || user_network { Json::Null } else { json!(links) };
    host.insert("Links".to_owned(), shown);
}

/// Completes every port binding with both fields.
fn ports(host: &mut Object) {
    let Some(Json::Object(ports)) = host.get_mut("PortBindings") else { return };
    for bindings in ports.values_mut() {
        for binding in bindings.as_array_mut().into_iter().flatten() {
            let Json::Object(said) = binding.take() else { continue };
            let mut full = Object::new();
            for field in ["HostIp", "HostPort"] {
                let said = said.get(field).filter(|said| !said.is_null()).cloned();
                full.insert(field.to_owned(), said.unwrap_or_else(|| "".into()));
            }
            *binding = Json::Object(full);
        }
    }
}

/// Mount options that an older API does not know are silently dropped.
fn mounts(host: &mut Object, engine: &Engine) {
    for mount in host.get_mut("Mounts").and_then(Json::as_array_mut).into_iter().flatten() {
        for gate in MOUNT_GATES.iter().filter(|gate| engine.api < gate.api) {
            if let Some(Json::Object(options)) = mount.get_mut(gate.options) {
                options.remove(gate.field);
            }
        }
    }
}

/// The default hostname. In the network of the host or of another container, the engine shows that
/// hostname. Otherwise the hostname is the beginning of the future container ID.
pub(super) fn hostname(config: &mut Object, host: &Object, engine: &Engine) {
    if text(config, "Hostname").is_empty() && text(host, "NetworkMode") == "host" {
        config.insert("Hostname".to_owned(), engine.name.clone().into());
    }
}
