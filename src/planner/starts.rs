//! Refuses creates that succeed but whose start would fail, when the old container is already
//! stopped. Reasons are a link to a stopped container, a namespace of a stopped container, private
//! shared memory, a missing command, or a foreign host address. The snapshot must show the reason.
//! Missing containers are [`super::targets`]'.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value as Json;

use super::PlanError;
use super::change_steps::ChangeSteps;
use super::draft::Planner;
use super::ports;
use super::targets::Will;
use crate::base::ident::{ChangeId, ContainerId, ContainerName};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::plan::{Verb, Warning};

/// The code for a published port on an address that the host lacks or may lack.
const HOST_ADDRESS: &str = "host_address";

impl Planner<'_> {
    /// Adds errors for starts that must fail.
    pub(super) fn refuse_starts(&mut self) {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let known = self.known_addresses();
        for job in &self.jobs {
            let Some(look) = self.look_of(job) else { continue };
            let creates = self.created.contains_key(&job.change.id);
            let tell = |(code, message, hint): (&'static str, String, &str)| PlanError {
                set: job.change.set.clone(),
                code,
                message,
                hint: hint.to_owned(),
            };
            if creates {
                errors.extend(no_command(&job.change.id, &look).map(tell));
            }
            let restarts = job.change.verb == Verb::Restart;
            if job.start.is_none() && !restarts {
                continue;
            }
            errors.extend(self.memory(&job.change.id, &look).map(tell));
            errors.extend(self.links(&job.change.id, &look).into_iter().map(tell));
            if !creates {
                errors.extend(self.namespaces(&job.change.id, &look).into_iter().map(tell));
            }
            let addresses = if restarts { BTreeSet::new() } else { foreign(&look, &known) };
            for address in addresses {
                let shown = say::short(&address);
                match self.snapshot.sources.get(&address) {
                    Some(true) => {}
                    Some(false) => errors.push(tell((
                        HOST_ADDRESS,
                        format!("ports are bound to {shown}, which is no address of the host"),
                        "name one that the host has, or leave it out",
                    ))),
                    None => warnings.push(Warning {
                        code: HOST_ADDRESS.to_owned(),
                        set: job.change.set.clone(),
                        text: format!(
                            "ports are bound to {shown}: if the host does not have that address, \
                             the start fails; the engine does not tell"
                        ),
                    }),
                }
            }
        }
        self.errors.extend(errors);
        self.warnings.extend(warnings);
    }

    /// The inspect data of the container that a job creates or starts.
    fn look_of(&self, job: &ChangeSteps) -> Option<Rc<InspectView>> {
        if let Some(look) = self.created.get(&job.change.id) {
            return Some(Rc::clone(look));
        }
        if job.change.set.is_none() || !matches!(job.change.verb, Verb::Start | Verb::Restart) {
            return None;
        }
        let container = self.index.by_name(&ContainerName::new(job.change.id.as_str()))?;
        Some(Rc::new(InspectView::new(container.inspect.as_ref()?, &BTreeMap::new())))
    }

    /// Refuses to join the private shared memory of a container.
    fn memory(
        &self,
        own: &ChangeId,
        look: &InspectView,
    ) -> Option<(&'static str, String, &'static str)> {
        let mode = look.host("IpcMode").as_str()?.strip_prefix("container:")?;
        let (name, target) = self.will_be(mode)?;
        let word = target.host("IpcMode").as_str().unwrap_or_default();
        matches!(word, "private" | "none").then(|| {
            let message = format!(
                "container `{own}` is to share the memory of `{name}`, which is {word}: the start \
                 would fail"
            );
            ("ipc_private", message, "say `ipc: shareable` for that one")
        })
    }

    /// Checks links on the default bridge network: an engine checks these links at the start.
    fn links(
        &self,
        own: &ChangeId,
        look: &InspectView,
    ) -> Vec<(&'static str, String, &'static str)> {
        let mode = look.host("NetworkMode").as_str().unwrap_or_default();
        if !matches!(mode, "" | "default" | "bridge") {
            return Vec::new();
        }
        let links = look.host("Links").as_array().into_iter().flatten().filter_map(Json::as_str);
        let words = links.filter_map(|link| link.split(':').next());
        let wrong = words.filter_map(|word| {
            let (name, target) = self.will_be(word)?;
            if self.will(&name) == Will::Rest {
                let message = format!(
                    "container `{own}` is linked to `{name}`, which will not run: the start would \
                     fail"
                );
                return Some(("target_not_running", message, "let it run, or take the link out"));
            }
            let attached = target.json()["NetworkSettings"]["Networks"].get("bridge").is_some();
            (!attached).then(|| {
                let message = format!(
                    "container `{own}` is linked to `{name}`, which is not on the network \
                     `bridge`: the start would fail"
                );
                ("link_apart", message, "put both on a network of your own: names are known there")
            })
        });
        wrong.collect()
    }

    /// Refuses to start an existing container that shares a namespace of a container that will not
    /// run.
    fn namespaces(
        &self,
        own: &ChangeId,
        look: &InspectView,
    ) -> Vec<(&'static str, String, &'static str)> {
        let modes = ["NetworkMode", "IpcMode", "PidMode"].into_iter();
        let words = modes.filter_map(|field| look.host(field).as_str()?.strip_prefix("container:"));
        let words: BTreeSet<&str> = words.collect();
        let tell = |word: &str| {
            let shares = format!("container `{own}` shares namespaces of");
            let Some(name) = self.target(word) else {
                // The target was removed or made again. A filtered snapshot may not show it.
                let gone = ContainerId::new(word);
                let gone = gone.short();
                let message =
                    format!("{shares} `{gone}`, which is no longer there: the start would fail");
                let hint = "declare whose namespaces it shares, and the container is replaced; or \
                            remove the container";
                return self.snapshot.whole.then_some(("target_missing", message, hint));
            };
            (self.will(&name) == Will::Rest).then(|| {
                let message =
                    format!("{shares} `{name}`, which will not run: the start would fail");
                ("target_not_running", message, "let it run, too")
            })
        };
        words.into_iter().filter_map(tell).collect()
    }

    /// Finds the container for a name or ID, among those that are there and those that are created.
    fn target(&self, word: &str) -> Option<ContainerName> {
        let word = word.trim_start_matches('/');
        if let Some(found) = self.index.meant(word).and_then(|id| self.index.by_id(&id)) {
            return Some(found.name());
        }
        self.created.contains_key(&ChangeId::new(word)).then(|| ContainerName::new(word))
    }

    /// Finds the container for a name or ID, with its planned inspect data.
    fn will_be(&self, word: &str) -> Option<(ContainerName, Rc<InspectView>)> {
        let name = self.target(word)?;
        if let Some(look) = self.created.get(&ChangeId::new(name.as_str())) {
            return Some((name, Rc::clone(look)));
        }
        let inspect = self.index.by_name(&name)?.inspect.as_ref()?;
        Some((name, Rc::new(InspectView::new(inspect, &BTreeMap::new()))))
    }

    /// Addresses that the host surely has: published ports are bound to them, or a network has the
    /// address as gateway.
    fn known_addresses(&self) -> BTreeSet<String> {
        let held = self.snapshot.containers.iter().flat_map(ports::held);
        let gateways = self.snapshot.networks.iter().flat_map(|network| {
            let pools = network["IPAM"]["Config"].as_array().into_iter().flatten();
            pools.filter_map(|pool| pool["Gateway"].as_str().map(str::to_owned))
        });
        held.map(|port| port.address().to_owned()).chain(gateways).collect()
    }
}

