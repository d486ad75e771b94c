//! What a reviewer must not overlook: dangers, what is kept and what is lost, and what is refused
//! outright.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::PlanError;
use super::change_steps::Stopping;
use super::decide::Member;
use super::nameless::{Nameless, mounts, named_sources, volume_mounts};
use super::risks;
use crate::base::ident::SetName;
use crate::observed::snapshot::Container;
use crate::options::inspect_view::InspectView;
use crate::plan::facts::Verdict;
use crate::plan::planned::Options;
use crate::plan::show::reason_text;
use crate::plan::{Carried, Danger, Dangerous, Impact, Reason, Verb};
use crate::spec::{Identity, Matching, Order, Set, UpdateConfig};

/// How a volume that nobody named is told.
const ANONYMOUS: &str = "anonymous volume at ";

/// The row of what is mounted.
const VOLUMES: &str = "volumes";

/// What a change does to its surroundings, as far as dangers go.
pub(super) struct Doing<'a> {
    pub(super) verb: Verb,
    /// The container that is there.
    pub(super) found: Option<&'a Member<'a>>,
    /// What is created, or what is there and will run: options that may be dangerous.
    pub(super) risky: Options,
    /// The secrets of what is created; none where nothing is.
    pub(super) created: Option<Vec<String>>,
    pub(super) image_unknown: bool,
    pub(super) outage: Outage,
}

/// How many containers of a set run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Up {
    /// Before.
    pub(super) live: usize,
    /// Those of them that are not ended for good.
    pub(super) stay: usize,
    /// Those of them that are replaced.
    pub(super) replaced: usize,
}

/// What tells how long something is down.
pub(super) struct Outage {
    /// What runs of the set.
    up: Up,
    /// How its members are replaced.
    update: UpdateConfig,
    /// Seconds that the container has to stop.
    grace: i64,
    /// Seconds until what is started counts as ready; none where a health check tells.
    proof: Option<u32>,
}

