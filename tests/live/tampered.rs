//! Plans that were edited with care, their digest made to fit again, on a real engine that is as the
//! plan says: each is refused, and the engine's own log tells that nothing was done.

use std::time::{SystemTime, UNIX_EPOCH};

use bayplan::base::ident::{ChangeTarget, ContainerId, ContainerName, ImageId, NetworkId, StepId};
use bayplan::observed::snapshot::Run;
use bayplan::options::settings::Settings;
use bayplan::plan::facts::{ContainerFact, ImageFact, NetworkFact};
use bayplan::plan::{
    Action, Because, By, Change, Danger, Impact, Matched, Plan, Reason, Step, Subject, Verb,
    format, summary,
};
use serde_json::json;

use crate::support::{World, live};

/// One set that is replaced, one that is reported, one that is created, one that is stopped, and a
/// network that is replaced under them.
fn spec(level: &str, internal: bool, more: &str) -> String {
    format!(
        "project: PROJECT\ndefaults: {{prove_for: 1s}}\nnetworks:\n  back: {{recreate: auto, internal: \
         {internal}}}\ncontainers:\n  web:\n    name: PROJECT-web\n    image: PROJECT/app:1\n    state: \
         reloaded\n    environment: {{LEVEL: {level}}}\n    networks: \
         [back]\n{more}"
    )
}

const BEFORE: &str = "  idle: {name: PROJECT-idle, image: 'PROJECT/app:1'}\n  \
                      left: {name: PROJECT-left, image: 'PROJECT/app:1'}\n  gone: {name: PROJECT-gone, image: 'PROJECT/app:1'}\n";
const AFTER: &str = "  idle: {name: PROJECT-idle, state: stopped}\n  \
                     left: {name: PROJECT-left, image: 'PROJECT/app:1', tty: true}\n  \
                     new: {name: PROJECT-new, image: 'PROJECT/app:1', volumes: ['PROJECT-data:/data']}\n";

fn step<'a>(plan: &'a mut Plan, id: &str) -> &'a mut Step {
    let known: Vec<String> = plan.steps.iter().map(|step| step.id.to_string()).collect();
    let found = plan.steps.iter_mut().find(|step| step.id.as_str().ends_with(id));
    found.unwrap_or_else(|| panic!("no step {id} among {known:?}"))
}

fn change(id: ChangeTarget<'_>, verb: Verb) -> Change {
    Change {
        id: id.id(),
        set: None,
        verb,
        adopted: false,
        danger: Vec::new(),
        dangerous: [].into(),
        impact: Impact::default(),
        reasons: vec![Reason::Because(Because::NotThere)],
    }
}

fn foreign_image(plan: &mut Plan) {
    let reference = "evil.example/app:1".to_owned();
    let digest = format!("sha256:{}", "6".repeat(64));
    let image = format!("evil.example/app@{digest}");
    let change = change(ChangeTarget::Image(&reference), Verb::Pull);
    let pull = StepId::of(&change.id, "pull");
    let action = Action::Pull { image: image.clone(), platform: None };
    plan.steps.insert(0, Step::new(pull.clone(), action, Vec::new()));
    let action = Action::Tag { image, tag: reference.clone() };
    plan.steps.insert(1, Step::new(StepId::of(&change.id, "tag"), action, vec![pull]));
    plan.changes.push(change);
    plan.facts.images.push(ImageFact { reference, registry: Some(digest), ..ImageFact::default() });
    plan.facts.images.sort_by_key(|fact| fact.reference.clone());
}

fn ghost(plan: &mut Plan, set: &str) {
    let (id, name) = (ContainerId::new("9".repeat(64)), ContainerName::new("ghost"));
    let fact = ContainerFact {
        id: id.clone(),
        name: name.clone(),
        image: ImageId::new(format!("sha256:{}", "9".repeat(64))),
        run: Run::Live,
        exit_code: None,
        started_at: None,
        settings: Settings::default(),
        networks: [].into(),
        references: [].into(),
    };
    plan.facts.containers.push(fact);
    plan.facts.containers.sort_by_key(|fact| fact.name.clone());
    let members = plan.facts.members.iter_mut().find(|(of, _)| of.as_str() == set);
    members.unwrap().1.push(id.clone());
    let report = plan.sets.iter_mut().find(|(of, _)| of.as_str() == set).unwrap().1;
    let (adopted, changed_by, differences) = (false, None, Vec::new());
    report.matched.push(Matched { name, id, by: By::Label, adopted, changed_by, differences });
}

