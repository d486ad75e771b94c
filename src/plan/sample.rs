//! Handmade plans for the tests of all modules that read plans.

mod hostile;

use std::collections::BTreeMap;

use serde_json::json;

pub(crate) use hostile::hostile;

use super::facts::{Attachment, ContainerFact, ImageFact, VolumeFact};
use super::{
    Action, Because, By, Change, ChangedBy, Danger, Dangerous, EnvironmentDifference, Facts,
    ImagePin, Impact, Matched, OptionDifference, Origin, Plan, Planned, Reason, SetReport,
    SpecSource, Step, Subject, Summary, Target, Tool, Verb, Warning,
};
use crate::base::ident::{
    ChangeId, ContainerId, ContainerName, ImageId, ProjectName, Reference, SetName, StepId,
};
use crate::observed::snapshot::Run;
use crate::options::settings::Settings;
use crate::spec::State;

pub(crate) fn empty() -> Plan {
    Plan {
        project: ProjectName::new("shop"),
        target: Some(Target {
            name: "harbour-1".into(),
            engine_id: "7TUX:AAAA".into(),
            root_dir: "/var/lib/docker".into(),
            platform: "linux/amd64".into(),
            storage: "overlay2".into(),
        }),
        summary: Summary { message: "no action taken.".into(), ..Summary::default() },
        changes: Vec::new(),
        warnings: Vec::new(),
        steps: Vec::new(),
        sets: BTreeMap::new(),
        planned: BTreeMap::new(),
        assumed: Vec::new(),
        declared: json!({"project": "shop", "containers": {}}),
        facts: Facts::default(),
        spec: Some(SpecSource {
            path: "shop.yaml".into(),
            digest: hex("sha256:", 7),
            compose: None,
        }),
        tool: Tool { name: "bayplan".into(), version: "0.1.0".into() },
    }
}

pub(crate) fn hex(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:0>64x}")
}

pub(crate) fn memory() -> Reason {
    Reason::Option(OptionDifference {
        option: "mem_limit".into(),
        origin: Origin::Declared,
        expected: json!(1_073_741_824),
        found: json!(536_870_912),
        in_place: true,
        references: None,
    })
}

fn outage(value: &str) -> Dangerous {
    [(Danger::Outage, vec![value.to_owned()])].into()
}

fn step(change: &ChangeId, what: &str, action: Action, after: &[&StepId]) -> Step {
    let after = after.iter().map(|step| (*step).clone()).collect();
    Step::new(StepId::of(change, what), action, after)
}

/// Lets the new container of a plan's only replacement start before the old one stops.
pub(crate) fn start_first(plan: &mut Plan) {
    let order = ["create", "start", "wait_ready", "stop", "rename-old", "rename-new", "remove"];
    plan.steps.sort_by_key(|step| order.iter().position(|what| step.id.as_str().ends_with(what)));
    for place in 1..plan.steps.len() {
        plan.steps[place].after = vec![plan.steps[place - 1].id.clone()];
    }
}

