//! Plans that were edited and got a digest that fits again: none of them may be applied.
//!
//! Every plan of the cases, on the world that it was made for, with edits of every kind that a text
//! can have: values, IDs, names everywhere at once, records dropped, doubled and swapped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bayplan::base::ident::{
    ChangeTarget, ContainerId, ContainerName, ImageId, NetworkId, SetName, StepId,
};
use bayplan::observed::snapshot::{Run, Snapshot};
use bayplan::options::settings::Settings;
use bayplan::plan::facts::{ContainerFact, ImageFact, NetworkFact};
use bayplan::plan::format::Loaded;
use bayplan::plan::{
    Action, Because, By, Change, Impact, Matched, Plan, Reason, Step, Subject, Verb, check, format,
};
use bayplan::stale;
use sha2::{Digest as _, Sha256};

use crate::cases::{self, Case};
use crate::program::run;

/// At most so many edits of one kind of one plan; they are spread over all of it.
const EACH: usize = 16;

const DIGEST: &str = "  \"digest\": \"";

/// The text with the digest of what it says now.
fn redacted(text: &str) -> String {
    let bare: String =
        text.split_inclusive('\n').filter(|line| !line.starts_with(DIGEST)).collect();
    let mut hex = String::new();
    for byte in Sha256::digest(&bare) {
        let _ = write!(hex, "{byte:02x}");
    }
    let mut lines: Vec<String> = bare.split_inclusive('\n').map(str::to_owned).collect();
    lines.insert(2, format!("{DIGEST}sha256:{hex}\",\n"));
    lines.concat()
}

/// Whether the plan would be run, or taken for done, and says something else than the honest one. A
/// set that is not acted on may have moved: then that is noted, and what it says of that set alone
/// may be something else.
fn accepted(case: &Case, text: &str, world: &Snapshot, honest: Option<&Plan>) -> bool {
    let Ok(Loaded { plan, .. }) = format::read(text.as_bytes()) else { return false };
    if !check::check(&plan).is_empty() {
        return false;
    }
    let Ok(spec) = case.declared(&plan.declared) else { return false };
    let Ok(declared) = case.spec() else { return false };
    if !stale::spec_moved::spec_moved(&plan, &spec, &declared, true).is_empty() {
        return false;
    }
    let judgement = stale::judge(&plan, &spec, world);
    // Whoever restarts a container does what a plan to restart it asks for.
    let restarted = judgement.is_done()
        && plan.steps.iter().any(|step| matches!(step.action, Action::Restart { .. }));
    let told = !judgement.notes.is_empty()
        && honest.is_some_and(|honest| but_for_the_rest(&plan) == but_for_the_rest(honest));
    judgement.is_current() && !told && !restarted
}

/// A plan without what it says of sets that it does not act on.
fn but_for_the_rest(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let acted: BTreeSet<_> = plan.changes.iter().filter_map(|change| change.set.clone()).collect();
    let addressed: BTreeSet<_> = plan
        .steps
        .iter()
        .filter_map(|step| match step.action.subject() {
            Some(Subject::Container(id)) => Some(id.clone()),
            _ => None,
        })
        .collect();
    plan.sets.retain(|set, _| acted.contains(set));
    plan.facts.members.retain(|set, _| acted.contains(set));
    let members: BTreeSet<_> = plan.facts.members.values().flatten().cloned().collect();
    plan.facts.containers.retain(|fact| members.contains(&fact.id) || addressed.contains(&fact.id));
    for fact in plan.facts.containers.iter_mut().filter(|fact| !members.contains(&fact.id)) {
        (fact.run, fact.settings) = (Run::Idle, Settings::default());
    }
    let images: BTreeSet<_> = acted
        .iter()
        .filter_map(|set| plan.declared["containers"][set.as_str()]["image"].as_str())
        .map(str::to_owned)
        .collect();
    plan.facts.images.retain(|fact| images.contains(&fact.reference));
    plan.warnings.retain(|warning| warning.set.as_ref().is_none_or(|set| acted.contains(set)));
    plan
}

/// Where values are: strings that are no keys, numbers and booleans, as ranges of the text.
fn values(text: &str) -> Vec<std::ops::Range<usize>> {
    let (mut all, bytes, mut at) = (Vec::new(), text.as_bytes(), 0);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
                if bytes.get(at) != Some(&b':') {
                    all.push(start..at);
                }
            }
            b'0'..=b'9' | b'-' | b't' | b'f' | b'n' => {
                while !matches!(bytes[at], b',' | b'}' | b']' | b'\n') {
                    at += 1;
                }
                all.push(start..at);
            }
            _ => at += 1,
        }
    }
    all
}

