//! What is different between two plans: by set, change and field, what acts apart from what does
//! not.
//!
//! The line-by-line form is here too. What the difference means for an exit code is the caller's.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value as Json;

use super::{reason_text, told};
use crate::base::canonical::NoCanonicalForm;
use crate::plan::{Plan, Reason, format};

/// The difference between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// What is done otherwise, or to another engine.
    pub acts: Vec<Entry>,
    /// What only tells otherwise: facts, warnings, what was matched, where the spec was.
    pub tells: Vec<Entry>,
}

/// One thing that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where: `db: shop-db: danger`. Safe to print.
    pub place: String,
    /// In the old plan; nothing: not there.
    pub old: Option<String>,
    /// In the new plan.
    pub new: Option<String>,
}

/// What is different between two plans.
pub fn between(old: &Plan, new: &Plan) -> Difference {
    let mut acts = Vec::new();
    let mut tells = Vec::new();
    compare(&mut acts, "project", &old.project, &new.project);
    compare(&mut acts, "target", &old.target, &new.target);
    changes(&mut acts, old, new);
    compare(&mut acts, "planned", &old.planned, &new.planned);
    compare(&mut acts, "assumed", &old.assumed, &new.assumed);
    compare(&mut acts, "declared", &old.declared, &new.declared);
    compare(&mut tells, "warnings", &old.warnings, &new.warnings);
    compare(&mut tells, "sets", &old.sets, &new.sets);
    compare(&mut tells, "facts", &old.facts, &new.facts);
    compare(&mut tells, "spec", &old.spec, &new.spec);
    compare(&mut tells, "tool", &old.tool, &new.tool);
    Difference { acts, tells }
}

/// Changes with their steps, by set and then by ID.
fn changes(out: &mut Vec<Entry>, old: &Plan, new: &Plan) {
    let (old, new) = (by_change(old), by_change(new));
    let mut keys: Vec<&(String, String)> =
        old.keys().chain(new.keys()).collect::<BTreeSet<_>>().into_iter().collect();
    keys.sort();
    for key in keys {
        let place = if key.0.is_empty() { key.1.clone() } else { format!("{}: {}", key.0, key.1) };
        walk(out, &place, old.get(key), new.get(key), 0);
    }
}

/// Set and ID of a change → its fields, its steps among them.
fn by_change(plan: &Plan) -> BTreeMap<(String, String), Json> {
    let mut steps: BTreeMap<&str, serde_json::Map<String, Json>> = BTreeMap::new();
    for step in &plan.steps {
        let (change, what) = step.id.parts();
        let mut fields = json(step);
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("id");
        }
        steps.entry(change).or_default().insert(what.to_owned(), fields);
    }
    let mut out = BTreeMap::new();
    for change in &plan.changes {
        let mut fields = json(change);
        if let (Some(fields), Some(steps)) =
            (fields.as_object_mut(), steps.remove(change.id.as_str()))
        {
            fields.remove("id");
            fields.remove("set");
            fields.insert("steps".into(), steps.into());
        }
        let set = change.set.as_ref().map_or("", |set| set.as_str()).to_owned();
        out.insert((set, change.id.as_str().to_owned()), fields);
    }
    // Steps of no change: the checker refuses such a plan, but the difference must not be lost.
    for (change, steps) in steps {
        out.insert((String::new(), change.to_owned()), serde_json::json!({"steps": steps}));
    }
    out
}

fn json(value: &impl Serialize) -> Json {
    // Plans consist of what JSON can say; there is no error to be told.
    serde_json::to_value(value).unwrap_or(Json::Null)
}

fn compare(out: &mut Vec<Entry>, place: &str, old: &impl Serialize, new: &impl Serialize) {
    walk(out, place, Some(&json(old)), Some(&json(new)), 0);
}

/// Deeper than so many fields is one thing for a reader.
const DEEP: usize = 5;
/// The most characters of what is in one of the plans alone.
const ALONE: usize = 2_000;

