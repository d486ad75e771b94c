//! A run of a plan: steps begin as [`super::schedule`] says, and what becomes of them is told to it.
//!
//! Images come first: nothing touches a container before every pull and tag that waits for no
//! container has succeeded, so that a silent registry or a failed login costs nothing. A step that
//! fails ends its change and what depends on it, others go on. What was begun of these goes back as
//! soon as nothing of it is in flight. Something stale ends what was not begun; other changes that were
//! begun are finished. Asked to stop, what was begun goes back, but where the new container is proven.

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

/// What may be said of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many calls are in flight at most; 0 counts as 1. Watching is no call.
    pub parallelism: usize,
    /// Whether a new container that failed is kept beside the old one, to be looked at.
    pub keep_failed: bool,
    /// How long a one-shot may still run once the run is asked to stop.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { parallelism: 4, keep_failed: false, grace: Duration::from_secs(10) }
    }
}

/// All that a run needs.
pub struct Run<'a, W> {
    /// The engine.
    pub engine: &'a W,
    /// What was reviewed, and judged current.
    pub plan: &'a Plan,
    /// The create bodies of its create steps, derived from what it declares.
    pub bodies: &'a BTreeMap<StepId, Body>,
    /// Steps of sets that are at their goal already.
    pub done: &'a BTreeSet<StepId>,
    /// Steps that must not run, of sets that are half done.
    pub blocked: &'a BTreeSet<StepId>,
    /// Changes that an earlier run began, and that go back: nothing else is done with them.
    pub back: &'a BTreeSet<ChangeId>,
    /// What sets wait for before their steps begin.
    pub awaits: &'a Awaits,
    /// Who fills secrets in and strikes them out.
    pub secrets: &'a dyn Secrets,
    /// What waiting is.
    pub clock: &'a dyn Clock,
    /// Who listens.
    pub sink: &'a dyn Sink,
    /// Who keeps what is called.
    pub journal: &'a dyn Journal,
    /// Where the run begins.
    pub resume: &'a Resume,
    /// Asks the run to stop: calls in flight are finished, no step is begun.
    pub cancel: watch::Receiver<Option<Signal>>,
    /// How.
    pub settings: Settings,
}

/// A run under way, as its steps see it.
pub(super) struct Context<'a, W> {
    pub(super) engine: &'a W,
    pub(super) plan: &'a Plan,
    /// Its parts by their names.
    pub(super) index: Index<'a>,
    pub(super) bodies: &'a BTreeMap<StepId, Body>,
    /// The plan's digest, which all that is created carries.
    pub(super) digest: &'a str,
    /// What tells this run from others of the plan, which all containers that it creates carry.
    pub(super) run_id: &'a str,
    /// Changes that an earlier run began, and that are to go back.
    pub(super) asked_back: &'a BTreeSet<ChangeId>,
    /// What the plan relies on before any of its steps.
    pub(super) before: World,
    /// Changes that go back, or went.
    pub(super) back: RefCell<BTreeSet<String>>,
    /// Whether the engine did not answer when it was asked last.
    pub(super) away: Cell<bool>,
    pub(super) awaits: &'a Awaits,
    /// Of these, the ones that are as far as they must be.
    pub(super) met: RefCell<BTreeSet<ContainerId>>,
    pub(super) secrets: &'a dyn Secrets,
    pub(super) clock: &'a dyn Clock,
    pub(super) sink: &'a dyn Sink,
    pub(super) journal: &'a dyn Journal,
    pub(super) settings: Settings,
    pub(super) begun: &'a Begun,
    /// The containers that create steps of this run made.
    pub(super) created: RefCell<BTreeMap<StepId, ContainerId>>,
    /// What containers are called by now.
    pub(super) names: RefCell<BTreeMap<ContainerId, ContainerName>>,
    /// Which image a digest turned out to be.
    pub(super) pulled: RefCell<BTreeMap<String, ImageId>>,
    /// What the plan relies on by now.
    pub(super) world: RefCell<World>,
    /// What is known of what runs of the plan create.
    pub(super) origin: Origin<'a>,
    /// The steps whose look or call is under way.
    pub(super) flying: RefCell<BTreeSet<StepId>>,
    /// The steps of this run that ended a process.
    pub(super) ended: RefCell<BTreeSet<StepId>>,
    /// What one-shots wrote that ended well.
    pub(super) outputs: RefCell<BTreeMap<StepId, String>>,
    /// The networks that create steps of this run made.
    pub(super) networks: RefCell<BTreeMap<StepId, NetworkId>>,
    cancel: watch::Receiver<Option<Signal>>,
}