/// A network of somebody else, with a container on it, is removed.
fn strangers_network(plan: &mut Plan, theirs: &Theirs) {
    let (network, which) = theirs.clone();
    let change = change(ChangeTarget::Network(&network), Verb::Replace);
    let action = Action::RemoveNetwork { network: network.clone(), which: which.clone() };
    plan.steps.insert(0, Step::new(StepId::of(&change.id, "remove"), action, Vec::new()));
    plan.changes.push(change);
    plan.facts.networks.push(NetworkFact { name: network, id: Some(which) });
    plan.facts.networks.sort_by_key(|fact| fact.name.clone());
}

fn running(plan: &mut Plan, name: &str, run: Run) {
    let ends = |fact: &&mut ContainerFact| fact.name.as_str().ends_with(name);
    plan.facts.containers.iter_mut().find(ends).unwrap().run = run;
}

/// What whoever knows the format would write.
type Edit<'a> = (&'static str, Box<dyn Fn(&mut Plan) + 'a>);

/// The name of a network of somebody else, and which it is.
type Theirs = (String, NetworkId);

fn facts(theirs: Theirs) -> Vec<Edit<'static>> {
    let other = theirs.clone();
    vec![
        (
            "what is reported runs not",
            Box::new(|plan: &mut Plan| running(plan, "-left", Run::Idle)),
        ),
        (
            "what is reported runs not, and a foreign image",
            Box::new(|plan: &mut Plan| {
                running(plan, "-left", Run::Idle);
                foreign_image(plan);
            }),
        ),
        ("a foreign image", Box::new(foreign_image)),
        ("a ghost", Box::new(|plan: &mut Plan| ghost(plan, "web"))),
        (
            "a ghost, and a stranger's network",
            Box::new(move |plan: &mut Plan| {
                ghost(plan, "web");
                strangers_network(plan, &other);
            }),
        ),
        ("a stranger's network", Box::new(move |plan: &mut Plan| strangers_network(plan, &theirs))),
    ]
}

fn tellings() -> Vec<Edit<'static>> {
    vec![
        ("no warnings", Box::new(|plan: &mut Plan| plan.warnings.clear())),
        (
            "no dangers",
            Box::new(|plan: &mut Plan| {
                for change in &mut plan.changes {
                    change.danger.clear();
                    change.dangerous.clear();
                }
            }),
        ),
        (
            "no danger of one that is adopted",
            Box::new(|plan: &mut Plan| {
                for change in &mut plan.changes {
                    change.danger.retain(|danger| *danger != Danger::Adopted);
                }
            }),
        ),
        ("another version", Box::new(|plan: &mut Plan| plan.tool.version.push('9'))),
        ("no facts of containers", Box::new(|plan: &mut Plan| plan.facts.containers.clear())),
        ("no fact of ports and names", Box::new(|plan: &mut Plan| plan.facts.names.clear())),
    ]
}

fn steps(stranger: ContainerId) -> Vec<Edit<'static>> {
    let victim = stranger.clone();
    vec![
        (
            "a stranger is stopped",
            Box::new(move |plan: &mut Plan| {
                let container = Subject::Container(stranger.clone());
                step(plan, "-idle/stop").action =
                    Action::Stop { container, signal: None, timeout: None };
            }),
        ),
        (
            "a stranger is removed",
            Box::new(move |plan: &mut Plan| {
                let container = Subject::Container(victim.clone());
                step(plan, "-web/remove").action = Action::Remove { container };
            }),
        ),
        (
            "a kill instead of a stop",
            Box::new(|plan: &mut Plan| {
                let Some(Subject::Container(id)) =
                    step(plan, "-idle/stop").action.subject().cloned()
                else {
                    panic!("a stop of a container")
                };
                let container = Subject::Container(id);
                step(plan, "-idle/stop").action =
                    Action::Kill { container, signal: "KILL".to_owned() };
            }),
        ),
        (
            "nobody waits until the new one is ready",
            Box::new(|plan: &mut Plan| {
                plan.steps.retain(|step| !step.id.as_str().ends_with("-web/wait_ready"));
                let gone = |id: &StepId| id.as_str().ends_with("-web/wait_ready");
                for step in &mut plan.steps {
                    step.after.retain(|id| !gone(id));
                }
            }),
        ),
        (
            "the old one goes first",
            Box::new(|plan: &mut Plan| step(plan, "-web/remove").after.clear()),
        ),
    ]
}

