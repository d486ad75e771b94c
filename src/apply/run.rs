//! A run of a plan: starts the steps that [`super::schedule`] allows, and reports their outcomes
//! back.
//!
//! Images come first: no container is touched before every pull and tag that waits for no container
//! has succeeded. A silent registry or a failed login then costs nothing. A failed step ends its
//! change and all dependent steps; other changes go on. A change that was begun is rolled back once
//! none of its steps is in flight. A stale step keeps further changes from starting; begun changes
//! are finished. When asked to stop, the run rolls back begun changes. A change whose new container
//! is proven, or that made a call which cannot be undone, is finished.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::awaits::Awaits;
use super::begun::Begun;
use super::clock::Clock;
use super::events::{Event, Sink, WaitingFor};
use super::going_back::WentBack;
use super::index::Index;
use super::journal::Journal;
use super::outcome::{Outcome, Signal, Stale, StepOutcome, StepStatus};
use super::resume::Resume;
use super::schedule::{self, Halt, Schedule};
use super::secrets::Secrets;
use crate::base::ident::{ChangeId, ContainerId, ContainerName, ImageId, NetworkId, StepId};
use crate::engine::Writer;
use crate::options::Body;
use crate::plan::world::World;
use crate::plan::{Action, Because, ImagePin, Plan, Reason, Step, Subject};
use crate::stale::observed::Origin;

/// The options of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The limit of concurrent calls; 0 counts as 1. Watching a container is not a call.
    pub parallelism: usize,
    /// Whether a failed new container is kept beside the old container, for diagnosis.
    pub keep_failed: bool,
    /// How long a one-shot may still run after the run was asked to stop.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { parallelism: 4, keep_failed: false, grace: Duration::from_secs(10) }
    }
}

/// The inputs of a run.
pub struct Run<'a, W> {
    /// The engine.
    pub engine: &'a W,
    /// The plan that was reviewed, and judged current.
    pub plan: &'a Plan,
    /// The create bodies of the create steps, derived from the spec.
    pub bodies: &'a BTreeMap<StepId, Body>,
    /// The steps of sets that have already reached their goal.
    pub done: &'a BTreeSet<StepId>,
    /// The steps that must not run, because their sets are half done.
    pub blocked: &'a BTreeSet<StepId>,
    /// The changes of an earlier run that are rolled back; none of their steps is run.
    pub back: &'a BTreeSet<ChangeId>,
    /// The dependencies that sets wait for before their steps begin.
    pub awaits: &'a Awaits,
    /// Fills secrets into create bodies and redacts them from texts.
    pub secrets: &'a dyn Secrets,
    /// The clock of the run.
    pub clock: &'a dyn Clock,
    /// Receives the events of the run.
    pub sink: &'a dyn Sink,
    /// Keeps the journal of the run.
    pub journal: &'a dyn Journal,
    /// The starting point of the run.
    pub resume: &'a Resume,
    /// Asks the run to stop: calls in flight are finished. A further step begins only in a change
    /// whose new container is proven, or that cannot be undone.
    pub cancel: watch::Receiver<Option<Signal>>,
    /// The options of the run.
    pub settings: Settings,
}

/// The state of a run that its steps share.
pub(super) struct Context<'a, W> {
    pub(super) engine: &'a W,
    pub(super) plan: &'a Plan,
    /// The parts of the plan by their IDs.
    pub(super) index: Index<'a>,
    pub(super) bodies: &'a BTreeMap<StepId, Body>,
    /// The digest of the plan; every created object has the digest as a label.
    pub(super) digest: &'a str,
    /// The ID of this run; every container of this run has the ID as a label.
    pub(super) run_id: &'a str,
    /// The steps that were done before this run.
    pub(super) done: &'a BTreeSet<StepId>,
    /// The changes of an earlier run that must be rolled back.
    pub(super) asked_back: &'a BTreeSet<ChangeId>,
    /// The state that the plan expects before its first step.
    pub(super) before: World,
    /// The changes that are being rolled back, or were rolled back.
    pub(super) back: RefCell<BTreeSet<String>>,
    /// Whether the engine failed to answer the last request.
    pub(super) away: Cell<bool>,
    /// The time at which a wait noticed the request to stop.
    pub(super) stops_since: Cell<Option<Duration>>,
    pub(super) awaits: &'a Awaits,
    /// The dependencies that have reached their condition.
    pub(super) met: RefCell<BTreeSet<ContainerId>>,
    pub(super) secrets: &'a dyn Secrets,
    pub(super) clock: &'a dyn Clock,
    pub(super) sink: &'a dyn Sink,
    pub(super) journal: &'a dyn Journal,
    pub(super) settings: Settings,
    pub(super) begun: &'a Begun,
    /// The containers that create steps of this run made.
    pub(super) created: RefCell<BTreeMap<StepId, ContainerId>>,
    /// The current names of the containers.
    pub(super) names: RefCell<BTreeMap<ContainerId, ContainerName>>,
    /// The image ID of each pulled digest.
    pub(super) pulled: RefCell<BTreeMap<String, ImageId>>,
    /// The state that the plan expects now.
    pub(super) world: RefCell<World>,
    /// How to recognise the objects that runs of this plan created.
    pub(super) origin: Origin<'a>,
    /// The steps whose look or call is in flight.
    pub(super) flying: RefCell<BTreeSet<StepId>>,
    /// The steps of this run that ended a process.
    pub(super) ended: RefCell<BTreeSet<StepId>>,
    /// The output of one-shots that succeeded.
    pub(super) outputs: RefCell<BTreeMap<StepId, String>>,
    /// The networks that create steps of this run made.
    pub(super) networks: RefCell<BTreeMap<StepId, NetworkId>>,
    cancel: watch::Receiver<Option<Signal>>,
}

