//! Dangers that a reviewer must see, the data that a change keeps or loses, and the changes that
//! are refused. Which values are dangerous is [`super::risks`]'s.

use std::collections::BTreeSet;

use super::PlanError;
use super::change_steps::Stopping;
use super::decide::Member;
use super::nameless::{Nameless, mounts, named_sources, volume_mounts};
use super::risks;
use crate::base::ident::SetName;
use crate::observed::snapshot::Container;
use crate::options::health;
use crate::options::inspect_view::InspectView;
use crate::plan::facts::Verdict;
use crate::plan::planned::Options;
use crate::plan::show::estimate::time;
use crate::plan::show::reason_text;
use crate::plan::{Carried, Danger, Dangerous, Impact, Reason, Verb};
use crate::spec::{Identity, Matching, Order, Set, UpdateConfig};

/// The prefix by which texts name an anonymous volume.
const ANONYMOUS: &str = "anonymous volume at ";

/// The key of the row of mounts.
pub(super) const VOLUMES: &str = "volumes";

/// The parts of a change that decide its dangers.
pub(super) struct Doing<'a> {
    pub(super) verb: Verb,
    /// The existing container.
    pub(super) found: Option<&'a Member<'a>>,
    /// The options of the created or existing container that may be dangerous.
    pub(super) risky: Options,
    /// The secrets of the created container; none if the change creates no container.
    pub(super) created: Option<Vec<String>>,
    pub(super) image_unknown: bool,
    pub(super) outage: Outage,
}

/// How many containers of a set run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Up {
    /// Containers that run before the change.
    pub(super) live: usize,
    /// Running containers that the plan does not stop, kill or remove.
    pub(super) stay: usize,
    /// Running containers that the plan replaces.
    pub(super) replaced: usize,
}

/// The figures that tell how long a container is down.
pub(super) struct Outage {
    /// The running containers of the set.
    up: Up,
    /// The update settings of the set.
    update: UpdateConfig,
    /// Seconds that the container has to stop.
    grace: i64,
    /// How a started container comes to count as ready.
    proof: String,
}

impl Outage {
    /// Collects the figures: the counts of the set, the stop settings of a member, and the inspect
    /// data of the container that runs afterwards.
    pub(super) fn told_by(
        up: Up,
        set: &Set,
        member: Option<(&Member<'_>, &Stopping)>,
        look: Option<&InspectView>,
    ) -> Self {
        let grace = member.map_or(0, |(member, stopping)| grace(stopping, member.container));
        let check =
            look.map(|look| look.config("Healthcheck")).filter(|check| health::is_on(check));
        let proof = match check {
            Some(check) => {
                let longest = time(health::longest_seconds(check));
                format!("up to {longest} until it is healthy")
            }
            None => format!("{} s of proof", set.prove_for),
        };
        Self { up, update: set.update, grace, proof }
    }

    /// The duration and the containers that stay up, such as `rolling:2 of 3 stay up`.
    fn of(&self, verb: Verb) -> String {
        let Self { up: Up { live, stay, replaced }, update, grace, proof } = self;
        let at_once = update.at_once(*replaced);
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

/// The default stop timeout of an engine, in seconds.
const GRACE: i64 = 10;

/// The stop timeout: of the step if it has a timeout, else of the container.
fn grace(said: &Stopping, container: &Container) -> i64 {
    let inspect = container.inspect.as_ref();
    let own = inspect.and_then(|inspect| inspect["Config"]["StopTimeout"].as_i64());
    said.timeout.or(own).unwrap_or(GRACE)
}

/// The dangers of a change, each with its dangerous values.
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

/// The dangers that name values.
pub(super) fn told(mut dangers: Dangerous) -> Dangerous {
    dangers.retain(|_, values| !values.is_empty());
    dangers
}

/// Adds the data that the container loses.
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

/// Whether the engine deletes the container and its anonymous volumes at the end of its process
/// (`AutoRemove`). A restart does not trigger the deletion.
pub(super) fn vanishes(container: &Container, verb: Verb) -> bool {
    let inspect = container.inspect.as_ref();
    let auto = inspect.is_some_and(|inspect| inspect["HostConfig"]["AutoRemove"] == true);
    auto && container.run().is_live() && matches!(verb, Verb::Stop | Verb::Kill)
}

/// Whether the change deletes or orphans the anonymous volumes of the container.
fn loses(verb: Verb, container: &Container) -> bool {
    matches!(verb, Verb::Remove | Verb::Replace | Verb::Run) || vanishes(container, verb)
}

fn lost_mount(impact: &Impact) -> bool {
    !impact.unmounts.is_empty() || impact.drops.iter().any(|option| option == VOLUMES)
}

/// The restart policy by which a restarted engine starts a stopped or killed container again.
/// `always` does; `on-failure` does after an exit code other than 0, which a kill ensures and a
/// stop may cause; `unless-stopped` does not (all tried).
fn revived(container: &Container) -> Option<&str> {
    let inspect = container.inspect.as_ref()?;
    let policy = inspect["HostConfig"]["RestartPolicy"]["Name"].as_str();
    policy.filter(|policy| matches!(*policy, "always" | "on-failure"))
}

/// The data that a replacement keeps and loses. `drops` are the undeclared options of an adopted
/// container; its mounts are listed one by one. `nameless` are its anonymous volumes.
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

/// The data that a removal loses.
pub(super) fn removal(nameless: &[Nameless]) -> Impact {
    Impact { loses: anonymous(nameless), ..Impact::default() }
}

/// The anonymous volumes in words.
fn anonymous(nameless: &[Nameless]) -> Vec<String> {
    let all: BTreeSet<String> =
        nameless.iter().map(|one| format!("{ANONYMOUS}{}", one.path)).collect();
    all.into_iter().collect()
}

/// The reasons to refuse a change: an adopted container of a counted set without a declared
/// `match: image`, lost data without `discard`, or the replacement of a container that removes
/// itself.
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
            "mount a named volume there and move the data, or say `discard: true`",
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