/// Follows two values down to where they differ.
fn walk(out: &mut Vec<Entry>, place: &str, old: Option<&Json>, new: Option<&Json>, depth: usize) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Json::Object(a)), Some(Json::Object(b))) if depth < DEEP => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                walk(out, &format!("{place}: {key}"), a.get(key), b.get(key), depth + 1);
            }
        }
        (Some(Json::Array(a)), Some(Json::Array(b))) => {
            if let (Some(a), Some(b)) = (keyed(a), keyed(b)) {
                for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                    let place = format!("{place}: {key}");
                    walk(out, &place, a.get(key).copied(), b.get(key).copied(), depth + 1);
                }
                return;
            }
            let (in_a, in_b) = (texts(a), texts(b));
            let gone = a.iter().filter(|item| !in_b.contains(&item.to_string()));
            let come = b.iter().filter(|item| !in_a.contains(&item.to_string()));
            let before = out.len();
            let (gone, come): (Vec<&Json>, Vec<&Json>) = (gone.collect(), come.collect());
            if let ([gone], [come]) = (gone.as_slice(), come.as_slice()) {
                return out.push(entry(place, Some(gone), Some(come)));
            }
            let (gone, come) = (gone.into_iter(), come.into_iter());
            out.extend(gone.map(|item| entry(place, Some(item), None)));
            out.extend(come.map(|item| entry(place, None, Some(item))));
            if out.len() == before {
                out.push(entry(place, old, new));
            }
        }
        _ => out.push(entry(place, old, new)),
    }
}

/// Records as texts, among which one is found without a look at all of them.
fn texts(records: &[Json]) -> BTreeSet<String> {
    records.iter().map(ToString::to_string).collect()
}

/// Records by what they are about, where each is about something of its own.
fn keyed(records: &[Json]) -> Option<BTreeMap<&str, &Json>> {
    let mut out = BTreeMap::new();
    for record in records {
        let key = ["option", "name", "reference", "id"].iter().find_map(|key| record[key].as_str());
        if out.insert(key?, record).is_some() {
            return None;
        }
    }
    Some(out)
}

fn entry(place: &str, old: Option<&Json>, new: Option<&Json>) -> Entry {
    let place = told::ends(place, 200);
    let (old, new) = match (old.map(words), new.map(words)) {
        (Some(old), Some(new)) => {
            let (old, new) = told::pair(&old, &new);
            (Some(old), Some(new))
        }
        (old, new) => {
            let one =
                |side: Option<String>| side.map(|text| told::ends(&told::short_ids(&text), ALONE));
            (one(old), one(new))
        }
    };
    Entry { place, old, new }
}

/// A value in a line. A whole change is told by what it does.
fn words(value: &Json) -> String {
    if let (Some(verb), Some(reasons)) = (value["do"].as_str(), value["reasons"].as_array()) {
        let reasons: Vec<Reason> = reasons
            .iter()
            .filter_map(|reason| serde_json::from_value(reason.clone()).ok())
            .collect();
        return format!("{verb}: {}", reason_text::texts(&reasons).join("; "));
    }
    let is_reason = value["option"].is_string() || value["because"].is_string();
    if is_reason && let Ok(reason) = serde_json::from_value(value.clone()) {
        return reason_text::text(&reason);
    }
    crate::base::canonical::line(value).unwrap_or_else(|_| value.to_string())
}

impl Difference {
    /// Whether both plans do the same to the same engine.
    pub fn acts_alike(&self) -> bool {
        self.acts.is_empty()
    }

    /// Lines for people.
    pub fn text(&self, colour: bool) -> String {
        if self.acts.is_empty() && self.tells.is_empty() {
            return "the plans are the same\n".into();
        }
        let mut out = String::new();
        if self.acts.is_empty() {
            out.push_str("both plans do the same\n");
        } else {
            out.push_str("DOES OTHERWISE\n");
            lines(&mut out, &self.acts, colour);
        }
        if !self.tells.is_empty() {
            out.push_str("\nTELLS OTHERWISE, does nothing\n");
            lines(&mut out, &self.tells, colour);
        }
        out
    }
}

