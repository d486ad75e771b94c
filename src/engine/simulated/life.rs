//! The life of a container on a simulated engine: start, stop, kill, restart, rename and remove,
//! and its process.
//!
//! The status codes are from observations of real engines.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::faults::Deed;
use super::ports;
use super::resources::{add_own_names, own_names};
use super::time::Instant;
use super::world::{World, fails, name_of, set};
use crate::base::ident::{ContainerId, ContainerName};
use crate::base::signal;
use crate::engine::{Done, ErrorKind, FilledBody, Result};

impl World {
    pub(super) fn start(&mut self, id: &ContainerId, doing: &str) -> Result<Done> {
        let inspect = self.container(id, doing)?;
        match status(inspect) {
            "running" | "restarting" => return Ok(Done::Already),
            "paused" => {
                let text = "cannot start a paused container, try unpause instead";
                return Err(fails(ErrorKind::Conflict, doing, text));
            }
            "dead" | "removing" => {
                let text = "container is marked for removal and cannot be started";
                return Err(fails(ErrorKind::Conflict, doing, text));
            }
            _ => {}
        }
        let outcome = self.obstacle(inspect);
        let now = self.tick();
        match outcome {
            Ok(ports) => {
                self.goes(id, ports, now);
                Ok(Done::Now)
            }
            Err((kind, message)) => {
                let code = if matches!(kind, ErrorKind::Status(400)) { 127 } else { 128 };
                let inspect = self.container_mut(id, doing)?;
                set(inspect, &["State", "Error"], message.as_str());
                set(inspect, &["State", "ExitCode"], code);
                Err(fails(kind, doing, &message))
            }
        }
    }

