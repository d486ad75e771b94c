//! Tests of every rule, each with a plan that breaks this rule only.

use serde_json::json;

use super::*;
use crate::base::ident::{ChangeId, ContainerId, ContainerName, ImageId, ProjectName};
use crate::base::ident::{SetName, StepId};
use crate::observed::snapshot::Run;
use crate::plan::{Action, Danger, ImagePin, Subject, Verb, sample};

/// The violations after a change to a valid plan, by rule and text.
fn after(change: impl FnOnce(&mut Plan)) -> Vec<String> {
    let mut plan = sample::mixed();
    assert_eq!(check(&plan), []);
    change(&mut plan);
    check(&plan).iter().map(ToString::to_string).collect()
}

#[track_caller]
pub(super) fn breaks(rule: &str, change: impl FnOnce(&mut Plan)) {
    let violations = after(change);
    let found = violations.iter().any(|text| text.split(':').next() == Some(rule));
    assert!(found, "expected a violation of `{rule}`, but found {violations:#?}");
}

pub(super) fn place(plan: &Plan, step: &str) -> usize {
    plan.steps.iter().position(|each| each.id.as_str() == step).unwrap()
}

pub(super) fn action<'a>(plan: &'a mut Plan, step: &str) -> &'a mut Action {
    let place = place(plan, step);
    &mut plan.steps[place].action
}

pub(super) fn without(plan: &mut Plan, step: &str) {
    let before = plan.steps[place(plan, step)].after.clone();
    plan.steps.retain(|each| each.id.as_str() != step);
    for each in &mut plan.steps {
        if each.after.iter().any(|id| id.as_str() == step) {
            each.after.clone_from(&before);
        }
    }
    sample::settle(plan);
}

pub(super) fn of<'a>(plan: &'a mut Plan, change: &str) -> &'a mut crate::plan::Change {
    plan.changes.iter_mut().find(|each| each.id.as_str() == change).unwrap()
}

#[test]
fn good_plans_have_no_violations() {
    for plan in [sample::empty(), sample::mixed(), sample::ten()] {
        assert_eq!(check(&plan), []);
    }
}

#[test]
fn steps_wait_for_steps_above_them() {
    breaks("after", |plan| plan.steps.swap(0, 1));
    breaks("after", |plan| plan.steps[1].after.push(StepId::new("no/such")));
    breaks("after", |plan| {
        let own = plan.steps[1].id.clone();
        plan.steps[1].after.push(own);
    });
    breaks("after", |plan| {
        let twice = plan.steps[1].after[0].clone();
        plan.steps[1].after.push(twice);
    });
    breaks("step", |plan| plan.steps[1].id = plan.steps[0].id.clone());
}

#[test]
fn changes_have_steps_and_reasons_and_steps_have_changes() {
    breaks("step", |plan| plan.steps.retain(|step| !step.id.as_str().starts_with("legacy/")));
    breaks("step", |plan| plan.changes.retain(|change| change.id.as_str() != "legacy"));
    breaks("step", |plan| plan.steps[0].id = StepId::new("create"));
    breaks("reason", |plan| plan.changes[0].reasons.clear());
    breaks("change", |plan| plan.changes.push(plan.changes[0].clone()));
    breaks("sets", |plan| of(plan, "legacy").set = Some(SetName::new("unknown")));
    breaks("sets", |plan| of(plan, "shop-web-1").set = Some(SetName::new("db")));
}

#[test]
fn a_verb_means_its_steps() {
    breaks("shape", |plan| of(plan, "legacy").verb = Verb::Kill);
    breaks("shape", |plan| of(plan, "shop-web-1").verb = Verb::Replace);
    breaks("shape", |plan| of(plan, "shop-web-1").verb = Verb::Run);
    breaks("shape", |plan| of(plan, "shop-db").verb = Verb::Create);
}

#[test]
fn nothing_is_removed_before_its_replacement_is_proven() {
    breaks("replace", |plan| without(plan, "shop-db/wait_ready"));
    breaks("replace", |plan| {
        let place = place(plan, "shop-db/remove");
        plan.steps[place].after = vec![StepId::new("shop-db/start")];
    });
    breaks("replace", |plan| {
        let place = place(plan, "shop-db/stop");
        plan.steps[place].after.clear();
    });
    breaks("replace", |plan| {
        without(plan, "shop-db/start");
        without(plan, "shop-db/wait_ready");
    });
    breaks("replace", |plan| {
        without(plan, "shop-db/rename-old");
        without(plan, "shop-db/rename-new");
    });
}