fn declarations() -> Vec<Edit<'static>> {
    vec![
        (
            "another image is declared",
            Box::new(|plan: &mut Plan| {
                plan.declared["containers"]["new"]["image"] = json!("evil.example/app:1");
            }),
        ),
        (
            "the host's files are declared",
            Box::new(|plan: &mut Plan| {
                plan.declared["containers"]["new"]["volumes"] = json!(["/:/data"]);
            }),
        ),
        (
            "another value of a variable",
            Box::new(|plan: &mut Plan| {
                plan.declared["containers"]["web"]["environment"]["LEVEL"] = json!("debug");
            }),
        ),
        (
            "what will be says less",
            Box::new(|plan: &mut Plan| plan.planned.retain(|set, _| set.as_str() != "new")),
        ),
        (
            "who is interrupted is not said",
            Box::new(|plan: &mut Plan| {
                for change in &mut plan.changes {
                    change.impact.interrupts.clear();
                }
            }),
        ),
        (
            "another spec is named",
            Box::new(|plan: &mut Plan| {
                "../spec.yaml".clone_into(&mut plan.spec.as_mut().unwrap().path);
            }),
        ),
        (
            "another engine",
            Box::new(|plan: &mut Plan| plan.target.as_mut().unwrap().engine_id.push('0')),
        ),
        ("any engine", Box::new(|plan: &mut Plan| plan.target = None)),
    ]
}

fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{}.{:09}", now.as_secs(), now.subsec_nanos())
}

/// What the engine says it did to objects of this world. The lock of a run is no part of its plan.
fn done(world: &World, since: &str) -> Vec<String> {
    let format = "{{.Type}} {{.Action}} {{.Actor.ID}} {{json .Actor.Attributes}}";
    let log = world.docker(&["events", "--since", since, "--until", &now(), "--format", format]);
    let own = |line: &&str| {
        (line.contains(world.project()) || line.contains("evil.example"))
            && !line.contains(".bp-lock")
    };
    log.lines().filter(own).map(str::to_owned).collect()
}

#[test]
fn no_edited_plan_does_anything() {
    live!();
    let world = World::new("tampered");
    let image = world.image("app");
    world.converge(&spec("info", false, BEFORE));
    let stranger = world.name("stranger");
    let net = format!("{}_back", world.project());
    world.docker(&["run", "-d", "--name", &stranger, "--network", &net, &image]);
    let theirs = world.name("theirs");
    let which = world.docker(&["network", "create", &theirs]);
    let which = NetworkId::new(which);
    world.plan(&spec("warn", true, AFTER)).ok().says("a container on network:");
    let honest = world.read("plan.json");
    world.run(&["verify", "plan.json"]).ok();
    let before = world.everything();

    let stranger = ContainerId::new(world.id(&stranger));
    let mut edits = facts((theirs, which));
    edits.extend(tellings().into_iter().chain(steps(stranger)).chain(declarations()));
    assert!(edits.len() >= 20);
    for (what, edit) in edits {
        let mut plan = format::read(honest.as_bytes()).unwrap().plan;
        edit(&mut plan);
        plan.summary = summary::of(&plan.steps);
        let edited = format::write(&plan).unwrap().text;
        assert_ne!(edited, honest, "{what} is no edit");
        world.write("plan.json", &edited);
        for command in ["verify", "apply"] {
            let since = now();
            let ran = world.run(&[command, "plan.json"]);
            assert!(matches!(ran.code, 3 | 4), "{what}: expected a refusal, but {ran}");
            let events = done(&world, &since);
            assert!(events.is_empty(), "{what}: {events:#?}\n{ran}");
        }
        assert_eq!(world.everything(), before, "{what}");
    }

    world.write("plan.json", &honest);
    let since = now();
    world.apply().ok();
    assert!(!done(&world, &since).is_empty(), "the log tells what was done");
}
