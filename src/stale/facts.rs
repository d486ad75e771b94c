//! The facts of one set against those of a fresh look, value by value.

use std::collections::BTreeSet;

use super::Staleness;
use crate::ident::{ContainerId, SetName, short_digest};
use crate::plan::facts::{ContainerFact, Facts, Verdict};
use crate::plan::{Action, Change, Plan};
use crate::snapshot::Snapshot;
use crate::spec::Set;

/// What of a plan's facts concerns one set.
pub(super) struct Slice<'a> {
    pub(super) key: &'a SetName,
    pub(super) set: &'a Set,
    pub(super) plan: &'a Plan,
}

fn moved(key: &SetName, code: &str, object: String, expected: String, found: String) -> Staleness {
    Staleness {
        code: code.to_owned(),
        set: Some(key.clone()),
        object,
        expected,
        found,
        hint: "plan again and have the new plan reviewed".to_owned(),
    }
}

impl Slice<'_> {
    /// The members that the plan found.
    fn members(&self) -> BTreeSet<&ContainerId> {
        self.plan.facts.members.get(self.key).into_iter().flatten().collect()
    }

    /// The changes of this set.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.plan.changes.iter().filter(|change| change.set.as_ref() == Some(self.key))
    }

    /// Everything of this set that moved. `fresh` are the facts of the plan derived again;
    /// `excused` says which image references a run of this plan has pulled already.
    pub(super) fn moved(
        &self,
        fresh: &Facts,
        snapshot: &Snapshot,
        excused: &BTreeSet<String>,
    ) -> Vec<Staleness> {
        let mut all = Vec::new();
        self.containers(fresh, snapshot, &mut all);
        self.image(snapshot, excused, &mut all);
        self.names(snapshot, &mut all);
        if self.changes().next().is_some() {
            self.networks(snapshot, &mut all);
            self.volumes(snapshot, &mut all);
        }
        all
    }

    fn containers(&self, fresh: &Facts, snapshot: &Snapshot, all: &mut Vec<Staleness>) {
        let before = self.members();
        let now: BTreeSet<&ContainerId> =
            fresh.members.get(self.key).into_iter().flatten().collect();
        let fact = |facts: &Facts, id: &ContainerId| {
            facts.containers.iter().find(|fact| fact.id == *id).cloned()
        };
        for id in &before {
            let Some(old) = fact(&self.plan.facts, id) else { continue };
            let object = format!("container `{}`", old.name);
            match fact(fresh, id) {
                Some(new) if now.contains(*id) => self.fields(&old, &new, all),
                _ => {
                    let found = match snapshot.by_id(id) {
                        None => "no such container".to_owned(),
                        Some(other) => format!("it as `{}`, not matched any more", other.name()),
                    };
                    let code = if snapshot.by_id(id).is_some() {
                        "container_unmatched"
                    } else {
                        "container_gone"
                    };
                    all.push(moved(self.key, code, object, format!("{} there", id.short()), found));
                }
            }
        }
        for id in now.difference(&before) {
            let name = snapshot.by_id(id).map(|container| container.name().to_string());
            let object = format!("container `{}`", name.unwrap_or_default());
            let found = format!("{}, matched now", id.short());
            all.push(moved(
                self.key,
                "container_new",
                object,
                "no such container".to_owned(),
                found,
            ));
        }
    }

    fn fields(&self, old: &ContainerFact, new: &ContainerFact, all: &mut Vec<Staleness>) {
        // Every field of a fact is compared; references are judged apart, because they are blamed
        // on another thing than the world.
        let ContainerFact {
            id: _,
            name,
            image,
            run,
            exit_code,
            started_at,
            settings,
            networks,
            references: _,
        } = old;
        let mut add = |code: &str, expected: String, found: String| {
            if expected != found {
                let object = format!("container `{name}`");
                all.push(moved(self.key, code, object, expected, found));
            }
        };
        let word = |run: crate::snapshot::Run| match run {
            crate::snapshot::Run::Live => "running",
            crate::snapshot::Run::Paused => "paused",
            crate::snapshot::Run::Idle => "stopped",
            crate::snapshot::Run::Dead => "dead",
            crate::snapshot::Run::Removing => "being removed",
        };
        add("container_renamed", format!("the name {name}"), format!("the name {}", new.name));
        add("container_image", short_digest(image.as_str()), short_digest(new.image.as_str()));
        add("run_state", word(*run).to_owned(), word(new.run).to_owned());
        let code = |code: &Option<i64>| {
            code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"))
        };
        add("exit_code", code(exit_code), code(&new.exit_code));
        if let Some(started_at) = started_at {
            let now = new.started_at.clone().unwrap_or_else(|| "another start".to_owned());
            add("started_again", format!("started at {started_at}"), format!("started at {now}"));
        }
        let text = |settings: &std::collections::BTreeMap<String, serde_json::Value>| {
            let each: Vec<String> =
                settings.iter().map(|(key, value)| format!("{key} {value}")).collect();
            if each.is_empty() { "no limits".to_owned() } else { each.join(", ") }
        };
        add("settings", text(settings), text(&new.settings));
        add("networks", networks.join(", "), new.networks.join(", "));
    }

    fn image(&self, snapshot: &Snapshot, excused: &BTreeSet<String>, all: &mut Vec<Staleness>) {
        let Some(reference) = &self.set.image else { return };
        if excused.contains(reference) {
            return;
        }
        let old = self.plan.facts.images.iter().find(|fact| fact.reference == *reference);
        let old = old.and_then(|fact| fact.id.as_ref());
        let new = snapshot.references.get(reference).and_then(Option::as_ref);
        if old != new {
            let word = |id: Option<&crate::ident::ImageId>| {
                id.map_or_else(|| "not on the engine".to_owned(), crate::ident::ImageId::short)
            };
            let object = format!("image `{reference}`");
            all.push(moved(self.key, "image_moved", object, word(old), word(new)));
        }
    }

    /// Names that fresh containers take must be free.
    fn names(&self, snapshot: &Snapshot, all: &mut Vec<Staleness>) {
        let of_set = self.plan.steps.iter().filter_map(|step| match &step.action {
            Action::Create { name, finally, set, .. } if name == finally && set == self.key => {
                Some(name)
            }
            _ => None,
        });
        // A name that the plan itself frees first is no fact.
        let freed = |name: &str| {
            let dead = format!("dead:{name}");
            self.changes().any(|change| change.id.as_str() == dead)
        };
        for name in of_set {
            if let Some(holder) = snapshot.by_name(name.as_str())
                && !freed(name.as_str())
            {
                let found = format!("container {}", holder.id().short());
                let object = format!("name `{name}`");
                all.push(moved(self.key, "name_taken", object, "it to be free".to_owned(), found));
            }
        }
    }

    fn networks(&self, snapshot: &Snapshot, all: &mut Vec<Staleness>) {
        for fact in &self.plan.facts.networks {
            let ids: Vec<&str> = snapshot
                .networks
                .iter()
                .filter(|network| network["Name"] == fact.name.as_str())
                .filter_map(|network| network["Id"].as_str())
                .collect();
            if ids != [fact.id.as_str()] {
                let found =
                    if ids.is_empty() { "no such network".to_owned() } else { ids.join(", ") };
                let object = format!("network `{}`", fact.name);
                all.push(moved(self.key, "network", object, fact.id.to_string(), found));
            }
        }
    }

    fn volumes(&self, snapshot: &Snapshot, all: &mut Vec<Staleness>) {
        for fact in &self.plan.facts.volumes {
            let driver = snapshot
                .volumes
                .iter()
                .find(|volume| volume["Name"] == fact.name.as_str())
                .map(|volume| volume["Driver"].as_str().unwrap_or_default().to_owned());
            // One that was not there is made by the first create that uses it.
            if fact.driver.is_some() && fact.driver != driver {
                let word = |driver: Option<String>| {
                    driver.map_or_else(
                        || "no such volume".to_owned(),
                        |driver| format!("driver {driver}"),
                    )
                };
                let object = format!("volume `{}`", fact.name);
                all.push(moved(
                    self.key,
                    "volume",
                    object,
                    word(fact.driver.clone()),
                    word(driver),
                ));
            }
        }
    }

    /// References that resolve to something else than when the plan was reviewed.
    pub(super) fn rotated(&self, fresh: &Facts) -> Vec<Staleness> {
        let mut all = Vec::new();
        for id in self.members() {
            let of = |facts: &Facts| facts.containers.iter().find(|fact| fact.id == *id).cloned();
            let (Some(old), Some(new)) = (of(&self.plan.facts), of(fresh)) else { continue };
            for (variable, fact) in &old.references {
                let now = new.references.get(variable).map(|fact| fact.verdict);
                let same = match fact.verdict {
                    Verdict::Equal | Verdict::Assumed => now != Some(Verdict::Different),
                    Verdict::Different => now != Some(Verdict::Equal),
                };
                if !same {
                    let word = |verdict: Verdict| match verdict {
                        Verdict::Equal => "the live value",
                        Verdict::Different => "something else than the live value",
                        Verdict::Assumed => "the live value (assumed)",
                    };
                    let mut staleness = moved(
                        self.key,
                        "secret_rotated",
                        format!("`{variable}` of container `{}` ({})", old.name, fact.reference),
                        word(fact.verdict).to_owned(),
                        now.map_or("nothing", word).to_owned(),
                    );
                    "rotated since review: plan again with the values that will be used"
                        .clone_into(&mut staleness.hint);
                    all.push(staleness);
                }
            }
        }
        all
    }
}
