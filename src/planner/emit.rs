//! Turns each verdict into a change with its steps, and builds the body of each create. The verdict
//! itself is [`super::decide`]'s.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::PlanError;
use super::carry;
use super::change_steps::{ChangeSteps, Proof, Replacing, Stopping};
use super::danger::{self, Doing, Outage};
use super::decide::{Choice, Disposition, Member};
use super::draft::Planner;
use super::images::ResolvedImage;
use super::in_place::InPlace;
use super::ports;
use super::resource_steps::{networks_of, volumes_of};
use super::start_first;
use crate::base::api;
use crate::base::ident::{ChangeId, ChangeTarget, ContainerName, SetName};
use crate::base::{say, signal};
use crate::engine_model::view;
use crate::options::inspect_view::InspectView;
use crate::options::settings::{RESTART, Settings};
use crate::options::{Body, files};
use crate::plan::{Action, Because, Change, Dangerous, ImagePin, Impact, Reason, Verb, Warning};
use crate::planner::compare;
use crate::planner::compare::Terms;
use crate::spec::body::{self, Labels};
use crate::spec::{Identity, Order, Set, State};

/// The inspect data of a new container that the planner reads after all containers are known:
/// networks, volumes, the process, and references to other containers.
const ASKED_LATER: &[&str] = &["Image", "Mounts", "NetworkSettings"];
/// The same for the fields of nested objects.
const ASKED_LATER_OF: &[(&str, &[&str])] = &[
    ("Config", &["Cmd", "Entrypoint", "Image", "MacAddress"]),
    (
        "HostConfig",
        &["Binds", "IpcMode", "Links", "Mounts", "NetworkMode", "PidMode", "PortBindings"],
    ),
];

impl<'a> Planner<'a> {
    /// Writes the change of one member.
    pub(super) fn emit(
        &mut self,
        key: &SetName,
        set: &'a Set,
        settled: &ResolvedImage<'_>,
        member: &Member<'a>,
        fate: &Disposition,
    ) {
        let nothing = InPlace::default();
        let in_place = match fate {
            Disposition::Start(_, in_place)
            | Disposition::Update(_, in_place)
            | Disposition::Restart(_, in_place) => in_place,
            _ => &nothing,
        };
        let (verb, reasons) = match fate {
            Disposition::Keep => return,
            Disposition::Replace(reasons) => {
                return self.replace(key, set, settled, member, reasons);
            }
            Disposition::Start(reasons, _) => (Verb::Start, reasons),
            Disposition::Update(reasons, _) => (Verb::Update, reasons),
            Disposition::Stop(reasons) => (Verb::Stop, reasons),
            Disposition::Kill(reasons) => (Verb::Kill, reasons),
            Disposition::Restart(reasons, _) => (Verb::Restart, reasons),
            Disposition::Remove(reasons) => (Verb::Remove, reasons),
        };
        let stopping = self.stopping(key, set, member, verb);
        let changed_first = verb == Verb::Start && !in_place.is_empty();
        let touches = if changed_first { Verb::Update } else { verb };
        let nameless = self.nameless(set, member.container);
        let refused = danger::refusals(key, set, member, (touches, reasons), (&nameless, &[]));
        self.errors.extend(refused);
        self.touched.insert(member.id.clone(), (key.clone(), verb));
        let vanishes = danger::vanishes(member.container, verb);
        let impact = match verb {
            Verb::Remove => danger::removal(&nameless),
            _ if vanishes => danger::removal(&nameless),
            _ => Impact::default(),
        };
        if vanishes {
            self.warnings.push(Warning {
                code: "auto_remove".to_owned(),
                set: Some(key.clone()),
                text: format!("container `{}` removes itself when it ends", member.name),
            });
        }
        let dangers = self.touching(set, member, (verb, touches), (&stopping, &impact));
        // A dead container and the new container of its name are two objects with two changes.
        let dead = reasons.contains(&Reason::Because(Because::Dead));
        let name = member.name.as_str();
        let about = if dead { ChangeTarget::Dead(name) } else { ChangeTarget::Container(name) };
        let change = Change {
            id: about.id(),
            set: Some(key.clone()),
            verb,
            adopted: member.adopted,
            danger: dangers.keys().copied().collect(),
            dangerous: danger::told(dangers),
            impact,
            reasons: reasons.clone(),
        };
        let id = &member.id;
        let mut job = match verb {
            Verb::Start => ChangeSteps::start(change, id, in_place, set.prove_for),
            Verb::Update => ChangeSteps::update(change, id, in_place),
            Verb::Stop => ChangeSteps::stop(change, id, &stopping),
            Verb::Kill => ChangeSteps::kill(change, id, &set.kill_signal),
            Verb::Restart => ChangeSteps::restart(change, id, in_place, (&stopping, set.prove_for)),
            _ => ChangeSteps::remove(change, id, member.run.is_live(), &stopping),
        };
        if verb == Verb::Start
            && let Some(inspect) = &member.container.inspect
        {
            job.takes = ports::wanted(&InspectView::new(inspect, &BTreeMap::new()));
        }
        self.push(job);
    }