impl<'a, W> Context<'a, W> {
    /// At the beginning of a run.
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
            asked_back: run.back,
            before: World::planned(plan),
            back: RefCell::default(),
            away: Cell::new(false),
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
    /// The container that is meant; `None`: it was not created.
    pub(super) fn resolve(&self, subject: &Subject) -> Option<ContainerId> {
        match subject {
            Subject::Container(id) => Some(id.clone()),
            Subject::CreatedBy(step) => self.created.borrow().get(step).cloned(),
        }
    }

    /// What a container should be called by now.
    pub(super) fn name(&self, id: &ContainerId) -> Option<ContainerName> {
        self.names.borrow().get(id).cloned()
    }

    /// The same, for messages.
    pub(super) fn called(&self, id: &ContainerId) -> String {
        self.name(id).map_or_else(|| id.short().to_owned(), |name| name.to_string())
    }

    /// Whether no step is to be begun any more.
    pub(super) fn cancelled(&self) -> bool {
        self.cancel.borrow().is_some()
    }

    /// Ends when a one-shot has had its time since the run was asked to stop.
    pub(super) async fn out_of_patience(&self) {
        let mut cancel = self.cancel.clone();
        if cancel.wait_for(Option::is_some).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
        self.clock.sleep(self.settings.grace).await;
    }

    /// Says once that the engine does not answer.
    pub(super) fn note_away(&self) {
        if !self.away.replace(true)
            && let Some(step) = self.flying.borrow().first()
        {
            let what = WaitingFor::Engine;
            self.sink.event(&Event::Waiting { step: step.clone(), what });
        }
    }
}

/// What came to an end.
enum Flight {
    /// What a step waited for is there.
    Waited(StepId),
    Ended(StepOutcome),
    /// Changes were taken back.
    Back(WentBack),
}

/// Runs the steps of a plan. Does not fail: what became of each step is in the outcome.
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
    // Whether what the pulls gave was looked at.
    let mut looked = false;
    let mut returns = Returns::default();
    let mut flights: FuturesUnordered<Pin<Box<dyn Future<Output = Flight> + '_>>> =
        FuturesUnordered::new();
    loop {
        // Copied out: who listens may ask for a stop itself.
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
    // What an earlier run did is about the containers that it created.
    for (outcome, step) in steps.iter_mut().zip(&plan.steps) {
        if outcome.container.is_none() && outcome.status.is_success() {
            outcome.container = context.about(step);
        }
    }
    let mut outcome = Outcome::of(plan, steps, interrupted);
    outcome.troubles = context.troubles(&outcome, &returns.went).await;
    outcome
}

/// The ways back of a run: one after the other.
#[derive(Default)]
struct Returns {
    begun: BTreeSet<String>,
    under_way: bool,
    went: Vec<WentBack>,
}

impl Returns {
    /// The changes that go back next, together; nothing: there are none, or it is not their turn.
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

/// What no other run has: hashers are seeded by the system.
fn fresh_id() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// A step, or the wait before it.
async fn fly<W: Writer>(context: &Context<'_, W>, step: &Step, waits: bool) -> Flight {
    if !waits {
        return Flight::Ended(context.perform(step).await);
    }
    let ended = context.wait_for(step).await;
    ended.map_or_else(|| Flight::Waited(step.id.clone()), Flight::Ended)
}

/// Once, when all pulls are done: a replacement that has no other reason than an image that was not
/// known is stale where that turns out to be the image that was found.
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

/// Whether a create would replace a container by one of the same image, for the image's sake.
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
