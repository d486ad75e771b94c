//! The simulated engine for callers: both traits over one world, with a call log and faults.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::sync::Notify;

use super::faults::{Blow, Call, Fault, Faults, When};
use super::world::{Behaviour, World, name_of};
use crate::base::ident::{ContainerId, ContainerName, NetworkId};
use crate::engine::timeouts::Timeouts;
use crate::engine::{
    Created, Done, EngineError, ErrorKind, FilledBody, PullProgress, Reader, Result, Writer,
};
use crate::observed::snapshot::{RegistryAnswer, Snapshot};
use crate::options::files;
use crate::options::settings::Settings;
use crate::options::value::Live;

/// A simulated engine, for a single thread.
#[derive(Debug)]
pub struct Simulated {
    world: RefCell<World>,
    faults: RefCell<Faults>,
    log: RefCell<Vec<Call>>,
    in_flight: Cell<usize>,
    most_in_flight: Cell<usize>,
    marks: BTreeMap<ContainerId, BTreeMap<String, Live>>,
    dead: Notify,
    /// The time until which reads are not answered.
    stuck: Cell<Duration>,
}

impl Simulated {
    /// An engine in the state of a snapshot.
    pub fn new(snapshot: &Snapshot) -> Self {
        let marks = snapshot.containers.iter().map(|had| (had.id(), had.env.clone())).collect();
        Self {
            world: RefCell::new(World::load(snapshot)),
            faults: RefCell::default(),
            log: RefCell::default(),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            marks,
            dead: Notify::new(),
            stuck: Cell::default(),
        }
    }

