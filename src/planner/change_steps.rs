//! One change with its steps, and the steps at which other changes may have to wait.
//!
//! This module writes the steps of each verdict. Which steps wait for the steps of other changes is
//! [`super::order`]'s.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::in_place::InPlace;
use super::moves::{Move, Way};
use super::ports::Binding;
use crate::base::ident::{
    ChangeId, ContainerId, ContainerName, SUFFIX_NEW, SUFFIX_OLD, SetName, StepId,
};
use crate::plan::{Action, Change, ImagePin, NetworkRef, Step, Subject};
use crate::spec::Set;

/// A change with its steps.
#[derive(Debug, Clone)]
pub(super) struct ChangeSteps {
    pub(super) change: Change,
    pub(super) steps: Vec<Step>,
    /// The first step that needs the dependencies of the set.
    pub(super) needs: Option<StepId>,
    /// The step after which dependants find the container or object.
    pub(super) up: Option<StepId>,
    /// The step that starts a process; `takes` are the host ports of that process.
    pub(super) start: Option<StepId>,
    pub(super) takes: Vec<Binding>,
    /// The step after which the old process and its host ports are gone.
    pub(super) down: Option<StepId>,
    /// The first step that disturbs a running member: the replacements of a set wait here in turn.
    pub(super) disturbs: Option<StepId>,
    /// The change only takes something away, so its dependants are taken away before.
    pub(super) takes_away: bool,
    /// The new container starts before the old container stops.
    pub(super) ahead: bool,
}

/// The condition by which a started container counts as successful.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof {
    /// The container ends with exit code 0.
    End,
    /// The container is healthy, or runs for this long if it has no health check.
    Ready {
        /// Seconds.
        prove_for: u32,
    },
}

impl Proof {
    /// The proof that a set asks for.
    pub(super) fn of(set: &Set) -> Self {
        if set.one_shot { Self::End } else { Self::Ready { prove_for: set.prove_for } }
    }
}

/// The signal and timeout of a stop: of the spec if declared, else of the container.
#[derive(Debug, Clone, Default)]
pub(super) struct Stopping {
    pub(super) signal: Option<String>,
    pub(super) timeout: Option<i64>,
}

/// Writes the steps of one change.
pub(super) struct Steps {
    id: ChangeId,
    steps: Vec<Step>,
}

impl Steps {
    pub(super) fn of(id: &ChangeId) -> Self {
        Self { id: id.clone(), steps: Vec::new() }
    }

    /// Adds a step that waits for the step before.
    fn then(&mut self, what: &str, action: Action) -> StepId {
        let after = self.steps.last().map(|step| step.id.clone()).into_iter().collect();
        let id = StepId::of(&self.id, what);
        self.steps.push(Step::new(id.clone(), action, after));
        id
    }

    fn stop(&mut self, id: &ContainerId, stopping: &Stopping) -> StepId {
        let Stopping { signal, timeout } = stopping.clone();
        let container = Subject::Container(id.clone());
        self.then("stop", Action::Stop { container, signal, timeout })
    }

    /// Changes a container in place: connects networks, disconnects networks, and updates limits
    /// last.
    fn in_place(&mut self, id: &ContainerId, in_place: &InPlace) {
        let container = || Subject::Container(id.clone());
        for one in &in_place.moves {
            let Move { network, which, way } = one.clone();
            let (what, container) = (network.clone(), container());
            match way {
                Way::On(endpoint) => {
                    let action = Action::Connect { container, network, which, endpoint };
                    self.then(&format!("connect-{what}"), action)
                }
                Way::Off => {
                    let action = Action::Disconnect { container, network, which };
                    self.then(&format!("disconnect-{what}"), action)
                }
            };
        }
        // An engine cannot undo every limit that it set, so the steps that can fail come before.
        if !in_place.settings.is_empty() {
            let settings = in_place.settings.clone();
            self.then("update", Action::Update { container: container(), settings });
        }
    }