#[test]
fn what_is_created_gets_the_files_of_its_set_and_no_others() {
    let put = |plan: &mut Plan, files: &[&str]| {
        let create = StepId::new("shop-web-1/create");
        let place = place(plan, "shop-web-1/start");
        plan.steps[place].after = vec![StepId::new("shop-web-1/put_files")];
        let action = Action::PutFiles {
            container: Subject::CreatedBy(create.clone()),
            files: files.iter().map(|path| (*path).to_owned()).collect(),
        };
        let id = StepId::new("shop-web-1/put_files");
        plan.steps.insert(place, Step::new(id, action, vec![create]));
    };
    let declare = |plan: &mut Plan| {
        plan.declared["containers"]["web"]["files"] = json!({"/a$$b": {"content": "x"}});
    };
    breaks("files", |plan| put(plan, &["/a"]));
    breaks("files", declare);
    let both = |plan: &mut Plan| (declare(plan), put(plan, &["/a$$b"]));
    breaks("files", |plan| {
        both(plan);
    });
    // These objects must exist before any container that may need them runs.
    breaks("replace", |plan| {
        put(plan, &["/a"]);
        let place = place(plan, "shop-web-1/start");
        plan.steps[place].after = vec![StepId::new("shop-web-1/create")];
    });
}

#[test]
fn what_is_created_is_addressed_after_that() {
    breaks("created", |plan| {
        let place = place(plan, "shop-web-1/start");
        plan.steps[place].after.clear();
    });
    breaks("created", |plan| {
        let other = Subject::CreatedBy(StepId::new("shop-web-2/create"));
        *action(plan, "shop-web-3/start") = Action::Start { container: other, wait: false };
    });
    breaks("twice", |plan| {
        let mut again = plan.steps[place(plan, "legacy/stop")].clone();
        again.id = StepId::new("legacy/again");
        plan.steps.push(again);
    });
}

#[test]
fn names_are_free_when_they_are_taken() {
    let named = ContainerName::new;
    breaks("names", |plan| {
        let place = place(plan, "shop-db/rename-new");
        plan.steps[place].after = vec![StepId::new("shop-db/stop")];
    });
    breaks("names", |plan| plan.facts.containers[0].name = named("shop-web-1"));
    for (from, to) in
        [("shop-db.bp-new", "shop-db.bp-old"), ("shop-db.bp-new", "x"), ("x", "shop-db")]
    {
        breaks("names", |plan| {
            let container = Subject::CreatedBy(StepId::new("shop-db/create"));
            *action(plan, "shop-db/rename-new") =
                Action::Rename { container, from: named(from), to: named(to) };
        });
    }
    for (name, final_name) in [
        ("shop-web-1.bp-old", "shop-web-1"),
        ("shop-web-1", "shop-web-2"),
        ("x.bp-new", "x.bp-new"),
        ("shop-web-1.bp-new", "shop-web-1"),
    ] {
        breaks("names", |plan| {
            if let Action::Create { name: called, final_name: last, .. } =
                action(plan, "shop-web-1/create")
            {
                (*called, *last) = (named(name), named(final_name));
            }
        });
    }
    breaks("names", |plan| {
        let other = Subject::Container(ContainerId::new(sample::hex("", 77)));
        *action(plan, "legacy/stop") =
            Action::Stop { container: other, signal: None, timeout: None };
    });
}

#[test]
fn what_comes_with_a_container_is_of_its_set_and_comes_once() {
    let with = |plan: &mut Plan, step: &str, port: &str, volume: &str| {
        if let Action::Create { ports, volumes, .. } = action(plan, step) {
            ports.push(port.to_owned());
            volumes.push(volume.to_owned());
        }
    };
    let declare = |plan: &mut Plan| {
        plan.declared["containers"]["web"]["ports"] = json!(["127.0.0.1:8080-8082:80/tcp"]);
    };
    let good = after(|plan| {
        declare(plan);
        with(plan, "shop-web-1/create", "127.0.0.1:8080:80/tcp", "a");
        with(plan, "shop-web-2/create", "127.0.0.1:8082:80/tcp", "b");
        sample::settle(plan);
    });
    assert_eq!(good, [""; 0]);
    for port in [
        "127.0.0.1:8083:80/tcp",
        "8080:80/tcp",
        "127.0.0.1:8080:81/tcp",
        "127.0.0.1:8080-8082:80/tcp",
        "nonsense",
    ] {
        breaks("ports", |plan| {
            declare(plan);
            with(plan, "shop-web-1/create", port, "a");
        });
    }
    breaks("ports", |plan| with(plan, "shop-web-1/create", "127.0.0.1:8080:80/tcp", "a"));
    for (rule, port, volume) in [("ports", 8080, "b"), ("volumes", 8081, "a")] {
        breaks(rule, |plan| {
            declare(plan);
            with(plan, "shop-web-1/create", "127.0.0.1:8080:80/tcp", "a");
            with(plan, "shop-web-2/create", &format!("127.0.0.1:{port}:80/tcp"), volume);
        });
    }
    breaks("summary", |plan| {
        if let Action::Create { anonymous, .. } = action(plan, "shop-web-1/create") {
            anonymous.push("/data".to_owned());
        }
    });
}

