//! What forbids that two containers of one member run at once, as `order: start-first` has it: a host
//! port, an address, a network that is not its own, data that one container alone writes.

use serde_json::Value as Json;

use super::decide::Member;
use super::{PlanError, addresses, ports};
use crate::base::ident::SetName;
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
    let mut whys: Vec<String> = Vec::new();
    let mode = created.host("NetworkMode").as_str().unwrap_or_default();
    if mode == "host" || mode.starts_with("container:") {
        whys.push(format!("both would be on the network of `{}`", say::short(mode)));
    }
    whys.extend(
        ports::wanted(created)
            .first()
            .map(|port| format!("both would publish host port {}", port.host)),
    );
    whys.extend(
        addresses::fixed(created).first().map(|one| format!("both would have the address {one}")),
    );
    // Members that are many share what they write already.
    if matches!(set.identity, Identity::Named(_) | Identity::Counted(1)) {
        let shared = writable(created.json()).into_iter().next();
        whys.extend(shared.map(|source| format!("both would write to `{}`", say::short(&source))));
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

/// The volumes and the folders of the host that a container may write to.
fn writable(inspect: &Json) -> Vec<String> {
    let host = &inspect["HostConfig"];
    let binds = host["Binds"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let binds = binds.filter_map(|bind| {
        let mut parts = bind.splitn(3, ':');
        let (source, _) = (parts.next()?, parts.next()?);
        let read_only = parts.next().is_some_and(|words| words.split(',').any(|word| word == "ro"));
        (!read_only).then(|| source.to_owned())
    });
    let mounts = host["Mounts"].as_array().into_iter().flatten().filter_map(|mount| {
        let source = mount["Source"].as_str().filter(|source| !source.is_empty())?;
        (mount["ReadOnly"] != true).then(|| source.to_owned())
    });
    binds.chain(mounts).collect()
}