/// An engine creates no container without a command.
fn no_command(own: &ChangeId, look: &InspectView) -> Option<(&'static str, String, &'static str)> {
    let words = |field: &str| look.config(field).as_array().into_iter().flatten();
    let image = look.json()["Image"].as_str()?;
    let first = words("Entrypoint").chain(words("Cmd")).next();
    first.is_none_or(|word| *word == "").then(|| {
        let image = look.config("Image").as_str().unwrap_or(image);
        let message = format!(
            "container `{own}` has nothing to run: neither it nor the image `{}` says a command",
            say::short(image)
        );
        ("no_command", message, "declare a `command` or an `entrypoint`")
    })
}

/// Addresses of published ports that are not known host addresses.
fn foreign(look: &InspectView, known: &BTreeSet<String>) -> BTreeSet<String> {
    let mode = look.host("NetworkMode").as_str().unwrap_or_default();
    let none = matches!(mode, "host" | "none") || mode.starts_with("container:");
    let bindings = look.host("PortBindings").as_object().filter(|_| !none).into_iter().flatten();
    let hosts = bindings.flat_map(|(_, hosts)| hosts.as_array().into_iter().flatten());
    let addresses = hosts.filter_map(|host| host["HostIp"].as_str().map(str::to_owned));
    addresses
        .filter(|address| {
            let parsed = address.parse::<std::net::IpAddr>();
            let anyones = parsed.is_ok_and(|it| it.is_loopback() || it.is_unspecified());
            !address.is_empty() && !anyones && !known.contains(address)
        })
        .collect()
}