    /// Sets the faults from now on; call numbers count from the very first call.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.borrow_mut() = faults;
    }

    /// Ends when a fault has killed the caller.
    pub async fn caller_dies(&self) {
        self.dead.notified().await;
    }

    /// Adds an image to the registry: `REPOSITORY@DIGEST`, with its `image inspect` data after a
    /// pull.
    pub fn offer(&self, image: &str, inspect: Json) {
        self.world.borrow_mut().registry.insert(image.to_owned(), inspect);
    }

    /// Sets the behaviour of a container's process; the name has no reserved suffix.
    pub fn behave(&self, name: &str, behaviour: Behaviour) {
        self.world.borrow_mut().behaviours.insert(name.to_owned(), behaviour);
    }

    /// Advances the time.
    pub fn advance(&self, duration: Duration) {
        let mut world = self.world.borrow_mut();
        world.now = world.now.plus(duration);
        let all: Vec<ContainerId> = world.containers.keys().cloned().collect();
        for id in all {
            world.settle(&id);
        }
    }

    /// Lets time pass for a caller that waits. Callers that wait together advance the time once.
    pub async fn passes(&self, duration: Duration) {
        let until = self.elapsed() + duration;
        // Ready tasks run first.
        tokio::task::yield_now().await;
        self.advance(until.saturating_sub(self.elapsed()));
    }

    /// Waits for the answer of a read; an engine that hangs gives none before the deadline.
    async fn answers(&self, doing: &str) -> Result<()> {
        if self.elapsed() >= self.stuck.get() {
            return Ok(());
        }
        self.passes(Timeouts::default().read).await;
        Err(Fault { when: When::Before, kind: ErrorKind::Interrupted }.error(doing))
    }

    /// Whether no event happens as time passes.
    pub fn is_quiet(&self) -> bool {
        self.world.borrow().behaviours.is_empty()
    }

    /// A copy of the engine with its current state and log, without faults.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            world: self.world.clone(),
            faults: RefCell::default(),
            log: self.log.clone(),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            marks: self.marks.clone(),
            dead: Notify::new(),
            stuck: Cell::default(),
        }
    }

    /// The time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.world.borrow().elapsed()
    }

    /// Changes the world like a third party: `change` gets a container's inspect data.
    pub fn meddle(&self, id_or_name: &str, change: impl FnOnce(&mut Json)) {
        let mut world = self.world.borrow_mut();
        if let Some(id) = world.find(id_or_name)
            && let Some(mut inspect) = world.take(&id)
        {
            change(&mut inspect);
            world.put(id, inspect);
        }
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.log.borrow().clone()
    }

    /// The changing calls so far, one line each.
    pub fn changing(&self) -> Vec<String> {
        let log = self.log.borrow();
        log.iter().filter(|call| call.changing).map(|call| call.text.clone()).collect()
    }

    /// The largest number of concurrent changing calls.
    pub fn most_in_flight(&self) -> usize {
        self.most_in_flight.get()
    }

    /// The environment marks that the loaded snapshot has for a container; hidden values can only
    /// be compared by their marks.
    pub fn marks(&self, id: &ContainerId) -> Option<&BTreeMap<String, Live>> {
        self.marks.get(id)
    }

    fn note(&self, text: String, changing: bool) {
        self.log.borrow_mut().push(Call { text, changing });
    }

    /// `ID NAME` of a container, for the log.
    fn called(&self, id: &ContainerId) -> String {
        let world = self.world.borrow();
        let name = world.containers.get(id).map_or("?", name_of);
        format!("{} {name}", id.short())
    }

    /// Makes one changing call: logs the call, and lets the call fail or take effect.
    async fn change<T>(
        &self,
        text: String,
        doing: String,
        work: impl FnOnce(&mut World, &str) -> Result<T>,
    ) -> Result<T> {
        let number = self.log.borrow().iter().filter(|call| call.changing).count();
        let fault = self.faults.borrow().of(number, &text).cloned();
        let blow = self.faults.borrow().blows.get(&number).copied();
        self.note(text, true);
        let deeds = self.faults.borrow().strangers.get(&number).cloned().unwrap_or_default();
        for deed in deeds {
            self.world.borrow_mut().suffers(&deed);
        }
        self.in_flight.set(self.in_flight.get() + 1);
        self.most_in_flight.set(self.most_in_flight.get().max(self.in_flight.get()));
        // The answer takes a while, so that concurrent calls overlap.
        tokio::task::yield_now().await;
        if let Some(Blow::CallerDies(when)) = blow {
            if when == When::After {
                let _ = work(&mut self.world.borrow_mut(), &doing);
            }
            self.dead.notify_one();
            return std::future::pending().await;
        }
        if let Some(Blow::EngineRestarts(when) | Blow::Hangs(when)) = blow {
            if when == When::After {
                let _ = work(&mut self.world.borrow_mut(), &doing);
            }
            if let Some(Blow::Hangs(_)) = blow {
                let deadlines = Timeouts::default();
                self.stuck.set(self.elapsed() + deadlines.write + deadlines.read / 2);
                self.passes(deadlines.write).await;
            } else {
                self.world.borrow_mut().restarts();
            }
            self.in_flight.set(self.in_flight.get() - 1);
            return Err(Fault { when, kind: ErrorKind::Interrupted }.error(&doing));
        }
        let outcome = match fault {
            None => work(&mut self.world.borrow_mut(), &doing),
            Some(fault) => {
                if fault.when == When::After {
                    let _ = work(&mut self.world.borrow_mut(), &doing);
                }
                Err(fault.error(&doing))
            }
        };
        self.in_flight.set(self.in_flight.get() - 1);
        outcome
    }
}

impl Reader for Simulated {
    async fn version(&self) -> Result<Json> {
        self.answers("asking the engine for its version").await?;
        Ok(self.world.borrow().version.clone())
    }

    async fn info(&self) -> Result<Json> {
        self.answers("asking the engine for its data").await?;
        Ok(self.world.borrow().info.clone())
    }

