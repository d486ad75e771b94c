//! The difference between two plans: new and vanished dangers, then the changes by set. Changes of
//! actions are separate from changes of information.
//!
//! The line-by-line form is here too. Layout and colours are in [`super::diff_text`]; the exit code
//! is decided by the caller.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;
use similar::{Algorithm, TextDiff};

use super::diff_items::{self, Item, Items, lines};
use super::model::{self, Group, Model};
use super::names::{self, folded, name};
use super::told::{self, Kind};
use super::why::{self, Why};
use super::{planned, reason_text, step_text};
use crate::base::canonical::NoCanonicalForm;
use crate::options;
use crate::plan::cause::Causes;
use crate::plan::danger::{self, Danger};
use crate::plan::{Change, Impact, Plan, Reason, Step, format};

/// The longest sentence, in characters.
const SENTENCE: usize = 2_000;

/// The difference between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Whether both plans do the same to the same engine.
    pub acts_alike: bool,
    /// Project, engine and counts, if they differ.
    pub head: Vec<Line>,
    /// Dangers that are new or gone, worst first.
    pub dangers: Vec<Line>,
    /// Changed actions by set; changes without a set come first.
    pub sets: Vec<(String, Vec<Changed>)>,
    /// Steps that differ.
    pub steps: Vec<Line>,
    /// Changed information: left differences, warnings, facts and the path of the spec.
    pub tells: Vec<Line>,
}

/// The plan that contains a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Only the new plan.
    Now,
    /// Only the old plan.
    Was,
    /// Both plans.
    Both,
}

/// A line about something that only one plan contains. Safe to print.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The plan that contains the line.
    pub side: Side,
    /// The text of the line.
    pub text: String,
}

/// The difference in the changes of similar objects of a set, or in the declaration of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The plans that contain the change.
    pub side: Side,
    /// The changed objects, such as `replace shop-web-1..3`; empty for the set itself.
    pub title: String,
    /// The differing lines.
    pub lines: Vec<Line>,
}

/// Compares two plans.
pub fn between(old: &Plan, new: &Plan) -> Difference {
    let (before, after) = (Causes::new(old, None), Causes::new(new, None));
    let ((was, were), (now, are)) = (model::grouped(old, &before), model::grouped(new, &after));
    let mut told = Told::default();
    let mut sets: BTreeMap<String, Vec<Changed>> = BTreeMap::new();
    changes(&mut sets, &mut told, (&before, &after), ((&was, &were), (&now, &are)));
    for (set, lines) in planned_lines(&told, old, new) {
        let changed = Changed { side: Side::Both, title: String::new(), lines };
        sets.entry(set).or_default().push(changed);
    }
    Difference {
        acts_alike: acts(old) == acts(new),
        head: head((old, &was), (new, &now)),
        dangers: dangers(old, new),
        sets: sets.into_iter().map(|(set, changes)| (titled(&set), changes)).collect(),
        steps: lines(&steps(old), &steps(new)),
        tells: tells(old, new),
    }
}

/// The name of a set as a title; empty for changes without a set.
fn titled(set: &str) -> String {
    if set.is_empty() { String::new() } else { name(set) }
}

/// All parts of a plan that decide its actions; the order of steps follows from their dependencies.
fn acts(plan: &Plan) -> impl PartialEq + '_ {
    let steps: BTreeMap<&str, &Step> =
        plan.steps.iter().map(|step| (step.id.as_str(), step)).collect();
    let Plan { project, target, changes, planned, assumed, declared, .. } = plan;
    (project, target, changes, planned, assumed, declared, steps)
}

fn head((old, was): (&Plan, &Model), (new, now): (&Plan, &Model)) -> Vec<Line> {
    let one = |(plan, model): (&Plan, &Model)| -> Items {
        let target = model.target.as_deref().unwrap_or("any engine");
        let text = format!("plan for {} on {target}", model.project);
        let full = format!("plan for {} on {}", plan.project, json(&plan.target));
        [(String::new(), Item::said(text, full))].into()
    };
    let mut head = lines(&one((old, was)), &one((new, now)));
    head.reverse();
    let (before, after) = (was.headline(), now.headline());
    if before != after {
        head.push(Line { side: Side::Was, text: before });
        head.push(Line { side: Side::Now, text: after });
    }
    head
}

