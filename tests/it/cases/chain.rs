//! What every case goes through: plan, doubt, write and read back, judge, apply on the simulated
//! engine, plan again, judge the old plan again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bayplan::apply::events::Silent;
use bayplan::apply::journal::NoJournal;
use bayplan::apply::{self, Begun, Outcome, Secrets, Settings, SimulatedClock};
use bayplan::base::ident::StepId;
use bayplan::engine::simulated::Simulated;
use bayplan::engine::{FilledBody, Reader as _, observe};
use bayplan::observed::redact::{Redactor, Unredacted};
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::Snapshot;
use bayplan::options::Body;
use bayplan::options::value::{looks_marked, marked_reference};
use bayplan::plan::show::{About, text};
use bayplan::plan::{Action, Plan, check, format};
use bayplan::planner;
use bayplan::planner::{Input, Pins};
use bayplan::spec::Spec;
use bayplan::stale;
use serde_json::Value as Json;

use super::world::Case;

/// Why a case may have something left to do after its plan was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing is left to do.
    Empty,
    /// It does the same again every time: `restarted`, `recreate: always`, one-shots that failed
    /// or always run.
    Again,
}

/// With every step.
const STEPS: text::Options =
    text::Options { steps: true, colour: false, width: bayplan::plan::show::page::WIDTH };

/// What is shown to a reviewer.
pub(crate) struct Told {
    /// The plan in words, or why there is none.
    pub(crate) plan: String,
    /// The calls and what came of them; nothing where there is no plan.
    pub(crate) apply: Option<String>,
    /// The plan itself.
    pub(crate) made: Option<Plan>,
}

/// Takes a case the whole way; what does not hold ends the test.
pub(crate) fn run(case: &Case, after: After) -> Told {
    let spec = match case.spec() {
        Ok(spec) => spec,
        Err(problems) => {
            let plan = bayplan::syntax::problems::render("spec.yaml", &case.text, &problems);
            return Told { plan, apply: None, made: None };
        }
    };
    let missing: Vec<String> = spec
        .references()
        .iter()
        .filter(|reference| case.secret(reference).is_none())
        .map(|reference| format!("- {reference} cannot be resolved\n"))
        .collect();
    if !missing.is_empty() {
        return Told { plan: format!("no plan:\n{}", missing.concat()), apply: None, made: None };
    }
    let snapshot =
        redacted(case, &spec, Unredacted::new(case.look(ObservationScope::of(&spec).images())));
    let built = plan(&spec, &snapshot);
    if !built.errors.is_empty() {
        return Told { plan: errors(&built), apply: None, made: None };
    }
    assert_eq!(check::check(&built.plan), [], "the checker doubts it");
    let written = format::write(&built.plan).unwrap();
    no_secret(case, "the plan", &written.text);
    let again = format::write(&plan(&spec, &snapshot).plan).unwrap();
    assert_eq!(written.text, again.text, "the same inputs give other bytes");
    let loaded = format::read(written.text.as_bytes()).expect("a plan that was written is read");
    assert_eq!(loaded.plan, built.plan, "what was read is not what was written");

    judged_current(case, &loaded.plan, &snapshot);
    snapshot_file(case, &spec, &snapshot, &written.text);
    let shown = text::text(&loaded.plan, &About::default(), STEPS);
    no_secret(case, "its text", &shown);

    let engine = Simulated::new(&snapshot);
    offer(&engine, &snapshot, &loaded.plan);
    let outcome = applied(case, &engine, &loaded.plan, &built.bodies);
    let told = log(&engine, &outcome);
    no_secret(case, "the log", &told);
    assert!(outcome.is_success(), "applying it failed:\n{told}\n{:#?}", outcome.troubles);
    settled(case, &spec, &engine, &loaded.plan, after);
    Told { plan: shown, apply: Some(told), made: Some(built.plan) }
}

