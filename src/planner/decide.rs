//! Decides the action for each container of a set, according to the seven states.
//!
//! Each container gets one verdict, and the set gets the number of containers to create. The steps
//! of a verdict are [`super::change_steps`]'s; refusals (adoption, lost data) are
//! [`super::danger`]'s.

use std::cmp::Reverse;

use super::danger::Up;
use super::in_place::InPlace;
use super::index;
use crate::base::ident::{ContainerId, ContainerName};
use crate::observed::snapshot::{Container, Run};
use crate::plan::{Because, By, Reason};
use crate::planner::compare::Comparison;
use crate::spec::{Identity, OnStopped, Recreate, Set, State};

/// One matched container, compared.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub(super) container: &'a Container,
    pub(super) id: ContainerId,
    pub(super) name: ContainerName,
    pub(super) by: By,
    pub(super) adopted: bool,
    pub(super) run: Run,
    /// The `n` of `{project}-{set}-{n}`.
    pub(super) number: Option<u32>,
    pub(super) comparison: Comparison,
    /// The differences that an update in place resolves.
    pub(super) in_place: InPlace,
    /// Reasons for a replacement that are not differences: a replaced target, `recreate: always`,
    /// or an image that is not known yet.
    pub(super) causes: Vec<Because>,
    /// Reasons to restart the container if it stays and runs.
    pub(super) restarts: Vec<Because>,
}

impl Member<'_> {
    /// Whether the container equals a new container of the set.
    pub(super) fn alike(&self) -> bool {
        self.comparison.differences.is_empty() && self.causes.is_empty()
    }

    /// All reasons for a replacement.
    fn reasons(&self) -> Vec<Reason> {
        let causes = self.causes.iter().cloned().map(Reason::Because);
        self.comparison.differences.iter().cloned().chain(causes).collect()
    }

    /// The differences that an update in place resolves.
    fn mended(&self) -> Vec<Reason> {
        self.comparison.differences.iter().filter(|reason| reason.is_in_place()).cloned().collect()
    }

    /// Whether an update in place leaves no reason for a replacement.
    fn fixable_in_place(&self) -> bool {
        self.causes.is_empty()
            && !self.comparison.differences.is_empty()
            && self.comparison.differences.iter().all(Reason::is_in_place)
    }

    /// The dependencies that ask for a restart, as reasons.
    fn restarts(&self) -> impl Iterator<Item = Reason> {
        self.restarts.iter().cloned().map(Reason::Because)
    }

    /// Whether a cause other than an unknown image asks for a replacement.
    fn forced(&self) -> bool {
        self.causes.iter().any(|cause| !matches!(cause, Because::ImageNotKnown { .. }))
    }

    /// The exit code of an exited container.
    pub(super) fn exit_code(&self) -> Option<i64> {
        let state = &self.container.inspect.as_ref()?["State"];
        (state["Status"] == "exited").then(|| state["ExitCode"].as_i64()).flatten()
    }

    /// The time of creation, as a text that sorts by time.
    fn created(&self) -> String {
        self.container.inspect.as_ref().map(index::created).unwrap_or_default()
    }
}

/// The verdict on one container.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Disposition {
    /// Left as it is.
    Keep,
    /// Started, after any changes in place.
    Start(Vec<Reason>, InPlace),
    /// Changed in place.
    Update(Vec<Reason>, InPlace),
    Stop(Vec<Reason>),
    Kill(Vec<Reason>),
    /// Restarted, after any changes in place.
    Restart(Vec<Reason>, InPlace),
    Remove(Vec<Reason>),
    Replace(Vec<Reason>),
}

