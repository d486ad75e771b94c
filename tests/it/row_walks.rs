//! Every row on the simulated engine, from the spec to the engine and back: created as declared,
//! nothing left to do; declared otherwise, exactly that reason; carried out, nothing left to do;
//! taken out again, the same.

use std::collections::{BTreeMap, BTreeSet};

use bayplan::apply::events::Silent;
use bayplan::apply::{self, Awaits, Begun, NoSecrets, Outcome, Settings, SimulatedClock};
use bayplan::base::ident::ImageId;
use bayplan::engine::observe;
use bayplan::engine::simulated::Simulated;
use bayplan::observed::redact::Redactor;
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::{EngineRecord, Snapshot};
use bayplan::options::value::HIDDEN;
use bayplan::options::{AnyRow, Change, ROWS};
use bayplan::plan::{Reason, Verb, check};
use bayplan::planner;
use bayplan::planner::{Built, Input, Pins};
use bayplan::spec::{Spec, read};
use serde_json::{Value as Json, json};

use crate::made::block;
use crate::row_examples::{BESIDE, NOTHING};

const IMAGE: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// An image that an example mounts.
const ASSETS: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Rows of which this is not the story: what the image's ID tells, what is never a difference, and
/// what forbids a replacement. Cases and tests of their own tell theirs.
const OTHERWISE: &[&str] = &["platform", "stop_grace_period", "auto_remove"];

/// A spec of a container `web` that says an option so, or does not say it.
fn spec(key: &str, value: Option<&str>) -> Result<Spec, String> {
    let beside = BESIDE.iter().find(|(of, _)| *of == key).map_or("", |(_, text)| text);
    let value = value.map(|value| value.replace('$', "$$"));
    let said = value.map(|value| format!("    {key}: {value}\n")).unwrap_or_default();
    let others = [
        "db: {name: shop-db",
        "data: {name: shop-data",
        "cache: {name: cache",
        "logs: {name: logs",
    ];
    let others =
        others.map(|other| format!("  {other}, image: 'app:1', ipc: shareable}}\n")).concat();
    let text = format!(
        "project: shop\nbase_dir: /srv/shop\ncontainers:\n{others}  web:\n    image: app:1\n    \
         match: owned\n    state: reloaded\n    discard: true\n    {beside}\n{said}"
    );
    read::text(&text, &read::Files::new()).map_err(|problems| {
        format!("no spec: {:?}", problems.iter().map(|p| &p.message).collect::<Vec<_>>())
    })
}

/// An engine of the newest API that lacks nothing, with one image for every machine.
pub(crate) fn engine() -> Simulated {
    let recording: Json =
        serde_json::from_str(include_str!("../recordings/docker-28.5.2.json")).unwrap();
    let mut info = recording["info"].clone();
    for (_, can) in info.as_object_mut().unwrap() {
        if can.is_boolean() {
            *can = json!(true);
        }
    }
    // The last kernel that could weigh block I/O without control groups of version 2.
    info["KernelVersion"] = json!("4.20.17");
    info["NCPU"] = json!(8);
    info["DriverStatus"][0][1] = json!("xfs");
    info["DiscoveredDevices"] = json!([{"Source": "cdi", "ID": "vendor.com/gpu=0"}]);
    let mut snapshot = Snapshot {
        engine: Some(EngineRecord { version: recording["version"].clone(), info }),
        whole: true,
        networks: ["back", "front", "backend"]
            .map(|name| {
                json!({"Name": name, "Id": format!("{name:0<64}"), "Driver": "bridge", "Scope": "local",
                    "IPAM": {"Config": [{"Subnet": "10.77.0.0/16"}, {"Subnet": "10.9.0.0/16"},
                        {"Subnet": "fd00::/64"}]}, "Labels": {}, "Options": {}})
            })
            .into(),
        ..Snapshot::default()
    };
    let image = json!({"Id": IMAGE, "RepoTags": ["app:1"], "RepoDigests": [],
        "Config": {"Cmd": ["serve"]}});
    snapshot.images.insert(ImageId::new(IMAGE), image);
    let assets = json!({"Id": ASSETS, "RepoTags": ["shop/assets:7"], "RepoDigests": []});
    snapshot.images.insert(ImageId::new(ASSETS), assets);
    Simulated::new(&snapshot)
}

