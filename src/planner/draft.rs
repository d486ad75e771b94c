//! Walks all sets, dependencies first, and fills the draft of a plan. The conversion of the draft
//! into a plan is [`super::finish`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value as Json;

use super::change_steps::ChangeSteps;
use super::danger::Up;
use super::decide::{self, Choice, Disposition, Member};
use super::images::{self, Images, ResolvedImage};
use super::in_place::InPlace;
use super::index::Index;
use super::linked::{context, links_reach_all};
use super::matching::{self, Match};
use super::planned;
use super::shown;
use super::{Built, Input, PlanError};
use crate::base::ident::{ChangeId, ContainerId, ContainerName, SetName, StepId};
use crate::base::image_ref;
use crate::engine_model::view;
use crate::engine_model::{Engine, World};
use crate::observed::redact::Visible;
use crate::observed::snapshot::{Container, Run, Snapshot};
use crate::options::inspect_view;
use crate::options::inspect_view::InspectView;
use crate::options::{Body, Context, ROWS};
use crate::plan::{Because, Carried, SetReport, Verb, Warning};
use crate::planner::compare;
use crate::planner::compare::{Known, Terms};
use crate::planner::resources::Names;
use crate::spec::body::{self, Labels};
use crate::spec::depends::restarts_with;
use crate::spec::order::{self, Members, Words};
use crate::spec::{Identity, Recreate, Set, Spec, State, Until, depends};

/// A draft of a plan.
pub(super) struct Planner<'a> {
    pub(super) spec: &'a Spec,
    pub(super) words: Words<'a>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) index: Index<'a>,
    pub(super) engine: Engine,
    pub(super) world: World,
    pub(super) images: Images<'a>,
    pub(super) networks: Names<'a>,
    pub(super) volumes: Names<'a>,
    pub(super) cx: Context,
    pub(super) assume: bool,
    pub(super) members: BTreeMap<SetName, Vec<Member<'a>>>,
    pub(super) jobs: Vec<ChangeSteps>,
    /// The indexes of the jobs of each change.
    pub(super) places: BTreeMap<ChangeId, Vec<usize>>,
    /// The networks and volumes that new containers will use.
    pub(super) used_networks: BTreeSet<String>,
    pub(super) used_volumes: BTreeSet<String>,
    /// Whether the plan may run, so that all bodies are kept.
    pub(super) runs: bool,
    pub(super) bodies: BTreeMap<StepId, Body>,
    /// What images hand down, as it was told last.
    pub(super) handed: planned::HandedDown,
    /// The expected inspect data of each container to create, by change.
    pub(super) created: BTreeMap<ChangeId, Rc<InspectView>>,
    /// The last of them.
    pub(super) last_created: Option<Rc<InspectView>>,
    /// The expected options of each set, for readers of the plan.
    pub(super) expected: BTreeMap<SetName, planned::Expected>,
    /// The counts of running members of the current set.
    pub(super) up: Up,
    /// The anonymous volumes that each replacement takes over.
    pub(super) carried: BTreeMap<ChangeId, Vec<Carried>>,
    /// The options that the engine shows for an empty declaration.
    pub(super) plain: planned::Plain,
    /// Containers that this plan replaces; `gone` also has the containers that a run of this plan
    /// replaced.
    pub(super) replaced: BTreeMap<ContainerId, ContainerName>,
    pub(super) gone: BTreeSet<ContainerName>,
    /// The verb for each existing container that the plan touches, with its set.
    pub(super) touched: BTreeMap<ContainerId, (SetName, Verb)>,
    pub(super) names: BTreeSet<ContainerName>,
    /// The host ports that new containers get from ranges, where these ports are pinned.
    pub(super) ports: BTreeMap<ContainerName, Vec<String>>,
    /// The first number that may be free, by set.
    pub(super) numbers: BTreeMap<SetName, u64>,
    pub(super) reports: BTreeMap<SetName, SetReport>,
    /// Sets whose health other sets wait for.
    watched: BTreeSet<SetName>,
    /// The first set that keeps each local image as it is; computed at the first use.
    pub(super) stays: Option<BTreeMap<&'a str, &'a SetName>>,
    /// Containers that an aborted run left; each container is already an error.
    pub(super) leftovers: BTreeSet<ContainerName>,
    pub(super) warnings: Vec<Warning>,
    pub(super) errors: Vec<PlanError>,
}