/// Other values that may stand in the place of one.
fn others(value: &str) -> Vec<String> {
    let words = [
        ["\"live\"", "\"idle\""],
        ["\"idle\"", "\"live\""],
        ["\"equal\"", "\"different\""],
        ["\"label\"", "\"name\""],
        ["\"stop\"", "\"kill\""],
        ["true", "false"],
        ["false", "true"],
    ];
    let mut all: Vec<String> =
        words.iter().filter(|[from, _]| *from == value).map(|[_, to]| (*to).to_owned()).collect();
    if let Ok(number) = value.parse::<i64>() {
        all.extend([(number + 1).to_string(), "0".to_owned()]);
    }
    if let Some(text) = value.strip_suffix('"').filter(|text| text.len() > 2) {
        let last = text.chars().last().unwrap();
        let other = if last == '0' { '1' } else { '0' };
        all.push(format!("{}{other}\"", &text[..text.len() - last.len_utf8()]));
        all.push("\"\"".to_owned());
    }
    all
}

/// Some of them, spread over all.
fn spread<T>(all: Vec<T>) -> Vec<T> {
    let step = all.len().div_ceil(EACH).max(1);
    all.into_iter().step_by(step).collect()
}

/// The text without one member of a map: a fact that says less than it did.
fn without_members(text: &str, places: &[std::ops::Range<usize>]) -> Vec<(String, String)> {
    let members = places.iter().filter(|range| text[..range.start].ends_with("\": "));
    let left_out = members.map(|range| {
        let key = text[..range.start - 3].rfind('"').unwrap();
        let (before, after) = (&text[..key], &text[range.end..]);
        let edited = match (before.strip_suffix(", "), after.strip_prefix(", ")) {
            (_, Some(after)) => before.to_owned() + after,
            (Some(before), None) => before.to_owned() + after,
            (None, None) => before.to_owned() + after,
        };
        (format!("no {} at {}", &text[key..range.start], range.start), edited)
    });
    left_out.collect()
}

/// What may be done to a text.
fn edits(text: &str) -> Vec<(String, String)> {
    let at = |range: &std::ops::Range<usize>| text[..range.start].matches('\n').count() + 1;
    let places = values(text);
    let mut all = Vec::new();
    let mut single = Vec::new();
    for range in &places {
        for other in others(&text[range.clone()]) {
            let edited = format!("{}{other}{}", &text[..range.start], &text[range.end..]);
            single.push((format!("line {}: {other}", at(range)), edited));
        }
    }
    all.extend(spread(single));
    all.extend(spread(without_members(text, &places)));
    let run: Vec<_> =
        places.iter().filter(|range| text[..range.start].ends_with("\"run\": ")).collect();
    for range in run {
        for word in ["\"live\"", "\"idle\"", "\"paused\""] {
            let edited = format!("{}{word}{}", &text[..range.start], &text[range.end..]);
            all.push((format!("line {}: run {word}", at(range)), edited));
        }
    }
    let names: BTreeSet<&str> = places.iter().map(|range| &text[range.clone()]).collect();
    // Which digest a registry answered is what a plan asserts: nobody is asked again.
    let asserted = |name: &str| text.contains(&format!("\"registry\": {name}"));
    let long = names.iter().filter(|name| name.len() > 6 && name.starts_with('"'));
    let everywhere = long.filter(|name| !asserted(name)).map(|name| {
        let bare = &name[1..name.len() - 1];
        let last = bare.chars().last().unwrap();
        let other = if last == '7' { '8' } else { '7' };
        let other = format!("{}{other}", &bare[..bare.len() - last.len_utf8()]);
        (format!("everywhere: {bare}"), text.replace(bare, &other))
    });
    all.extend(spread(everywhere.collect()));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let records: Vec<usize> =
        (0..lines.len()).filter(|line| lines[*line].starts_with("    ")).collect();
    let drop = |line: usize| {
        let mut rest = lines.clone();
        rest.remove(line);
        // The last record of a list has no comma after it.
        let mut text = rest.concat();
        if !lines[line].ends_with(",\n") {
            let end: usize = rest[..line].iter().map(|line| line.len()).sum();
            if text[..end].ends_with(",\n") {
                text.replace_range(end - 2..end - 1, "");
            } else {
                text = text.replacen("[\n  ]", "[]", 1).replacen("{\n  }", "{}", 1);
            }
        }
        text
    };
    all.extend(spread(
        records.iter().map(|line| (format!("no line {}", line + 1), drop(*line))).collect(),
    ));
    let swapped = records
        .windows(2)
        .filter(|pair| lines[pair[0]].ends_with(",\n") == lines[pair[1]].ends_with(",\n"));
    let swapped = swapped.map(|pair| {
        let mut other = lines.clone();
        other.swap(pair[0], pair[1]);
        (format!("lines {} and {} swapped", pair[0] + 1, pair[1] + 1), other.concat())
    });
    all.extend(spread(swapped.collect()));
    let doubled = records.iter().filter(|line| lines[**line].ends_with(",\n")).map(|line| {
        let mut other = lines.clone();
        other.insert(*line, lines[*line]);
        (format!("line {} twice", line + 1), other.concat())
    });
    all.extend(spread(doubled.collect()));
    all
}