    async fn list(&self) -> Result<Vec<Json>> {
        self.answers("listing the containers").await?;
        let number = self.log.borrow().iter().filter(|call| call.text == "list").count();
        self.note("list".to_owned(), false);
        for deed in self.faults.borrow().at_lists.iter().cycle().skip(number).take(1).flatten() {
            self.world.borrow_mut().suffers(deed);
        }
        Ok(self.world.borrow().list())
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<Json>> {
        self.answers("inspecting a container").await?;
        self.note(format!("inspect {id_or_name}"), false);
        let world = self.world.borrow();
        Ok(world.find(id_or_name).and_then(|id| world.containers.get(&id).cloned()))
    }

    async fn image(&self, reference: &str) -> Result<Option<Json>> {
        self.answers("inspecting an image").await?;
        self.note(format!("image {reference}"), false);
        Ok(self.world.borrow().image(reference).map(|(_, image)| image.clone()))
    }

    async fn file(&self, id: &ContainerId, path: &str) -> Result<Option<Json>> {
        self.answers("reading a file of a container").await?;
        self.note(format!("file {path} of {}", self.called(id)), false);
        let world = self.world.borrow();
        let found = world.containers.get(id).map(|inspect| &inspect["Config"][files::FIELD][path]);
        Ok(found.filter(|file| !file.is_null()).cloned())
    }

    async fn networks(&self) -> Result<Vec<Json>> {
        self.answers("listing the networks").await?;
        Ok(self.world.borrow().networks.clone())
    }

    async fn volumes(&self) -> Result<Vec<Json>> {
        self.answers("listing the volumes").await?;
        Ok(self.world.borrow().volumes.clone())
    }

    async fn networks_named(&self, name: &str) -> Result<Vec<Json>> {
        self.answers("listing the networks").await?;
        let world = self.world.borrow();
        Ok(world.networks.iter().filter(|one| one["Name"] == name).cloned().collect())
    }

    async fn volume(&self, name: &str) -> Result<Option<Json>> {
        self.answers("inspecting a volume").await?;
        Ok(self.world.borrow().volumes.iter().find(|one| one["Name"] == name).cloned())
    }

    async fn distribution(&self, reference: &str) -> Result<RegistryAnswer> {
        self.note(format!("distribution {reference}"), false);
        let answer = self.world.borrow().answers.get(reference).cloned();
        Ok(answer.unwrap_or(RegistryAnswer::Silent))
    }

    /// The simulated engine has no event log.
    async fn events(&self, _since: Instant) -> Option<Vec<Json>> {
        None
    }
}

impl Writer for Simulated {
    async fn create(&self, name: &ContainerName, body: &FilledBody) -> Result<Created> {
        let doing = format!("creating container {name}");
        self.change(format!("create {name}"), doing, |world, doing| world.create(name, body, doing))
            .await
    }

    async fn put_files(&self, id: &ContainerId, files: &FilledBody) -> Result<()> {
        let doing = format!("putting files into container {}", id.short());
        let paths: Vec<&str> = files
            .expose()
            .as_object()
            .into_iter()
            .flatten()
            .map(|(path, _)| path.as_str())
            .collect();
        let text = format!("put {} into {}", paths.join(" "), self.called(id));
        self.change(text, doing, |world, doing| world.put_files(id, files.expose(), doing)).await
    }

    async fn start(&self, id: &ContainerId) -> Result<Done> {
        let doing = format!("starting container {}", id.short());
        self.change(format!("start {}", self.called(id)), doing, |world, doing| {
            world.start(id, doing)
        })
        .await
    }

    async fn stop(
        &self,
        id: &ContainerId,
        signal: Option<&str>,
        _timeout: Option<i64>,
    ) -> Result<Done> {
        let doing = format!("stopping container {}", id.short());
        self.change(format!("stop {}", self.called(id)), doing, |world, doing| {
            world.stop(id, signal, doing)
        })
        .await
    }

    async fn kill(&self, id: &ContainerId, signal: &str) -> Result<Done> {
        let doing = format!("killing container {}", id.short());
        self.change(format!("kill {}", self.called(id)), doing, |world, doing| {
            world.kill(id, signal, doing)
        })
        .await
    }

    async fn restart(&self, id: &ContainerId, _timeout: Option<i64>) -> Result<()> {
        let doing = format!("restarting container {}", id.short());
        self.change(format!("restart {}", self.called(id)), doing, |world, doing| {
            world.restart(id, doing)
        })
        .await
    }

    async fn rename(&self, id: &ContainerId, to: &ContainerName) -> Result<()> {
        let doing = format!("renaming container {} to {to}", id.short());
        self.change(format!("rename {} {to}", self.called(id)), doing, |world, doing| {
            world.rename(id, to, doing)
        })
        .await
    }