impl Choice {
    /// Counts the live members, and the live members that stay or are replaced.
    pub(super) fn up(&self, members: &[Member<'_>]) -> Up {
        let live = || members.iter().zip(&self.fates).filter(|(member, _)| member.run.is_live());
        let ended = |fate: &Disposition| {
            matches!(fate, Disposition::Stop(_) | Disposition::Kill(_) | Disposition::Remove(_))
        };
        let replaced = |fate: &Disposition| matches!(fate, Disposition::Replace(_));
        Up {
            live: live().count(),
            stay: live().filter(|(_, fate)| !ended(fate)).count(),
            replaced: live().filter(|(_, fate)| replaced(fate)).count(),
        }
    }
}

/// The verdicts on one set.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// One verdict for each member, in the order of the members.
    pub(super) fates: Vec<Disposition>,
    /// The number of containers to create.
    pub(super) create: u32,
    /// The reasons for the creation.
    pub(super) why: Vec<Reason>,
    /// `(code, text)` of warnings.
    pub(super) warnings: Vec<(&'static str, String)>,
}

/// The verdicts for a set that the spec does not have: all its containers are orphans.
pub(super) fn prune(members: &[Member<'_>]) -> Choice {
    let orphan = Disposition::Remove(vec![Reason::Because(Because::Orphan)]);
    Choice { fates: vec![orphan; members.len()], ..Choice::default() }
}

/// Decides the verdicts for one set.
pub(super) fn decide(set: &Set, members: &[Member<'_>]) -> Choice {
    let mut choice = Choice { fates: vec![Disposition::Keep; members.len()], ..Choice::default() };
    match set.state {
        State::Stopped | State::Killed => end_live(set, members, &mut choice),
        State::Absent => {
            for (fate, member) in choice.fates.iter_mut().zip(members) {
                *fate = Disposition::Remove(vec![state_reason(set, member)]);
            }
        }
        State::Present => present(set, members, &mut choice),
        State::Started | State::Reloaded | State::Restarted if set.one_shot => {
            one_shot(set, members, &mut choice);
        }
        State::Started | State::Reloaded | State::Restarted => running(set, members, &mut choice),
    }
    clear_dead_name(set, members, &mut choice);
    choice
}

fn wanted(set: &Set) -> u32 {
    match set.identity {
        Identity::Named(_) => 1,
        Identity::Counted(count) => count,
    }
}

fn state_reason(set: &Set, member: &Member<'_>) -> Reason {
    Reason::Because(Because::State { expected: set.state, found: member.run.word().to_owned() })
}

fn end_live(set: &Set, members: &[Member<'_>], choice: &mut Choice) {
    for (fate, member) in choice.fates.iter_mut().zip(members) {
        if member.run.is_live() {
            let why = vec![state_reason(set, member)];
            *fate = if set.state == State::Killed {
                Disposition::Kill(why)
            } else {
                Disposition::Stop(why)
            };
        }
    }
}

/// Indexes of members, sorted by the order of removal.
fn in_order_of_leaving(members: &[Member<'_>], which: impl Fn(&Member<'_>) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..members.len()).filter(|&index| which(&members[index])).collect();
    order.sort_by_cached_key(|&index| {
        let member = &members[index];
        let number = member.number.unwrap_or(0);
        (
            member.run.is_live(),
            // Own differences sort before causes: a cause such as a pull applies to all members
            // alike.
            member.comparison.differences.is_empty(),
            member.causes.is_empty(),
            Reverse(number),
            Reverse(member.created()),
            member.id.clone(),
        )
    });
    order
}

fn too_many(expected: u32, found: usize) -> Reason {
    Reason::Because(Because::TooMany { expected, found: u32::try_from(found).unwrap_or(u32::MAX) })
}

fn create_rest(expected: u32, found: usize, choice: &mut Choice) {
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if expected > found {
        choice.create = expected - found;
        choice.why.push(Reason::Because(Because::TooFew { expected, found }));
    }
}

fn present(set: &Set, members: &[Member<'_>], choice: &mut Choice) {
    let expected = wanted(set);
    let there = in_order_of_leaving(members, |member| member.run != Run::Dead);
    let excess = there.len().saturating_sub(expected as usize);
    for &index in &there[..excess] {
        choice.fates[index] = Disposition::Remove(vec![too_many(expected, there.len())]);
    }
    for &index in &there[excess..] {
        let member = &members[index];
        choice.fates[index] = stay_forced(member)
            .or_else(|| always(set, member, &mut choice.warnings))
            .or_else(|| (member.run == Run::Live).then(|| again(member)))
            .unwrap_or(Disposition::Keep);
    }
    create_rest(expected, there.len(), choice);
}

/// Restarts an otherwise unchanged live member if a dependency was restarted or replaced.
fn again(member: &Member<'_>) -> Disposition {
    let reasons: Vec<Reason> = member.restarts().collect();
    if reasons.is_empty() {
        Disposition::Keep
    } else {
        Disposition::Restart(reasons, InPlace::default())
    }
}

/// Replaces a member in any state if its target is replaced.
fn stay_forced(member: &Member<'_>) -> Option<Disposition> {
    let target = member.causes.iter().any(|cause| matches!(cause, Because::TargetReplaced { .. }));
    target.then(|| Disposition::Replace(member.reasons()))
}

/// `recreate: always` also replaces a container of a `present` set; the replacement runs if the old
/// container ran.
fn always(
    set: &Set,
    member: &Member<'_>,
    warnings: &mut Vec<(&'static str, String)>,
) -> Option<Disposition> {
    if set.recreate != Recreate::Always {
        return None;
    }
    if member.run == Run::Paused {
        warnings.push(paused(member));
        return Some(Disposition::Keep);
    }
    Some(Disposition::Replace(member.reasons()))
}

fn paused(member: &Member<'_>) -> (&'static str, String) {
    ("paused", format!("container `{}` is paused and stays so", member.name))
}

fn running(set: &Set, members: &[Member<'_>], choice: &mut Choice) {
    let expected = wanted(set);
    let live = in_order_of_leaving(members, |member| member.run.is_live());
    let excess = live.len().saturating_sub(expected as usize);
    for &index in &live[..excess] {
        choice.fates[index] = Disposition::Remove(vec![too_many(expected, live.len())]);
    }
    for &index in &live[excess..] {
        choice.fates[index] = stay_live(set, &members[index], &mut choice.warnings);
    }
    let mut there = live.len();
    let idle = in_order_of_leaving(members, |member| member.run == Run::Idle);
    // Idle members as declared are used first: the reverse of the order of removal.
    for &index in idle.iter().rev() {
        let member = &members[index];
        if there >= expected as usize {
            if let Some(fate) = stay_forced(member) {
                choice.fates[index] = fate;
            }
            continue;
        }
        there += 1;
        choice.fates[index] = use_idle(set, member, &mut choice.warnings);
    }
    create_rest(expected, there, choice);
}

fn stay_live(
    set: &Set,
    member: &Member<'_>,
    warnings: &mut Vec<(&'static str, String)>,
) -> Disposition {
    if member.run == Run::Paused {
        warnings.push(paused(member));
        return Disposition::Keep;
    }
    let differs = !member.alike();
    let replace = match set.recreate {
        Recreate::Always => true,
        Recreate::Never => false,
        Recreate::Auto => set.state == State::Reloaded && differs && !member.fixable_in_place(),
    };
    if member.forced() || replace {
        return Disposition::Replace(member.reasons());
    }
    if differs && set.state == State::Reloaded {
        if !member.fixable_in_place() {
            warnings.push(left_differing(member));
        }
        if !member.in_place.is_empty() {
            let (mut reasons, in_place) = (member.mended(), member.in_place.clone());
            if member.restarts.is_empty() {
                return Disposition::Update(reasons, in_place);
            }
            reasons.extend(member.restarts());
            return Disposition::Restart(reasons, in_place);
        }
    }
    if set.state == State::Restarted {
        let reasons = [state_reason(set, member)].into_iter().chain(member.restarts());
        return Disposition::Restart(reasons.collect(), InPlace::default());
    }
    again(member)
}

fn left_differing(member: &Member<'_>) -> (&'static str, String) {
    let text =
        format!("container `{}` differs and is not replaced: recreate is never", member.name);
    ("left_differing", text)
}

fn use_idle(
    set: &Set,
    member: &Member<'_>,
    warnings: &mut Vec<(&'static str, String)>,
) -> Disposition {
    if set.on_stopped == OnStopped::Replace && set.recreate != Recreate::Never {
        let mut reasons = member.reasons();
        reasons.push(Reason::Because(Because::OnStoppedReplace));
        return Disposition::Replace(reasons);
    }
    if member.alike() {
        return Disposition::Start(vec![state_reason(set, member)], InPlace::default());
    }
    let never = set.recreate == Recreate::Never && !member.forced();
    if never || member.fixable_in_place() {
        if !member.fixable_in_place() {
            let text = format!(
                "container `{}` differs and is started, not replaced: recreate is never",
                member.name
            );
            warnings.push(("left_differing", text));
        }
        let mut reasons = member.mended();
        reasons.push(state_reason(set, member));
        return Disposition::Start(reasons, member.in_place.clone());
    }
    let mut reasons = member.reasons();
    reasons.push(state_reason(set, member));
    Disposition::Replace(reasons)
}

fn one_shot(set: &Set, members: &[Member<'_>], choice: &mut Choice) {
    let expected = wanted(set);
    // Under `recreate: never` a finished container may differ. A failed container is not finished,
    // and every further run is a new container.
    let left = |member: &Member<'_>| set.recreate == Recreate::Never && !member.forced();
    let done =
        |member: &Member<'_>| member.exit_code() == Some(0) && (member.alike() || left(member));
    let mut order = in_order_of_leaving(members, |member| member.run != Run::Dead);
    order.reverse();
    order.sort_by_key(|&index| !done(&members[index]));
    let (stay, excess) = order.split_at(order.len().min(expected as usize));
    for &index in stay {
        let member = &members[index];
        if done(member) {
            if !member.alike() {
                choice.warnings.push(left_differing(member));
            }
            continue;
        }
        // A running one-shot may finish, unless the container differs from the spec.
        let differs = !member.comparison.differences.is_empty() && !left(member);
        if member.run.is_live() && (!differs || member.run == Run::Paused) {
            let text = format!("one-shot `{}` is still running and is left alone", member.name);
            choice.warnings.push(("one_shot_running", text));
            continue;
        }
        let mut reasons = member.reasons();
        if reasons.is_empty() || !member.run.is_live() && member.exit_code() != Some(0) {
            let exit_code = member.exit_code();
            reasons.push(Reason::Because(Because::OneShot { exit_code }));
        }
        choice.fates[index] = Disposition::Replace(reasons);
    }
    for &index in excess.iter().filter(|&&index| members[index].run.is_live()) {
        choice.fates[index] = Disposition::Remove(vec![too_many(expected, order.len())]);
    }
    create_rest(expected, order.len(), choice);
}

/// A dead container still holds its name; the container is removed if the set needs that name.
fn clear_dead_name(set: &Set, members: &[Member<'_>], choice: &mut Choice) {
    let Identity::Named(name) = &set.identity else { return };
    if choice.create == 0 {
        return;
    }
    for (fate, member) in choice.fates.iter_mut().zip(members) {
        if member.run == Run::Dead && member.name == *name && *fate == Disposition::Keep {
            *fate = Disposition::Remove(vec![Reason::Because(Because::Dead)]);
        }
    }
}