/// A danger with the index of its class and its value.
type InDanger<'p> = (Danger, Option<usize>, Option<&'p str>);

/// The names in each danger that only one of the plans has.
fn dangers(old: &Plan, new: &Plan) -> Vec<Line> {
    let (were, are) = (endangered(old), endangered(new));
    let item = |(danger, _, value): &InDanger<'_>, names: &[String]| {
        let (class, value) = danger.classified(value.unwrap_or_default());
        let words = match class {
            Some(class) if value.is_empty() => class.to_owned(),
            Some(class) => format!("{class}: {value}"),
            None if value.is_empty() => reason_text::danger_means(*danger).to_owned(),
            None => value.to_owned(),
        };
        let lead = format!("{} ", danger.word());
        Item::of(lead, words).with_tail(format!(" – {}", names::listed(&folded(names))))
    };
    let (mut was, mut now) = (BTreeMap::new(), BTreeMap::new());
    for (danger, who) in &were {
        let (mut before, mut after) = (who.clone(), are.get(danger).cloned().unwrap_or_default());
        if before == after {
            continue;
        }
        // What stays in danger is neither new nor gone.
        let common: BTreeSet<String> = before.intersection(&after).cloned().collect();
        before.retain(|name| !common.contains(name));
        after.retain(|name| !common.contains(name));
        let list = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>();
        let (before, after) = (list(before), list(after));
        was.extend((!before.is_empty()).then(|| ((*danger, 0), item(danger, &before))));
        now.extend((!after.is_empty()).then(|| ((*danger, 1), item(danger, &after))));
    }
    let new = are.iter().filter(|(danger, _)| !were.contains_key(*danger));
    now.extend(new.map(|(danger, who)| {
        let who: Vec<String> = who.iter().cloned().collect();
        ((*danger, 1), item(danger, &who))
    }));
    let mut lines = lines(&was, &now);
    lines.sort_by_key(|line| line.side);
    lines
}

/// The names in each danger.
fn endangered(plan: &Plan) -> BTreeMap<InDanger<'_>, BTreeSet<String>> {
    let all = danger::gathered(&plan.changes).into_iter().map(|((danger, value), ids)| {
        let (class, _) = danger.classified(value.unwrap_or_default());
        let place = danger.classes().iter().position(|known| Some(*known) == class);
        let who = ids.into_iter().map(|id| model::endangered(danger, id).into_owned());
        ((danger, place, value), who.collect())
    });
    all.collect()
}

/// The options that the lines about changes already describe.
#[derive(Debug, Default)]
struct Told {
    /// Set and option key, described with the new value.
    now: BTreeSet<(String, String)>,
    /// Set and option key, described with the old value.
    was: BTreeSet<(String, String)>,
    /// Sets with a new or vanished change that is described in full.
    whole: BTreeSet<String>,
}

/// The model of a plan, and for each change the index of its group.
type Grouped<'m> = (&'m Model, &'m BTreeMap<&'m str, usize>);

/// The group of a change.
fn group<'m>(model: &'m Model, all: &BTreeMap<&str, usize>, id: &str) -> Option<&'m Group> {
    model.changes.get(all.get(id)?.checked_sub(1)?)
}

