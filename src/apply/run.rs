//! The order of things: which steps may begin, how many at once, and when no more do.
//!
//! Images come first: nothing touches a container before every pull and tag that waits for no
//! container has succeeded, so that a silent registry or a failed login costs nothing. A step that
//! fails ends its change and what depends on it, others go on. Something stale ends what was not
//! begun; changes that were begun are finished, for half of one is worse than all of it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::awaits::Awaits;
use super::clock::Clock;
use super::events::{Event, Sink};
use super::journal::Journal;
use super::outcome::{Became, Outcome, Signal, Stale, StepOutcome, change_of};
use super::secrets::Secrets;
use crate::engine::Writer;
use crate::ident::{ChangeId, ContainerId, ContainerName, ImageId, NetworkId, StepId};
use crate::options::Body;
use crate::plan::{Action, Because, ImagePin, Plan, Reason, Step, Subject};

/// What may be said of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many calls are in flight at most; 0 counts as 1. Watching is no call.
    pub parallelism: usize,
    /// How long a started container must run to be proven.
    pub monitor: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { parallelism: 4, monitor: Duration::from_secs(2) }
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
    /// What sets wait for before their steps begin.
    pub awaits: &'a Awaits,
    /// Who fills secrets in and strikes them out.
    pub secrets: &'a dyn Secrets,
    /// What waiting is.
    pub clock: &'a dyn Clock,
    /// Who listens.
    pub sink: &'a dyn Sink,
    /// Asks the run to stop: calls in flight are finished, no step is begun.
    pub cancel: watch::Receiver<Option<Signal>>,
    /// How.
    pub settings: Settings,
}

/// A run under way, as its steps see it.
pub(super) struct Context<'a, W> {
    pub(super) engine: &'a W,
    pub(super) plan: &'a Plan,
    pub(super) bodies: &'a BTreeMap<StepId, Body>,
    pub(super) awaits: &'a Awaits,
    /// Of these, the ones that are as far as they must be.
    pub(super) met: RefCell<BTreeSet<ContainerId>>,
    pub(super) secrets: &'a dyn Secrets,
    pub(super) clock: &'a dyn Clock,
    pub(super) sink: &'a dyn Sink,
    pub(super) settings: Settings,
    pub(super) journal: RefCell<&'a mut Journal>,
    /// The containers that create steps of this run made.
    pub(super) created: RefCell<BTreeMap<StepId, ContainerId>>,
    /// What containers are called by now.
    pub(super) names: RefCell<BTreeMap<ContainerId, ContainerName>>,
    /// Which image a digest turned out to be.
    pub(super) pulled: RefCell<BTreeMap<String, ImageId>>,
    /// The containers that steps of this run have been at.
    pub(super) handled: RefCell<BTreeSet<ContainerId>>,
    /// What one-shots wrote that ended well.
    pub(super) outputs: RefCell<BTreeMap<StepId, String>>,
    /// The networks that create steps of this run made.
    pub(super) networks: RefCell<BTreeMap<StepId, NetworkId>>,
    cancel: watch::Receiver<Option<Signal>>,
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
}

/// Why fewer steps may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Halt {
    No,
    /// Changes that were not begun are not.
    New,
    /// Nothing is.
    All,
}

/// What came to an end.
enum Flight {
    /// What a step waited for is there.
    Waited(StepId),
    Ended(StepOutcome),
}

struct Schedule<'a> {
    plan: &'a Plan,
    became: BTreeMap<StepId, StepOutcome>,
    in_flight: BTreeSet<StepId>,
    /// Of these, the ones that are calls: only they count against the limit.
    calling: BTreeSet<StepId>,
    /// The steps whose dependencies were waited for.
    waited: BTreeSet<StepId>,
    /// Pulls and tags that come before everything else.
    first: BTreeSet<StepId>,
    begun: BTreeSet<ChangeId>,
    halt: Halt,
    /// Whether what the pulls gave was looked at.
    looked_at_images: bool,
}