/// The results of one set so far, cached for its further members.
#[derive(Default)]
pub(super) struct Expected<'a> {
    /// Whether the set has several members, so that caching pays.
    several: bool,
    /// The expected inspect data, by image and, for sets with links, by container name.
    looks: BTreeMap<(Option<String>, Option<ContainerName>), Rc<InspectView>>,
    /// Compared members, with the result of each comparison.
    compared: Vec<(&'a Container, bool, compare::Comparison)>,
}

/// The number of remembered members that differ from each other. A limit keeps the time linear if
/// all members differ.
const REMEMBERED: usize = 4;

/// Builds a plan. `before` maps the former names of renamed containers to their IDs. `runs`: the
/// bodies are kept.
pub(super) fn build(
    input: &Input<'_>,
    before: BTreeMap<ContainerName, ContainerId>,
    runs: bool,
) -> Built {
    let Input { spec, snapshot, assume, pins, source } = input;
    let engine = Engine::of_snapshot(snapshot);
    let words = Words::of(spec);
    let left: Vec<ContainerName> = before.keys().cloned().collect();
    let index = Index::knowing(snapshot, before);
    let found = matching::match_sets(&words, snapshot, &index);
    let mut draft = Planner {
        spec,
        snapshot,
        index,
        plain: planned::Plain::of(&engine),
        expected: BTreeMap::new(),
        up: Up::default(),
        carried: BTreeMap::new(),
        world: World::of(snapshot),
        images: Images::of(snapshot),
        networks: Names::of(&snapshot.networks),
        volumes: Names::of(&snapshot.volumes),
        cx: context(spec, &found.sets),
        assume: *assume,
        members: BTreeMap::new(),
        jobs: Vec::new(),
        places: BTreeMap::new(),
        used_networks: BTreeSet::new(),
        used_volumes: BTreeSet::new(),
        runs,
        bodies: BTreeMap::new(),
        handed: planned::HandedDown::default(),
        created: BTreeMap::new(),
        last_created: None,
        replaced: BTreeMap::new(),
        gone: pins.replaced.clone(),
        touched: BTreeMap::new(),
        names: snapshot.containers.iter().map(Container::name).chain(left).collect(),
        ports: pins.ports.clone(),
        numbers: BTreeMap::new(),
        reports: BTreeMap::new(),
        watched: watched(&words),
        words,
        stays: None,
        leftovers: found.leftovers,
        warnings: Vec::new(),
        errors: found.errors,
        engine,
    };
    draft.refuse_engine();
    draft.report_orphans(&found.orphans);
    draft.report_strays(&found.strays);
    draft.refuse_off_network(&found.sets);
    draft.objects();
    let (order, depends) = dependencies(spec, &found.sets, &mut draft.errors);
    for key in &order {
        let Some(set) = spec.sets.get(key) else { continue };
        let matches = found.sets.get(key).map(Vec::as_slice).unwrap_or_default();
        draft.set(key, set, matches, pins.names.get(key).map(Vec::as_slice).unwrap_or_default());
    }
    draft.finish(&depends, source.clone())
}

/// The order of the sets, and the direct dependencies of each set.
fn dependencies(
    spec: &Spec,
    matches: &BTreeMap<SetName, Vec<Match<'_>>>,
    errors: &mut Vec<PlanError>,
) -> (Vec<SetName>, BTreeMap<SetName, BTreeSet<SetName>>) {
    let named = |(key, all): (&SetName, &Vec<Match<'_>>)| -> Vec<_> {
        all.iter().map(|found| (found.container.name(), key.clone())).collect()
    };
    let members: Members = matches.iter().flat_map(named).collect();
    let known = Words::of(spec);
    let order = match order::order_among(&known, &members) {
        Ok(order) => order,
        Err(cycle) => {
            errors.push(PlanError {
                set: None,
                code: "cycle",
                message: cycle.to_string(),
                hint: "take one of the references out".to_owned(),
            });
            spec.sets.keys().cloned().collect()
        }
    };
    let depends =
        spec.sets.keys().map(|key| (key.clone(), depends_among(&known, &members, key))).collect();
    (order, depends)
}