/// The changes that only one plan has, or that differ; similar changes of a set are joined.
fn changes(
    out: &mut BTreeMap<String, Vec<Changed>>,
    told: &mut Told,
    (old_causes, new_causes): (&Causes<'_>, &Causes<'_>),
    ((was, were), (now, are)): (Grouped<'_>, Grouped<'_>),
) {
    let of = |plan| -> BTreeMap<&str, &Change> {
        let plan: &Plan = plan;
        plan.changes.iter().map(|change| (change.id.as_str(), change)).collect()
    };
    let (before, after) = (of(old_causes.plan), of(new_causes.plan));
    // Key: set, side, verbs and lines; value: names.
    let mut alike: BTreeMap<(String, Side, String, Vec<Line>), Vec<&str>> = BTreeMap::new();
    for id in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (before.get(id), after.get(id));
        let (was, now) = (group(was, were, id), group(now, are, id));
        if old == new {
            continue;
        }
        let Some(change) = new.or(old) else { continue };
        let set = change.set.as_ref().map_or(String::new(), |set| set.as_str().to_owned());
        let word = |group: Option<&Group>| group.map_or("", |group| group.word);
        let (side, words, lines) = match (old, new) {
            (Some(old), Some(new)) => {
                let words = match (word(was), word(now)) {
                    (before, after) if before == after => after.to_owned(),
                    (before, after) => format!("{after} (was {before})"),
                };
                let (was, now) = (items(old, old_causes), items(new, new_causes));
                told.add(&set, &was, &now);
                (Side::Both, words, lines(&was, &now))
            }
            (None, _) => {
                told.whole.insert(set.clone());
                (Side::Now, word(now).to_owned(), now.map(whole).unwrap_or_default())
            }
            (_, None) => {
                told.whole.insert(set.clone());
                (Side::Was, word(was).to_owned(), Vec::new())
            }
        };
        alike.entry((set, side, words, lines)).or_default().push(id);
    }
    for ((set, side, words, lines), ids) in alike {
        let title = format!("{words} {}", names::listed(&folded(&ids)));
        if side != Side::Both || !lines.is_empty() || words.contains(' ') {
            out.entry(set).or_default().push(Changed { side, title, lines });
        }
    }
}

impl Told {
    fn add(&mut self, set: &str, was: &Items, now: &Items) {
        self.was.extend(was.keys().map(|key| (set.to_owned(), key.clone())));
        self.now.extend(now.keys().map(|key| (set.to_owned(), key.clone())));
    }
}

/// The lines about a change, by topic.
fn items(change: &Change, causes: &Causes<'_>) -> Items {
    let whys = change.reasons.iter().zip(why::of(&[change], causes));
    let mut all: Items = whys.flat_map(why_items).collect();
    let said = |text: String| (text.clone(), Item::said(text.clone(), text));
    all.extend(reason_text::how(change).map(said));
    let Impact { keeps, unmounts, loses, drops, may_change, interrupts } = &change.impact;
    let impact = [
        ("keeps", keeps),
        ("unmounts", unmounts),
        ("loses", loses),
        ("drops", drops),
        ("may change", may_change),
        ("interrupts", interrupts),
    ];
    for (verb, what) in impact {
        let one =
            |what: &String| (format!("{verb} {what}"), Item::of(format!("{verb} "), what.clone()));
        all.extend(what.iter().map(one));
    }
    all
}

fn why_items((reason, why): (&Reason, Why)) -> Vec<(String, Item)> {
    match why {
        Why::New => Vec::new(),
        Why::Because(text) => {
            let full = json(reason).to_string();
            vec![(full.clone(), Item::said(text, full))]
        }
        Why::Differs { option, from, entries } => {
            let alone = entries.len() == 1;
            let one = |entry: told::Entry| {
                let (full_name, full) = (&entry.full_name.0, &entry.full.0);
                let key = match (full_name.as_str(), entry.kind) {
                    ("", Kind::Changed) if alone => option.clone(),
                    ("", Kind::Removed) => format!("{option} - {full}"),
                    ("", _) => format!("{option} {full}"),
                    (name, Kind::Removed) => format!("{option} - {name}"),
                    (name, _) => format!("{option} {name}"),
                };
                let text = format!("{option} {}{}{from}", entry.mark(), entry.shown(&option));
                (key, Item::said(text, format!("{option} {full_name} {full}{from}")))
            };
            entries.into_iter().map(one).collect()
        }
    }
}

/// All lines about a change that the other plan does not have.
fn whole(group: &Group) -> Vec<Line> {
    let entries = |why: &Why| match why {
        Why::New => Vec::new(),
        Why::Because(text) => vec![text.clone()],
        Why::Differs { option, from, entries } => {
            let one = |entry: &told::Entry| {
                format!("{option} {}{}{from}", entry.mark(), entry.shown(option))
            };
            entries.iter().map(one).collect()
        }
    };
    let mut lines: Vec<String> = group.why.iter().flat_map(entries).collect();
    lines.extend(group.impact.iter().cloned());
    if let Some(will_be) = group.will_be.as_ref().filter(|will_be| !will_be.is_rest) {
        lines.extend(will_be.image.iter().map(|image| format!("image {image}")));
        let options = will_be.options.iter();
        lines.extend(options.map(|option| format!("{} {}", option.key, option.words())));
    }
    lines.into_iter().map(|text| Line { side: Side::Both, text }).collect()
}