    fn start(&mut self, container: Subject, proof: Proof) -> (StepId, StepId) {
        let wait = matches!(proof, Proof::End);
        let start = self.then("start", Action::Start { container: container.clone(), wait });
        let Proof::Ready { prove_for } = proof else { return (start.clone(), start) };
        let ready = self.then("wait_ready", Action::WaitReady { container, prove_for });
        (start, ready)
    }
}

impl ChangeSteps {
    fn new(change: Change, steps: Steps) -> Self {
        Self {
            change,
            steps: steps.steps,
            needs: None,
            up: None,
            start: None,
            takes: Vec::new(),
            down: None,
            disturbs: None,
            takes_away: false,
            ahead: false,
        }
    }

    /// Creates a container, and starts the container unless the state says otherwise.
    pub(super) fn create(
        change: Change,
        set: &SetName,
        image: ImagePin,
        start: Option<Proof>,
    ) -> Self {
        let mut steps = Steps::of(&change.id);
        let name = ContainerName::new(change.id.as_str());
        let create = steps.then("create", Action::create(name.clone(), name, set.clone(), image));
        let created = Subject::CreatedBy(create.clone());
        let (start, up) = match start {
            Some(proof) => {
                let (start, up) = steps.start(created, proof);
                (Some(start), up)
            }
            None => (None, create.clone()),
        };
        Self { needs: Some(create), up: Some(up), start, ..Self::new(change, steps) }
    }

    /// Replaces a container: create the new, fence and stop the old, swap the names, start and
    /// prove the new, remove the old. With `start_first` the new container is started and proven
    /// before the old container is fenced. The new container ends in the run state of the old
    /// container, or in the declared state.
    pub(super) fn replace(
        change: Change,
        set: &SetName,
        image: ImagePin,
        old: &ContainerId,
        how: &Replacing,
    ) -> Self {
        let mut steps = Steps::of(&change.id);
        let name = ContainerName::new(change.id.as_str());
        let aside = ContainerName::new(format!("{name}{SUFFIX_OLD}"));
        let new = ContainerName::new(format!("{name}{SUFFIX_NEW}"));
        let create =
            steps.then("create", Action::create(new.clone(), name.clone(), set.clone(), image));
        let created = Subject::CreatedBy(create.clone());
        let ahead = how.start.filter(|_| how.live && how.start_first);
        let ahead = ahead.map(|proof| steps.start(created.clone(), proof).0);
        let fence = how.fence.then(|| {
            steps.then("fence", Action::Fence { container: Subject::Container(old.clone()) })
        });
        let down = how.live.then(|| steps.stop(old, &how.stopping));
        let old = Subject::Container(old.clone());
        let rename_old = steps.then(
            "rename-old",
            Action::Rename { container: old.clone(), from: name.clone(), to: aside },
        );
        let rename_new = steps
            .then("rename-new", Action::Rename { container: created.clone(), from: new, to: name });
        let (start, up) = match how.start.filter(|_| ahead.is_none()) {
            Some(proof) => {
                let (start, up) = steps.start(created, proof);
                (Some(start), up)
            }
            None => (ahead.clone(), rename_new),
        };
        steps.then("remove", Action::Remove { container: old });
        let is_ahead = ahead.is_some();
        let disturbs = ahead.or(fence).or_else(|| down.clone()).or(Some(rename_old));
        Self {
            ahead: is_ahead,
            needs: Some(create),
            up: Some(up),
            start,
            down,
            disturbs,
            ..Self::new(change, steps)
        }
    }

    /// Changes a container in place.
    pub(super) fn update(change: Change, id: &ContainerId, in_place: &InPlace) -> Self {
        let mut steps = Steps::of(&change.id);
        steps.in_place(id, in_place);
        let up = steps.steps.last().map(|step| step.id.clone());
        Self { up, ..Self::new(change, steps) }.after_networks()
    }