    /// The dangers of a change to an existing container. A container that runs afterwards is judged
    /// by its own options.
    fn touching(
        &self,
        set: &Set,
        member: &Member<'_>,
        (verb, touches): (Verb, Verb),
        (stopping, impact): (&Stopping, &Impact),
    ) -> Dangerous {
        let runs = matches!(verb, Verb::Start | Verb::Restart | Verb::Update);
        let there = member.container.inspect.as_ref().filter(|_| runs);
        let there = there.map(|inspect| InspectView::new(inspect, &BTreeMap::new()));
        let doing = Doing {
            verb: touches,
            found: Some(member),
            risky: there.as_ref().map(|look| self.risky(look)).unwrap_or_default(),
            created: None,
            image_unknown: false,
            outage: Outage::told_by(self.up, set, Some((member, stopping)), there.as_ref()),
        };
        danger::dangers(&doing, impact)
    }

    pub(super) fn replace(
        &mut self,
        key: &SetName,
        set: &'a Set,
        settled: &ResolvedImage<'_>,
        member: &Member<'a>,
        reasons: &[Reason],
    ) {
        let verb = if set.one_shot { Verb::Run } else { Verb::Replace };
        self.need_known(key, member);
        self.touched.insert(member.id.clone(), (key.clone(), verb));
        let image_unknown = matches!(settled, ResolvedImage::Pull { .. });
        let (mut body, look) = self.body(key, set, settled, &member.name);
        let nameless = self.nameless(set, member.container);
        let carried = carry::carried(set, &nameless, &look, image_unknown);
        let refused = danger::refusals(key, set, member, (verb, reasons), (&nameless, &carried));
        self.errors.extend(refused);
        let Some(pin) = Self::pin(settled) else { return };
        self.expect_created(key, set, settled, &member.name, (&body, &look));
        carry::take_over(&mut body, &carried);
        let known = self.known(member.container);
        let strange = image_unknown.then(|| self.strange(key, set, &member.name));
        let compare::Beyond { drops, may_drop } =
            Self::beyond(set, member, (&look, strange.as_ref()), known);
        let mut impact = danger::impact(member.container, &look, &nameless, (drops, &carried));
        impact.may_change = may_drop;
        if let Some(strange) = &strange {
            impact.may_change.extend(compare::open_rows(&look, strange));
        }
        let stopping = self.stopping(key, set, member, verb);
        let doing = Doing {
            verb,
            found: Some(member),
            risky: self.risky(&look),
            created: Some(Vec::new()),
            image_unknown,
            outage: Outage::told_by(self.up, set, Some((member, &stopping)), Some(&look)),
        };
        let dangers = self.dangers_of_created(&doing, &impact, &look);
        let id = ChangeId::new(member.name.as_str());
        let change = Change {
            id: id.clone(),
            set: Some(key.clone()),
            verb,
            adopted: member.adopted,
            danger: dangers.keys().copied().collect(),
            dangerous: danger::told(dangers),
            impact,
            reasons: reasons.to_vec(),
        };
        let live = member.run.is_live();
        let runs = !matches!(set.state, State::Present);
        let starts = live || runs && !Self::idle_stays(set, member, reasons);
        let how = Replacing {
            live,
            start_first: set.update.order == Order::StartFirst,
            fence: live && member.container.inspect.as_ref().is_some_and(revives),
            start: starts.then(|| Proof::of(set)),
            stopping,
        };
        if how.start_first && live && how.start.is_some() {
            self.errors.extend(start_first::refusals(key, set, member, (&look, &carried)));
        }
        let mut job = ChangeSteps::replace(change, key, pin, &member.id, &how);
        job.takes = ports::wanted(&look);
        self.carried.insert(id.clone(), carried);
        self.replaced.insert(member.id.clone(), member.name.clone());
        self.gone.insert(member.name.clone());
        self.add_created(&id, job, &body, &Rc::new(look));
    }

    /// An idle container stays idle if only a replaced target causes its replacement: its set has
    /// enough live containers.
    pub(super) fn idle_stays(set: &Set, member: &Member<'_>, reasons: &[Reason]) -> bool {
        let needed = reasons.iter().any(|reason| {
            matches!(
                reason,
                Reason::Because(
                    Because::State { .. } | Because::OnStoppedReplace | Because::OneShot { .. }
                )
            )
        });
        !set.one_shot && !member.run.is_live() && !needed
    }