fn lines(out: &mut String, entries: &[Entry], colour: bool) {
    let painted = |colour_of: AnsiColor, text: String| {
        let style = Style::new().fg_color(Some(colour_of.into()));
        if colour { format!("{style}{text}{style:#}") } else { text }
    };
    for entry in entries {
        let line = match (&entry.old, &entry.new) {
            (Some(old), Some(new)) => {
                painted(AnsiColor::Yellow, format!("  ~ {}: {old} => {new}", entry.place))
            }
            (None, Some(new)) => painted(AnsiColor::Green, format!("  + {}: {new}", entry.place)),
            (Some(old), None) => painted(AnsiColor::Red, format!("  - {}: {old}", entry.place)),
            (None, None) => continue,
        };
        out.push_str(&line);
        out.push('\n');
    }
}

/// The files of two plans compared line by line, in unified form. Plan files escape what is
/// unsafe, so the lines are safe to print.
pub fn unified(old: &Plan, new: &Plan, names: (&str, &str)) -> Result<String, NoCanonicalForm> {
    let (old, new) = (format::write(old)?.text, format::write(new)?.text);
    let diff = similar::TextDiff::from_lines(&old, &new);
    Ok(format!("\n{}", diff.unified_diff().context_radius(3).header(names.0, names.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Danger, sample};

    fn text(old: &Plan, new: &Plan) -> String {
        between(old, new).text(false)
    }

    #[test]
    fn the_same_plan_is_the_same() {
        let difference = between(&sample::mixed(), &sample::mixed());
        assert!(difference.acts_alike());
        assert_eq!(difference.text(false), "the plans are the same\n");
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
        assert!(difference.acts_alike());
        insta::assert_snapshot!(difference.text(false), @r#"
        both plans do the same

        TELLS OTHERWISE, does nothing
          - warnings: {"code": "orphan", "text": "shop-mail-1 was created for the set `mail`, which the spec no longer has"}
          ~ facts: containers: legacy: run: "live" => "paused"
          ~ spec: digest: "sha256:0000000000000000000000000000000000000000000000000000000000000007" => "sha256:0000000000000000000000000000000000000000000000000000000000000008"
          ~ tool: version: "0.1.0" => "0.2.0"
        "#);
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
        assert!(!between(&old, &new).acts_alike());
        insta::assert_snapshot!(text(&old, &new), @r#"
        DOES OTHERWISE
          + db: shop-db: danger: "data_lost"
          - db: shop-db: reasons: environment: environment (added A; changed B)
          - db: shop-db: steps: wait_ready: {"action": "wait_ready", "after": ["shop-db/start"], "created_by": "shop-db/create", "prove_for": 10}
          - old: legacy: stop: state (running => stopped)
          + web: shop-web-4: create: too few: 2 of 3
          + planned: web: containers: shop-web-4: {}
          - declared: containers: db: image: "ghcr.io/acme/db:1.0"
          + declared: containers: db: mem_limit: 1
          - declared: containers: db: state: "reloaded"

        TELLS OTHERWISE, does nothing
          + facts: names: "shop-web-4"
        "#);
    }

    #[test]
    fn every_change_of_a_step_is_seen() {
        let old = sample::mixed();
        for index in 0..old.steps.len() {
            let mut new = old.clone();
            new.steps.remove(index);
            assert!(!between(&old, &new).acts_alike(), "{}", old.steps[index].id);
        }
        let mut swapped = old.clone();
        swapped.steps.swap(0, 7);
        assert!(between(&old, &swapped).acts_alike(), "the order follows from `after`");
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = text(&sample::mixed(), &sample::hostile());
        assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)));
        assert!(text.len() < 60_000, "{}", text.len());
    }
}