    /// Starts an existing container, after any changes in place.
    pub(super) fn start(
        change: Change,
        id: &ContainerId,
        in_place: &InPlace,
        prove_for: u32,
    ) -> Self {
        let mut steps = Steps::of(&change.id);
        steps.in_place(id, in_place);
        let proof = Proof::Ready { prove_for };
        let (start, up) = steps.start(Subject::Container(id.clone()), proof);
        Self {
            needs: Some(start.clone()),
            up: Some(up),
            start: Some(start),
            ..Self::new(change, steps)
        }
        .after_networks()
    }

    /// Makes each connect step wait for the step that creates its network.
    fn after_networks(mut self) -> Self {
        for step in &mut self.steps {
            if let Action::Connect { which: NetworkRef::CreatedBy(made), .. } = &step.action {
                let made = made.clone();
                step.after.push(made);
            }
        }
        self
    }

    /// Stops a container.
    pub(super) fn stop(change: Change, id: &ContainerId, stopping: &Stopping) -> Self {
        let mut steps = Steps::of(&change.id);
        let stop = steps.stop(id, stopping);
        Self { down: Some(stop), takes_away: true, ..Self::new(change, steps) }
    }

    /// Kills a container.
    pub(super) fn kill(change: Change, id: &ContainerId, signal: &str) -> Self {
        let mut steps = Steps::of(&change.id);
        let container = Subject::Container(id.clone());
        let kill = steps.then("kill", Action::Kill { container, signal: signal.to_owned() });
        Self { down: Some(kill), takes_away: true, ..Self::new(change, steps) }
    }

    /// Restarts a container, after any changes in place.
    pub(super) fn restart(
        change: Change,
        id: &ContainerId,
        in_place: &InPlace,
        (stopping, prove_for): (&Stopping, u32),
    ) -> Self {
        let mut steps = Steps::of(&change.id);
        steps.in_place(id, in_place);
        let container = Subject::Container(id.clone());
        let restart = steps.then(
            "restart",
            Action::Restart { container: container.clone(), timeout: stopping.timeout },
        );
        let up = steps.then("wait_ready", Action::WaitReady { container, prove_for });
        Self {
            needs: Some(restart.clone()),
            up: Some(up),
            disturbs: Some(restart),
            ..Self::new(change, steps)
        }
        .after_networks()
    }

    /// Removes a container, and stops a live container before.
    pub(super) fn remove(
        change: Change,
        id: &ContainerId,
        live: bool,
        stopping: &Stopping,
    ) -> Self {
        let mut steps = Steps::of(&change.id);
        let down = live.then(|| steps.stop(id, stopping));
        let remove =
            steps.then("remove", Action::Remove { container: Subject::Container(id.clone()) });
        let down = down.unwrap_or(remove);
        Self { down: Some(down), takes_away: true, ..Self::new(change, steps) }
    }

    /// Pulls an image by digest if a pull is needed, and adds the declared tag.
    pub(super) fn image(
        change: Change,
        pull: Option<Action>,
        pinned: &str,
        tag: Option<&str>,
    ) -> Self {
        let mut steps = Steps::of(&change.id);
        if let Some(pull) = pull {
            steps.then("pull", pull);
        }
        if let Some(tag) = tag {
            steps.then("tag", Action::Tag { image: pinned.to_owned(), tag: tag.to_owned() });
        }
        let up = steps.steps.last().map(|step| step.id.clone());
        Self { up, ..Self::new(change, steps) }
    }

    /// Creates a network or a volume.
    pub(super) fn object(change: Change, action: Action) -> Self {
        let mut steps = Steps::of(&change.id);
        let up = steps.then("create", action);
        Self { up: Some(up), ..Self::new(change, steps) }
    }

    /// Takes the given steps of a network; after step `up` the network is there.
    pub(super) fn of_object(change: Change, steps: Vec<Step>, up: StepId) -> Self {
        let none = Steps::of(&change.id);
        Self { steps, up: Some(up), ..Self::new(change, none) }
    }