    pub(super) fn create(
        &mut self,
        key: &SetName,
        set: &'a Set,
        settled: &ResolvedImage<'_>,
        choice: &Choice,
        pinned: &[ContainerName],
    ) -> Vec<ContainerName> {
        let mut pinned = pinned.iter();
        let mut created = Vec::new();
        for _ in 0..choice.create {
            let Some(pin) = Self::pin(settled) else { return created };
            let name = self.fresh_name(key, set, &mut pinned);
            created.push(name.clone());
            let (body, look) = self.body(key, set, settled, &name);
            self.expect_created(key, set, settled, &name, (&body, &look));
            let verb = if set.one_shot { Verb::Run } else { Verb::Create };
            let image_unknown = matches!(settled, ResolvedImage::Pull { .. });
            let secrets = self.secrets_of(key, &name);
            let doing = Doing {
                verb,
                found: None,
                risky: self.risky(&look),
                created: Some(secrets),
                image_unknown,
                outage: Outage::told_by(self.up, set, None, Some(&look)),
            };
            let dangers = self.dangers_of_created(&doing, &Impact::default(), &look);
            let id = ChangeId::new(name.as_str());
            let change = Change {
                id: id.clone(),
                set: Some(key.clone()),
                verb,
                adopted: false,
                danger: dangers.keys().copied().collect(),
                dangerous: danger::told(dangers),
                impact: Impact::default(),
                reasons: choice.why.clone(),
            };
            let start = (set.state != State::Present).then(|| Proof::of(set));
            let mut job = ChangeSteps::create(change, key, pin, start);
            job.takes = ports::wanted(&look);
            self.add_created(&id, job, &body, &Rc::new(look));
        }
        created
    }

    pub(super) fn add_created(
        &mut self,
        id: &ChangeId,
        mut job: ChangeSteps,
        body: &Body,
        look: &Rc<InspectView>,
    ) {
        let set = job.change.set.clone();
        let files = body.json()[files::FIELD].as_object();
        if let Some(files) = files.filter(|files| !files.is_empty()) {
            job.put_files(files.keys().cloned().collect());
        }
        let body = self.attach(set.as_ref(), &mut job, body);
        let creates = job.steps.iter().find(|step| matches!(step.action, Action::Create { .. }));
        // A port of a range is still to be chosen, and is written into the body.
        if let Some(step) = creates.filter(|_| self.runs || !job.takes.is_empty()) {
            self.bodies.insert(step.id.clone(), body);
        }
        let Some(needs) = job.needs.clone() else { return };
        let reference = look.config("Image").as_str().unwrap_or_default().to_owned();
        let image = ChangeTarget::Image(&reference).id();
        let up = self.jobs_of(&image).next().and_then(|job| job.up.clone());
        if let Some(up) = up {
            job.wait(&needs, &up);
        }
        // A dead container of this name has to be removed before.
        let dead = ChangeTarget::Dead(id.as_str()).id();
        let dead = self.jobs_of(&dead).next();
        if let Some(last) = dead.and_then(|job| job.last().cloned()) {
            job.wait(&needs, &last);
        }
        self.await_objects(set.as_ref(), &mut job, look);
        self.refuse_aliases(&job, look);
        self.used_networks.extend(networks_of(look));
        self.used_volumes.extend(volumes_of(look));
        // The full inspect data of many containers would exhaust the memory.
        let kept = look.keeping(ASKED_LATER, ASKED_LATER_OF);
        // Containers in a row are often alike.
        let last = self.last_created.take().filter(|last| **last == kept);
        let kept = last.unwrap_or_else(|| Rc::new(kept));
        self.last_created = Some(Rc::clone(&kept));
        self.created.insert(id.clone(), kept);
        self.push(job);
    }

    pub(super) fn body(
        &self,
        key: &SetName,
        set: &Set,
        settled: &ResolvedImage<'_>,
        name: &ContainerName,
    ) -> (Body, InspectView) {
        let body = body::create_body(self.spec, key, set, name, Labels::Ours, &self.cx);
        let image = settled.image();
        let look = view::expected(&body, name, image, &self.engine, &self.world);
        (body, look)
    }

    /// The undeclared options of an adopted container that a replacement drops.
    fn beyond(
        set: &Set,
        member: &Member<'_>,
        (look, strange): (&InspectView, Option<&InspectView>),
        known: compare::Known<'_>,
    ) -> compare::Beyond {
        let Some(inspect) = member.container.inspect.as_ref().filter(|_| member.adopted) else {
            return compare::Beyond::default();
        };
        let terms = Terms { set, adopted: true, strange, everything: false };
        compare::beyond(terms, look, &InspectView::new(inspect, &member.container.env), known)
    }

