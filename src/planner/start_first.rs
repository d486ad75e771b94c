//! What forbids that two containers of one member run at once, as `order: start-first` has it: a host
//! port, an address, a port of a network that is not its own, data that one container alone writes.
//!
//! Only what both have forbids it: a new one that gets another port may well run beside the old one.

use std::collections::BTreeSet;

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

/// Why the new container cannot run beside the old one.
pub(super) fn refusals(
    key: &SetName,
    set: &Set,
    member: &Member<'_>,
    (created, carried): (&InspectView, &[Carried]),
) -> Vec<PlanError> {
    let Some(found) = &member.container.inspect else { return Vec::new() };
    let mut whys: Vec<String> = Vec::new();
    whys.extend(listened(created.json(), found));
    // Of a range another port is taken, where there is one.
    let held = ports::held(member.container);
    let taken = |port: &HostPort| port.width() == 0 && held.iter().any(|held| held.clashes(port));
    let wanted = ports::wanted(created).into_iter().map(|one| one.host);
    let both = wanted.filter(taken).next();
    whys.extend(both.map(|port| format!("both would publish host port {port}")));
    let both = addresses::in_both(created, member.container).into_iter().next();
    whys.extend(both.map(|one| format!("both would have the address {one}")));
    // Members that are many share what they write already.
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

/// A port on which both say that they listen, on a network that is the host's or another container's.
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

/// Whose network a container is on: `host`, or `container`, which is called by its name or by its ID.
fn shared_network(inspect: &Json) -> Option<&str> {
    let mode = inspect["HostConfig"]["NetworkMode"].as_str()?;
    mode.split(':').next().filter(|of| matches!(*of, "host" | "container"))
}

/// The volumes and the folders of the host that a container may write to, those of others included.
/// What comes in through a socket is no data of its own.
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
    written.filter(|source| !source.ends_with(".sock")).collect()
}

/// Whether two volumes are the same, or one folder is in the other.
fn overlap(one: &str, other: &str) -> bool {
    let inside = |folder: &str, path: &str| {
        folder.starts_with('/')
            && path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') || folder == "/")
    };
    one == other || inside(one, other) || inside(other, one)
}
