//! What is different between two plans: the dangers that came and went, then by set what a change
//! is now and was before, what acts apart from what only tells.
//!
//! The line-by-line form is here too. Lines and colours are [`super::diff_text`]'s; what the difference
//! means for an exit code is the caller's.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;
use similar::{Algorithm, TextDiff};

use super::model::{self, Group, Model};
use super::names::{folded, name};
use super::planned::{self, Opt};
use super::told;
use super::told::Kind;
use super::why::{self, Why};
use crate::base::canonical::NoCanonicalForm;
use crate::options;
use crate::plan::{Change, Plan, Step, format};

/// The most characters of a sentence.
const SENTENCE: usize = 2_000;

/// The difference between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Whether both do the same to the same engine.
    pub acts_alike: bool,
    /// Project, engine and counts where they differ.
    pub head: Vec<Line>,
    /// Dangers that are new or gone, worst first.
    pub dangers: Vec<Line>,
    /// What is done otherwise, by set; what has no set comes first.
    pub sets: Vec<(String, Vec<Changed>)>,
    /// Steps that are other ones.
    pub steps: Vec<Line>,
    /// What only tells otherwise: what is left, warnings, facts, where the spec was.
    pub tells: Vec<Line>,
}

/// In which of the plans something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// In the new one alone.
    Now,
    /// In the old one alone.
    Was,
    /// In both.
    Both,
}

/// One thing that is in one of the plans alone. Safe to print.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// In which.
    pub side: Side,
    /// What.
    pub text: String,
}

/// What happens to alike objects of a set, or what a set is declared to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// In which of the plans they are changed.
    pub side: Side,
    /// `replace shop-web-1..3`; empty for what is said of the set.
    pub title: String,
    /// What is otherwise.
    pub lines: Vec<Line>,
}

/// What is different between two plans.
pub fn between(old: &Plan, new: &Plan) -> Difference {
    let ((was, were), (now, are)) = (model::grouped(old), model::grouped(new));
    let mut told = Told::default();
    let mut sets: BTreeMap<String, Vec<Changed>> = BTreeMap::new();
    changes(&mut sets, &mut told, (old, new), ((&was, &were), (&now, &are)));
    for (set, lines) in planned_lines(&told, old, new) {
        let changed = Changed { side: Side::Both, title: String::new(), lines };
        sets.entry(set).or_default().push(changed);
    }
    Difference {
        acts_alike: acts(old) == acts(new),
        head: head((old, &was), (new, &now)),
        dangers: dangers(&was, &now),
        sets: sets.into_iter().collect(),
        steps: keyed_lines(&steps(old), &steps(new)),
        tells: tells(old, new),
    }
}

/// All that decides what is done; the order of steps follows from what comes before each.
fn acts(plan: &Plan) -> impl PartialEq + '_ {
    let steps: BTreeMap<&str, &Step> =
        plan.steps.iter().map(|step| (step.id.as_str(), step)).collect();
    let Plan { project, target, changes, planned, assumed, declared, .. } = plan;
    (project, target, changes, planned, assumed, declared, steps)
}

fn head((old, was): (&Plan, &Model), (new, now): (&Plan, &Model)) -> Vec<Line> {
    let mut lines = Vec::new();
    if (&old.project, &old.target) != (&new.project, &new.target) {
        let one = |model: &Model| {
            let target = model.target.as_deref().unwrap_or("any engine");
            format!("plan for {} on {target}", model.project)
        };
        lines.extend(both(one(was), one(now)));
    }
    let (before, after) = (was.headline(), now.headline());
    if before != after {
        lines.extend(both(before, after));
    }
    lines
}

fn both(was: String, now: String) -> [Line; 2] {
    [Line { side: Side::Was, text: was }, Line { side: Side::Now, text: now }]
}