#[expect(clippy::too_many_lines, reason = "one record after the other")]
/// Adds the replacement of a live container `name` (ID from `number`) of a set, with the steps of
/// §10 of the design.
pub(crate) fn add_replace(plan: &mut Plan, set: &str, name: &str, number: u64) {
    let id = ContainerId::new(hex("", number));
    let change = ChangeId::new(name);
    let set = SetName::new(set);
    plan.changes.push(Change {
        id: change.clone(),
        set: Some(set.clone()),
        verb: Verb::Replace,
        adopted: false,
        danger: vec![Danger::Outage],
        dangerous: outage("down:up to 10 s to stop, then 10 s of proof"),
        impact: Impact { keeps: vec![format!("{set}-data")], ..Impact::default() },
        reasons: vec![
            memory(),
            Reason::Environment(EnvironmentDifference {
                option: "environment".into(),
                origin: Origin::Declared,
                added: vec!["A".into()],
                changed: vec!["B".into()],
                removed: vec![],
                values: BTreeMap::new(),
            }),
        ],
    });
    let of = |what: &str| StepId::of(&change, what);
    let old = Subject::Container(id.clone());
    let new = Subject::CreatedBy(of("create"));
    let image = ImageId::new(hex("sha256:", 900));
    let named = |suffix: &str| ContainerName::new(format!("{name}{suffix}"));
    plan.steps.extend([
        step(
            &change,
            "create",
            Action::create(named(".bp-new"), named(""), set.clone(), ImagePin::Id(image.clone())),
            &[],
        ),
        step(
            &change,
            "stop",
            Action::Stop { container: old.clone(), signal: None, timeout: Some(10) },
            &[&of("create")],
        ),
        step(
            &change,
            "rename-old",
            Action::Rename { container: old.clone(), from: named(""), to: named(".bp-old") },
            &[&of("stop")],
        ),
        step(
            &change,
            "rename-new",
            Action::Rename { container: new.clone(), from: named(".bp-new"), to: named("") },
            &[&of("rename-old")],
        ),
        step(
            &change,
            "start",
            Action::Start { container: new.clone(), wait: false },
            &[&of("rename-new")],
        ),
        step(
            &change,
            "wait_ready",
            Action::WaitReady { container: new, prove_for: 10 },
            &[&of("start")],
        ),
        step(&change, "remove", Action::Remove { container: old }, &[&of("wait_ready")]),
    ]);
    plan_container(plan, &set, &named(""));
    report(plan, &set, State::Reloaded).matched.push(Matched {
        name: named(""),
        id: id.clone(),
        by: By::Label,
        adopted: false,
        changed_by: None,
        differences: Vec::new(),
    });
    let facts = &mut plan.facts;
    facts.containers.push(ContainerFact {
        id: id.clone(),
        name: named(""),
        image: image.clone(),
        run: Run::Live,
        exit_code: None,
        started_at: None,
        settings: Settings([("RestartPolicy".into(), json!("unless-stopped"))].into()),
        networks: [("bridge".to_owned(), Attachment::default())].into(),
        references: BTreeMap::new(),
    });
    facts.members.entry(set.clone()).or_default().push(id);
    facts.names.extend([named(""), named(".bp-new"), named(".bp-old")]);
    let reference = format!("ghcr.io/acme/{set}:1.0");
    if !facts.images.iter().any(|fact| fact.reference == reference) {
        facts.images.push(ImageFact { reference, id: Some(image), ..ImageFact::default() });
        facts.volumes.push(VolumeFact {
            name: format!("{set}-data"),
            driver: Some("local".into()),
            created_at: None,
        });
    }
    settle(plan);
}

/// The report of a set. A new set also gets its declaration and its fact.
fn report<'a>(plan: &'a mut Plan, set: &SetName, state: State) -> &'a mut SetReport {
    plan.facts.members.entry(set.clone()).or_default();
    let declared = &mut plan.declared["containers"][set.as_str()];
    if declared["state"].is_null() {
        declared["state"] = json!(state);
    }
    plan.sets.entry(set.clone()).or_insert_with(|| SetReport { state, matched: Vec::new() })
}

/// Adds a created container to `planned`.
fn plan_container(plan: &mut Plan, set: &SetName, name: &ContainerName) {
    let reference = format!("ghcr.io/acme/{set}:1.0");
    let declared = &mut plan.declared["containers"][set.as_str()];
    if declared.is_null() {
        *declared = json!({});
    }
    declared["image"] = json!(reference);
    let options = [
        ("environment", json!({"A": "1", "B": {"from_env": "B"}, "LANG": "C.UTF-8"})),
        ("mem_limit", json!(1_073_741_824)),
        ("restart", json!("unless-stopped")),
        ("volumes", json!([format!("{set}-data:/data")])),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value)).into();
    let handed = [("command", json!(["serve"])), ("environment", json!(["PATH"]))];
    let handed = handed.map(|(key, value)| (key.to_owned(), value)).into();
    let planned = plan.planned.entry(set.clone()).or_insert_with(|| Planned {
        reference,
        image: ImagePin::Id(ImageId::new(hex("sha256:", 900))),
        containers: BTreeMap::new(),
        options,
        from_image: Some(handed),
    });
    planned.containers.insert(name.clone(), BTreeMap::new());
    let count = planned.containers.len();
    if count > 1 {
        plan.declared["containers"][set.as_str()]["count"] = json!(count);
    }
}