#[test]
fn images_are_pinned() {
    let pin = |plan: &mut Plan, pin: ImagePin| {
        if let Action::Create { image, .. } = action(plan, "shop-web-1/create") {
            *image = pin;
        }
    };
    let digest = sample::hex("sha256:", 5);
    breaks("pin", |plan| pin(plan, ImagePin::Digest(digest.clone())));
    breaks("danger", |plan| pin(plan, ImagePin::Digest(digest.clone())));
    breaks("pin", |plan| pin(plan, ImagePin::Id(ImageId::new("nginx:latest"))));
    breaks("pin", |plan| {
        let step = crate::plan::Step {
            id: StepId::new("image:a/pull"),
            action: Action::Pull { image: "a:1".into(), platform: None },
            after: vec![],
            after_end: Vec::new(),
            delay: 0,
        };
        plan.steps.push(step);
    });
    let pulled = after(|plan| {
        let pull = StepId::new("image:a:1/pull");
        for name in ["shop-web-1", "shop-web-2", "shop-web-3"] {
            let create = format!("{name}/create");
            if let Action::Create { image, .. } = action(plan, &create) {
                *image = ImagePin::Digest(digest.clone());
            }
            let place = place(plan, &create);
            plan.steps[place].after.push(pull.clone());
            of(plan, name).danger.push(Danger::ImageUnknown);
        }
        let planned = plan.planned.get_mut("web").unwrap();
        (planned.image, planned.from_image) = (ImagePin::Digest(digest.clone()), None);
        let image = format!("a@{digest}");
        let step = crate::plan::Step {
            id: pull,
            action: Action::Pull { image, platform: None },
            after: vec![],
            after_end: Vec::new(),
            delay: 0,
        };
        plan.steps.insert(0, step);
        let mut change = of(plan, "shop-web-2").clone();
        change.id = ChangeId::new("image:a:1");
        (change.set, change.verb) = (None, Verb::Pull);
        plan.changes.push(change);
        sample::settle(plan);
    });
    assert_eq!(pulled, Vec::<String>::new());
}

#[test]
fn what_is_created_is_told_once_and_nothing_else() {
    breaks("planned", |plan| drop(plan.planned.remove("web")));
    breaks("planned", |plan| {
        drop(plan.planned.get_mut("web").unwrap().containers.remove("shop-web-2"));
    });
    breaks("planned", |plan| {
        let containers = &mut plan.planned.get_mut("web").unwrap().containers;
        containers.insert(ContainerName::new("shop-web-9"), BTreeMap::new());
    });
    breaks("planned", |plan| {
        let web = plan.planned.get_mut("web").unwrap();
        let own = web.containers.get_mut("shop-web-1").unwrap();
        own.insert("mem_limit".into(), json!(1));
    });
    breaks("planned", |plan| {
        plan.planned.get_mut("web").unwrap().options.insert("color".into(), json!("red"));
    });
    breaks("planned", |plan| plan.planned.get_mut("web").unwrap().reference.push('0'));
    breaks("planned", |plan| plan.planned.get_mut("web").unwrap().from_image = None);
    breaks("planned", |plan| {
        let other = ImagePin::Id(ImageId::new(sample::hex("sha256:", 901)));
        plan.planned.get_mut("web").unwrap().image = other;
    });
}

