//! Whatever is long: a change at its very end is seen wherever a plan is told. Every row of the
//! table, every form.

use std::collections::BTreeMap;

use bayplan::apply::record::{ChangeRecord, Ended, Times, Told};
use bayplan::apply::result::ResultDocument;
use bayplan::apply::result_text;
use bayplan::base::ident::{ContainerName, SetName};
use bayplan::options::inspect_view::InspectView;
use bayplan::options::{AnyRow, Body, Context, ROWS, platform};
use bayplan::plan::show::{About, diff, diff_text, markdown, text};
use bayplan::plan::{Because, Dangerous};
use bayplan::plan::{
    By, Change, EnvironmentDifference, Matched, OptionDifference, Origin, Plan, Reason, SetReport,
    Verb,
};
use bayplan::spec::State;
use bayplan::syntax::node::{Kind, Problems};
use bayplan::syntax::yaml;
use serde_json::{Map, Value as Json, json};

use crate::made::{Made, id};

const OLD: &str = "theOldEnd";
const NEW: &str = "theNewEnd";

/// What a row reads of one of its examples: a list, a set, a map or one.
fn shape(row: &dyn AnyRow, example: &str) -> Json {
    let root = yaml::parse(&format!("it: {example}\n")).unwrap();
    let Kind::Map(mut entries) = root.kind else { panic!("{example} is no value of a map") };
    let declared = row.parse(&entries.remove(0).value, &mut Problems::default()).unwrap();
    let mut body = Body::new();
    let cx = Context { base_dir: Some("/srv".into()), ..Context::default() };
    declared.write(&mut body, &cx);
    let json = body.json();
    let networks = &json["NetworkingConfig"]["EndpointsConfig"];
    let inspect = json!({"Config": json, "HostConfig": json["HostConfig"],
        "NetworkSettings": {"Networks": networks},
        "ImageManifestDescriptor": platform::chosen(json, None)});
    row.read(&InspectView::new(&inspect, &BTreeMap::new())).show()
}

/// A long value of such a shape that ends so.
fn long(shape: &Json, end: &str) -> Json {
    let padded = |number: usize| json!(format!("entry-{number:02}-of-a-long-value"));
    match shape {
        Json::Array(_) => (0..60).map(padded).chain([json!(end)]).collect(),
        Json::Object(_) => {
            let mut map: Map<String, Json> =
                (0..60).map(|number| (format!("key{number:02}"), padded(number))).collect();
            map.insert("last".to_owned(), json!(end));
            Json::Object(map)
        }
        _ => json!(format!("{}{end}", "the-same-on-both-sides-".repeat(40))),
    }
}

fn reason(row: &dyn AnyRow, shape: &Json, ends: (&str, &str)) -> Reason {
    let option = row.def().key.to_owned();
    if option == "environment" {
        let names = |end: &str| long(&json!([]), end).as_array().unwrap().clone();
        let names =
            |end: &str| names(end).iter().map(|name| name.as_str().unwrap().into()).collect();
        return Reason::Environment(EnvironmentDifference {
            option,
            origin: Origin::Declared,
            added: names(ends.1),
            changed: Vec::new(),
            removed: names(ends.0),
            values: BTreeMap::new(),
        });
    }
    Reason::Option(OptionDifference {
        option,
        origin: Origin::Declared,
        expected: long(shape, ends.1),
        found: long(shape, ends.0),
        in_place: false,
        references: None,
    })
}

/// A plan that replaces for this reason, and leaves another container that differs alike.
fn plan(reason: &Reason) -> Plan {
    let mut made = Made::new(Vec::new());
    made.change("web", Verb::Replace, Because::RecreateAlways);
    made.plan.changes[0].reasons = vec![reason.clone()];
    let left = Matched {
        name: ContainerName::new("left"),
        id: id("a"),
        by: By::Name,
        adopted: false,
        changed_by: None,
        differences: vec![reason.clone()],
    };
    let report = SetReport { state: State::Started, matched: vec![left] };
    made.plan.sets.insert(SetName::new("left"), report);
    made.plan
}

fn record(change: &Change) -> ChangeRecord {
    ChangeRecord {
        id: change.id.clone(),
        set: None,
        verb: change.verb,
        danger: Vec::new(),
        dangerous: Dangerous::new(),
        ended: Ended::Done,
        times: Times::default(),
        created: None,
        reasons: Vec::new(),
    }
}

#[test]
fn the_end_of_a_long_value_is_seen_in_every_form() {
    for row in ROWS {
        let key = row.def().key;
        for example in row.def().examples {
            let shape = shape(*row, example);
            let plan_of = |ends| plan(&reason(*row, &shape, ends));
            let plan = plan_of((OLD, NEW));
            let mut result = ResultDocument::refused("", 0, Vec::new());
            let why = Told::all(&plan.changes[0].reasons);
            result.reload_reasons.insert(plan.changes[0].id.clone(), why);
            result.changes = plan.changes.iter().map(record).collect();
            let forms = [
                ("text", text::text(&plan, &About::default(), text::Options::default())),
                ("markdown", markdown::markdown(&[(&plan, About::default())], false)),
                ("show of a result", result_text::retold(&result)),
            ];
            for (form, shown) in forms {
                let told = if form == "show of a result" { 1 } else { 2 };
                let seen = |end: &str| shown.matches(end).count() >= told;
                assert!(seen(OLD) && seen(NEW), "{key}: {example}: {form}:\n{shown}");
                let all = shown.matches("entry-59").count();
                assert!(key == "environment" || all == 0, "{key}: {form} tells what is the same");
            }
            let two = diff::between(&plan_of((OLD, OLD)), &plan);
            let two = diff_text::text(&two, text::Options::default());
            assert!(two.contains(OLD) && two.contains(NEW), "{key}: {example}: diff:\n{two}");
        }
    }
}

/// What is lost is told to its end, however much there is.
#[test]
fn what_a_change_loses_is_never_cut() {
    let mut plan = plan(&Reason::Because(Because::RecreateAlways));
    let volume = |number: usize| format!("volume data-{number:02} at /{}/{number}", "d".repeat(90));
    plan.changes[0].impact.drops = (0..60).map(volume).collect();
    let forms = [
        text::text(&plan, &About::default(), text::Options::default()),
        markdown::markdown(&[(&plan, About::default())], false),
    ];
    for shown in forms {
        for number in 0..60 {
            assert!(shown.contains(&format!("dd/{number}")), "{number} in\n{shown}");
        }
    }
}