#[test]
fn no_edited_plan_is_accepted() {
    let (mut tried, mut accepted_edits) = (0, Vec::new());
    for name in cases::NAMES {
        let name = name.replace('_', "-");
        let Some((case, world, plan)) = cases::made(&name) else { continue };
        let text = format::write(&plan).unwrap().text;
        assert_eq!(redacted(&text), text, "the digest of {name} is not made as it is here");
        assert!(accepted(&case, &text, &world, None), "{name} itself is not current");
        for (what, edited) in edits(&text) {
            let edited = redacted(&edited);
            if edited == text {
                continue;
            }
            tried += 1;
            if accepted(&case, &edited, &world, Some(&plan)) {
                accepted_edits.push(format!("{name}: {what}"));
            }
        }
    }
    assert!(tried >= 10_000, "only {tried} edits");
    assert!(
        accepted_edits.is_empty(),
        "{} of {tried} edits were accepted:\n{}",
        accepted_edits.len(),
        accepted_edits.join("\n")
    );
}

/// Edits that hold together in more than one place: what an attacker would write who knows the format.
fn structured(honest: &Plan) -> Vec<(String, Plan)> {
    let mut all = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Plan)| {
        let mut plan = honest.clone();
        change(&mut plan);
        plan.summary = bayplan::plan::summary::of(&plan.steps);
        all.push((what, plan));
    };
    for set in honest.sets.keys() {
        add(format!("a ghost among the members of {set}"), &|plan| ghost(plan, set));
        add(format!("a ghost in {set}, and a network that is removed"), &|plan| {
            ghost(plan, set);
            remove_network(plan);
        });
    }
    for index in 0..honest.facts.containers.len() {
        for run in [Run::Idle, Run::Live, Run::Paused] {
            add(
                format!("container {index} {run:?}, and an image that nobody asked for"),
                &|plan| {
                    plan.facts.containers[index].run = run;
                    pull(plan);
                },
            );
        }
    }
    add("an image that nobody asked for".to_owned(), &pull);
    add("a network that is removed".to_owned(), &remove_network);
    add("no warnings".to_owned(), &|plan| plan.warnings.clear());
    add("no dangers".to_owned(), &|plan| {
        plan.changes.iter_mut().for_each(|change| {
            change.danger.clear();
            change.dangerous.clear();
        });
    });
    add("another version".to_owned(), &|plan| plan.tool.version.push('9'));
    add("less of what was there".to_owned(), &|plan| plan.facts.containers.clear());
    all
}

fn ghost(plan: &mut Plan, set: &SetName) {
    let (id, name) = (ContainerId::new("9".repeat(64)), ContainerName::new("ghost"));
    plan.facts.members.entry(set.clone()).or_default().push(id.clone());
    let fact = ContainerFact {
        id: id.clone(),
        name: name.clone(),
        image: ImageId::new(format!("sha256:{}", "9".repeat(64))),
        run: Run::Live,
        exit_code: None,
        started_at: None,
        settings: Settings::default(),
        networks: BTreeMap::new(),
        references: BTreeMap::new(),
    };
    plan.facts.containers.push(fact);
    plan.facts.containers.sort_by_key(|fact| fact.name.clone());
    let matched = Matched {
        name,
        id,
        by: By::Label,
        adopted: false,
        changed_by: None,
        differences: Vec::new(),
    };
    if let Some(report) = plan.sets.get_mut(set) {
        report.matched.push(matched);
    }
}

fn change(id: ChangeTarget<'_>, verb: Verb) -> Change {
    Change {
        id: id.id(),
        set: None,
        verb,
        adopted: false,
        danger: Vec::new(),
        dangerous: BTreeMap::new(),
        impact: Impact::default(),
        reasons: vec![Reason::Because(Because::NotThere)],
    }
}