/// The plan for what is on the engine now.
pub(crate) async fn plan(engine: &Simulated, spec: &Spec) -> Built {
    let look = observe::observe(engine, &ObservationScope::of(spec)).await.unwrap();
    let snapshot = look.redact(&Redactor::new(Some(spec), BTreeMap::new()));
    let pins = Pins::default();
    planner::build(&Input { spec, snapshot: &snapshot, assume: false, pins, source: None })
}

async fn carry_out(engine: &Simulated, built: &Built) -> Outcome {
    let (_keep, cancel) = tokio::sync::watch::channel(None);
    let (nothing, awaits) = (BTreeSet::new(), Awaits::new());
    let run = apply::Run {
        engine,
        plan: &built.plan,
        bodies: &built.bodies,
        done: &nothing,
        blocked: &nothing,
        back: &BTreeSet::new(),
        awaits: &awaits,
        secrets: &NoSecrets,
        clock: &SimulatedClock(engine),
        resume: &apply::Resume::fresh(&built.plan),
        sink: &Silent,
        cancel,
        settings: Settings::default(),
    };
    apply::run(run, &Begun::default()).await
}

/// Makes it so; gives what was to be done to `web`, and by which options.
pub(crate) async fn converge(
    engine: &Simulated,
    spec: &Spec,
) -> Result<(Option<Verb>, Vec<String>), String> {
    let built = plan(engine, spec).await;
    if !built.errors.is_empty() {
        return Err(format!("no plan: {:?}", built.errors));
    }
    assert_eq!(check::check(&built.plan), [], "the checker doubts it");
    let outcome = carry_out(engine, &built).await;
    if !outcome.is_success() {
        return Err(format!("failed: {:?}", outcome.steps));
    }
    let again = plan(engine, spec).await.plan;
    if !again.steps.is_empty() {
        return Err(format!("something is left to do: {:?}", again.changes));
    }
    let web = built
        .plan
        .changes
        .iter()
        .find(|change| change.set.as_ref().is_some_and(|set| set.as_str() == "web"));
    let told = |reason: &Reason| match reason {
        Reason::Option(difference) => Some(difference.option.clone()),
        Reason::Environment(difference) => Some(difference.option.clone()),
        Reason::Because(_) => None,
    };
    let options = web.into_iter().flat_map(|change| change.reasons.iter().filter_map(told));
    Ok((web.map(|change| change.verb), options.collect()))
}

/// Goes from nothing through every example and the first one that says something to nothing.
fn walk(row: &dyn AnyRow, wrong: &mut Vec<String>) -> bool {
    let about = row.def();
    let key = about.key;
    let nothing = |value: &str| NOTHING.contains(&(key, value));
    let says = about.examples.iter().copied().find(|value| !nothing(value));
    let last = says.filter(|value| about.examples.last() != Some(value));
    let all = about.examples.iter().copied().chain(last).map(Some);
    let engine = engine();
    let wished = |value: Option<&str>| value.is_some_and(|value| value.contains("mac_address"));
    let mut before = None;
    let mut updated = false;
    for value in std::iter::once(None).chain(all).chain([None]) {
        let unchanged = value == before;
        let went = match spec(key, value) {
            Ok(spec) => block(converge(&engine, &spec)),
            Err(why) => Err(why),
        };
        let (verb, options) = match went {
            Ok(went) => went,
            Err(why) => {
                wrong.push(format!("{key}: {value:?}: {why}"));
                continue;
            }
        };
        updated |= verb == Some(Verb::Update);
        let told: &[&str] = match (key, value) {
            ("restart_policy_retry", _) => &["restart"],
            // Off its only network, it is on the engine's own.
            ("networks", None) => &["network_mode"],
            // What an attachment had wished for shows as the container's own.
            ("networks", Some(value)) if wished(before) && !wished(Some(value)) => {
                &["networks", "mac_address"]
            }
            _ => &[key],
        };
        let expected = if unchanged { &[] } else { told };
        if options != expected {
            wrong.push(format!("{key}: {before:?} to {value:?}: {options:?}"));
        }
        before = value;
    }
    updated
}