/// The direct dependencies of a set.
pub(crate) fn depends(known: &Words<'_>, key: &SetName) -> BTreeSet<SetName> {
    depends_among(known, &Members::new(), key)
}

fn depends_among(known: &Words<'_>, members: &Members, key: &SetName) -> BTreeSet<SetName> {
    let needs = order::needs(known, members, key).into_iter().map(|need| need.set);
    needs.filter(|set| set != key).collect()
}

/// The sets whose health other sets wait for.
fn watched(known: &Words<'_>) -> BTreeSet<SetName> {
    let all = known.spec().sets.values().flat_map(|set| depends::awaited(known, set));
    all.filter(|(_, until)| *until == Until::Healthy).map(|(key, _)| key.clone()).collect()
}

impl<'a> Planner<'a> {
    pub(super) fn push(&mut self, job: ChangeSteps) {
        self.places.entry(job.change.id.clone()).or_default().push(self.jobs.len());
        self.jobs.push(job);
    }

    /// The jobs of a change.
    pub(super) fn jobs_of(&self, id: &ChangeId) -> impl Iterator<Item = &ChangeSteps> {
        self.places.get(id).into_iter().flatten().filter_map(|at| self.jobs.get(*at))
    }

    /// What is known beside a found container and its expectation.
    pub(super) fn known<'c>(&self, container: &'c Container) -> Known<'c>
    where
        'a: 'c,
    {
        Known {
            visible: Some(Visible::in_container(self.snapshot, container)),
            ..self.known_of_expected()
        }
    }

    /// What is known beside two expectations.
    pub(super) fn known_of_expected(&self) -> Known<'a> {
        Known { visible: None, secrets: &self.snapshot.secrets, assume: self.assume }
    }

    /// Plans one set: compares its members, decides, and writes the changes.
    fn set(
        &mut self,
        key: &SetName,
        set: &'a Set,
        matches: &[Match<'a>],
        pinned: &[ContainerName],
    ) {
        let settled = images::resolve(set, &self.images);
        if let ResolvedImage::Here { image, .. } = &settled
            && images::carries_our_labels(image)
        {
            self.errors.push(PlanError::of(
                key,
                "image_labels",
                "the image carries `io.bayplan.*` labels, so everything made from it would seem to be ours".to_owned(),
                "build it anew, not by committing a container",
            ));
        }
        let mut expected = Expected { several: matches.len() > 1, ..Expected::default() };
        let members: Vec<Member<'a>> = matches
            .iter()
            .map(|found| self.member(key, set, &settled, found, &mut expected))
            .collect();
        let pruned = self.spec.pruned.contains(key);
        let choice = if pruned { decide::prune(&members) } else { decide::decide(set, &members) };
        let name = members
            .first()
            .map_or_else(|| ContainerName::new(key.as_str()), |member| member.name.clone());
        self.report_dropped(key, set, &settled, &name, &mut expected);
        self.refuse_unable(key, set, &members, &choice);
        self.need_image(key, set, &settled, &choice);
        if self.watched.contains(key) {
            let image = settled.image();
            let look = self.expect(key, set, &name, image, &mut expected);
            self.need_health(key, image.is_some(), &look);
        }
        drop(expected);
        self.up = choice.up(&members);
        for (member, fate) in members.iter().zip(&choice.fates) {
            self.emit(key, set, &settled, member, fate);
        }
        let created = self.create(key, set, &settled, &choice, pinned);
        if matches!(set.identity, Identity::Counted(_)) {
            self.means(key, set, &members, &choice, created);
        }
        self.report(key, set, &members, &choice);
        self.members.insert(key.clone(), members);
    }

    /// Resolves later references to this set: to its first member that will run, or else to its
    /// first member that will exist. Links under Compose reach every member.
    fn means(
        &mut self,
        key: &SetName,
        set: &Set,
        members: &[Member<'_>],
        choice: &Choice,
        created: Vec<ContainerName>,
    ) {
        let will_run = |member: &Member<'_>, fate: &Disposition| match fate {
            Disposition::Keep | Disposition::Replace(_) if set.one_shot => false,
            Disposition::Keep | Disposition::Update(..) => member.run.is_live(),
            Disposition::Replace(reasons) => !Self::idle_stays(set, member, reasons),
            Disposition::Start(..) | Disposition::Restart(..) => true,
            Disposition::Stop(_) | Disposition::Kill(_) | Disposition::Remove(_) => false,
        };
        let stays = members.iter().zip(&choice.fates).filter(|(member, fate)| {
            !matches!(fate, Disposition::Remove(_))
                && !matches!(member.run, Run::Dead | Run::Removing)
        });
        let stays = stays.map(|(member, fate)| (!will_run(member, fate), member.name.clone()));
        let idle = set.one_shot || set.state == State::Present;
        let all = stays.chain(created.into_iter().map(|name| (idle, name)));
        let mut all: Vec<(bool, ContainerName)> = all.collect();
        all.sort_by_key(|(idle, name)| (*idle, matching::natural(name.as_str())));
        if let Some((_, name)) = all.first() {
            self.cx.containers.insert(key.to_string(), name.to_string());
            if links_reach_all(self.spec, set) {
                let names = all.iter().map(|(_, name)| name.to_string());
                self.cx.members.insert(key.to_string(), names.collect());
            }
        }
    }

    fn member(
        &mut self,
        key: &SetName,
        set: &'a Set,
        settled: &ResolvedImage<'_>,
        found: &Match<'a>,
        expected: &mut Expected<'a>,
    ) -> Member<'a> {
        let container = found.container;
        let (id, name) = (container.id(), container.name());
        let mut member = Member {
            container,
            id,
            name,
            by: found.by,
            adopted: found.adopted,
            run: found.run,
            number: found.number,
            comparison: compare::Comparison::default(),
            in_place: InPlace::default(),
            causes: Vec::new(),
            restarts: Vec::new(),
        };
        if let Some(inspect) = &container.inspect {
            (member.comparison, member.in_place) =
                self.compare(key, set, settled, &member, inspect, expected);
        } else {
            self.errors.push(matching::not_inspected(Some(key), &member.name));
        }
        member.causes = self.causes(set, settled, &member);
        member.restarts = self.restarts(set);
        member
    }

    fn compare(
        &self,
        key: &SetName,
        set: &'a Set,
        settled: &ResolvedImage<'_>,
        member: &Member<'a>,
        inspect: &Json,
        expected: &mut Expected<'a>,
    ) -> (compare::Comparison, InPlace) {
        let own = self.snapshot.images.get(&member.container.image());
        // A set that ignores its image expects the defaults of the container's own image.
        let image = if set.ignores_image() { own } else { settled.image() };
        let want = self.expect(key, set, &member.name, image, expected);
        let strange = crate::engine_model::strange_image();
        let strange =
            image.is_none().then(|| self.expect(key, set, &member.name, Some(strange), expected));
        let terms =
            Terms { set, adopted: member.adopted, strange: strange.as_deref(), everything: false };
        let visible = Visible::in_container(self.snapshot, member.container);
        let known = Known { visible: Some(visible), ..self.known_of_expected() };
        let mut result = expected.known(member, set, &want, visible).unwrap_or_else(|| {
            let found = InspectView::new(inspect, &member.container.env);
            let before = || Some(self.expect(key, set, &member.name, Some(own?), expected));
            let mut result = compare::compare(terms, &want, before, &found, known);
            shown::values(&mut result.differences, &want, &found, own);
            expected.remember(member, &result);
            result
        });
        let in_place = self.in_place(key, terms, &want, member, &mut result.differences);
        if let Some(difference) = images::image_difference(set, settled, member) {
            result.differences.insert(0, difference);
        }
        (result, in_place)
    }

    /// The expected inspect data of a member. Members of a set share this data unless the set has
    /// links, which contain the container name. The labels of bayplan are left out: matching has
    /// judged the owner already.
    pub(super) fn expect(
        &self,
        key: &SetName,
        set: &Set,
        name: &ContainerName,
        image: Option<&Json>,
        expected: &mut Expected<'a>,
    ) -> Rc<InspectView> {
        let id = image.and_then(|image| image["Id"].as_str()).map(str::to_owned);
        let whose = set.option("links").map(|_| name.clone());
        let look = expected.looks.entry((id, whose)).or_insert_with(|| {
            let cx = self.context_of(set, name);
            let body = body::create_body(self.spec, key, set, name, Labels::None, &cx);
            let look = view::expected(&body, name, image, &self.engine, &self.world);
            Rc::new(if expected.several { look.remembering(ROWS.len()) } else { look })
        });
        Rc::clone(look)
    }

    /// Reasons for a replacement that are not differences.
    fn causes(&self, set: &Set, settled: &ResolvedImage<'_>, member: &Member<'_>) -> Vec<Because> {
        let mut causes = Vec::new();
        if set.recreate == Recreate::Always
            && matches!(
                set.state,
                State::Present | State::Started | State::Reloaded | State::Restarted
            )
        {
            causes.push(Because::RecreateAlways);
        }
        if let (ResolvedImage::Pull { .. }, Some(reference)) = (settled, &set.image)
            && !set.ignores_image()
        {
            let found = member.container.made_from();
            let found = found.filter(|found| !image_ref::same_reference(found, reference));
            let (reference, found) = (reference.clone(), found.map(str::to_owned));
            causes.push(Because::ImageNotKnown { reference, found });
        }
        let targets = self.index.targets(&member.id);
        let mut targets: BTreeSet<ContainerName> =
            targets.filter_map(|target| self.replaced.get(target).cloned()).collect();
        for word in set.options.iter().flat_map(targets_of) {
            let name = ContainerName::new(self.cx.container(&word));
            if self.gone.contains(&name) {
                targets.insert(name);
            }
        }
        if self.snapshot.whole {
            targets.extend(self.index.broken_links(member.container));
        }
        causes.extend(targets.into_iter().map(|target| Because::TargetReplaced { target }));
        let gone = self.networks_gone(member);
        causes.extend(gone.into_iter().map(|network| Because::NetworkReplaced { network }));
        causes
    }

    /// Reasons to restart the remaining members of a set: this plan restarts or replaces a
    /// container of a set that this set follows, or a run has replaced that container.
    fn restarts(&self, set: &Set) -> Vec<Because> {
        let targets: BTreeSet<&ContainerName> = restarts_with(&self.words, set)
            .filter_map(|key| self.members.get(key))
            .flatten()
            .filter(|member| {
                let touched = self.touched.get(&member.id).map(|(_, verb)| *verb);
                touched == Some(Verb::Restart) || self.gone.contains(&member.name)
            })
            .map(|member| &member.name)
            .collect();
        let because = |target: &ContainerName| Because::RestartsWith { target: target.clone() };
        targets.into_iter().map(because).collect()
    }
}

impl<'a> Expected<'a> {
    /// The comparison of an equal member, if such a member was compared.
    fn known(
        &self,
        member: &Member<'_>,
        set: &Set,
        want: &InspectView,
        visible: Visible<'_>,
    ) -> Option<compare::Comparison> {
        // Links contain the name of the member, so the result holds for that member only.
        if set.option("links").is_some() {
            return None;
        }
        let (container, cards) = (member.container, want.wishes_cards());
        let alike = |(other, adopted, _): &&(&Container, bool, _)| {
            let (Some(one), Some(other_one)) = (&container.inspect, &other.inspect) else {
                return false;
            };
            *adopted == member.adopted
                && other.env == container.env
                && visible.is_alike(other)
                && inspect_view::alike(one, other_one, cards)
        };
        self.compared.iter().find(alike).map(|(_, _, comparison)| comparison.clone())
    }

    fn remember(&mut self, member: &Member<'a>, comparison: &compare::Comparison) {
        if self.several && self.compared.len() < REMEMBERED {
            self.compared.push((member.container, member.adopted, comparison.clone()));
        }
    }
}

fn targets_of(declared: &crate::options::Declared) -> Vec<String> {
    let mut targets = Vec::new();
    declared.targets(&mut targets);
    targets
}