impl<'a, W> Context<'a, W> {
    /// The state at the beginning of a run.
    fn of(run: Run<'a, W>, begun: &'a Begun, run_id: &'a str) -> Self {
        let Run { engine, plan, bodies, awaits, secrets, clock, sink, settings, resume, .. } = run;
        Self {
            engine,
            plan,
            index: Index::of(plan),
            bodies,
            awaits,
            met: RefCell::default(),
            secrets,
            clock,
            sink,
            journal: run.journal,
            settings,
            begun,
            digest: &resume.digest,
            run_id,
            done: run.done,
            asked_back: run.back,
            before: World::planned(plan),
            back: RefCell::default(),
            away: Cell::new(false),
            stops_since: Cell::new(None),
            created: RefCell::new(resume.created.clone()),
            names: RefCell::new(resume.names()),
            pulled: RefCell::default(),
            world: RefCell::new(resume.world.clone()),
            origin: Origin::of(plan, &resume.digest),
            flying: RefCell::default(),
            ended: RefCell::default(),
            outputs: RefCell::default(),
            networks: RefCell::new(resume.networks.clone()),
            cancel: run.cancel,
        }
    }
}

impl<W> Context<'_, W> {
    /// The ID of a container; `None`: the container was not created.
    pub(super) fn resolve(&self, subject: &Subject) -> Option<ContainerId> {
        match subject {
            Subject::Container(id) => Some(id.clone()),
            Subject::CreatedBy(step) => self.created.borrow().get(step).cloned(),
        }
    }

    /// The name that a container should have now.
    pub(super) fn name(&self, id: &ContainerId) -> Option<ContainerName> {
        self.names.borrow().get(id).cloned()
    }

    /// The name of a container for messages, or its short ID.
    pub(super) fn called(&self, id: &ContainerId) -> String {
        self.name(id).map_or_else(|| id.short().to_owned(), |name| name.to_string())
    }

    /// Whether the run was asked to stop.
    pub(super) fn cancelled(&self) -> bool {
        self.cancel.borrow().is_some()
    }

    /// Ends when the grace time for one-shots is over after a request to stop.
    pub(super) async fn out_of_patience(&self) {
        let mut cancel = self.cancel.clone();
        if cancel.wait_for(Option::is_some).await.is_err() {
            // The sender is gone, so no request to stop can come.
            std::future::pending::<()>().await;
        }
        self.clock.sleep(self.settings.grace).await;
    }

    /// Reports once that the engine does not answer.
    pub(super) fn note_away(&self) {
        if !self.away.replace(true)
            && let Some(step) = self.flying.borrow().first()
        {
            let what = WaitingFor::Engine;
            self.sink.event(&Event::Waiting { step: step.clone(), what });
        }
    }
}

/// A task that came to its end.
enum Flight {
    /// The dependencies of a step are ready.
    Waited(StepId),
    Ended(StepOutcome),
    /// Changes were rolled back.
    Back(WentBack),
}