    /// The expected inspect data under an invented image.
    fn strange(&self, key: &SetName, set: &Set, name: &ContainerName) -> InspectView {
        let body = body::create_body(self.spec, key, set, name, Labels::Ours, &self.cx);
        let image = crate::engine_model::strange_image();
        view::expected(&body, name, Some(image), &self.engine, &self.world)
    }

    pub(super) fn pin(settled: &ResolvedImage<'_>) -> Option<ImagePin> {
        match settled {
            ResolvedImage::Here { id, .. } => Some(ImagePin::Id((*id).clone())),
            ResolvedImage::Pull { digest, .. } => Some(ImagePin::Digest(digest.clone())),
            ResolvedImage::None | ResolvedImage::Lacking { .. } => None,
        }
    }

    pub(super) fn fresh_name(
        &mut self,
        key: &SetName,
        set: &Set,
        pinned: &mut std::slice::Iter<'_, ContainerName>,
    ) -> ContainerName {
        if let Identity::Named(name) = &set.identity {
            return name.clone();
        }
        let pinned = pinned.find(|name| !self.names.contains(*name)).cloned();
        let name = pinned.unwrap_or_else(|| {
            // Names are never released, so the search continues at the last number.
            let number = self.numbers.entry(key.clone()).or_insert(1);
            loop {
                let name = ContainerName::new(format!("{}-{key}-{number}", self.spec.project));
                if !self.names.contains(&name) {
                    break name;
                }
                *number += 1;
            }
        });
        self.names.insert(name.clone());
        name
    }

    /// The stop settings of a member. An engine before [`api::STOP_SIGNAL`] accepts no signal in a
    /// stop and sends the signal of the container. A warning tells of a different signal.
    fn stopping(&mut self, key: &SetName, set: &Set, member: &Member<'_>, verb: Verb) -> Stopping {
        let mut body = Body::new();
        for key in ["stop_signal", "stop_grace_period"] {
            if let Some(declared) = set.option(key) {
                declared.write(&mut body, &self.cx);
            }
        }
        let timeout = body.json()["StopTimeout"].as_i64();
        let signal = body.json()["StopSignal"].as_str().map(str::to_owned);
        let Some(said) = signal.as_ref().filter(|_| self.engine.api < api::STOP_SIGNAL) else {
            return Stopping { signal, timeout };
        };
        let own = member.container.inspect.as_ref();
        let own = own.and_then(|inspect| inspect["Config"]["StopSignal"].as_str());
        let own = own.filter(|own| !own.is_empty()).unwrap_or("SIGTERM");
        let stops = member.run.is_live()
            && matches!(verb, Verb::Stop | Verb::Replace | Verb::Run | Verb::Remove);
        if stops && signal::number(own) != signal::number(said) {
            self.warnings.push(Warning {
                code: "stop_signal".to_owned(),
                set: Some(key.clone()),
                text: format!(
                    "container `{}` is stopped with its own signal, {}: before API {} an engine \
                     takes no other",
                    member.name,
                    say::short(own),
                    api::STOP_SIGNAL
                ),
            });
        }
        Stopping { signal: None, timeout }
    }

    /// Requires a known image if the set creates a container.
    pub(super) fn need_image(
        &mut self,
        key: &SetName,
        set: &Set,
        settled: &ResolvedImage<'_>,
        choice: &Choice,
    ) {
        let creates = choice.create > 0
            || choice.fates.iter().any(|fate| matches!(fate, Disposition::Replace(_)));
        // The comparison needs the image too, unless the spec excludes the image.
        let compares =
            set.may_create() && set.pull != crate::spec::Pull::Never && !set.ignores_image();
        if let ResolvedImage::Lacking { message, hint } = settled
            && (creates || compares)
        {
            self.errors.push(PlanError::of(key, "image_lacking", message.clone(), hint));
        }
        if !creates {
            return;
        }
        self.need_sources(key, set);
        self.need_devices(key, set);
        self.need_mounted(key, set);
        self.image_job(set, settled);
        self.one_platform(key, set, settled);
    }
}

/// Whether a restarted engine starts the stopped container again. A container with `unless-stopped`
/// stays stopped.
fn revives(inspect: &Json) -> bool {
    let settings = Settings::of_host(&inspect["HostConfig"]);
    let policy = settings.0.get(RESTART).and_then(Json::as_str);
    let word = policy.and_then(|policy| policy.split(':').next());
    matches!(word, Some("always" | "on-failure"))
}