/// The world that a case is planned on, and its plan, where it has one.
pub(crate) fn made(case: &Case) -> Option<(Snapshot, Plan)> {
    let spec = case.spec().ok()?;
    if spec.references().iter().any(|reference| case.secret(reference).is_none()) {
        return None;
    }
    let snapshot =
        redacted(case, &spec, Unredacted::new(case.look(ObservationScope::of(&spec).images())));
    let built = plan(&spec, &snapshot);
    built.errors.is_empty().then_some((snapshot, built.plan))
}

fn plan(spec: &Spec, snapshot: &Snapshot) -> planner::Built {
    let pins = Pins::default();
    planner::build(&Input { spec, snapshot, assume: false, pins, source: None })
}

/// What the shell does between a look and a plan: secrets are compared and hidden.
fn redacted(case: &Case, spec: &Spec, look: Unredacted) -> Snapshot {
    let mut known = BTreeMap::new();
    for reference in spec.references() {
        if let Some(value) = case.secret(&reference) {
            known.insert(reference, secrecy::SecretString::from(value));
        }
    }
    look.redact(&Redactor::new(Some(spec), known))
}

fn errors(built: &planner::Built) -> String {
    let mut out = String::from("no plan:\n");
    for error in &built.errors {
        let set = error.set.as_ref().map_or(String::new(), |set| format!("{set}: "));
        let _ = writeln!(out, "- {set}{} [{}]", error.message, error.code);
        let _ = writeln!(out, "  hint: {}", error.hint);
    }
    out
}

fn no_secret(case: &Case, what: &str, text: &str) {
    for secret in case.secrets().iter().filter(|secret| secret.len() > 5) {
        assert!(!text.contains(secret.as_str()), "{what} has the secret `{secret}`:\n{text}");
    }
}

/// A fresh plan is current: every set that it acts on runs, nothing moved.
fn judged_current(case: &Case, plan: &Plan, snapshot: &Snapshot) {
    let declared = case.declared(&plan.declared).expect("what a plan declares is a spec");
    let judgement = stale::judge(plan, &declared, snapshot);
    assert!(judgement.is_current(), "a fresh plan is not current: {judgement:#?}");
    let all: BTreeSet<_> = plan.steps.iter().map(|step| step.id.clone()).collect();
    assert_eq!(judgement.run, all, "not all steps would be run: {:#?}", judgement.verdicts);
}

/// A snapshot comes back from its file, and gives the same plan.
fn snapshot_file(case: &Case, spec: &Spec, snapshot: &Snapshot, written: &str) {
    let bytes = bayplan::observed::file::write(snapshot).unwrap();
    no_secret(case, "the snapshot", &String::from_utf8_lossy(&bytes));
    let read = bayplan::observed::file::read(&bytes).expect("a snapshot that was written is read");
    let again = format::write(&plan(spec, &read).plan).unwrap();
    assert_eq!(written, again.text, "a snapshot from a file gives another plan");
}

/// What a registry gives where the plan pulls: the image it replaces with another ID, or any.
pub(crate) fn offer(engine: &Simulated, snapshot: &Snapshot, plan: &Plan) {
    for step in &plan.steps {
        let Action::Pull { image, platform } = &step.action else { continue };
        let mut inspect = snapshot.images.values().next().cloned().unwrap_or_else(
            || serde_json::json!({"Config": {"Cmd": ["app"], "Env": ["PATH=/bin"]}}),
        );
        inspect["Id"] = format!("sha256:{}", "2".repeat(64)).into();
        inspect["RepoTags"] = Json::Array(Vec::new());
        inspect["RepoDigests"] = Json::Array(vec![image.clone().into()]);
        if let Some((os, architecture)) = platform.as_ref().and_then(|said| said.split_once('/')) {
            inspect["Os"] = os.into();
            inspect["Architecture"] = architecture.into();
        }
        engine.offer(image, inspect);
    }
}

pub(crate) struct Known<'a>(pub(crate) &'a Case);