#[test]
fn every_row_is_created_compared_and_changed() {
    let mut wrong = Vec::new();
    for row in ROWS.iter().filter(|row| !OTHERWISE.contains(&row.def().key)) {
        let about = row.def();
        let updated = walk(*row, &mut wrong);
        let in_place = matches!(about.change, Change::Update(_));
        if updated != in_place {
            wrong.push(format!("{}: in place: {updated}, said: {in_place}", about.key));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Of a command that is hidden nothing is shown, but that it is another one is known.
#[test]
fn a_health_check_of_which_only_the_command_changes_is_one_reason() {
    let engine = engine();
    for (value, told) in [
        (Some("{test: \"true\"}"), &[][..]),
        (Some("{test: exit 0}"), &["healthcheck"]),
        (Some("{test: [CMD, /bin/ready]}"), &["healthcheck"]),
        (None, &["healthcheck"]),
    ] {
        let spec = spec("healthcheck", value).unwrap();
        let (verb, options) = block(converge(&engine, &spec)).unwrap();
        assert_eq!(options, told, "{value:?}: {verb:?}");
    }
}

/// Options of a driver that are hidden, as those of a stranger are: whether they are the declared ones
/// cannot be told, and what cannot be told replaces nothing.
#[test]
fn hidden_options_of_a_network_s_driver_are_no_difference() {
    let engine = engine();
    let said = spec("networks", Some("{back: {driver_opts: {foo: bar}}}")).unwrap();
    block(converge(&engine, &said)).unwrap();
    let look = block(observe::observe(&engine, &ObservationScope::everything())).unwrap();
    let mut snapshot = look.redact(&Redactor::default());
    for inspect in snapshot.containers.iter_mut().filter_map(|found| found.inspect.as_mut()) {
        if let Some(option) = inspect.pointer_mut("/NetworkSettings/Networks/back/DriverOpts/foo") {
            *option = json!(HIDDEN);
        }
    }
    snapshot.references.insert("app:1".to_owned(), Some(ImageId::new(IMAGE)));
    let input = |spec| Input {
        spec,
        snapshot: &snapshot,
        assume: false,
        pins: Pins::default(),
        source: None,
    };
    let built = planner::build(&input(&said));
    let codes: Vec<&str> = built.errors.iter().map(|error| error.code).collect();
    assert_eq!(codes, ["unknown"], "{:?}", built.plan.changes);
    // What else differs there does for sure.
    let other = spec("networks", Some("{back: {driver_opts: {foo: bar}, aliases: [db]}}")).unwrap();
    let built = planner::build(&input(&other));
    assert_eq!((built.errors.len(), built.plan.changes.len()), (0, 1));
}

/// What bayplan created a container with in so many words is public, of every row: a look that knows no
/// spec hides none of it.
#[test]
fn nothing_that_a_row_declared_is_hidden_on_what_bayplan_created() {
    let (mut hidden, mut looked) = (Vec::new(), 0);
    for row in ROWS.iter().filter(|row| !OTHERWISE.contains(&row.def().key)) {
        let key = row.def().key;
        for value in row.def().examples {
            let (engine, said) = (engine(), spec(key, Some(value)).unwrap());
            let mut references = BTreeSet::new();
            let options = said.sets.values().flat_map(|set| &set.options);
            options.for_each(|option| option.references(&mut references));
            if !references.is_empty() {
                continue;
            }
            block(converge(&engine, &said)).unwrap();
            let look = block(observe::observe(&engine, &ObservationScope::everything())).unwrap();
            let snapshot = look.redact(&Redactor::default());
            let web = snapshot.by_name("shop-web-1").and_then(|web| web.inspect.as_ref()).unwrap();
            looked += 1;
            if web["HostConfig"].to_string().contains(HIDDEN)
                || web["Config"].to_string().contains(HIDDEN)
                || web["NetworkSettings"].to_string().contains(HIDDEN)
            {
                hidden.push(format!("{key}: {value}: {web}"));
            }
        }
    }
    assert!(looked > 100, "{looked}");
    assert!(hidden.is_empty(), "\n{}", hidden.join("\n"));
}