/// Runs the steps of a plan. Never fails: the outcome holds the status of every step.
pub async fn run<W: Writer>(run: Run<'_, W>, begun: &Begun) -> Outcome {
    let Run { plan, done, blocked, back, sink, settings, .. } = run;
    let run_id = fresh_id();
    let context = Context::of(run, begun, &run_id);
    let mut schedule = Schedule::new(plan, done, blocked);
    for change in &plan.changes {
        if back.contains(&change.id) {
            schedule.takes_along(change.id.as_str());
        }
    }
    let told = Cell::new(false);
    // Whether the pulled images were checked.
    let mut looked = false;
    let mut returns = Returns::default();
    let mut flights: FuturesUnordered<Pin<Box<dyn Future<Output = Flight> + '_>>> =
        FuturesUnordered::new();
    loop {
        // Copied out, because the sink may ask for a stop itself.
        let asked = *context.cancel.borrow();
        if let Some(signal) = asked {
            schedule.halt(Halt::All);
            if !told.replace(true) {
                sink.event(&Event::Interrupted { signal });
            }
        }
        if !looked && schedule.images_settled() {
            looked = true;
            look_at_images(&mut schedule, &context);
        }
        let must_wait = |step: &Step| context.must_wait(step);
        for (step, waits) in schedule.ready(settings.parallelism.max(1), must_wait) {
            flights.push(Box::pin(fly(&context, step, waits)));
        }
        let doomed = schedule.doomed();
        *context.back.borrow_mut() = doomed.iter().map(|change| (*change).to_owned()).collect();
        if let Some(changes) = returns.next(&doomed, &schedule) {
            flights.push(Box::pin(async { Flight::Back(context.go_back(changes).await) }));
        }
        match flights.next().await {
            Some(Flight::Waited(step)) => schedule.may_call(&step),
            Some(Flight::Ended(outcome)) => schedule.take(outcome),
            Some(Flight::Back(went)) => {
                went.whole.iter().for_each(|change| schedule.undone(change));
                returns.take(went);
            }
            None => break,
        }
    }
    drop(flights);
    let interrupted = *context.cancel.borrow();
    let mut steps = schedule.outcomes();
    // A step of an earlier run is reported with the container that it created.
    for (outcome, step) in steps.iter_mut().zip(&plan.steps) {
        if outcome.container.is_none() && outcome.status.is_success() {
            outcome.container = context.about(step);
        }
    }
    let mut outcome = Outcome::of(plan, steps, interrupted);
    outcome.troubles = context.troubles(&outcome, &returns.went).await;
    outcome
}

/// The rollbacks of a run, one after the other.
#[derive(Default)]
struct Returns {
    begun: BTreeSet<String>,
    under_way: bool,
    went: Vec<WentBack>,
}

impl Returns {
    /// The changes that are rolled back next, together; `None`: there is no change, or a rollback
    /// must wait.
    fn next<'a>(
        &mut self,
        doomed: &BTreeSet<&'a str>,
        schedule: &Schedule<'_>,
    ) -> Option<BTreeSet<&'a str>> {
        let mut next = doomed.clone();
        next.retain(|change| !self.begun.contains(*change));
        let quiet = next.iter().all(|change| schedule.is_quiet(change));
        if self.under_way || next.is_empty() || !quiet {
            return None;
        }
        self.under_way = true;
        self.begun.extend(next.iter().map(|change| (*change).to_owned()));
        Some(next)
    }

    fn take(&mut self, went: WentBack) {
        self.under_way = false;
        self.went.push(went);
    }
}

/// A random run ID; the system seeds each hasher.
fn fresh_id() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Runs a step, or waits for its dependencies.
async fn fly<W: Writer>(context: &Context<'_, W>, step: &Step, waits: bool) -> Flight {
    if !waits {
        return Flight::Ended(context.perform(step).await);
    }
    let ended = context.wait_for(step).await;
    ended.map_or_else(|| Flight::Waited(step.id.clone()), Flight::Ended)
}

/// Runs once after all pulls. A replacement for an unknown image is stale if the pull gave the old
/// image and no other reason exists.
fn look_at_images<W: Writer>(schedule: &mut Schedule<'_>, context: &Context<'_, W>) {
    let open: Vec<&Step> = schedule.open().collect();
    for step in open {
        if let Some(stale) = unchanged_image(context, step) {
            let outcome = schedule::outcome(step, StepStatus::Stale(stale));
            schedule.halt(Halt::All);
            context.sink.event(&Event::Finished(outcome.clone()));
            schedule.settle(outcome);
        }
    }
}

/// Whether a create would replace a container with the same image, only because of the image.
fn unchanged_image<W: Writer>(context: &Context<'_, W>, step: &Step) -> Option<Stale> {
    let Action::Create { image: ImagePin::Digest(digest), .. } = &step.action else { return None };
    let pulled = context.pulled.borrow().get(digest)?.clone();
    let for_image = |reason: &Reason| match reason {
        Reason::Because(because) => {
            matches!(because, Because::ImageNotKnown { .. } | Because::ImageMoved { .. })
        }
        Reason::Option(option) => option.option == "image",
        Reason::Environment(_) => false,
    };
    let change = context.index.change_of(&step.id)?;
    if !change.reasons.iter().all(for_image) {
        return None;
    }
    let steps = context.index.steps_of(change.id.as_str()).iter();
    let old = steps.filter_map(|step| step.action.subject()).find_map(|subject| match subject {
        Subject::Container(old) => Some(old.clone()),
        Subject::CreatedBy(_) => None,
    })?;
    let fact = context.fact(&old)?;
    (fact.image == pulled).then(|| {
        let expected = format!("the pull to give container `{}` another image", fact.name);
        Stale::new("image_unchanged", expected, format!("the one it has, {}", pulled.short()))
    })
}