fn pull(plan: &mut Plan) {
    let reference = "evil.example/app:1".to_owned();
    let digest = format!("sha256:{}", "6".repeat(64));
    let image = format!("evil.example/app@{digest}");
    let mut change = change(ChangeTarget::Image(&reference), Verb::Pull);
    change.reasons = vec![Reason::Because(Because::ImageMissing { reference: reference.clone() })];
    let pull = StepId::of(&change.id, "pull");
    let tag = StepId::of(&change.id, "tag");
    let first = Action::Pull { image: image.clone(), platform: None };
    plan.steps.insert(0, Step::new(pull.clone(), first, Vec::new()));
    let action = Action::Tag { image, tag: reference.clone() };
    plan.steps.insert(1, Step::new(tag, action, vec![pull]));
    plan.changes.push(change);
    let fact = ImageFact { reference, registry: Some(digest), ..ImageFact::default() };
    plan.facts.images.push(fact);
    plan.facts.images.sort_by_key(|fact| fact.reference.clone());
}

fn remove_network(plan: &mut Plan) {
    let change = change(ChangeTarget::Network("theirs"), Verb::Replace);
    let (network, which) = ("theirs".to_owned(), NetworkId::new("8".repeat(64)));
    let action = Action::RemoveNetwork { network: network.clone(), which: which.clone() };
    plan.steps.insert(0, Step::new(StepId::of(&change.id, "remove"), action, Vec::new()));
    plan.changes.push(change);
    plan.facts.networks.push(NetworkFact { name: network, id: Some(which) });
    plan.facts.networks.sort_by_key(|fact| fact.name.clone());
}

#[test]
fn no_plan_that_was_edited_with_care_is_accepted() {
    let mut accepted_edits = Vec::new();
    let mut tried = 0;
    for name in cases::NAMES {
        let name = name.replace('_', "-");
        let Some((case, world, honest)) = cases::made(&name) else { continue };
        for (what, edited) in structured(&honest) {
            if edited == honest {
                continue;
            }
            tried += 1;
            // The checker refuses many of them; whatever it lets through, nothing foreign is run.
            let sound = check::check(&edited).is_empty();
            let Ok(spec) = case.declared(&edited.declared) else { continue };
            let judgement = stale::judge(&edited, &spec, &world);
            let told = !judgement.notes.is_empty()
                && but_for_the_rest(&edited) == but_for_the_rest(&honest);
            if sound && judgement.is_current() && !told {
                accepted_edits.push(format!("{name}: {what}"));
            }
            let foreign = |step: &&Step| !honest.steps.contains(step);
            let run = judgement.steps.iter().filter(|step| judgement.run.contains(&step.id));
            let run: Vec<_> = run.filter(foreign).map(|step| step.id.clone()).collect();
            assert!(run.is_empty(), "{name}: {what}: {run:?} would be run");
        }
    }
    assert!(tried > 1000, "only {tried}");
    assert!(accepted_edits.is_empty(), "of {tried}:\n{}", accepted_edits.join("\n"));
}

/// An edit that leaves no plan is refused as every other edit is, whatever digest it carries: the
/// exit code says that the file was changed, not that something went wrong.
#[tokio::test]
async fn a_plan_that_is_none_any_more_is_refused_by_every_command() {
    let plan = std::fs::read_to_string("plans/shop/plan.json").unwrap();
    let edits = [
        ("  \"tool\": ", "  \"more\": 1,\n  \"tool\": "),
        ("\"action\": \"stop\"", "\"action\": \"purge\""),
        ("\"summary\": {", "\"summary\": {\"lost\": 0, "),
        ("\"warnings\": [", "\"warnings\": {}, \"warnings\": ["),
    ];
    for (from, to) in edits {
        let edited = redacted(&plan.replacen(from, to, 1));
        assert_ne!(edited, plan, "{from}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.json"), edited).unwrap();
        let snapshot = std::path::absolute("examples/shop/snapshot.json").unwrap();
        let snapshot = snapshot.to_str().unwrap();
        for args in [
            &["show", "plan.json"][..],
            &["diff", "plan.json", "plan.json"],
            &["verify", "plan.json"],
            &["apply", "plan.json", "--simulate", "--snapshot", snapshot],
        ] {
            let ran = run(folder.path(), &[], args).await;
            assert_eq!(ran.code, 4, "{args:?}: {}{}", ran.out, ran.err);
        }
    }
}
