//! The changes of images. An image is pulled once, for one platform, for all sets that need it, and
//! gets the declared tag. The choice of the image is [`super::images`]'s.

use std::collections::BTreeMap;

use super::PlanError;
use super::change_steps::ChangeSteps;
use super::draft::Planner;
use super::images::{self, ResolvedImage};
use crate::base::ident::{ChangeTarget, SetName};
use crate::plan::{Action, Because, Change, Impact, Reason, Verb};
use crate::spec::Set;

impl Planner<'_> {
    /// Refuses two platforms for one reference, because one reference is pulled once.
    pub(super) fn one_platform(&mut self, key: &SetName, set: &Set, settled: &ResolvedImage<'_>) {
        let (ResolvedImage::Pull { .. }, Some(reference)) = (settled, &set.image) else { return };
        let id = ChangeTarget::Image(reference).id();
        let wanted = platform(set);
        let other =
            self.jobs_of(&id).flat_map(|job| &job.steps).find_map(|step| match &step.action {
                Action::Pull { platform, .. } if *platform != wanted => Some(platform.clone()),
                _ => None,
            });
        let word = |platform: Option<String>| platform.unwrap_or_else(|| "the engine's".into());
        let hint = "declare one `platform` for all sets of one image, or name images by digest";
        // A set that keeps the local image would lose the image, and ask for it again in the next
        // plan.
        let stays = self.takes_as_it_is(reference);
        if let Some(stays) = stays {
            let message = format!(
                "`{reference}` is to be pulled for {}, but set `{stays}` takes it as it is here",
                word(wanted)
            );
            self.errors.push(PlanError::of(key, "image_platforms", message, hint));
            return;
        }
        let Some(other) = other else { return };
        let message = format!(
            "`{reference}` is to be pulled for two platforms: {} and {}",
            word(other),
            word(wanted)
        );
        self.errors.push(PlanError::of(key, "image_platforms", message, hint));
    }

    /// The first set that keeps the local image of a reference.
    fn takes_as_it_is(&mut self, reference: &str) -> Option<SetName> {
        let (spec, images) = (self.spec, &self.images);
        let stays = self.stays.get_or_insert_with(|| {
            let mut stays: BTreeMap<&str, &SetName> = BTreeMap::new();
            for (key, set) in spec.sets.iter().filter(|(_, set)| set.may_create()) {
                if let Some(image) = set.image.as_deref()
                    && matches!(images::resolve(set, images), ResolvedImage::Here { .. })
                {
                    stays.entry(image).or_insert(key);
                }
            }
            stays
        });
        stays.get(reference).map(|key| (*key).clone())
    }

    /// Adds the change of an image, once for all sets that need the image.
    pub(super) fn image_job(&mut self, set: &Set, settled: &ResolvedImage<'_>) {
        let Some(reference) = &set.image else { return };
        let id = ChangeTarget::Image(reference).id();
        if self.jobs_of(&id).next().is_some() {
            return;
        }
        let (pull, pinned, reason) = match settled {
            ResolvedImage::Pull { pinned, digest, before, platform } => {
                let reference = || reference.clone();
                let reason = match (before, platform) {
                    (_, Some((expected, found))) => Because::ImagePlatform {
                        reference: reference(),
                        expected: expected.clone(),
                        found: found.clone(),
                    },
                    (None, None) => Because::ImageMissing { reference: reference() },
                    (Some(before), None) => Because::ImageMoved {
                        reference: reference(),
                        expected: digest.clone(),
                        found: images::digest_of(self.snapshot, before, &reference()),
                    },
                };
                (true, pinned, reason)
            }
            ResolvedImage::Here { retag: Some(pinned), .. } => {
                let before = self.snapshot.image_of(reference).map(|(id, _)| id);
                let found = before.and_then(|id| images::digest_of(self.snapshot, id, reference));
                let digest = pinned.split_once('@').map_or("", |(_, digest)| digest);
                let (reference, expected) = (reference.clone(), digest.to_owned());
                (false, pinned, Because::ImageMoved { reference, expected, found })
            }
            ResolvedImage::None | ResolvedImage::Here { .. } | ResolvedImage::Lacking { .. } => {
                return;
            }
        };
        let tag = (!reference.contains("@sha256:")).then_some(reference.as_str());
        let change = Change {
            id,
            set: None,
            verb: Verb::Pull,
            adopted: false,
            danger: Vec::new(),
            dangerous: BTreeMap::new(),
            impact: Impact::default(),
            reasons: vec![Reason::Because(reason)],
        };
        let pull = pull.then(|| Action::Pull { image: pinned.clone(), platform: platform(set) });
        self.push(ChangeSteps::image(change, pull, pinned, tag));
    }
}

/// The declared platform, in the form that the engine API takes.
fn platform(set: &Set) -> Option<String> {
    set.platform().map(ToString::to_string)
}
