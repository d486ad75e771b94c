//! Refuses `order: start-first` where old and new container cannot run at the same time. Reasons
//! are a host port, an address, a port in a shared network namespace, or data that both write.
//!
//! Only a shared resource is a reason: a new container with another port may run beside the old
//! container.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use super::decide::Member;
use super::ports::{self, HostPort};
use super::{PlanError, addresses};
use crate::base::ident::SetName;
use crate::base::path::clean;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::plan::Carried;
use crate::spec::{Identity, Set};

/// The reasons why the new container cannot run beside the old container.
pub(super) fn refusals(
    key: &SetName,
    set: &Set,
    member: &Member<'_>,
    (created, carried): (&InspectView, &[Carried]),
) -> Vec<PlanError> {
    let Some(found) = &member.container.inspect else { return Vec::new() };
    let mut whys: Vec<String> = Vec::new();
    whys.extend(listened(created.json(), found));
    // A range may give another port.
    let held = ports::held(member.container);
    let taken = |port: &HostPort| port.width() == 0 && held.iter().any(|held| held.clashes(port));
    let mut wanted = ports::wanted(created).into_iter().map(|one| one.host);
    let both = wanted.find(taken);
    whys.extend(both.map(|port| format!("both would publish host port {port}")));
    let both = addresses::in_both(created, member.container).into_iter().next();
    whys.extend(both.map(|one| format!("both would have the address {one}")));
    // Several members of a set share their data already.
    if matches!(set.identity, Identity::Named(_) | Identity::Counted(1)) {
        let (new, old) = (writable(created.json()), writable(found));
        let both = new.iter().find(|one| old.iter().any(|other| overlap(one, other)));
        whys.extend(both.map(|source| format!("both would write to `{}`", say::short(source))));
    }
    let own = carried.first().map(|one| say::short(&one.path));
    whys.extend(own.map(|path| format!("both would write to the volume at {path}")));
    whys.into_iter()
        .map(|why| {
            PlanError::of(
                key,
                "start_first",
                format!(
                    "container `{}` cannot run beside the one that replaces it: {why}",
                    member.name
                ),
                "say `order: stop-first`, or let the two share nothing that only one can have",
            )
        })
        .collect()
}

/// A port that both containers expose in a shared network namespace, of the host or of another
/// container.
fn listened(created: &Json, found: &Json) -> Option<String> {
    let of = shared_network(created).filter(|of| shared_network(found) == Some(of))?;
    let exposed = |json: &Json| -> BTreeSet<String> {
        let ports = json["Config"]["ExposedPorts"].as_object().into_iter().flatten();
        ports.map(|(port, _)| port.trim_end_matches("/tcp").to_owned()).collect()
    };
    let port = exposed(created).intersection(&exposed(found)).next()?.clone();
    let of = if of == "host" { "the host" } else { "another container" };
    Some(format!("both would listen on port {} of {of}", say::short(&port)))
}

/// The owner of a shared network namespace: `host` or `container`.
fn shared_network(inspect: &Json) -> Option<&str> {
    let mode = inspect["HostConfig"]["NetworkMode"].as_str()?;
    mode.split(':').next().filter(|of| matches!(*of, "host" | "container"))
}

/// The volumes and host folders that a container may write to, including mounts from
/// `volumes_from`. A socket is no data.
fn writable(inspect: &Json) -> BTreeSet<String> {
    let mounts = inspect["Mounts"].as_array().into_iter().flatten();
    let written = mounts.filter(|mount| mount["RW"] != false).filter_map(|mount| {
        let field = match mount["Type"].as_str()? {
            "volume" => "Name",
            "bind" => "Source",
            _ => return None,
        };
        let source = mount[field].as_str().filter(|source| !source.is_empty())?;
        Some(if field == "Name" { source.to_owned() } else { clean(source) })
    });
    let is_socket = |source: &str| Path::new(source).extension().is_some_and(|end| end == "sock");
    written.filter(|source| !is_socket(source)).collect()
}

/// Whether two volumes are equal, or one folder contains the other.
fn overlap(one: &str, other: &str) -> bool {
    let inside = |folder: &str, path: &str| {
        folder.starts_with('/')
            && path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') || folder == "/")
    };
    one == other || inside(one, other) || inside(other, one)
}