#[test]
fn what_is_dangerous_of_what_will_be_is_said_with_its_value() {
    for (key, value, danger, told) in [
        ("privileged", json!(true), Danger::Privileged, None),
        ("volumes", json!(["/:/host"]), Danger::HostAccess, Some("root:/")),
        ("pid", json!("host"), Danger::HostAccess, Some("pid")),
        ("gpus", json!("all"), Danger::HostAccess, Some("gpu:all")),
        ("cap_add", json!(["SYS_ADMIN"]), Danger::Capabilities, Some("SYS_ADMIN")),
        ("security_opt", json!(["seccomp=unconfined"]), Danger::Unconfined, Some("seccomp")),
        ("security_opt", json!(["seccomp={}"]), Danger::Unconfined, Some("seccomp: own profile")),
        ("ipc", json!("container:db"), Danger::OtherContainers, Some("ipc:db")),
        ("volumes_from", json!(["db"]), Danger::OtherContainers, Some("volumes:db")),
    ] {
        let with = |plan: &mut Plan| {
            let web = plan.planned.get_mut("web").unwrap();
            web.containers.get_mut("shop-web-1").unwrap().insert(key.into(), value.clone());
            web.options.remove(key);
            let change = of(plan, "shop-web-1");
            change.danger.push(danger);
            change.danger.sort();
            change.dangerous.extend(told.map(|told| (danger, vec![told.to_owned()])));
            sample::settle(plan);
        };
        assert_eq!(after(with), Vec::<String>::new(), "{key}");
        breaks("danger", |plan| {
            with(plan);
            let change = of(plan, "shop-web-1");
            change.danger.retain(|one| *one != danger);
            change.dangerous.remove(&danger);
        });
        breaks("danger", |plan| {
            with(plan);
            let values = of(plan, "shop-web-1").dangerous.remove(&danger);
            of(plan, "shop-web-1").dangerous.insert(Danger::Adopted, values.unwrap_or_default());
        });
    }
    breaks("danger", |plan| {
        of(plan, "shop-db").dangerous.insert(Danger::Outage, vec!["soon".into()]);
    });
    breaks("danger", |plan| of(plan, "shop-db").dangerous.clear());
}

#[test]
fn dangers_are_said_and_not_said_in_vain() {
    breaks("danger", |plan| of(plan, "shop-db").danger.clear());
    breaks("danger", |plan| of(plan, "legacy").danger = vec![Danger::Outage]);
    breaks("danger", |plan| of(plan, "legacy").danger.reverse());
    breaks("danger", |plan| of(plan, "shop-web-1").danger = vec![Danger::Outage]);
    breaks("danger", |plan| of(plan, "shop-web-1").danger = vec![Danger::Adopted]);
    breaks("adopted", |plan| of(plan, "legacy").adopted = false);
    breaks("adopted", |plan| of(plan, "shop-db").adopted = true);
    breaks("danger", |plan| {
        plan.facts.containers[0].settings.0.insert("RestartPolicy".into(), json!("always"));
    });
    breaks("danger", |plan| {
        let fact = plan.facts.containers.iter_mut().find(|fact| fact.name.as_str() == "shop-db");
        let reference = crate::base::ident::Reference::Env { name: "P".into() };
        let verdict = crate::plan::facts::Verdict::Different;
        let rotated = crate::plan::facts::ReferenceFact { reference, verdict };
        fact.unwrap().references.insert("P".into(), rotated);
    });
    breaks("order", |plan| plan.changes.reverse());
}

/// The violations after a change to a plan with an in-place update.
#[track_caller]
fn breaks_update(rule: &str, change: impl FnOnce(&mut Plan)) {
    breaks(rule, |plan| {
        sample::add_update(plan, "limits", "shop-limits", 178);
        assert_eq!(check(plan), []);
        change(plan);
    });
}

/// Sets a field of the update.
fn set(plan: &mut Plan, field: &str, value: Json) {
    let Action::Update { settings, .. } = action(plan, "shop-limits/update") else { panic!() };
    settings.0.insert(field.into(), value);
}

fn reason(plan: &mut Plan) -> &mut crate::plan::OptionDifference {
    match &mut of(plan, "shop-limits").reasons[0] {
        crate::plan::Reason::Option(difference) => difference,
        other => panic!("{other:?}"),
    }
}

