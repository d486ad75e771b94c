//! Classifies paths of the host, by what a container can do that gets at the path.

use serde_json::Value as Json;

use crate::base::path::clean;

/// Sockets of container engines: access to such a socket means root on the host.
const SOCKETS: [&str; 5] =
    ["docker.sock", "containerd.sock", "podman.sock", "crio.sock", "dockershim.sock"];

/// System folders of the host.
const SYSTEM: [&str; 13] = [
    "/bin",
    "/boot",
    "/dev",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/docker",
    "/var/run",
];

/// A path as a danger: its class, the path, and a note, which may be empty.
pub(crate) fn told(path: &str, note: &str) -> String {
    let path = clean(path);
    let class = class_of(&path);
    // A folder name may look like the note, so such a name is quoted.
    let path = if path.contains(" (") { Json::from(path).to_string() } else { path };
    let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
    format!("{class}:{path}{note}")
}

/// The danger class of a host path.
fn class_of(path: &str) -> &'static str {
    let inside = |folder: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let holds = |folder: &str| folder.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let name = path.rsplit('/').next().unwrap_or_default();
    if SOCKETS.contains(&name) || matches!(path, "/run" | "/var/run" | "/var") {
        "docker_socket"
    } else if path == "/" {
        "root"
    } else if inside("/etc") {
        "etc"
    } else if SYSTEM.iter().any(|folder| inside(folder) || holds(folder)) {
        "system"
    } else {
        "bind"
    }
}