/// Who is in which danger in one of the plans alone.
fn dangers(was: &Model, now: &Model) -> Vec<Line> {
    let all = |model: &Model| -> BTreeMap<(usize, String), String> {
        let one = |(place, one): (usize, &model::InDanger)| {
            let text = format!("{} {} – {}", one.danger.word(), one.words(), one.names.join(", "));
            ((place, text.clone()), told::ends(&text, SENTENCE))
        };
        model.dangers.iter().enumerate().map(one).collect()
    };
    let (was, now) = (all(was), all(now));
    let texts = |all: &BTreeMap<(usize, String), String>| -> BTreeSet<String> {
        all.values().cloned().collect()
    };
    let (known, come) = (texts(&was), texts(&now));
    let new = now.into_values().filter(|text| !known.contains(text));
    let gone = was.into_values().filter(|text| !come.contains(text));
    let new = new.map(|text| Line { side: Side::Now, text });
    new.chain(gone.map(|text| Line { side: Side::Was, text })).collect()
}

/// The options that reasons tell already, by set.
#[derive(Debug, Default)]
struct Told(BTreeSet<(String, String)>);

/// What is said of one change, by what it is about.
type Texts = BTreeMap<String, String>;

/// What is shown of a plan, and the number of the group that shows each change.
type Grouped<'m> = (&'m Model, &'m BTreeMap<&'m str, usize>);

/// The group that shows a change.
fn group<'m>(model: &'m Model, all: &BTreeMap<&str, usize>, id: &str) -> Option<&'m Group> {
    model.changes.get(all.get(id)?.checked_sub(1)?)
}

/// Changes that are in one of the plans alone, or otherwise; alike ones of a set together.
fn changes(
    out: &mut BTreeMap<String, Vec<Changed>>,
    told: &mut Told,
    (old, new): (&Plan, &Plan),
    ((was, were), (now, are)): (Grouped<'_>, Grouped<'_>),
) {
    let of = |plan| -> BTreeMap<&str, &Change> {
        let plan: &Plan = plan;
        plan.changes.iter().map(|change| (change.id.as_str(), change)).collect()
    };
    let (before, after) = (of(old), of(new));
    // Set, side, verbs, lines → who.
    let mut alike: BTreeMap<(String, Side, String, Vec<Line>), Vec<&str>> = BTreeMap::new();
    for id in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (before.get(id), after.get(id));
        let (was, now) = (group(was, were, id), group(now, are, id));
        if old == new && was.map(|group| &group.will_be) == now.map(|group| &group.will_be) {
            continue;
        }
        let Some(change) = new.or(old) else { continue };
        let set = change.set.as_ref().map_or(String::new(), |set| name(set.as_str()));
        let word = |group: Option<&Group>| group.map_or("", |group| group.word);
        let (side, words, lines) = match (was, now) {
            (Some(old), Some(new)) => {
                let words = match (word(was), word(now)) {
                    (before, after) if before == after => after.to_owned(),
                    (before, after) => format!("{after} (was {before})"),
                };
                let (was, now) = (texts(old), texts(new));
                told.add(&set, &old.why, &new.why);
                (Side::Both, words, keyed_lines(&was, &now))
            }
            (None, new) => {
                let lines = new.map(whole).unwrap_or_default();
                told.all(&set);
                (Side::Now, word(new).to_owned(), lines)
            }
            (old, None) => {
                told.all(&set);
                (Side::Was, word(old).to_owned(), Vec::new())
            }
        };
        alike.entry((set, side, words, lines)).or_default().push(id);
    }
    for ((set, side, words, lines), ids) in alike {
        let title = format!("{words} {}", super::names::listed(&folded(&ids)));
        if side != Side::Both || !lines.is_empty() || words.contains(' ') {
            out.entry(set).or_default().push(Changed { side, title, lines });
        }
    }
}

/// What is said of a change, by what it is about.
fn texts(group: &Group) -> Texts {
    let mut all = Texts::new();
    for why in &group.why {
        all.extend(why_texts(why));
    }
    all.extend(group.impact.iter().map(|line| (line.clone(), line.clone())));
    all
}

fn why_texts(why: &Why) -> Vec<(String, String)> {
    match why {
        Why::New => Vec::new(),
        Why::Because(text) => vec![(text.clone(), text.clone())],
        Why::Differs { option, origin, entries } => {
            let one = |entry: &told::Entry| {
                let shown = entry.shown();
                let key = match (&entry.name, entry.kind) {
                    (Some(name), kind) => format!("{option} {name} {kind:?}"),
                    (None, Kind::Changed) => option.clone(),
                    (None, Kind::Added | Kind::Removed) => format!("{option} {shown}"),
                };
                (key, format!("{option} {}{shown}{}", entry.mark(), why::from(*origin)))
            };
            entries.iter().map(one).collect()
        }
    }
}

