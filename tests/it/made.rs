//! Plans made by hand and run on the simulated engine, for the tests of the executor.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bayplan::apply::events::{Event, Sink};
use bayplan::apply::journal::{Journal, NoJournal};
use bayplan::apply::{
    Awaits, Begun, NoSecrets, Outcome, Resume, Run, Secrets, Settings, Signal, SimulatedClock,
    StepStatus, redacted, run,
};
use bayplan::base::ident::{
    ChangeId, ContainerId, ContainerName, ImageId, ProjectName, SetName, StepId,
};
use bayplan::engine::simulated::Simulated;
use bayplan::engine::{FilledBody, Reader};
use bayplan::observed::snapshot::{Container, Run as RunClass, Snapshot};
use bayplan::options::Body;
use bayplan::plan::facts::{Attachment, ContainerFact};
use bayplan::plan::{
    Action, Because, Change, Facts, ImagePin, Impact, Plan, Reason, Step, Subject, Summary, Tool,
    Verb,
};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

pub(crate) const IMAGE: &str = "sha256:aa";

pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn id(letter: &str) -> ContainerId {
    ContainerId::new(letter.repeat(64))
}

pub(crate) fn found(letter: &str, name: &str, status: &str) -> Container {
    let running = status == "running";
    let inspect = json!({
        "Id": id(letter), "Name": format!("/{name}"), "Image": IMAGE,
        "Created": "2026-01-02T03:04:05Z",
        "Config": {"Image": "app:1", "Labels": {}, "Cmd": ["serve"]},
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": {"bridge": {}}, "Ports": {}},
        "Mounts": [],
        "State": {"Status": status, "Running": running, "Paused": false, "Restarting": false,
            "Dead": false, "ExitCode": 0, "StartedAt": "2026-01-02T03:04:06Z"},
    });
    Container { list: None, inspect: Some(inspect), env: BTreeMap::new() }
}

pub(crate) fn engine(containers: Vec<Container>) -> Simulated {
    engine_of(Snapshot { containers, ..Snapshot::default() })
}

/// An engine that looks so, with the one image.
pub(crate) fn engine_of(mut snapshot: Snapshot) -> Simulated {
    snapshot.whole = true;
    let image = json!({"Id": IMAGE, "RepoTags": ["app:1"], "RepoDigests": [],
        "Config": {"Cmd": ["serve"]}});
    snapshot.images.insert(ImageId::new(IMAGE), image);
    Simulated::new(&snapshot)
}

pub(crate) fn fact(letter: &str, name: &str, run: RunClass) -> ContainerFact {
    ContainerFact {
        id: id(letter),
        name: ContainerName::new(name),
        image: ImageId::new(IMAGE),
        run,
        exit_code: None,
        started_at: None,
        settings: bayplan::options::settings::Settings::default(),
        networks: [("bridge".to_owned(), Attachment::default())].into(),
        references: BTreeMap::new(),
    }
}

/// A plan, and the bodies of its creates.
pub(crate) struct Made {
    pub(crate) plan: Plan,
    pub(crate) bodies: BTreeMap<StepId, Body>,
    pub(crate) awaits: Awaits,
}

impl Made {
    pub(crate) fn new(facts: Vec<ContainerFact>) -> Self {
        let plan = Plan {
            project: ProjectName::new("shop"),
            target: None,
            summary: Summary::default(),
            changes: Vec::new(),
            warnings: Vec::new(),
            steps: Vec::new(),
            sets: BTreeMap::new(),
            planned: BTreeMap::new(),
            assumed: Vec::new(),
            declared: json!({}),
            facts: Facts { containers: facts, ..Facts::default() },
            spec: None,
            tool: Tool { name: "bayplan".to_owned(), version: "0".to_owned() },
        };
        Self { plan, bodies: BTreeMap::new(), awaits: Awaits::new() }
    }

    pub(crate) fn change(&mut self, name: &str, verb: Verb, because: Because) -> &mut Self {
        self.plan.changes.push(Change {
            id: ChangeId::new(name),
            set: Some(SetName::new("web")),
            verb,
            adopted: false,
            danger: Vec::new(),
            dangerous: BTreeMap::new(),
            impact: Impact::default(),
            reasons: vec![Reason::Because(because)],
        });
        self
    }

    pub(crate) fn step(&mut self, step: &str, action: Action, after: &[&str]) -> &mut Self {
        if let Action::Create { final_name, .. } = &action {
            let labels = json!({"io.bayplan.project": "shop", "io.bayplan.set": "web",
                "io.bayplan.name": final_name});
            let body = json!({"Image": "app:1", "Env": ["SECRET=hunter2hunter2"],
                "Labels": labels});
            self.bodies.insert(StepId::new(step), Body::from_json(body));
        }
        let after = after.iter().map(|after| StepId::new(*after)).collect();
        self.plan.steps.push(Step::new(StepId::new(step), action, after));
        self
    }

    /// The seven steps of a replacement of a running container.
    pub(crate) fn replace(
        &mut self,
        name: &str,
        letter: &str,
        pin: ImagePin,
        after: &[&str],
    ) -> &mut Self {
        let step = |what: &str| format!("{name}/{what}");
        let old = Subject::Container(id(letter));
        let new = Subject::CreatedBy(StepId::new(step("create")));
        let called = |suffix: &str| ContainerName::new(format!("{name}{suffix}"));
        let chain = [
            ("create", Action::create(called(".bp-new"), called(""), SetName::new("web"), pin)),
            ("stop", Action::Stop { container: old.clone(), signal: None, timeout: None }),
            (
                "rename-old",
                Action::Rename { container: old.clone(), from: called(""), to: called(".bp-old") },
            ),
            (
                "rename-new",
                Action::Rename { container: new.clone(), from: called(".bp-new"), to: called("") },
            ),
            ("start", Action::Start { container: new.clone(), wait: false }),
            ("wait_ready", Action::WaitReady { container: new, prove_for: 2 }),
            ("remove", Action::Remove { container: old }),
        ];
        let mut before: Vec<String> = after.iter().map(|after| (*after).to_owned()).collect();
        for (what, action) in chain {
            let after: Vec<&str> = before.iter().map(String::as_str).collect();
            self.step(&step(what), action, &after);
            before = vec![step(what)];
        }
        self.change(name, Verb::Replace, Because::RecreateAlways)
    }