/// Adds the image fact of a set; true if the fact is new.
fn image_fact(plan: &mut Plan, set: &SetName) -> bool {
    let reference = format!("ghcr.io/acme/{set}:1.0");
    if plan.facts.images.iter().any(|fact| fact.reference == reference) {
        return false;
    }
    let id = Some(ImageId::new(hex("sha256:", 900)));
    plan.facts.images.push(ImageFact { reference, id, ..ImageFact::default() });
    true
}

/// Adds a container that is created and started.
pub(crate) fn add_create(plan: &mut Plan, set: &str, name: &str) {
    let change = ChangeId::new(name);
    let set = SetName::new(set);
    plan.changes.push(Change {
        id: change.clone(),
        set: Some(set.clone()),
        verb: Verb::Create,
        adopted: false,
        danger: vec![Danger::SecretGiven],
        dangerous: [(Danger::SecretGiven, vec!["B".to_owned()])].into(),
        impact: Impact::default(),
        reasons: vec![Reason::Because(Because::TooFew { expected: 3, found: 2 })],
    });
    let create = StepId::of(&change, "create");
    let new = Subject::CreatedBy(create.clone());
    plan.steps.extend([
        step(
            &change,
            "create",
            Action::create(
                ContainerName::new(name),
                ContainerName::new(name),
                set.clone(),
                ImagePin::Id(ImageId::new(hex("sha256:", 900))),
            ),
            &[],
        ),
        step(&change, "start", Action::Start { container: new.clone(), wait: false }, &[&create]),
        step(
            &change,
            "wait_ready",
            Action::WaitReady { container: new, prove_for: 10 },
            &[&StepId::of(&change, "start")],
        ),
    ]);
    plan.facts.names.push(ContainerName::new(name));
    plan_container(plan, &set, &ContainerName::new(name));
    image_fact(plan, &set);
    report(plan, &set, State::Started);
    settle(plan);
}

/// Adds an in-place update of a live container.
pub(crate) fn add_update(plan: &mut Plan, set: &str, name: &str, number: u64) {
    let change = ChangeId::new(name);
    let id = ContainerId::new(hex("", number));
    plan.changes.push(Change {
        id: change.clone(),
        set: Some(SetName::new(set)),
        verb: Verb::Update,
        adopted: false,
        danger: Vec::new(),
        dangerous: BTreeMap::new(),
        impact: Impact::default(),
        reasons: vec![memory()],
    });
    let container = Subject::Container(id.clone());
    let settings =
        [("Memory".into(), json!(1_073_741_824)), ("MemorySwap".into(), json!(2_147_483_648_i64))];
    let settings = Settings(settings.into());
    plan.steps.push(step(&change, "update", Action::Update { container, settings }, &[]));
    let before = [("Memory".into(), json!(536_870_912)), ("MemorySwap".into(), json!(-1))];
    plan.facts.containers.push(ContainerFact {
        id: id.clone(),
        name: ContainerName::new(name),
        image: ImageId::new(hex("sha256:", 901)),
        run: Run::Live,
        exit_code: None,
        started_at: None,
        settings: Settings(before.into()),
        networks: BTreeMap::new(),
        references: BTreeMap::new(),
    });
    let set = SetName::new(set);
    report(plan, &set, State::Reloaded).matched.push(Matched {
        name: ContainerName::new(name),
        id: id.clone(),
        by: By::Label,
        adopted: false,
        changed_by: None,
        differences: Vec::new(),
    });
    plan.facts.members.entry(set).or_default().push(id);
    settle(plan);
}

