//! `prune`: removes containers of sets that the spec no longer has, each as a reviewed change.
//!
//! Each such set is planned like a set with `state: absent`. Containers of renamed sets and copies
//! of containers of bayplan are left alone. The verdict on each container is [`super::decide`]'s.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::matching;
use crate::base::ident::{SetName, reserved_suffix};
use crate::observed::snapshot::Snapshot;
use crate::plan::Plan;
use crate::spec::order::Words;
use crate::spec::{Identity, Matching, OnStopped, Pull, Recreate, Set, Spec, State, UpdateConfig};

/// Adds the removed sets that still have containers, if the spec has `prune`.
pub(super) fn with_orphans<'s>(spec: &'s Spec, snapshot: &Snapshot) -> Cow<'s, Spec> {
    if !spec.prune {
        return Cow::Borrowed(spec);
    }
    let words = Words::of(spec);
    let orphans = snapshot.containers.iter().filter_map(|container| {
        let name = container.seen().name();
        let (project, set) = matching::owner(container)?;
        let own = project == spec.project
            && reserved_suffix(name).1.is_none()
            && words.named(name).is_none();
        own.then(|| spec.labelled(&set).clone())
    });
    with(spec, orphans)
}

/// Adds the sets that a plan prunes, if the spec has `prune`.
pub(crate) fn of_plan<'s>(spec: &'s Spec, plan: &Plan) -> Cow<'s, Spec> {
    if !spec.prune {
        return Cow::Borrowed(spec);
    }
    with(spec, plan.sets.keys().cloned())
}

fn with(spec: &Spec, keys: impl Iterator<Item = SetName>) -> Cow<'_, Spec> {
    let mut all = Cow::Borrowed(spec);
    for key in keys {
        if !spec.sets.contains_key(&key) {
            let spec = all.to_mut();
            spec.pruned.insert(key.clone());
            spec.sets.insert(key, gone());
        }
    }
    all
}

/// The declaration of a removed set.
fn gone() -> Set {
    Set {
        identity: Identity::Counted(0),
        image: None,
        state: State::Absent,
        matching: Matching::Owned,
        pull: Pull::Never,
        on_stopped: OnStopped::Start,
        recreate: Recreate::Auto,
        compare: BTreeMap::new(),
        kill_signal: "KILL".to_owned(),
        prove_for: 0,
        update: UpdateConfig::default(),
        // An anonymous volume stays on the engine, and the plan says so.
        discard: true,
        one_shot: false,
        depends_on: Vec::new(),
        options: Vec::new(),
    }
}