/// All that is said of a change which the other plan does not have.
fn whole(group: &Group) -> Vec<Line> {
    let mut lines: Vec<String> = group.why.iter().flat_map(why_texts).map(|(_, it)| it).collect();
    lines.extend(group.impact.iter().cloned());
    if let Some(will_be) = group.will_be.as_ref().filter(|will_be| !will_be.is_rest) {
        lines.extend(will_be.image.iter().map(|image| format!("image {image}")));
        let options = will_be.options.iter();
        lines.extend(options.map(|option| format!("{} {}", option.key, option.words())));
    }
    lines.into_iter().map(|text| Line { side: Side::Both, text }).collect()
}

impl Told {
    fn add(&mut self, set: &str, was: &[Why], now: &[Why]) {
        for why in was.iter().chain(now) {
            if let Why::Differs { option, .. } = why {
                self.0.insert((set.to_owned(), option.clone()));
            }
        }
    }

    /// A change is new or gone: what its set has is told with it.
    fn all(&mut self, set: &str) {
        self.0.insert((set.to_owned(), String::new()));
    }

    fn knows(&self, set: &str, option: &str) -> bool {
        let has = |option: &str| self.0.contains(&(set.to_owned(), option.to_owned()));
        let of_container = option == "image" || options::row(option).is_some();
        has(option) || (of_container && has(""))
    }
}

/// What sets are declared to be, and their containers will be, as far as no change tells it.
fn planned_lines(told: &Told, old: &Plan, new: &Plan) -> Vec<(String, Vec<Line>)> {
    let (was, now) = (by_set(old), by_set(new));
    let sets: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let nothing = BTreeMap::new();
    let lines = sets.into_iter().map(|set| {
        let of = |all: &BTreeMap<String, BTreeMap<String, Opt>>| -> Texts {
            let options = all.get(set).unwrap_or(&nothing).values();
            options.filter(|option| !told.knows(set, &option.key)).flat_map(parts).collect()
        };
        (set.clone(), keyed_lines(&of(&was), &of(&now)))
    });
    lines.filter(|(_, lines)| !lines.is_empty()).collect()
}

/// The options of each set: what is declared, and what that comes to.
fn by_set(plan: &Plan) -> BTreeMap<String, BTreeMap<String, Opt>> {
    let mut all: BTreeMap<String, BTreeMap<String, Opt>> = BTreeMap::new();
    let root = plan.declared.as_object().into_iter().flatten();
    for (key, value) in root {
        let sets = value.as_object().filter(|_| key == "containers");
        let Some(sets) = sets else {
            let option = planned::option(key, value);
            all.entry(String::new()).or_default().insert(key.clone(), option);
            continue;
        };
        for (set, declared) in sets {
            let options = declared.as_object().into_iter().flatten();
            let options = options.map(|(key, value)| (key.clone(), planned::option(key, value)));
            all.entry(name(set)).or_default().extend(options);
        }
    }
    for (set, planned) in &plan.planned {
        let options = all.entry(name(set.as_str())).or_default();
        let own = planned.options.iter();
        options.extend(own.map(|(key, value)| (key.clone(), planned::option(key, value))));
        let image = Json::from(planned::image(planned));
        options.insert("image".to_owned(), planned::option("image", &image));
    }
    all
}

/// An option by its parts.
fn parts(option: &Opt) -> Vec<(String, String)> {
    let one = option.entries.len() == 1;
    let parts = option.entries.iter().map(|part| {
        let key = match &part.name {
            Some(name) => format!("{} {name}", option.key),
            None if one => option.key.clone(),
            None => format!("{} {}", option.key, part.text),
        };
        (key, format!("{} {}", option.key, part.text))
    });
    let typed = matches!(&*option.key, "command" | "entrypoint");
    if typed {
        return vec![(option.key.clone(), format!("{} {}", option.key, option.words()))];
    }
    parts.collect()
}