/// Adds the stop of a live container.
pub(crate) fn add_stop(plan: &mut Plan, set: &str, name: &str, number: u64) {
    let change = ChangeId::new(name);
    let id = ContainerId::new(hex("", number));
    plan.changes.push(Change {
        id: change.clone(),
        set: Some(SetName::new(set)),
        verb: Verb::Stop,
        adopted: true,
        danger: vec![Danger::Outage, Danger::Adopted],
        dangerous: outage("gone"),
        impact: Impact::default(),
        reasons: vec![Reason::Because(Because::State {
            expected: State::Stopped,
            found: "running".into(),
        })],
    });
    let container = Subject::Container(id.clone());
    plan.steps.push(step(
        &change,
        "stop",
        Action::Stop { container, signal: None, timeout: None },
        &[],
    ));
    plan.facts.containers.push(ContainerFact {
        id: id.clone(),
        name: ContainerName::new(name),
        image: ImageId::new(hex("sha256:", 901)),
        run: Run::Live,
        exit_code: None,
        started_at: None,
        settings: Settings::default(),
        networks: BTreeMap::new(),
        references: BTreeMap::new(),
    });
    let set = SetName::new(set);
    report(plan, &set, State::Stopped).matched.push(Matched {
        name: ContainerName::new(name),
        id: id.clone(),
        by: By::Image,
        adopted: true,
        changed_by: None,
        differences: Vec::new(),
    });
    plan.facts.members.entry(set).or_default().push(id);
    settle(plan);
}

/// Sets summary, message and order as a planner does.
pub(crate) fn settle(plan: &mut Plan) {
    plan.summary = super::summary::of(&plan.steps);
    plan.changes.sort_by(|a, b| {
        let worst = |change: &Change| change.danger.iter().min().map_or(99, |danger| *danger as u8);
        (worst(a), &a.id).cmp(&(worst(b), &b.id))
    });
    plan.facts.containers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    plan.facts.names.sort();
}

/// Six sets with ten replacements: the longest text that ten changes can have.
pub(crate) fn ten() -> Plan {
    let mut plan = empty();
    let sets = [("db", 1), ("web", 3), ("cache", 1), ("queue", 1), ("worker", 3), ("mail", 1)];
    let mut number = 1;
    let mut declared = serde_json::Map::new();
    for (set, count) in sets {
        for member in 1..=count {
            add_replace(&mut plan, set, &format!("shop-{set}-{member}"), number);
            number += 1;
        }
        declared.insert(
            set.into(),
            json!({
                "count": count, "image": format!("ghcr.io/acme/{set}:1.0"), "state": "reloaded",
                "mem_limit": 1_073_741_824, "restart": "unless-stopped",
                "volumes": [format!("{set}-data:/data")],
                "environment": {"A": "1", "B": {"from_env": "B"}, "LANG": "C.UTF-8"},
                "update_config": {"parallelism": 0},
            }),
        );
    }
    plan.declared = json!({"project": "shop", "containers": declared});
    plan
}

/// A plan with one change of each kind.
pub(crate) fn mixed() -> Plan {
    let mut plan = empty();
    add_replace(&mut plan, "db", "shop-db", 1);
    for member in 1..=3 {
        add_create(&mut plan, "web", &format!("shop-web-{member}"));
    }
    add_stop(&mut plan, "old", "legacy", 9);
    plan.assumed.push(Reference::Env { name: "DB_PASSWORD".into() });
    plan.warnings.push(Warning {
        code: "orphan".into(),
        set: None,
        text: "shop-mail-1 was created for the set `mail`, which the spec no longer has".into(),
    });
    let cache = SetName::new("cache");
    let id = ContainerId::new(hex("", 77));
    report(&mut plan, &cache, State::Started).matched.push(Matched {
        name: ContainerName::new("shop-cache"),
        id: id.clone(),
        by: By::Name,
        adopted: false,
        changed_by: Some(ChangedBy::State),
        differences: vec![memory()],
    });
    plan.facts.members.entry(cache).or_default().push(id.clone());
    let mut fact = plan.facts.containers[0].clone();
    (fact.id, fact.name) = (id, ContainerName::new("shop-cache"));
    plan.facts.containers.push(fact);
    settle(&mut plan);
    plan
}
