//! `prune`: containers of sets that the spec no longer has are removed, each as a reviewed change.
//!
//! Such a set is planned as if the spec said `state: absent` of it. Containers of a set that is there
//! under another name, and copies of ours, are left as they are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::matching;
use crate::base::ident::{SetName, reserved_suffix};
use crate::observed::snapshot::Snapshot;
use crate::plan::Plan;
use crate::spec::order::Words;
use crate::spec::{Identity, Matching, OnStopped, Pull, Recreate, Set, Spec, State, UpdateConfig};

/// The spec with the sets that are gone and have containers, where it says `prune`.
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

/// The spec with the sets that a plan of it prunes.
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

/// What a set that is gone amounts to.
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
        discard: false,
        one_shot: false,
        depends_on: Vec::new(),
        options: Vec::new(),
    }
}