/// Steps in words.
fn steps(plan: &Plan) -> Texts {
    let one = |step: &Step| {
        let (id, what) = (name(step.id.as_str()), super::step_text::text(step));
        let after: Vec<String> = step.after.iter().map(|step| name(step.as_str())).collect();
        let after =
            if after.is_empty() { after.concat() } else { format!(" after {}", after.join(", ")) };
        (step.id.as_str().to_owned(), format!("{id}: {what}{after}"))
    };
    plan.steps.iter().map(one).collect()
}

/// What of two texts by key is in one alone, or is another one.
fn keyed_lines(was: &Texts, now: &Texts) -> Vec<Line> {
    let keys: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let lines = keys.into_iter().flat_map(|key| {
        let (was, now) = (was.get(key), now.get(key));
        let side = |side: Side, text: Option<&String>| {
            text.filter(|_| was != now).map(|text| Line { side, text: text.clone() })
        };
        [side(Side::Now, now), side(Side::Was, was)]
    });
    lines.flatten().collect()
}

/// What does nothing, but is told otherwise.
fn tells(old: &Plan, new: &Plan) -> Vec<Line> {
    let mut lines = keyed_lines(&left(old), &left(new));
    lines.extend(keyed_lines(&warnings(old), &warnings(new)));
    let (was, now) = (facts(old), facts(new));
    lines.extend(keyed_lines(&was, &now));
    let of_file = |plan: &Plan| -> Texts {
        let tool =
            (String::from("tool"), format!("made by {} {}", plan.tool.name, plan.tool.version));
        let spec = plan
            .spec
            .iter()
            .map(|spec| (String::from("spec"), format!("spec {} {}", spec.path, spec.digest)));
        spec.chain([tool]).map(|(key, text)| (key, told::ends(&text, SENTENCE))).collect()
    };
    lines.extend(keyed_lines(&of_file(old), &of_file(new)));
    lines
}

fn warnings(plan: &Plan) -> Texts {
    let one = |warning: &crate::plan::Warning| {
        let text = told::ends(&format!("{}: {}", warning.code, warning.text), SENTENCE);
        (text.clone(), text)
    };
    plan.warnings.iter().map(one).collect()
}

/// What differs and is left, by container and option.
fn left(plan: &Plan) -> Texts {
    let matched = plan.sets.values().flat_map(|report| &report.matched);
    let texts = matched.flat_map(|one| {
        let named = name(one.name.as_str());
        let texts =
            why::differences(&one.differences).iter().flat_map(why_texts).collect::<Vec<_>>();
        texts.into_iter().map(move |(key, text)| {
            (format!("{named} {key}"), format!("{named} differs and is left: {text}"))
        })
    });
    texts.collect()
}

/// What a plan relied on, a record each.
fn facts(plan: &Plan) -> Texts {
    let mut all = Texts::new();
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
            // Of a record each field, so that only those are told that moved.
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
                let text = told::ends(&told::short_ids(&format!("{kind} {key}{text}")), SENTENCE);
                all.insert(format!("{kind} {key}"), text);
            }
        }
    }
    all
}

fn json(value: &impl Serialize) -> Json {
    // Plans consist of what JSON can say; there is no error to be told.
    serde_json::to_value(value).unwrap_or(Json::Null)
}

/// The files of two plans compared line by line, in unified form. Plan files escape what is
/// unsafe, so the lines are safe to print.
pub fn unified(old: &Plan, new: &Plan, names: (&str, &str)) -> Result<String, NoCanonicalForm> {
    let (old, new) = (format::write(old)?.text, format::write(new)?.text);
    // Nearly every line of a plan is there once: that is what this one is quick with.
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
          now secret_given B – shop-web-1..4
          was outage gone – legacy
          was adopted was not created by bayplan – legacy
          was secret_given B – shop-web-1..3

        CHANGES
          ~ replace shop-db of db
              was environment + A
              was environment ~ B
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
        let began = std::time::Instant::now();
        let lines = unified(&old, &new, ("old", "new")).unwrap().lines().count();
        assert!(lines > 20_000, "{lines}");
        assert!(!between(&old, &new).acts_alike);
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = text(&sample::mixed(), &sample::hostile());
        assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)));
        assert!(text.len() < 60_000, "{}", text.len());
    }
}