impl Known<'_> {
    fn filled(&self, json: &Json) -> Result<Json, String> {
        Ok(match json {
            Json::String(text) => Json::String(self.text(text)?),
            Json::Array(items) => {
                Json::Array(items.iter().map(|item| self.filled(item)).collect::<Result<_, _>>()?)
            }
            Json::Object(map) => Json::Object(
                map.iter()
                    .map(|(key, value)| Ok((key.clone(), self.filled(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }

    fn text(&self, text: &str) -> Result<String, String> {
        let (before, mark) = match text.split_once('=') {
            Some((name, value)) => (format!("{name}="), value),
            None => (String::new(), text),
        };
        match marked_reference(mark) {
            Some(reference) => self
                .0
                .secret(&reference)
                .map(|value| format!("{before}{value}"))
                .ok_or_else(|| format!("{reference} is not set")),
            None => Ok(text.to_owned()),
        }
    }
}

impl Secrets for Known<'_> {
    fn fill(&self, body: &Body) -> Result<FilledBody, String> {
        self.filled(body.json()).map(FilledBody::new)
    }

    fn redact(&self, text: &str) -> String {
        let secrets = self.0.secrets();
        apply::redacted(text, secrets.iter().map(String::as_str))
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn applied(
    case: &Case,
    engine: &Simulated,
    plan: &Plan,
    bodies: &BTreeMap<StepId, Body>,
) -> Outcome {
    let nothing = BTreeSet::new();
    run_from(case, engine, plan, bodies, (&nothing, &nothing, &apply::Resume::fresh(plan)))
}

fn run_from(
    case: &Case,
    engine: &Simulated,
    plan: &Plan,
    bodies: &BTreeMap<StepId, Body>,
    (done, blocked, resume): (&BTreeSet<StepId>, &BTreeSet<StepId>, &apply::Resume),
) -> Outcome {
    let (_keep, cancel) = tokio::sync::watch::channel(None);
    let run = apply::Run {
        engine,
        plan,
        bodies,
        done,
        blocked,
        back: &BTreeSet::new(),
        awaits: &apply::awaits(&case.declared(&plan.declared).unwrap(), plan),
        secrets: &Known(case),
        clock: &SimulatedClock(engine),
        resume,
        sink: &Silent,
        journal: &NoJournal,
        cancel,
        settings: Settings { parallelism: 1, ..Settings::default() },
    };
    wait(apply::run(run, &Begun::default()))
}

/// The create bodies of a plan.
pub(crate) fn planned_bodies(spec: &Spec, world: &Snapshot, plan: &Plan) -> BTreeMap<StepId, Body> {
    let (pins, source) = (Pins::default(), plan.spec.clone());
    planner::build(&Input { spec, snapshot: world, assume: false, pins, source }).bodies
}

/// Runs the first steps of a plan, ends there, and lets a second run find out what is done and finish.
/// Gives what did not hold.
pub(crate) fn resumed(case: &Case, world: &Snapshot, plan: &Plan, first: usize) -> Vec<String> {
    let spec = case.declared(&plan.declared).unwrap();
    let engine = Simulated::new(world);
    offer(&engine, world, plan);
    let bodies = planned_bodies(&spec, world, plan);
    let rest = plan.steps[first..].iter().map(|step| step.id.clone()).collect();
    let fresh = apply::Resume::fresh(plan);
    run_from(case, &engine, plan, &bodies, (&BTreeSet::new(), &rest, &fresh));
    let wanted = || {
        ObservationScope::of(&spec).for_plan(
            plan.facts.images.iter().map(|fact| fact.reference.clone()),
            plan.facts.containers.iter().map(|fact| fact.id.clone()),
        )
    };
    let look = looked_at(case, &spec, &wanted(), &engine);
    let judgement = stale::judge(plan, &spec, &look);
    let mut wrong = Vec::new();
    if !judgement.half_done.is_empty() {
        // A network that was taken down cannot be derived again: a person is told.
        return wrong;
    }
    if !judgement.is_current() {
        let moved = judgement.stale.iter().chain(&judgement.tampered);
        wrong.extend(moved.map(|moved| format!("after {first} steps: {moved}")));
        return wrong;
    }
    let does = |step: &&bayplan::plan::Step| !matches!(step.action, Action::WaitReady { .. });
    let did: BTreeSet<_> =
        plan.steps[..first].iter().filter(does).map(|step| step.id.clone()).collect();
    let found: BTreeSet<_> = plan
        .steps
        .iter()
        .filter(does)
        .filter(|step| judgement.done.contains(&step.id))
        .map(|step| step.id.clone())
        .collect();
    // What a step leaves as it was cannot be told from what it has not done.
    if !did.is_superset(&found) {
        wrong.push(format!("after {first} steps: did {did:?}, found {found:?}"));
    }
    let left: BTreeSet<StepId> = BTreeSet::new();
    let derived = Plan { steps: judgement.steps.clone(), ..plan.clone() };
    let resume = apply::Resume {
        digest: fresh.digest.clone(),
        world: judgement.world.clone(),
        created: judgement.created.clone(),
        networks: judgement.networks.clone(),
    };
    let from = (&judgement.done, &left, &resume);
    let outcome = run_from(case, &engine, &derived, &judgement.bodies, from);
    if !outcome.is_success() {
        wrong.push(format!("after {first} steps: the rest failed: {:?}", outcome.troubles));
    }
    let again = stale::judge(plan, &spec, &looked_at(case, &spec, &wanted(), &engine));
    if again.is_current() && !again.run.is_empty() {
        wrong.push(format!("after {first} steps: {:?} would be run once more", again.run));
    }
    wrong
}

/// The calls that changed something, IDs by the names they had, and what was counted.
fn log(engine: &Simulated, outcome: &Outcome) -> String {
    let mut out = String::new();
    for call in engine.changing() {
        let _ = writeln!(out, "{call}");
    }
    let _ = writeln!(out, "=> {}", outcome.summary.message);
    for step in outcome.steps.iter().filter(|step| !step.status.is_success()) {
        let _ = writeln!(out, "{}: {:?}", step.id, step.status);
    }
    out
}

/// After applying, nothing is left to do, and the old plan repeats nothing.
fn settled(case: &Case, spec: &Spec, engine: &Simulated, old: &Plan, after: After) {
    let fresh = looked_at(case, spec, &ObservationScope::of(spec), engine);
    let built = plan(spec, &fresh);
    assert!(built.errors.is_empty(), "planning again fails: {}", errors(&built));
    let words = || text::text(&built.plan, &About::default(), STEPS);
    match after {
        After::Empty => {
            assert!(built.plan.steps.is_empty(), "something is left to do:\n{}", words());
        }
        After::Again => {
            assert!(!built.plan.steps.is_empty(), "nothing is left to do, but was expected to be");
        }
    }
    let declared = case.declared(&old.declared).unwrap();
    let judgement = stale::judge(old, &declared, &fresh);
    assert!(judgement.tampered.is_empty(), "the old plan counts as tampered: {judgement:#?}");
    let repeats = judgement.is_current() && !judgement.run.is_empty();
    assert!(!repeats, "the old plan would be run again: {judgement:#?}");
}

/// A look at the simulated engine, taken as at a real one.
pub(crate) fn looked_at(
    case: &Case,
    spec: &Spec,
    wanted: &ObservationScope,
    engine: &Simulated,
) -> Snapshot {
    let taken =
        wait(observe::observe(engine, wanted)).expect("the simulated engine can be looked at");
    let mut snapshot = redacted(case, spec, taken);
    // What the recording hides is hidden on the simulated engine too; what was known of it is.
    for container in &mut snapshot.containers {
        if let Some(marks) = engine.marks(&container.id()) {
            container.env.clone_from(marks);
        }
        let id = container.id();
        let files = container.inspect.as_mut().and_then(|all| all.pointer_mut("/Config/Files"));
        for (path, file) in files.and_then(Json::as_object_mut).into_iter().flatten() {
            let kept = wait(engine.file(&id, path)).unwrap().unwrap_or_default();
            if kept["Content"].as_str().is_some_and(looks_marked) {
                file["Content"] = kept["Content"].clone();
            }
        }
    }
    snapshot
}