/// Disconnects the sample's container from a network, in addition to its update.
fn take_off(plan: &mut Plan) {
    let network = crate::plan::facts::NetworkFact {
        name: "back".into(),
        id: Some(crate::base::ident::NetworkId::new(sample::hex("", 77))),
    };
    let which = crate::plan::NetworkRef::Id(network.id.clone().unwrap());
    plan.facts.networks.push(network);
    let on = crate::plan::facts::Attachment { id: None, endpoint: json!({}) };
    for fact in &mut plan.facts.containers {
        fact.networks.insert("back".into(), on.clone());
    }
    let update = place(plan, "shop-limits/update");
    let Action::Update { container, .. } = plan.steps[update].action.clone() else { panic!() };
    let (id, after) = (StepId::new("shop-limits/disconnect-back"), plan.steps[update].id.clone());
    let action = Action::Disconnect { container, network: "back".into(), which };
    plan.steps.insert(update + 1, crate::plan::Step::new(id, action, vec![after]));
    sample::settle(plan);
}

#[test]
fn networks_are_moved_for_that_reason_alone() {
    breaks_update("in_place", take_off);
    breaks_update("in_place", |plan| reason(plan).option = "networks".into());
    let moved = after(|plan| {
        sample::add_update(plan, "limits", "shop-limits", 178);
        let mut networks = reason(plan).clone();
        networks.option = "networks".into();
        of(plan, "shop-limits").reasons.push(crate::plan::Reason::Option(networks));
        take_off(plan);
    });
    assert_eq!(moved, Vec::<String>::new());
}

#[test]
fn changes_in_place_are_what_their_reasons_ask_for() {
    breaks_update("in_place", |plan| set(plan, "Memory", json!(5)));
    breaks_update("in_place", |plan| set(plan, "NanoCpus", json!(5)));
    breaks_update("in_place", |plan| set(plan, "ShmSize", json!(5)));
    breaks_update("in_place", |plan| reason(plan).option = "tty".into());
    breaks_update("in_place", |plan| reason(plan).in_place = false);
    breaks_update("in_place", |plan| {
        let reason = crate::plan::Reason::Because(crate::plan::Because::RecreateAlways);
        of(plan, "shop-limits").reasons.push(reason);
    });
    breaks_update("in_place", |plan| {
        let fact =
            plan.facts.containers.iter_mut().find(|fact| fact.name.as_str() == "shop-limits");
        let both = [("Memory", 1_073_741_824_i64), ("MemorySwap", 2_147_483_648)];
        let both = both.map(|(field, value)| (field.to_owned(), json!(value)));
        fact.unwrap().settings.0 = both.into();
    });
    breaks_update("in_place", |plan| {
        of(plan, "shop-db").reasons.retain(crate::plan::Reason::is_in_place);
    });
    breaks_update("run", |plan| {
        let fact =
            plan.facts.containers.iter_mut().find(|fact| fact.name.as_str() == "shop-limits");
        fact.unwrap().run = Run::Dead;
    });
    breaks_update("twice", |plan| {
        let mut again = plan.steps[place(plan, "shop-limits/update")].clone();
        again.id = StepId::new("shop-limits/update-2");
        plan.steps.push(again);
    });
    breaks_update("step", |plan| without(plan, "shop-limits/update"));
    breaks_update("shape", |plan| of(plan, "shop-limits").verb = Verb::Restart);
    breaks_update("summary", |plan| plan.summary.updated = 0);
    breaks_update("danger", |plan| of(plan, "shop-limits").danger = vec![Danger::Outage]);
}

#[test]
fn the_summary_is_counted_anew() {
    breaks("summary", |plan| plan.summary.created += 1);
    breaks("summary", |plan| plan.summary.pulled = 1);
    breaks("summary", |plan| plan.summary.message = "no action taken.".into());
}

#[test]
fn the_declared_state_fits() {
    breaks("project", |plan| plan.project = ProjectName::new("other"));
    breaks("project", |plan| plan.declared = json!({}));
    breaks("sets", |plan| plan.declared["containers"]["more"] = json!({}));
}

#[test]
fn marks_stand_for_what_is_hidden_only() {
    breaks("mark", |plan| plan.declared["containers"]["db"] = json!({"x": "«hunter2»"}));
    let marked = json!({"a": HIDDEN, "b": "«from_env:P»"});
    let fine = after(|plan| plan.declared["containers"]["old"] = marked);
    assert_eq!(fine, Vec::<String>::new());
}

#[test]
fn hostile_plans_are_doubted_safely() {
    let told: Vec<String> = check(&sample::hostile()).iter().map(ToString::to_string).collect();
    assert!(!told.is_empty());
    for text in told {
        assert!(!text.chars().any(say::is_unsafe), "{text}");
        assert!(text.len() < 2_000, "{text}");
    }
}