/// Runs the steps of a plan. Does not fail: what became of each step is in the outcome.
pub async fn run<W: Writer>(run: Run<'_, W>, journal: &mut Journal) -> Outcome {
    let Run { engine, plan, bodies, done, blocked, awaits, .. } = run;
    let Run { secrets, clock, sink, cancel, settings, .. } = run;
    let facts = &plan.facts.containers;
    let names = facts.iter().map(|fact| (fact.id.clone(), fact.name.clone())).collect();
    let context = Context {
        engine,
        plan,
        bodies,
        awaits,
        met: RefCell::default(),
        secrets,
        clock,
        sink,
        settings,
        journal: RefCell::new(journal),
        created: RefCell::default(),
        names: RefCell::new(names),
        pulled: RefCell::default(),
        handled: RefCell::default(),
        outputs: RefCell::default(),
        networks: RefCell::default(),
        cancel,
    };
    let mut schedule = Schedule::new(plan, done, blocked);
    let told = Cell::new(false);
    let mut flights: FuturesUnordered<Pin<Box<dyn Future<Output = Flight> + '_>>> =
        FuturesUnordered::new();
    loop {
        // Copied out: who listens may ask for a stop itself.
        let asked = *context.cancel.borrow();
        if let Some(signal) = asked {
            schedule.halt = Halt::All;
            if !told.replace(true) {
                sink.event(&Event::Interrupted { signal });
            }
        }
        schedule.look_at_images(&context);
        let must_wait = |step: &Step| context.must_wait(step);
        for (step, waits) in schedule.ready(settings.parallelism.max(1), must_wait) {
            flights.push(Box::pin(fly(&context, step, waits)));
        }
        match flights.next().await {
            Some(Flight::Waited(step)) => schedule.may_call(step),
            Some(Flight::Ended(outcome)) => schedule.take(outcome),
            None => break,
        }
    }
    drop(flights);
    let interrupted = *context.cancel.borrow();
    let mut outcome = Outcome::of(plan, schedule.outcomes(), interrupted);
    outcome.troubles = context.troubles(&outcome).await;
    outcome
}

/// A step, or the wait before it.
async fn fly<W: Writer>(context: &Context<'_, W>, step: &Step, waits: bool) -> Flight {
    if !waits {
        return Flight::Ended(context.perform(step).await);
    }
    let ended = context.wait_for(step).await;
    ended.map_or_else(|| Flight::Waited(step.id.clone()), Flight::Ended)
}

impl<'a> Schedule<'a> {
    fn new(plan: &'a Plan, done: &BTreeSet<StepId>, blocked: &BTreeSet<StepId>) -> Self {
        let mut became = BTreeMap::new();
        for step in &plan.steps {
            let what = match (done.contains(&step.id), blocked.contains(&step.id)) {
                (_, true) => Became::NotReached,
                (true, false) => Became::Already,
                (false, false) => continue,
            };
            let outcome = StepOutcome {
                id: step.id.clone(),
                became: what,
                container: None,
                output: String::new(),
            };
            became.insert(step.id.clone(), outcome);
        }
        let mut first: BTreeSet<StepId> = BTreeSet::new();
        for step in &plan.steps {
            // Steps come after what they wait for.
            if is_image(step) && step.after.iter().all(|after| first.contains(after)) {
                first.insert(step.id.clone());
            }
        }
        Self {
            plan,
            became,
            in_flight: BTreeSet::new(),
            calling: BTreeSet::new(),
            waited: BTreeSet::new(),
            first,
            begun: BTreeSet::new(),
            halt: Halt::No,
            looked_at_images: false,
        }
    }

    fn succeeded(&self, step: &StepId) -> bool {
        self.became.get(step).is_some_and(|outcome| outcome.became.is_success())
    }

    fn images_settled(&self) -> bool {
        self.first.iter().all(|step| self.succeeded(step))
    }