/// The differences in declared sets and planned containers that no change describes.
fn planned_lines(told: &Told, old: &Plan, new: &Plan) -> Vec<(String, Vec<Line>)> {
    let both = |set: &str| [old, new].iter().all(|plan| plan.planned.contains_key(set));
    let (was, now) = (by_set(old, &both), by_set(new, &both));
    let sets: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let lines = sets.into_iter().map(|set| {
        let in_both = was.contains_key(set) && now.contains_key(set);
        let of = |all: &BySet| -> Items {
            let options = all.get(set).into_iter().flatten();
            let of_container = |key: &str| key == "image" || options::row(key).is_some();
            let untold = |key: &str| in_both || !told.whole.contains(set) || !of_container(key);
            options
                .filter(|((_, key), _)| untold(key))
                .flat_map(|((member, key), value)| diff_items::option(member, key, value))
                .collect()
        };
        let (mut was, mut now) = (of(&was), of(&now));
        let all = was.clone();
        let is_told = |told: &BTreeSet<(String, String)>, key: &str| {
            told.contains(&(set.clone(), key.to_owned()))
        };
        // An old value is omitted if the new value of the same option is already described.
        was.retain(|key, item| {
            now.get(key) != Some(item)
                && !is_told(&told.was, key)
                && (now.contains_key(key) || !is_told(&told.now, key))
        });
        now.retain(|key, item| all.get(key) != Some(item) && !is_told(&told.now, key));
        (set.clone(), diff_items::lines(&was, &now))
    });
    lines.filter(|(_, lines)| !lines.is_empty()).collect()
}

/// For each set its options, by member and key; the member is empty for the whole set.
type BySet = BTreeMap<String, BTreeMap<(String, String), Json>>;

/// The options of each set: the declared options, and the planned options if both plans have the
/// set.
fn by_set(plan: &Plan, both: &impl Fn(&str) -> bool) -> BySet {
    let mut all = BySet::new();
    let of_all = |key: &String| (String::new(), key.clone());
    let fields = |value: &'_ Json| value.as_object().cloned().unwrap_or_default();
    for (key, value) in fields(&plan.declared) {
        let object = match key.as_str() {
            "containers" => {
                for (set, declared) in fields(&value) {
                    let options = fields(&declared).into_iter();
                    let options = options.map(|(key, value)| (of_all(&key), value));
                    all.entry(set).or_default().extend(options);
                }
                continue;
            }
            "networks" => "network",
            "volumes" => "volume",
            _ => {
                all.entry(String::new()).or_default().insert(of_all(&key), value);
                continue;
            }
        };
        // The names are a list, and each declared object has lines of its own.
        let objects = fields(&value);
        let options = all.entry(String::new()).or_default();
        options.insert(of_all(&key), objects.keys().cloned().collect());
        for (name, declared) in objects {
            let of_object = |(key, value)| ((format!("{object} {name}"), key), value);
            options.extend(fields(&declared).into_iter().map(of_object));
        }
    }
    for (set, planned) in plan.planned.iter().filter(|(set, _)| both(set.as_str())) {
        let options = all.entry(set.as_str().to_owned()).or_default();
        options.extend(planned.options.iter().map(|(key, value)| (of_all(key), value.clone())));
        options.insert(of_all(&"image".to_owned()), Json::from(planned::image(planned)));
        for (name, own) in &planned.containers {
            let member = |key: &String| (name.as_str().to_owned(), key.clone());
            options.extend(own.iter().map(|(key, value)| (member(key), value.clone())));
        }
    }
    all
}

