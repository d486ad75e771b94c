//! What a run of a plan did to images is done, not moved: the look as if it had not been.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::ident::ImageId;
use crate::image_ref::ImageRef;
use crate::options::platform::Platform;
use crate::plan::{Action, Plan};
use crate::snapshot::{RegistryAnswer, Snapshot};

/// The fresh look with the registry answers of the plan: apply never asks a registry what to do.
pub(crate) fn pinned(plan: &Plan, snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    snapshot.registry = plan
        .facts
        .images
        .iter()
        .filter_map(|fact| {
            let digest = fact.registry.clone()?;
            Some((fact.reference.clone(), RegistryAnswer::Digest(digest)))
        })
        .collect();
    snapshot
}

/// The look as if images that a run of this plan pulled or tagged were not yet, and the references
/// that this is about.
pub(super) fn before_pulls(plan: &Plan, snapshot: &Snapshot) -> (Snapshot, BTreeSet<String>) {
    let mut before = snapshot.clone();
    let mut pulled = BTreeSet::new();
    for step in &plan.steps {
        let (Action::Pull { image, .. } | Action::Tag { image, .. }) = &step.action else {
            continue;
        };
        let Ok(pinned) = ImageRef::parse(image) else { continue };
        let Some(digest) = pinned.digest() else { continue };
        let facts = plan.facts.images.iter().filter(|fact| {
            fact.registry.as_deref() == Some(digest)
                && ImageRef::parse(&fact.reference)
                    .is_ok_and(|reference| reference.repository() == pinned.repository())
        });
        for fact in facts {
            let now = snapshot.references.get(&fact.reference).and_then(Option::as_ref);
            let image = now.and_then(|id| snapshot.images.get(id));
            if image.is_some_and(|image| has_digest(image, digest)) || now == fact.id.as_ref() {
                pulled.insert(fact.reference.clone());
                before.references.insert(fact.reference.clone(), fact.id.clone());
                // Nobody may refer to it any more, and a look has only what is referred to.
                if let Some(id) = &fact.id {
                    let image = before.images.entry(id.clone()).or_insert(Json::Null);
                    // In containerd's store one image may get another platform.
                    if let Action::Pull { platform: Some(platform), .. } = &step.action
                        && has_digest(image, digest)
                    {
                        Platform::read(platform).withhold(image);
                    }
                }
            }
        }
        if matches!(step.action, Action::Tag { .. }) {
            continue;
        }
        for image in before.images.values_mut() {
            // Indexing would make something of nothing.
            let digests = image.get_mut("RepoDigests").and_then(Json::as_array_mut);
            if let Some(digests) = digests {
                digests.retain(|text| text.as_str().is_none_or(|text| !text.ends_with(digest)));
            }
        }
    }
    (before, pulled)
}

/// The image that is here by a digest.
pub(super) fn with_digest<'a>(snapshot: &'a Snapshot, digest: &str) -> Option<&'a ImageId> {
    let mut images = snapshot.images.iter();
    images.find(|(_, image)| has_digest(image, digest)).map(|(id, _)| id)
}

fn has_digest(image: &Json, digest: &str) -> bool {
    let digests = image["RepoDigests"].as_array().into_iter().flatten();
    digests.filter_map(Json::as_str).any(|text| text.ends_with(digest))
}