    /// Takes the steps that may begin now, and says which of them only wait so far.
    fn ready(
        &mut self,
        parallelism: usize,
        must_wait: impl Fn(&Step) -> bool,
    ) -> Vec<(&'a Step, bool)> {
        let mut ready = Vec::new();
        let settled = self.images_settled();
        for step in &self.plan.steps {
            let change = change_of(&step.id);
            let fresh = !self.became.contains_key(&step.id) && !self.in_flight.contains(&step.id);
            let there = |after: &StepId| {
                self.succeeded(after) || !self.plan.steps.iter().any(|step| step.id == *after)
            };
            let allowed = match self.halt {
                Halt::No => true,
                Halt::New => self.begun.contains(&change),
                Halt::All => false,
            };
            let watches = matches!(step.action, Action::Prove { .. });
            let waits = !self.waited.contains(&step.id) && must_wait(step);
            let room = watches || waits || self.calling.len() < parallelism;
            let turn = settled || self.first.contains(&step.id);
            if !(fresh && allowed && turn && room && step.after.iter().all(there)) {
                continue;
            }
            self.in_flight.insert(step.id.clone());
            if !watches && !waits {
                self.calling.insert(step.id.clone());
            }
            ready.push((step, waits));
        }
        ready
    }

    /// What a step waited for is there: it begins as soon as there is room.
    fn may_call(&mut self, step: StepId) {
        self.in_flight.remove(&step);
        self.waited.insert(step);
    }

    /// Takes what became of a step.
    fn take(&mut self, outcome: StepOutcome) {
        let step = self.plan.steps.iter().find(|step| step.id == outcome.id);
        self.in_flight.remove(&outcome.id);
        self.calling.remove(&outcome.id);
        let image = self.first.contains(&outcome.id);
        match &outcome.became {
            Became::Done if step.is_some_and(super::outcome::touches) => {
                self.begun.insert(change_of(&outcome.id));
            }
            Became::Failed { .. } | Became::Stale(_) if image => self.halt = Halt::All,
            Became::Stale(_) => self.halt = self.halt.max(Halt::New),
            _ => {}
        }
        self.became.insert(outcome.id.clone(), outcome);
    }

    /// Once, when all pulls are done: a replacement that has no other reason than an image that
    /// was not known is stale where that turns out to be the image that was found.
    fn look_at_images<W: Writer>(&mut self, context: &Context<'_, W>) {
        if self.looked_at_images || !self.images_settled() {
            return;
        }
        self.looked_at_images = true;
        for step in &self.plan.steps {
            if self.became.contains_key(&step.id) {
                continue;
            }
            if let Some(stale) = unchanged_image(context, step) {
                self.halt = Halt::All;
                let became = Became::Stale(stale);
                let outcome = StepOutcome {
                    id: step.id.clone(),
                    became,
                    container: None,
                    output: String::new(),
                };
                context.sink.event(&Event::Finished(outcome.clone()));
                self.became.insert(step.id.clone(), outcome);
            }
        }
    }

    fn outcomes(mut self) -> Vec<StepOutcome> {
        let not_reached = |step: &Step| StepOutcome {
            id: step.id.clone(),
            became: Became::NotReached,
            container: None,
            output: String::new(),
        };
        let steps = self.plan.steps.iter();
        steps
            .map(|step| self.became.remove(&step.id).unwrap_or_else(|| not_reached(step)))
            .collect()
    }
}

fn is_image(step: &Step) -> bool {
    matches!(step.action, Action::Pull { .. } | Action::Tag { .. })
}

/// Whether a create would replace a container by one of the same image, for the image's sake.
fn unchanged_image<W: Writer>(context: &Context<'_, W>, step: &Step) -> Option<Stale> {
    let Action::Create { image: ImagePin::Digest(digest), .. } = &step.action else { return None };
    let pulled = context.pulled.borrow().get(digest)?.clone();
    let id = change_of(&step.id);
    let changes = context.plan.changes.iter().filter(|change| change.id == id);
    let for_image = |reason: &Reason| match reason {
        Reason::Because(because) => {
            matches!(because, Because::ImageNotKnown { .. } | Because::ImageMoved { .. })
        }
        Reason::Option(option) => option.option == "image",
        Reason::Environment(_) => false,
    };
    let change = changes.into_iter().find(|change| change.reasons.iter().all(for_image))?;
    let old = context.plan.steps.iter().find_map(|other| match other.action.subject() {
        Some(Subject::Container(old)) if change_of(&other.id) == change.id => Some(old.clone()),
        _ => None,
    })?;
    let fact = context.fact(&old)?;
    (fact.image == pulled).then(|| {
        let expected = format!("the pull to give container `{}` another image", fact.name);
        Stale::new("image_unchanged", expected, format!("the one it has, {}", pulled.short()))
    })
}