/// The steps in words.
fn steps(plan: &Plan) -> Items {
    let one = |step: &Step| {
        let (id, what) = (name(step.id.as_str()), step_text::text(step));
        let after = step_text::before(step);
        let after =
            if after.is_empty() { String::new() } else { format!(" after {}", after.join(", ")) };
        let item = Item::said(format!("{id}: {what}{after}"), json(step).to_string());
        (step.id.as_str().to_owned(), item)
    };
    plan.steps.iter().map(one).collect()
}

/// The changed information that changes no action.
fn tells(old: &Plan, new: &Plan) -> Vec<Line> {
    let mut all = lines(&left(old), &left(new));
    all.extend(lines(&warnings(old), &warnings(new)));
    all.extend(lines(&facts(old), &facts(new)));
    let of_file = |plan: &Plan| -> Items {
        let tool =
            (String::from("tool"), format!("made by {} {}", plan.tool.name, plan.tool.version));
        let spec = plan
            .spec
            .iter()
            .map(|spec| (String::from("spec"), format!("spec {} {}", spec.path, spec.digest)));
        spec.chain([tool]).map(|(key, text)| (key, sentence(text))).collect()
    };
    all.extend(lines(&of_file(old), &of_file(new)));
    all
}

/// A sentence with a length limit.
fn sentence(full: String) -> Item {
    Item::said(told::ends(&full, SENTENCE), full)
}

fn warnings(plan: &Plan) -> Items {
    let one = |warning: &crate::plan::Warning| {
        let full = format!("{}: {}", warning.code, warning.text);
        (full.clone(), sentence(full))
    };
    plan.warnings.iter().map(one).collect()
}

/// The differences that are left, by container and option.
fn left(plan: &Plan) -> Items {
    let causes = Causes::new(plan, None);
    let mut all = Items::new();
    for (set, report) in &plan.sets {
        for one in &report.matched {
            let lead = format!("{} differs and is left: ", name(one.name.as_str()));
            let whys = one.differences.iter().zip(why::differences(set, one, &causes));
            let items = whys.flat_map(why_items);
            all.extend(
                items.map(|(key, item)| (format!("{} {key}", one.name), item.with_lead(&lead))),
            );
        }
    }
    all
}

/// The facts of a plan, one item for each record.
fn facts(plan: &Plan) -> Items {
    let mut all = Items::new();
    let kinds = json(&plan.facts);
    for (kind, records) in kinds.as_object().into_iter().flatten() {
        let named = records.as_object().into_iter().flatten();
        let named = named.map(|(key, value)| (key.clone(), value));
        let listed = records.as_array().into_iter().flatten().map(|record| {
            let key = ["name", "reference"].iter().find_map(|key| record[key].as_str());
            let key = key.or_else(|| record.as_str());
            (key.map_or_else(|| record.to_string(), str::to_owned), record)
        });
        for (key, value) in named.chain(listed) {
            // Each field is an item, so that only changed fields are listed.
            let fields = value.as_object().into_iter().flatten();
            let fields = fields.map(|(field, value)| (format!("{key}: {field}"), value));
            let fields: Vec<(String, &Json)> = fields.collect();
            let fields = if fields.is_empty() { vec![(key, value)] } else { fields };
            for (key, value) in fields {
                let text = match value {
                    Json::String(text) if *text == key => String::new(),
                    Json::String(text) => format!(" {text}"),
                    other => format!(" {other}"),
                };
                let full = format!("{kind} {key}{text}");
                let text = told::ends(&told::short_ids(&full), SENTENCE);
                all.insert(format!("{kind} {key}"), Item::said(text, full));
            }
        }
    }
    all
}

fn json(value: &impl Serialize) -> Json {
    // A plan always converts to JSON, so the error cannot happen.
    serde_json::to_value(value).unwrap_or(Json::Null)
}