    pub(crate) fn create(&mut self, name: &str, wait: bool) -> &mut Self {
        let create = format!("{name}/create");
        let start = format!("{name}/start");
        let new = Subject::CreatedBy(StepId::new(&create));
        let called = ContainerName::new(name);
        let action = Action::create(called.clone(), called, SetName::new("web"), pin());
        self.step(&create, action, &[]);
        self.step(&start, Action::Start { container: new.clone(), wait }, &[&create]);
        if !wait {
            self.step(
                &format!("{name}/wait_ready"),
                Action::WaitReady { container: new, prove_for: 2 },
                &[&start],
            );
        }
        self.change(name, Verb::Create, Because::TooFew { expected: 1, found: 0 })
    }
}

pub(crate) fn pin() -> ImagePin {
    ImagePin::Id(ImageId::new(IMAGE))
}

pub(crate) fn replacement() -> Made {
    let mut made = Made::new(vec![fact("a", "web", RunClass::Live)]);
    made.replace("web", "a", pin(), &[]);
    made
}

/// What is done behind a run's back.
pub(crate) type Meddle<'a> = Box<dyn Fn() + 'a>;

/// Gathers events; asks the run to stop once so many steps began; meddles when a step ended.
pub(crate) struct Watcher<'a> {
    pub(crate) events: RefCell<Vec<Event>>,
    pub(crate) stop_after: Option<usize>,
    pub(crate) stop: watch::Sender<Option<Signal>>,
    pub(crate) meddle: Option<(&'a str, Meddle<'a>)>,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(stop_after: Option<usize>) -> Self {
        let stop = watch::Sender::new(None);
        Self { events: RefCell::default(), stop_after, stop, meddle: None }
    }

    /// Does something once a step ended.
    pub(crate) fn meddling(step: &'a str, meddle: impl Fn() + 'a) -> Self {
        Self { meddle: Some((step, Box::new(meddle))), ..Self::new(None) }
    }
}

impl Sink for Watcher<'_> {
    fn event(&self, event: &Event) {
        if let (Event::Finished(outcome), Some((step, meddle))) = (event, &self.meddle)
            && outcome.id.as_str() == *step
        {
            meddle();
        }
        self.events.borrow_mut().push(event.clone());
        let began = |event: &&Event| matches!(event, Event::Started { .. });
        let began = self.events.borrow().iter().filter(began).count();
        if self.stop_after.is_some_and(|after| began >= after) {
            self.stop.send_replace(Some(Signal::Interrupt));
        }
    }
}

/// Knows the one secret of these tests.
pub(crate) struct Hunter;

impl Secrets for Hunter {
    fn fill(&self, body: &Body) -> Result<FilledBody, String> {
        NoSecrets.fill(body)
    }
    fn redact(&self, text: &str) -> String {
        redacted(text, ["hunter2hunter2"])
    }
}

pub(crate) async fn apply_with(
    engine: &Simulated,
    made: &Made,
    watcher: &Watcher<'_>,
    parallelism: usize,
) -> Outcome {
    let cancel = watcher.stop.subscribe();
    applied(engine, made, (watcher, cancel, &NoJournal), parallelism).await
}

/// The same with somebody who keeps a journal.
pub(crate) async fn apply_keeping(
    engine: &Simulated,
    made: &Made,
    watcher: &Watcher<'_>,
    journal: &dyn Journal,
) -> Outcome {
    applied(engine, made, (watcher, watcher.stop.subscribe(), journal), 4).await
}

/// The same for whoever listens, and may ask the run to stop.
pub(crate) async fn apply_told(
    engine: &Simulated,
    made: &Made,
    (sink, cancel): (&dyn Sink, watch::Receiver<Option<Signal>>),
    parallelism: usize,
) -> Outcome {
    applied(engine, made, (sink, cancel, &NoJournal), parallelism).await
}

async fn applied(
    engine: &Simulated,
    made: &Made,
    (sink, cancel, journal): (&dyn Sink, watch::Receiver<Option<Signal>>, &dyn Journal),
    parallelism: usize,
) -> Outcome {
    let clock = SimulatedClock(engine);
    let none = BTreeSet::new();
    let settings = Settings { parallelism, ..Settings::default() };
    let order = Run {
        engine,
        plan: &made.plan,
        bodies: &made.bodies,
        done: &none,
        blocked: &none,
        back: &BTreeSet::new(),
        awaits: &made.awaits,
        secrets: &Hunter,
        clock: &clock,
        resume: &Resume::fresh(&made.plan),
        sink,
        journal,
        cancel,
        settings,
    };
    run(order, &Begun::default()).await
}

pub(crate) async fn apply(engine: &Simulated, made: &Made) -> Outcome {
    apply_with(engine, made, &Watcher::new(None), 4).await
}

pub(crate) async fn named(engine: &Simulated, name: &str) -> Option<Json> {
    let found = engine.inspect(name).await.unwrap()?;
    (found["Name"] == format!("/{name}")).then_some(found)
}

pub(crate) fn status(outcome: &Outcome, step: &str) -> StepStatus {
    outcome.steps.iter().find(|had| had.id.as_str() == step).unwrap().status.clone()
}