impl Outage {
    /// From the live members of a set and those that stay, how a member is stopped, and what runs
    /// then.
    pub(super) fn told_by(
        up: Up,
        set: &Set,
        member: Option<(&Member<'_>, &Stopping)>,
        look: Option<&InspectView>,
    ) -> Self {
        let grace = member.map_or(0, |(member, stopping)| grace(stopping, member.container));
        let health = look.is_some_and(has_health);
        Self { up, update: set.update, grace, proof: (!health).then_some(set.prove_for) }
    }

    /// How long, and what stays up: `rolling:2 of 3 stay up`.
    fn of(&self, verb: Verb) -> String {
        let Self { up: Up { live, stay, replaced }, update, grace, proof } = self;
        let at_once = update.at_once(*replaced);
        let proof = match proof {
            Some(seconds) => format!("{seconds} s of proof"),
            None => "until it is healthy".to_owned(),
        };
        match verb {
            Verb::Replace if update.order == Order::StartFirst => {
                format!("rolling:all {stay} stay up, up to {at_once} more meanwhile")
            }
            Verb::Replace if *stay > at_once => {
                format!("rolling:{} of {stay} stay up", stay - at_once)
            }
            Verb::Replace => format!("down:up to {grace} s to stop, then {proof}"),
            Verb::Restart => format!("restart:up to {grace} s to stop, then {proof}"),
            Verb::Run => format!("down:up to {grace} s to stop, then the new run"),
            _ if *stay > 0 => format!("gone:{stay} of {live} stay up"),
            _ => "gone".to_owned(),
        }
    }
}

/// Seconds that an engine waits where nobody says how long.
const GRACE: i64 = 10;

/// How long a container has to stop: what a step says, else what it was made with.
fn grace(said: &Stopping, container: &Container) -> i64 {
    let inspect = container.inspect.as_ref();
    let own = inspect.and_then(|inspect| inspect["Config"]["StopTimeout"].as_i64());
    said.timeout.or(own).unwrap_or(GRACE)
}

/// Whether a health check tells when it is ready.
fn has_health(look: &InspectView) -> bool {
    let test = look.config("Healthcheck")["Test"].as_array();
    let first = test.and_then(|words| words.first()).and_then(Json::as_str);
    first.is_some_and(|word| word != "NONE")
}

/// The dangers of a change, each with the values that are dangerous.
pub(super) fn dangers(doing: &Doing<'_>, impact: &Impact) -> Dangerous {
    let mut all = Dangerous::new();
    let Doing { verb, found, risky, created, image_unknown, outage } = doing;
    let ends = matches!(
        verb,
        Verb::Remove | Verb::Replace | Verb::Kill | Verb::Stop | Verb::Restart | Verb::Run
    );
    if let Some(member) = found {
        if ends && member.run.is_live() {
            risks::add(&mut all, Danger::Outage, outage.of(*verb));
        }
        if member.adopted {
            all.entry(Danger::Adopted).or_default();
        }
        let policy = revived(member.container);
        if let Some(policy) = policy.filter(|_| matches!(verb, Verb::Stop | Verb::Kill)) {
            risks::add(&mut all, Danger::ComesBack, policy);
        }
        if loses(*verb, member.container) && (!impact.loses.is_empty() || lost_mount(impact)) {
            lost(impact, &mut all);
        }
        let references = member.comparison.references.iter();
        let rotated = references.filter(|(_, fact)| fact.verdict == Verdict::Different);
        for (name, _) in rotated.filter(|_| created.is_some()) {
            risks::add(&mut all, Danger::SecretChanged, name.as_str());
        }
    } else {
        for name in created.iter().flatten() {
            risks::add(&mut all, Danger::SecretGiven, name.as_str());
        }
    }
    risks::of(risky, &mut all);
    if *image_unknown && created.is_some() {
        all.entry(Danger::ImageUnknown).or_default();
    }
    all
}

/// The dangers of which there is more to say.
pub(super) fn told(mut dangers: Dangerous) -> Dangerous {
    dangers.retain(|_, values| !values.is_empty());
    dangers
}

/// What of a container's data is lost.
fn lost(impact: &Impact, all: &mut Dangerous) {
    all.entry(Danger::DataLost).or_default();
    for text in &impact.loses {
        let path = text.strip_prefix(ANONYMOUS).unwrap_or(text);
        risks::add(all, Danger::DataLost, format!("anonymous:{path}"));
    }
    for mount in &impact.unmounts {
        risks::add(all, Danger::DataLost, format!("mount:{mount}"));
    }
    if impact.drops.iter().any(|option| option == VOLUMES) {
        risks::add(all, Danger::DataLost, format!("drops:{VOLUMES}"));
    }
}

/// Whether the engine removes a container, and its anonymous volumes with it, once this ends it.
/// (A restart does not.)
pub(super) fn vanishes(container: &Container, verb: Verb) -> bool {
    let inspect = container.inspect.as_ref();
    let auto = inspect.is_some_and(|inspect| inspect["HostConfig"]["AutoRemove"] == true);
    auto && container.run().is_live() && matches!(verb, Verb::Stop | Verb::Kill)
}

/// Whether nobody will find the anonymous volumes of a container after this.
fn loses(verb: Verb, container: &Container) -> bool {
    matches!(verb, Verb::Remove | Verb::Replace | Verb::Run) || vanishes(container, verb)
}

fn lost_mount(impact: &Impact) -> bool {
    !impact.unmounts.is_empty() || impact.drops.iter().any(|option| option == VOLUMES)
}

/// Whether an engine that restarts starts it again although somebody ended it: `always` does;
/// `on-failure` does if it ended with another code than 0, which a kill makes sure of and a stop
/// may; `unless-stopped` does not (all tried).
fn revived(container: &Container) -> Option<&str> {
    let inspect = container.inspect.as_ref()?;
    let policy = inspect["HostConfig"]["RestartPolicy"]["Name"].as_str();
    policy.filter(|policy| matches!(*policy, "always" | "on-failure"))
}

/// What a replacement keeps and loses. `drops` are the rows of an adopted container that nobody
/// declared; of its mounts each is told by itself. `nameless` are its volumes that nobody named.
pub(super) fn impact(
    found: &Container,
    created: &InspectView,
    nameless: &[Nameless],
    (drops, carried): (Vec<String>, &[Carried]),
) -> Impact {
    let mut loses = anonymous(nameless);
    loses.retain(|text| !carried.iter().any(|one| *text == format!("{ANONYMOUS}{}", one.path)));
    let mut impact = Impact { loses, drops, ..Impact::default() };
    let Some(inspect) = &found.inspect else { return impact };
    let (old, new) = (named_sources(inspect), named_sources(created.json()));
    let is_nameless = |name: &str| nameless.iter().any(|one| one.volume == name);
    for (name, path) in volume_mounts(inspect).filter(|(name, _)| !is_nameless(name)) {
        if new.contains(name.as_str()) {
            impact.keeps.push(name);
        } else if old.contains(name.as_str()) {
            impact.unmounts.push(format!("{name} at {path}"));
        }
    }
    if impact.drops.iter().any(|option| option == VOLUMES) {
        let gone = mounts(inspect, "bind", "Source")
            .filter(|(source, _)| old.contains(source.as_str()) && !new.contains(source.as_str()));
        impact.unmounts.extend(gone.map(|(source, path)| format!("{source} at {path}")));
        let told = !impact.unmounts.is_empty() || !impact.loses.is_empty();
        impact.drops.retain(|option| !(told && option == VOLUMES));
    }
    for list in [&mut impact.keeps, &mut impact.unmounts, &mut impact.drops] {
        list.sort();
        list.dedup();
    }
    impact
}

/// What a removal loses.
pub(super) fn removal(nameless: &[Nameless]) -> Impact {
    Impact { loses: anonymous(nameless), ..Impact::default() }
}

/// Volumes that nobody named in words.
fn anonymous(nameless: &[Nameless]) -> Vec<String> {
    let all: BTreeSet<String> =
        nameless.iter().map(|one| format!("{ANONYMOUS}{}", one.path)).collect();
    all.into_iter().collect()
}

/// What forbids a change: an adopted container that nobody named, data that nobody gave up, a
/// container that vanishes when it is stopped.
pub(super) fn refusals(
    key: &SetName,
    set: &Set,
    member: &Member<'_>,
    (verb, reasons): (Verb, &[Reason]),
    (nameless, carried): (&[Nameless], &[Carried]),
) -> Vec<PlanError> {
    let mut errors = Vec::new();
    let name = &member.name;
    let why = format!("{}: {}", verb.word(), reason_text::texts(reasons).join("; "));
    let ends = matches!(
        verb,
        Verb::Remove | Verb::Replace | Verb::Kill | Verb::Stop | Verb::Restart | Verb::Run
    );
    if (ends || verb == Verb::Update)
        && member.adopted
        && set.matching == Matching::ImageByDefault
        && matches!(set.identity, Identity::Counted(_))
    {
        errors.push(PlanError::of(
            key,
            "adopted",
            format!("container `{name}` was not created by bayplan and would be touched ({why})"),
            "say `match: image` to mean such containers too, or `match: owned` to leave them",
        ));
    }
    let kept = |path: &str| carried.iter().any(|one| one.path == path);
    let paths = nameless.iter().map(|one| one.path.as_str()).filter(|path| !kept(path));
    let paths: Vec<&str> = paths.collect();
    if loses(verb, member.container) && !set.discard && !paths.is_empty() {
        errors.push(PlanError::of(
            key,
            "data_lost",
            format!(
                "container `{name}` would lose its anonymous volume at {} ({why})",
                crate::base::say::safe(&paths.join(", "))
            ),
            if set.image.is_none() && matches!(set.identity, Identity::Counted(_)) {
                "declare the set again, with `state: absent` and `discard: true`"
            } else {
                "mount a named volume there and move the data, or say `discard: true`"
            },
        ));
    }
    let inspect = member.container.inspect.as_ref();
    let auto_remove = inspect.is_some_and(|inspect| inspect["HostConfig"]["AutoRemove"] == true);
    if matches!(verb, Verb::Replace | Verb::Run) && auto_remove {
        errors.push(PlanError::of(
            key,
            "auto_remove",
            format!(
                "container `{name}` removes itself when it stops, so there would be no way back \
                 ({why})"
            ),
            "remove it with a plan of its own (`state: absent`), then create it anew",
        ));
    }
    errors
}