/// The unified diff of two plan files. Plan files escape unsafe characters, so the lines are safe
/// to print.
pub fn unified(old: &Plan, new: &Plan, names: (&str, &str)) -> Result<String, NoCanonicalForm> {
    let (old, new) = (format::write(old)?.text, format::write(new)?.text);
    // Nearly every line of a plan is unique, which suits the patience algorithm.
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(&old, &new);
    Ok(format!("\n{}", diff.unified_diff().context_radius(3).header(names.0, names.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::show::diff_text;
    use crate::plan::show::text::Options;
    use crate::plan::{Danger, sample};

    fn text(old: &Plan, new: &Plan) -> String {
        diff_text::text(&between(old, new), Options::default())
    }

    #[test]
    fn the_same_plan_is_the_same() {
        let difference = between(&sample::mixed(), &sample::mixed());
        assert!(difference.acts_alike);
        assert_eq!(text(&sample::mixed(), &sample::mixed()), "the plans are the same\n");
        assert_eq!(unified(&sample::ten(), &sample::ten(), ("a", "b")).unwrap(), "\n");
    }

    #[test]
    fn facts_and_versions_tell_but_do_not_act() {
        let mut new = sample::mixed();
        new.tool.version = "0.2.0".into();
        new.facts.containers[0].run = crate::observed::snapshot::Run::Paused;
        new.spec.as_mut().unwrap().digest = sample::hex("sha256:", 8);
        new.warnings.clear();
        let difference = between(&sample::mixed(), &new);
        assert!(difference.acts_alike);
        insta::assert_snapshot!(text(&sample::mixed(), &new), @"
        both plans do the same

        TOLD OTHERWISE, does nothing
          was orphan: shop-mail-1 was created for the set `mail`, which the spec no longer has
          now containers legacy: run paused
          was containers legacy: run live
          now spec shop.yaml sha256:0000000000000000000000000000000000000000000000000000000000000008
          was spec shop.yaml sha256:0000000000000000000000000000000000000000000000000000000000000007
          now made by bayplan 0.2.0
          was made by bayplan 0.1.0
        ");
    }

    #[test]
    fn what_acts_is_told_by_set_change_and_field() {
        let old = sample::mixed();
        let mut new = sample::mixed();
        sample::add_create(&mut new, "web", "shop-web-4");
        new.steps.retain(|step| step.id.as_str() != "shop-db/wait_ready");
        new.changes.retain(|change| change.id.as_str() != "legacy");
        new.steps.retain(|step| step.id.as_str() != "legacy/stop");
        let db = new.changes.iter_mut().find(|change| change.id.as_str() == "shop-db").unwrap();
        db.danger.insert(0, Danger::DataLost);
        db.reasons.pop();
        new.declared["containers"]["db"] = serde_json::json!({"mem_limit": 1});
        assert!(!between(&old, &new).acts_alike);
        insta::assert_snapshot!(text(&old, &new), @"
        the plans do not do the same
        was 1 to replace, 1 to stop, 3 to create; up to 21 s; 1 container differs and is left
        now 1 to replace, 4 to create; up to 12 s; 1 container differs and is left

        DANGER
          now data_lost a mount goes, or an anonymous volume with its data – shop-db
          now secret_given B – shop-web-4
          was outage gone – legacy
          was adopted was not created by bayplan – legacy

        CHANGES
          ~ replace shop-db of db
              was environment + A (spec or secret changed)
              was environment ~ B (spec or secret changed)
              was forced by environment; mem_limit alone could be changed in place
          ~ set db
              was state reloaded
          - stop legacy of old
          + create shop-web-4 of web
              image ghcr.io/acme/web:1.0, sha256:000000000000
              volumes web-data:/data
              environment A=1, B from_env:B, LANG=C.UTF-8
              mem_limit 1g
              restart unless-stopped
          ~ set web
              now count 4
              was count 3

        TOLD OTHERWISE, does nothing
          now names shop-web-4
        ");
    }

    #[test]
    fn networks_and_volumes_are_told_by_option() {
        let with = |networks: Json, volumes: Json| {
            let mut plan = sample::empty();
            plan.declared["networks"] = networks;
            plan.declared["volumes"] = volumes;
            plan
        };
        let old = with(
            serde_json::json!({"back": {"internal": true, "labels": {"a": "1"}}, "gone": {}}),
            serde_json::json!({"data": {"driver": "local"}}),
        );
        let new = with(
            serde_json::json!({"back": {"labels": {"a": "2"}}, "front": null}),
            serde_json::json!({"data": {"driver": "nfs", "driver_opts": {"share": "srv:/data"}}}),
        );
        insta::assert_snapshot!(text(&old, &new), @"
        the plans do not do the same

        CHANGES
          ~ the root
              was network back: internal true
              now network back: labels a=2
              was network back: labels a=1
              now networks front
              was networks gone
              now volume data: driver nfs
              was volume data: driver local
              now volume data: driver_opts share=srv:/data
        ");
    }

    #[test]
    fn a_member_more_silences_nothing_of_its_set() {
        let old = sample::mixed();
        let mut new = sample::mixed();
        sample::add_create(&mut new, "web", "shop-web-4");
        let web = new.planned.iter_mut().find(|(set, _)| set.as_str() == "web").unwrap().1;
        web.options.insert("mem_limit".to_owned(), serde_json::json!(2_147_483_648_u32));
        let shown = text(&old, &new);
        assert!(shown.contains("~ set web\n"), "{shown}");
        assert!(shown.contains("      now mem_limit 2g\n      was mem_limit 1g\n"), "{shown}");
    }

    #[test]
    fn no_cut_hides_what_differs() {
        let long = |middle: &str| format!("{}{middle}{}", "a".repeat(5_000), "z".repeat(5_000));
        let with = |middle: &str| {
            let mut plan = sample::mixed();
            let change = plan.changes.iter_mut().find(|it| it.id.as_str() == "shop-db").unwrap();
            change.danger.push(Danger::HostAccess);
            change.dangerous.insert(Danger::HostAccess, vec![format!("bind:{}", long(middle))]);
            change.impact.loses.push(long(middle));
            change.reasons.push(Reason::Because(crate::plan::Because::TargetReplaced {
                target: crate::base::ident::ContainerName::new(long(middle)),
            }));
            plan.warnings[0].text = long(middle);
            for planned in plan.planned.values_mut() {
                planned.options.insert("labels".into(), serde_json::json!({long(middle): ""}));
            }
            plan
        };
        let difference = between(&with("1"), &with("2"));
        let all = difference.dangers.iter().chain(&difference.tells);
        let sets = difference.sets.iter().flat_map(|(_, changed)| changed);
        let all: Vec<&Line> = all.chain(sets.flat_map(|changed| &changed.lines)).collect();
        for (side, text) in [(Side::Now, "a2z"), (Side::Was, "a1z")] {
            let told = all.iter().filter(|line| line.side == side && line.text.contains(text));
            assert!(told.count() >= 5, "{text}: {all:#?}");
        }
    }

    #[test]
    fn what_a_step_waits_for_is_told() {
        let old = sample::mixed();
        let mut new = sample::mixed();
        new.steps[2].delay = 5;
        new.steps[2].after_end = vec![new.steps[0].id.clone()];
        let steps = between(&old, &new).steps;
        assert_eq!(steps.len(), 2, "{steps:?}");
        let end = format!(", the end of {}, 5 s more", new.steps[0].id);
        assert!(steps[0].text.ends_with(&end), "{steps:?}");
    }

    #[test]
    fn every_change_of_a_step_is_seen() {
        let old = sample::mixed();
        for index in 0..old.steps.len() {
            let mut new = old.clone();
            new.steps.remove(index);
            assert!(!between(&old, &new).acts_alike, "{}", old.steps[index].id);
        }
        let mut swapped = old.clone();
        swapped.steps.swap(0, 7);
        assert!(between(&old, &swapped).acts_alike, "the order follows from `after`");
    }

    #[test]
    fn ten_thousand_other_changes_are_no_hurdle() {
        let many = |first: u64| {
            let mut plan = sample::empty();
            for number in first..first + 3_000 {
                sample::add_replace(&mut plan, "many", &format!("n-{number}-x"), number);
            }
            plan
        };
        let (old, new) = (many(0), many(100_000));
        let began = crate::effort::Effort::begin();
        let lines = unified(&old, &new, ("old", "new")).unwrap().lines().count();
        assert!(lines > 20_000, "{lines}");
        assert!(!between(&old, &new).acts_alike);
        assert!(began.spent().as_secs() < 20, "{:?}", began.spent());
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = text(&sample::mixed(), &sample::hostile());
        assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)));
        assert!(text.len() < 60_000, "{}", text.len());
    }
}