    /// The ports of a starting container, or the obstacle to the start.
    fn obstacle(&self, inspect: &Json) -> std::result::Result<Json, (ErrorKind, String)> {
        if let Some((status, text)) = self.behaviour(inspect).start_fails {
            return Err((ErrorKind::Status(status), text));
        }
        let mode = inspect["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
        if let Some(target) = mode.strip_prefix("container:") {
            let running = self
                .find(target)
                .and_then(|target| self.containers.get(&target))
                .is_some_and(is_running);
            if !running {
                let text = format!("cannot join network of a non running container: {target}");
                return Err((ErrorKind::Conflict, text));
            }
        }
        for network in inspect["NetworkSettings"]["Networks"].as_object().into_iter().flatten() {
            let name = network.0.as_str();
            let built_in = matches!(name, "bridge" | "host" | "none" | "default" | "podman");
            let there = self.networks.iter().any(|had| had["Name"] == name || had["Id"] == name);
            if !built_in && !there {
                let text =
                    format!("failed to set up container networking: network {name} not found");
                return Err((ErrorKind::NotFound, text));
            }
        }
        for link in inspect["HostConfig"]["Links"].as_array().into_iter().flatten() {
            let (target, alias) =
                link.as_str().and_then(|link| link.split_once(':')).unwrap_or_default();
            let holder = self.holder(target.trim_start_matches('/'));
            if !holder.and_then(|id| self.containers.get(id)).is_some_and(is_running) {
                let text = format!("Cannot link to a non running container: {target} AS {alias}");
                return Err((ErrorKind::Status(500), text));
            }
        }
        if !ports::publishes(inspect) {
            return Ok(json!({}));
        }
        let others = self.containers.values().filter(|other| {
            other["Id"] != inspect["Id"] && is_running(other) && ports::publishes(other)
        });
        let taken: Vec<_> = if ports::wishes(inspect) {
            others.flat_map(ports::held).collect()
        } else {
            Vec::new()
        };
        ports::publish(inspect, &taken).map_err(|text| {
            let name = name_of(inspect);
            let text = format!(
                "failed to set up container networking: driver failed programming external \
                 connectivity on endpoint {name}: {text}"
            );
            (ErrorKind::Status(500), text)
        })
    }

    /// Starts the process of a container.
    fn goes(&mut self, id: &ContainerId, ports: Json, now: Instant) {
        let pid = 1000 + self.serial;
        self.serial += 1;
        let endpoint = self.digits("endpoint");
        let networks: Vec<(String, Json)> = self
            .networks
            .iter()
            .filter_map(|network| {
                Some((network["Name"].as_str()?.to_owned(), network["Id"].clone()))
            })
            .collect();
        let names = self.names_of_network(id);
        let shows_own_names = self.api() < crate::base::api::NO_OWN_ALIASES;
        let Some(inspect) = self.containers.get_mut(id) else { return };
        for (field, name) in names {
            set(inspect, &["Config", field], name);
        }
        for (key, value) in [
            ("Status", json!("running")),
            ("Running", json!(true)),
            ("Paused", json!(false)),
            ("Restarting", json!(false)),
            ("Dead", json!(false)),
            ("OOMKilled", json!(false)),
            ("Pid", json!(pid)),
            ("ExitCode", json!(0)),
            ("Error", json!("")),
            ("StartedAt", json!(now.text())),
        ] {
            set(inspect, &["State", key], value);
        }
        set(inspect, &["NetworkSettings", "Ports"], ports);
        let own = own_names(inspect);
        let attached = inspect["NetworkSettings"]["Networks"].as_object_mut();
        for (name, end) in attached.into_iter().flatten() {
            if let Some((_, id)) = networks.iter().find(|(network, _)| network == name) {
                set(end, &["NetworkID"], id.clone());
            }
            set(end, &["EndpointID"], endpoint.as_str());
            let gives_names = !matches!(name.as_str(), "bridge" | "host" | "none");
            if shows_own_names && gives_names {
                add_own_names(end, &own);
            }
            // Every network interface has a MAC address, requested or not.
            if !matches!(name.as_str(), "host" | "none") && end["MacAddress"].as_str() == Some("") {
                set(end, &["MacAddress"], mac(&endpoint));
            }
        }
        if has_health_check(inspect) {
            set(
                inspect,
                &["State", "Health"],
                json!({"Status": "starting", "FailingStreak": 0, "Log": []}),
            );
        }
        self.settle(id);
    }

    /// The names that a container takes over from the container whose network it shares.
    fn names_of_network(&self, id: &ContainerId) -> Vec<(&'static str, Json)> {
        let mode =
            self.containers.get(id).and_then(|own| own["HostConfig"]["NetworkMode"].as_str());
        let target = mode.and_then(|mode| mode.strip_prefix("container:"));
        let target = target.and_then(|target| self.containers.get(&self.find(target)?));
        let of = |target: &Json, field: &'static str| (field, target["Config"][field].clone());
        let both = |target| ["Hostname", "Domainname"].map(|field| of(target, field));
        target.into_iter().flat_map(both).collect()
    }

    /// Applies the due events of a container: its end and its health check.
    pub(super) fn settle(&mut self, id: &ContainerId) {
        let Some(inspect) = self.containers.get(id) else { return };
        if status(inspect) != "running" {
            return;
        }
        let behaviour = self.behaviour(inspect);
        let started = inspect["State"]["StartedAt"].as_str().and_then(Instant::parse);
        let due = |after: Duration| started.is_none_or(|started| self.now >= started.plus(after));
        let health = match &behaviour.health {
            None => Some("healthy".to_owned()),
            Some((after, status)) if due(*after) => Some(status.clone()),
            Some(_) => None,
        };
        let ended = behaviour.ends.filter(|(after, _)| due(*after));
        if let Some(inspect) = self.containers.get_mut(id)
            && inspect["State"]["Health"].is_object()
            && let Some(health) = health
        {
            set(inspect, &["State", "Health", "Status"], health);
        }
        if let Some((_, code)) = ended {
            self.ends(id, code);
            self.revive(id, code);
        }
    }

    /// Applies the restart policy after a container ended by itself.
    fn revive(&mut self, id: &ContainerId, code: i64) {
        let Some(inspect) = self.containers.get(id) else { return };
        let policy = &inspect["HostConfig"]["RestartPolicy"];
        let count = inspect["RestartCount"].as_i64().unwrap_or(0);
        let most = policy["MaximumRetryCount"].as_i64().unwrap_or(0);
        let again = match policy["Name"].as_str().unwrap_or_default() {
            "always" | "unless-stopped" => true,
            "on-failure" => code != 0 && (most == 0 || count < most),
            _ => false,
        };
        if !again {
            return;
        }
        let now = self.tick();
        let Some(inspect) = self.containers.get_mut(id) else { return };
        // A container that ends again and again is shown as restarting.
        set(inspect, &["RestartCount"], count + 1);
        set(inspect, &["State", "Status"], "restarting");
        set(inspect, &["State", "Running"], true);
        set(inspect, &["State", "Restarting"], true);
        set(inspect, &["State", "StartedAt"], now.text());
    }

    /// Applies a change by a third party; an impossible change is ignored.
    pub(super) fn suffers(&mut self, deed: &Deed) {
        let doing = "a stranger's deed";
        let id = |world: &Self, name: &ContainerName| world.holder(name.as_str()).cloned();
        let _ = match deed {
            Deed::Runs(name, image) => {
                let body = FilledBody::new(json!({"Image": image, "Labels": {}}));
                let made = self.create(name, &body, doing);
                made.and_then(|made| self.start(&made.id, doing)).map(drop)
            }
            Deed::Stops(name) => {
                id(self, name).map_or(Ok(()), |id| self.stop(&id, None, doing).map(drop))
            }
            Deed::Starts(name) => {
                id(self, name).map_or(Ok(()), |id| self.start(&id, doing).map(drop))
            }
            Deed::Removes(name) => id(self, name).map_or(Ok(()), |id| {
                let _ = self.stop(&id, None, doing);
                self.remove(&id, doing).map(drop)
            }),
            Deed::Renames(from, to) => {
                id(self, from).map_or(Ok(()), |id| self.rename(&id, to, doing))
            }
        };
    }

    /// Crashes and restarts the engine. Running containers with the policies `always` and
    /// `on-failure` come back. Stopped containers come back with `always`, or after a failure with
    /// `on-failure`. Containers that never ran stay as they are. (Observed on 20.10 and 28.5,
    /// without live-restore.)
    pub(super) fn restarts(&mut self) {
        let all: Vec<ContainerId> = self.containers.keys().cloned().collect();
        for id in &all {
            if self.containers.get(id).is_some_and(is_running) {
                self.ends(id, 137);
            }
        }
        for id in &all {
            let Some(inspect) = self.containers.get(id) else { continue };
            let bad = inspect["State"]["ExitCode"] != 0;
            let again = match inspect["HostConfig"]["RestartPolicy"]["Name"].as_str() {
                Some("always") => true,
                Some("on-failure") => bad,
                _ => false,
            };
            if again && status(inspect) == "exited" {
                // A container that fails to start stays as it is.
                let _ = self.start(id, "restarting");
            }
        }
    }

    /// Ends the process of a container.
    fn ends(&mut self, id: &ContainerId, code: i64) {
        let now = self.tick();
        let Some(inspect) = self.containers.get(id) else { return };
        let out_of_memory = self.behaviour(inspect).out_of_memory;
        let Some(inspect) = self.containers.get_mut(id) else { return };
        for (key, value) in [
            ("OOMKilled", json!(out_of_memory)),
            ("Status", json!("exited")),
            ("Running", json!(false)),
            ("Paused", json!(false)),
            ("Restarting", json!(false)),
            ("Pid", json!(0)),
            ("ExitCode", json!(code)),
            ("FinishedAt", json!(now.text())),
        ] {
            set(inspect, &["State", key], value);
        }
        set(inspect, &["NetworkSettings", "Ports"], json!({}));
        let attached = inspect["NetworkSettings"]["Networks"].as_object_mut();
        for (_, end) in attached.into_iter().flatten() {
            set(end, &["MacAddress"], "");
        }
        if inspect["State"]["Health"].is_object() {
            set(inspect, &["State", "Health", "Status"], "unhealthy");
        }
        if inspect["HostConfig"]["AutoRemove"] == json!(true) {
            self.vanish(id, true);
        }
    }

    pub(super) fn stop(
        &mut self,
        id: &ContainerId,
        signal: Option<&str>,
        doing: &str,
    ) -> Result<Done> {
        let inspect = self.container(id, doing)?;
        if !is_running(inspect) {
            return Ok(Done::Already);
        }
        let own = inspect["Config"]["StopSignal"].as_str().unwrap_or_default();
        let signal = signal.unwrap_or(if own.is_empty() { "TERM" } else { own });
        let code = if self.behaviour(inspect).stubborn { 137 } else { exit_code(signal) };
        self.ends(id, code);
        Ok(Done::Now)
    }

    pub(super) fn kill(&mut self, id: &ContainerId, signal: &str, doing: &str) -> Result<Done> {
        let inspect = self.container(id, doing)?;
        if !is_running(inspect) {
            let text = format!(
                "cannot kill container: {}: container {id} is not running",
                name_of(inspect)
            );
            return Err(fails(ErrorKind::Conflict, doing, &text));
        }
        let Some(number) = signal::number(signal) else {
            let text = format!("invalid signal: {signal}");
            return Err(fails(ErrorKind::Status(400), doing, &text));
        };
        if number == 9 || !self.behaviour(inspect).stubborn {
            self.ends(id, 128 + i64::from(number));
        }
        Ok(Done::Now)
    }

    pub(super) fn restart(&mut self, id: &ContainerId, doing: &str) -> Result<()> {
        let auto_remove = self.container(id, doing)?["HostConfig"]["AutoRemove"].clone();
        // A restart does not trigger the automatic removal.
        set(self.container_mut(id, doing)?, &["HostConfig", "AutoRemove"], false);
        self.stop(id, None, doing)?;
        set(self.container_mut(id, doing)?, &["HostConfig", "AutoRemove"], auto_remove);
        set(self.container_mut(id, doing)?, &["RestartCount"], 0);
        self.start(id, doing)?;
        Ok(())
    }

    pub(super) fn rename(
        &mut self,
        id: &ContainerId,
        to: &ContainerName,
        doing: &str,
    ) -> Result<()> {
        let from = name_of(self.container(id, doing)?).to_owned();
        if from == to.as_str() {
            let text = "Renaming a container with the same name as its current name";
            return Err(fails(ErrorKind::Status(400), doing, text));
        }
        if let Err(error) = self.vet_name(to, doing) {
            let text = format!("Error when allocating new name: {}", error.message);
            return Err(fails(error.kind, doing, &text));
        }
        if let Some(mut inspect) = self.take(id) {
            set(&mut inspect, &["Name"], format!("/{to}"));
            self.put(id.clone(), inspect);
        }
        // Both names of a link follow renames.
        let renamed = |link: &str| -> Option<String> {
            let (target, alias) = link.split_once(':')?;
            let target = if target.trim_start_matches('/') == from {
                format!("/{to}")
            } else {
                target.to_owned()
            };
            let mut parts: Vec<String> = alias.split('/').map(str::to_owned).collect();
            if parts.len() == 3 && parts[1] == from {
                parts[1] = to.to_string();
            }
            Some(format!("{target}:{}", parts.join("/")))
        };
        for inspect in self.containers.values_mut() {
            for link in links(inspect).into_iter().flatten() {
                if let Some(new) = link.as_str().and_then(renamed) {
                    *link = json!(new);
                }
            }
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &ContainerId, doing: &str) -> Result<Done> {
        let Some(inspect) = self.containers.get(id) else { return Ok(Done::Already) };
        if is_running(inspect) {
            let text = format!(
                "cannot remove container {:?}: container is running: stop the container before \
                 removing or force remove",
                name_of(inspect)
            );
            return Err(fails(ErrorKind::Conflict, doing, &text));
        }
        self.vanish(id, false);
        Ok(Done::Now)
    }

    /// Removes a container and the links to the container; anonymous volumes are removed only with
    /// `auto_remove`.
    fn vanish(&mut self, id: &ContainerId, with_volumes: bool) {
        let Some(inspect) = self.take(id) else { return };
        let name = name_of(&inspect).to_owned();
        for other in self.containers.values_mut() {
            if let Some(links) = links(other) {
                links.retain(|link| {
                    let target = link.as_str().and_then(|link| link.split_once(':'));
                    target.is_none_or(|(target, _)| target.trim_start_matches('/') != name)
                });
            }
        }
        if with_volumes {
            let mounts = inspect["Mounts"].as_array().into_iter().flatten();
            let names: Vec<&str> = mounts
                .filter(|mount| mount["Type"] == "volume")
                .filter_map(|mount| mount["Name"].as_str())
                .filter(|name| {
                    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
                })
                .collect();
            self.volumes.retain(|volume| {
                volume["Name"].as_str().is_none_or(|volume| !names.contains(&volume))
            });
        }
    }

    /// Starts a one-shot and lets the one-shot end.
    pub(super) fn run_to_end(&mut self, id: &ContainerId, doing: &str) -> Result<i64> {
        let inspect = self.container(id, doing)?;
        let (after, code) = self.behaviour(inspect).ends.unwrap_or((Duration::ZERO, 0));
        self.start(id, doing)?;
        self.now = self.now.plus(after);
        if self.containers.get(id).is_some_and(is_running) {
            self.ends(id, code);
            self.revive(id, code);
        }
        Ok(code)
    }
}

/// The word for the state.
pub(super) fn status(inspect: &Json) -> &str {
    inspect["State"]["Status"].as_str().unwrap_or_default()
}

/// Whether the state is running, restarting or paused.
pub(super) fn is_running(inspect: &Json) -> bool {
    matches!(status(inspect), "running" | "restarting" | "paused")
}

/// A generated MAC address.
fn mac(endpoint: &str) -> String {
    let digits = endpoint.get(..8).unwrap_or("00000000");
    let pairs: Vec<&str> = (0..8).step_by(2).filter_map(|at| digits.get(at..at + 2)).collect();
    format!("02:42:{}", pairs.join(":"))
}

fn has_health_check(inspect: &Json) -> bool {
    let test = &inspect["Config"]["Healthcheck"]["Test"];
    test[0].is_string() && test[0] != "NONE"
}

/// The exit code of a process that was ended by a signal.
fn exit_code(signal: &str) -> i64 {
    signal::number(signal).map_or(137, |number| 128 + i64::from(number))
}

/// The links of a container.
fn links(inspect: &mut Json) -> Option<&mut Vec<Json>> {
    inspect.get_mut("HostConfig")?.get_mut("Links")?.as_array_mut()
}