    async fn update(&self, id: &ContainerId, settings: &Settings) -> Result<Vec<String>> {
        let doing = format!("updating container {}", id.short());
        let text = format!("update {} {}", self.called(id), settings.words());
        self.change(text, doing, |world, doing| world.update(id, settings, doing)).await
    }

    async fn remove(&self, id: &ContainerId) -> Result<Done> {
        let doing = format!("removing container {}", id.short());
        self.change(format!("remove {}", self.called(id)), doing, |world, doing| {
            world.remove(id, doing)
        })
        .await
    }

    async fn pull(
        &self,
        image: &str,
        platform: Option<&str>,
        progress: &mut dyn FnMut(PullProgress),
    ) -> Result<()> {
        let doing = format!("pulling {image}");
        let call = match platform {
            Some(platform) => format!("pull {image} for {platform}"),
            None => format!("pull {image}"),
        };
        let outcome =
            self.change(call, doing, |world, doing| world.pull(image, platform, doing)).await;
        let status = if outcome.is_ok() { "Pull complete" } else { "Pulling fs layer" };
        let layer = String::new();
        progress(PullProgress { layer, status: status.to_owned(), current: None, total: None });
        outcome
    }

    async fn tag(&self, image: &str, tag: &str) -> Result<()> {
        let doing = format!("tagging {image} as {tag}");
        self.change(format!("tag {image} {tag}"), doing, |world, doing| {
            world.tag(image, tag, doing)
        })
        .await
    }

    async fn run_to_end(&self, id: &ContainerId) -> Result<i64> {
        let doing = format!("running container {} to its end", id.short());
        self.change(format!("run {}", self.called(id)), doing, |world, doing| {
            world.run_to_end(id, doing)
        })
        .await
    }

    async fn create_network(&self, body: &FilledBody) -> Result<NetworkId> {
        let name = body.expose()["Name"].as_str().unwrap_or_default();
        let doing = format!("creating network {name}");
        self.change(format!("create network {name}"), doing, |world, doing| {
            world.create_network(body.expose(), doing)
        })
        .await
    }

    async fn remove_network(&self, id: &NetworkId) -> Result<Done> {
        let doing = format!("removing network {}", id.short());
        let name = self.world.borrow().network_name(id);
        self.change(format!("remove network {name}"), doing, |world, doing| {
            world.remove_network(id, doing)
        })
        .await
    }

    async fn create_volume(&self, body: &FilledBody) -> Result<()> {
        let name = body.expose()["Name"].as_str().unwrap_or_default();
        let doing = format!("creating volume {name}");
        self.change(format!("create volume {name}"), doing, |world, _| {
            world.create_volume(body.expose());
            Ok(())
        })
        .await
    }

    async fn connect(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        endpoint: &Json,
    ) -> Result<()> {
        let doing = format!("connecting container {}", container.short());
        let name = self.world.borrow().network_name(network);
        self.change(format!("connect {} {name}", self.called(container)), doing, |world, doing| {
            world.connect(network, container, endpoint, doing)
        })
        .await
    }

    async fn disconnect(&self, network: &NetworkId, container: &ContainerId) -> Result<()> {
        let doing = format!("disconnecting container {}", container.short());
        let name = self.world.borrow().network_name(network);
        let text = format!("disconnect {} {name}", self.called(container));
        self.change(text, doing, |world, doing| world.disconnect(network, container, doing)).await
    }

    async fn tail(&self, id: &ContainerId, lines: usize) -> Result<String> {
        self.answers("reading the output of a container").await?;
        let world = self.world.borrow();
        let Some(inspect) = world.containers.get(id) else {
            return Err(EngineError {
                kind: ErrorKind::NotFound,
                doing: format!("reading the output of container {}", id.short()),
                message: format!("No such container: {id}"),
                hint: None,
            });
        };
        let output = world.behaviour(inspect).output;
        let all: Vec<&str> = output.lines().collect();
        Ok(all[all.len().saturating_sub(lines)..].join("\n"))
    }
}
