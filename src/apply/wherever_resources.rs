//! What is where after a change of a network or a volume was begun and not finished, and the
//! commands that lead out.
//!
//! Nothing here is about one container: a network that is replaced has several of them off it.

use serde_json::Value as Json;

use super::outcome::{StepOutcome, Trouble};
use super::run::Context;
use crate::base::ident::{ChangeId, ContainerId, NetworkId, StepId};
use crate::base::say;
use crate::engine::Writer;
use crate::plan::{Action, Step, Subject};
use crate::planner::resources;
use crate::stale::connect_command;

/// The steps of a change of a network, sorted out.
struct Replacing<'a> {
    name: &'a str,
    create: &'a StepId,
    old: Option<&'a NetworkId>,
    /// Who is put on the new one, and how.
    connects: Vec<(&'a ContainerId, &'a Json)>,
}

impl<'a> Replacing<'a> {
    fn of(steps: &[&'a Step]) -> Option<Self> {
        let (create, name) = steps.iter().find_map(|step| match &step.action {
            Action::CreateNetwork { network, .. } => Some((&step.id, network.as_str())),
            _ => None,
        })?;
        let old = steps.iter().find_map(|step| match &step.action {
            Action::RemoveNetwork { which, .. } => Some(which),
            _ => None,
        });
        let connects = steps.iter().filter_map(|step| match &step.action {
            Action::Connect { container: Subject::Container(id), endpoint, .. } => {
                Some((id, endpoint))
            }
            _ => None,
        });
        Some(Self { name, create, old, connects: connects.collect() })
    }
}

/// Where a container of such a change is.
struct Member<'a> {
    called: String,
    endpoint: &'a Json,
    on_old: bool,
    on_new: bool,
}

impl<W: Writer> Context<'_, W> {
    /// The report of a change that is about a network or a volume; nothing: it is about neither.
    /// `done`: a step of it took effect.
    pub(super) async fn object_trouble(
        &self,
        change: &ChangeId,
        step: &StepOutcome,
        message: &str,
        done: bool,
    ) -> Option<Trouble> {
        let mine = self.index.steps_of(change.as_str());
        let trouble = Trouble {
            change: change.clone(),
            step: step.id.clone(),
            message: message.to_owned(),
            as_before: false,
            now: Vec::new(),
            back: Vec::new(),
            finish: Vec::new(),
            then: Vec::new(),
        };
        if let Some(replacing) = Replacing::of(mine) {
            return Some(self.network_trouble(trouble, &replacing, done).await);
        }
        let volume = mine.iter().find_map(|step| match &step.action {
            Action::CreateVolume { volume, .. } => Some(volume),
            _ => None,
        })?;
        let name = say::short(volume);
        let looked = self.look_again(|| self.engine.volumes()).await;
        let (as_before, now) = match looked.map(|all| resources::named(&all, volume) != NONE) {
            Ok(true) => (false, format!("volume `{name}` is there")),
            Ok(false) => (!done, format!("there is no volume `{name}`")),
            Err(_) => (false, format!("the engine does not say whether volume `{name}` is there")),
        };
        Some(Trouble { as_before, now: vec![now], ..trouble })
    }

    async fn network_trouble(
        &self,
        mut trouble: Trouble,
        replacing: &Replacing<'_>,
        done: bool,
    ) -> Trouble {
        let name = say::short(replacing.name);
        let Ok(all) = self.look_again(|| self.engine.networks()).await else {
            trouble.now =
                vec![format!("the engine does not say whether network `{name}` is there")];
            return trouble;
        };
        let ids = |network: &Json| network["Id"].as_str().map(NetworkId::new);
        let old = replacing.old.filter(|old| all.iter().any(|net| ids(net).as_ref() == Some(*old)));
        let named = all.iter().filter(|network| network["Name"] == replacing.name);
        let new = named.filter_map(ids).find(|id| replacing.old != Some(id));
        for (what, id) in [("the old network", old), ("the network", new.as_ref())] {
            let line = id.map(|id| format!("{what} `{name}` ({}) is there", short(id)));
            trouble.now.extend(line);
        }
        if trouble.now.is_empty() {
            trouble.now.push(format!("there is no network `{name}`"));
        }
        let members = self.members(replacing, old, new.as_ref()).await;
        let off = members.iter().filter(|member| !member.on_old && !member.on_new);
        trouble.now.extend(off.map(|off| format!("container `{}` is off it", off.called)));
        trouble.as_before = !done
            && new.is_none()
            && old.is_some() == replacing.old.is_some()
            && members.iter().all(|member| member.on_old);
        let connect =
            |member: &&Member<'_>| connect_command(&member.called, member.endpoint, &name);
        if old.is_some() && new.is_none() {
            trouble.back =
                members.iter().filter(|member| !member.on_old).map(|m| connect(&m)).collect();
        }
        let body = self.bodies.get(replacing.create).map(|body| create_command(body.json()));
        let Some(create) = body else { return trouble };
        if let Some(old) = old {
            let on = members.iter().filter(|member| member.on_old);
            let on = on.map(|on| format!("docker network disconnect {} {}", short(old), on.called));
            trouble.finish.extend(on);
            trouble.finish.push(format!("docker network rm {}", short(old)));
        }
        if new.is_none() {
            trouble.finish.push(create);
        }
        let left = members.iter().filter(|member| !member.on_new);
        trouble.finish.extend(left.map(|member| connect(&member)));
        trouble
    }

    async fn members<'a>(
        &self,
        replacing: &Replacing<'a>,
        old: Option<&NetworkId>,
        new: Option<&NetworkId>,
    ) -> Vec<Member<'a>> {
        let mut all = Vec::new();
        for (id, endpoint) in &replacing.connects {
            let found = self.look_again(|| self.engine.inspect(id.as_str())).await;
            // One that is gone needs no network.
            let Ok(Some(found)) = found else { continue };
            let on = |network: Option<&NetworkId>| {
                network
                    .is_some_and(|network| super::resources::is_on(&found, replacing.name, network))
            };
            all.push(Member {
                called: say::short(super::precheck::name_of(&found).as_str()),
                endpoint,
                on_old: on(old),
                on_new: on(new),
            });
        }
        all
    }
}