    /// Puts files into the created container, before any other step uses the container.
    pub(super) fn put_files(&mut self, files: BTreeSet<String>) {
        let create =
            self.steps.iter().position(|step| matches!(step.action, Action::Create { .. }));
        let Some(at) = create else { return };
        let create = self.steps[at].id.clone();
        let id = StepId::of(&self.change.id, "put_files");
        for after in self.steps.iter_mut().flat_map(|step| &mut step.after) {
            if *after == create {
                *after = id.clone();
            }
        }
        let container = Subject::CreatedBy(create.clone());
        let action = Action::PutFiles { container, files };
        self.steps.insert(at + 1, Step::new(id.clone(), action, vec![create.clone()]));
        if self.up.as_ref() == Some(&create) {
            self.up = Some(id);
        }
    }

    /// Connects the created container to more networks, before any other step uses the container.
    pub(super) fn connect(&mut self, later: Vec<(String, NetworkRef, Json)>) {
        let Some(at) =
            self.steps.iter().position(|step| matches!(step.action, Action::Create { .. }))
        else {
            return;
        };
        let create = self.steps[at].id.clone();
        let mut last = create.clone();
        for (index, (network, which, endpoint)) in later.into_iter().enumerate() {
            let id = StepId::of(&self.change.id, &format!("connect-{network}"));
            let container = Subject::CreatedBy(create.clone());
            let action = Action::Connect { container, network, which, endpoint };
            self.steps.insert(at + 1 + index, Step::new(id.clone(), action, vec![last]));
            last = id;
        }
        let own = |step: &Step| matches!(step.action, Action::Connect { .. });
        for step in self.steps.iter_mut().filter(|step| !own(step)) {
            for after in step.after.iter_mut().filter(|after| **after == create) {
                *after = last.clone();
            }
        }
        if self.up.as_ref() == Some(&create) {
            self.up = Some(last);
        }
    }

    /// The first step.
    pub(super) fn first(&self) -> Option<&StepId> {
        self.steps.first().map(|step| &step.id)
    }

    /// The last step.
    pub(super) fn last(&self) -> Option<&StepId> {
        self.steps.last().map(|step| &step.id)
    }

    /// Makes a step of this change wait for another step.
    pub(super) fn wait(&mut self, step: &StepId, other: &StepId) {
        self.wait_all(step, [other.clone()]);
    }

    /// Removes the old container of a replacement only after these steps.
    pub(super) fn keep_for(&mut self, steps: Vec<StepId>) {
        let remove = self.steps.iter().find(|step| matches!(step.action, Action::Remove { .. }));
        if let Some(remove) = remove.map(|step| step.id.clone())
            && !steps.is_empty()
        {
            self.wait_all(&remove, steps);
        }
    }

    /// Makes a step of this change wait until another step has succeeded or its change is rolled
    /// back, and for `delay` seconds more.
    pub(super) fn wait_turn(&mut self, step: &StepId, (ended, delay): (Option<&StepId>, u32)) {
        if let Some(step) = self.steps.iter_mut().find(|own| own.id == *step) {
            step.after_end.extend(ended.cloned());
            step.delay = delay;
        }
    }

    /// Makes a step of this change wait for other steps.
    pub(super) fn wait_all(&mut self, step: &StepId, others: impl IntoIterator<Item = StepId>) {
        if let Some(step) = self.steps.iter_mut().find(|own| own.id == *step) {
            step.after.extend(others);
            step.after.sort();
            step.after.dedup();
        }
    }
}

/// How a replacement goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Replacing {
    /// The old container runs and has to be stopped.
    pub(super) live: bool,
    /// The new container is proven before the old container is stopped.
    pub(super) start_first: bool,
    /// The old container has to be fenced: a restarted engine would start the container again.
    pub(super) fence: bool,
    /// The proof of the new container; none if the new container is not started.
    pub(super) start: Option<Proof>,
    pub(super) stopping: Stopping,
}