const NONE: resources::Found<'static> = resources::Found::None;

fn short(id: &NetworkId) -> &str {
    id.as_str().get(..12).unwrap_or(id.as_str())
}

/// `docker network create`, as a step of the plan would have made it, its labels included.
fn create_command(body: &Json) -> String {
    let mut words = vec!["docker network create".to_owned()];
    let mut flag = |flag: &str, value: &str| words.push(format!("{flag} {}", quoted(value)));
    let map = |json: &Json| -> Vec<String> {
        let all = json.as_object().into_iter().flatten();
        all.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
    };
    for (field, name) in [("Driver", "--driver"), ("/IPAM/Driver", "--ipam-driver")] {
        let value = if field.starts_with('/') { body.pointer(field) } else { body.get(field) };
        if let Some(value) = value.and_then(Json::as_str).filter(|value| *value != "default") {
            flag(name, value);
        }
    }
    let pools = body["IPAM"]["Config"].as_array().into_iter().flatten();
    for pool in pools {
        let fields = [("Subnet", "--subnet"), ("IPRange", "--ip-range"), ("Gateway", "--gateway")];
        for (field, name) in fields {
            if let Some(value) = pool[field].as_str() {
                flag(name, value);
            }
        }
        for pair in map(&pool["AuxiliaryAddresses"]) {
            flag("--aux-address", &pair);
        }
    }
    for (json, name) in [
        (&body["IPAM"]["Options"], "--ipam-opt"),
        (&body["Options"], "--opt"),
        (&body["Labels"], "--label"),
    ] {
        for pair in map(json) {
            flag(name, &pair);
        }
    }
    for (field, name) in [
        ("Internal", "--internal"),
        ("Attachable", "--attachable"),
        ("EnableIPv4", "--ipv4"),
        ("EnableIPv6", "--ipv6"),
    ] {
        if let Some(yes) = body[field].as_bool() {
            words.push(if yes { name.to_owned() } else { format!("{name}=false") });
        }
    }
    words.push(quoted(body["Name"].as_str().unwrap_or_default()));
    words.join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", say::safe(word).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_network_can_be_made_by_hand_as_the_plan_would_have() {
        let body = json!({"Name": "net", "Driver": "bridge", "Internal": true, "EnableIPv6": false,
            "Labels": {"io.bayplan.network": "net", "say": "it's"},
            "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.1.0.0/24"}]}});
        insta::assert_snapshot!(create_command(&body), @r"docker network create --driver bridge --subnet 10.1.0.0/24 --label io.bayplan.network=net --label 'say=it'\''s' --internal --ipv6=false net");
    }
}
