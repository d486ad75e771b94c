//! Resolves the image of each set: to a local image, to a pull, or to an error.
//!
//! This module asks no registry: the answers are part of the snapshot. Whether a missing image is
//! an error is decided in [`super`].

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::decide::Member;
use crate::base::ident::{ImageId, LABEL_PREFIX};
use crate::base::image_ref::{self, ImageRef};
use crate::observed::snapshot::{RegistryAnswer, Snapshot};
use crate::options::platform::Platform;
use crate::plan::{OptionDifference, Origin, Reason, References};
use crate::spec::{Pull, Set};

/// The result of resolving the image reference of a set.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ResolvedImage<'a> {
    /// The set declares no image.
    None,
    /// The image is on the engine.
    Here {
        id: &'a ImageId,
        image: &'a Json,
        /// The `REPOSITORY@DIGEST` of the local image, if the declared tag points elsewhere.
        retag: Option<String>,
    },
    /// The image has to be pulled.
    Pull {
        /// `REPOSITORY@DIGEST`.
        pinned: String,
        digest: String,
        /// The image that the reference means before the pull.
        before: Option<&'a ImageId>,
        /// The declared platform and the platforms of the local image, if they do not match.
        platform: Option<(String, String)>,
    },
    /// The image is neither local nor available; `message` says why, `hint` gives a remedy.
    Lacking { message: String, hint: &'static str },
}

impl<'a> ResolvedImage<'a> {
    /// The inspect data of the image, if known.
    pub(super) fn image(&self) -> Option<&'a Json> {
        match self {
            Self::Here { image, .. } => Some(image),
            Self::None | Self::Pull { .. } | Self::Lacking { .. } => None,
        }
    }
}

/// The images of a snapshot, found by reference or by repository digest.
#[derive(Debug)]
pub(super) struct Images<'a> {
    snapshot: &'a Snapshot,
    /// Normalised `REPOSITORY@DIGEST` → the first image with this digest.
    by_digest: OnceCell<BTreeMap<String, &'a ImageId>>,
}

impl<'a> Images<'a> {
    /// The images of a snapshot.
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, by_digest: OnceCell::new() }
    }

    /// The local image that has this digest among its `RepoDigests`. A digest is not an image ID.
    fn with_digest(&self, parsed: &ImageRef, digest: &str) -> Option<(&'a ImageId, &'a Json)> {
        let by_digest = self.by_digest.get_or_init(|| {
            let mut all = BTreeMap::new();
            for (id, image) in &self.snapshot.images {
                let digests = image["RepoDigests"].as_array().into_iter().flatten();
                let digests = digests.filter_map(Json::as_str);
                for local in digests.filter_map(|text| ImageRef::parse(text).ok()) {
                    if let (Some(repository), Some(digest)) = (local.repository(), local.digest()) {
                        all.entry(format!("{repository}@{digest}")).or_insert(id);
                    }
                }
            }
            all
        });
        let id = *by_digest.get(&format!("{}@{digest}", parsed.repository()?))?;
        Some((id, self.snapshot.images.get(id)?))
    }

    /// The local image of a reference with a digest.
    pub(super) fn pinned(&self, reference: &str) -> Option<&'a ImageId> {
        let parsed = ImageRef::parse(reference).ok()?;
        let digest = parsed.digest()?.to_owned();
        self.with_digest(&parsed, &digest).map(|(id, _)| id)
    }
}

/// Resolves the image of a set.
pub(super) fn resolve<'a>(set: &Set, images: &Images<'a>) -> ResolvedImage<'a> {
    let Some(reference) = set.image.as_deref() else { return ResolvedImage::None };
    let here = images.snapshot.image_of(reference);
    let Ok(parsed) = ImageRef::parse(reference) else {
        return ResolvedImage::Lacking {
            message: format!("`{reference}` is no image reference"),
            hint: "write `NAME:TAG`",
        };
    };
    let said = set.platform();
    // An image from before the run may be unknown by now. The recorded registry answer shows that
    // the image lacked the platform.
    let lacks =
        |image: &Json| said.is_some_and(|said| said.is_missing_in(image) || image.is_null());
    let absent = here.is_none_or(|(_, image)| lacks(image));
    let ask = match set.pull {
        _ if !set.may_create() => false,
        // An ID means an image of this engine, which no registry knows.
        _ if parsed.repository().is_none() => false,
        Pull::Never => false,
        Pull::Missing => absent,
        Pull::Always => parsed.digest().is_none() || absent,
    };
    let other = here.and_then(|(_, image)| other_platform(said?, image));
    match (here, ask) {
        (Some((id, image)), false) => match other {
            Some(other) => ResolvedImage::Lacking {
                message: another(reference, &other),
                hint: "pull the image for that platform, or declare one of those that are there",
            },
            None => ResolvedImage::Here { id, image, retag: None },
        },
        (None, false) => ResolvedImage::Lacking {
            message: format!("image `{reference}` is not on the engine"),
            hint: if parsed.repository().is_none() {
                "an image ID means an image of this engine; declare a name to pull it"
            } else {
                "load or pull it there, or say `pull: missing`"
            },
        },
        (here, true) => {
            let before = here.map(|(id, _)| id);
            match (asked(&parsed, reference, said, before, images), other) {
                (ResolvedImage::Pull { pinned, digest, before, .. }, platform) => {
                    ResolvedImage::Pull { pinned, digest, before, platform }
                }
                (ResolvedImage::Lacking { message, hint }, Some(other)) => {
                    let message = format!("{}, and {message}", another(reference, &other));
                    ResolvedImage::Lacking { message, hint }
                }
                (settled, _) => settled,
            }
        }
    }
}

/// The declared platform and the platforms of the image, if the image lacks the declared platform.
pub(super) fn other_platform(said: &Platform, image: &Json) -> Option<(String, String)> {
    let here = || Platform::of_image(image).iter().map(ToString::to_string).collect::<Vec<_>>();
    said.is_missing_in(image).then(|| (said.to_string(), here().join(", ")))
}

fn another(reference: &str, (said, here): &(String, String)) -> String {
    format!("`platform` is {said}, but image `{reference}` on the engine is for {here}")
}

fn asked<'a>(
    parsed: &ImageRef,
    reference: &str,
    said: Option<&Platform>,
    before: Option<&'a ImageId>,
    images: &Images<'a>,
) -> ResolvedImage<'a> {
    let digest = match images.snapshot.registry.get(reference) {
        Some(RegistryAnswer::Digest(digest)) => digest.clone(),
        Some(answer) => {
            let why = answer.lacking().unwrap_or_default();
            let hint = match answer {
                RegistryAnswer::NotAsked => "name it with `--registries`, or load the image there",
                _ => {
                    "check the name, the registry and the credentials, or load the image there; \
                      `--log debug` tells what was answered"
                }
            };
            let message = format!("the registry does not tell what `{reference}` is: {why}");
            return ResolvedImage::Lacking { message, hint };
        }
        None => {
            return ResolvedImage::Lacking {
                message: format!("no registry was asked what `{reference}` is"),
                hint: "plan on the engine, or take the snapshot with this spec",
            };
        }
    };
    let Some(pinned) = parsed.with_digest(&digest).map(|pinned| pinned.familiar()) else {
        return ResolvedImage::Lacking {
            message: format!("image `{reference}` is not on the engine"),
            hint: "an image ID means an image of this engine; declare a name to pull it",
        };
    };
    let lacks = |image: &Json| said.is_some_and(|said| said.is_missing_in(image));
    match images.with_digest(parsed, &digest) {
        // A digest may stand for images of several platforms. The containerd image store accepts
        // several images under one digest; the older store refuses a second image (tried).
        Some((_, image)) if lacks(image) && image["Manifests"].is_null() => {
            ResolvedImage::Lacking {
                message: format!("the engine takes no second image by the digest `{pinned}`"),
                hint: "`docker rmi -f` of that digest makes room for it; the image that is here keeps its tag",
            }
        }
        Some((id, image)) if !lacks(image) => {
            let retag = (before != Some(id) && parsed.digest().is_none()).then_some(pinned);
            ResolvedImage::Here { id, image, retag }
        }
        _ => ResolvedImage::Pull { pinned, digest, before, platform: None },
    }
}

/// The digest of a local image in the repository of a reference, if the image has such a digest.
pub(super) fn digest_of(snapshot: &Snapshot, id: &ImageId, reference: &str) -> Option<String> {
    let repository = ImageRef::parse(reference).ok()?.repository()?;
    let digests = snapshot.images.get(id)?["RepoDigests"].as_array().into_iter().flatten();
    digests
        .filter_map(Json::as_str)
        .filter_map(|text| ImageRef::parse(text).ok())
        .filter(|local| local.repository().as_ref() == Some(&repository))
        .find_map(|local| local.digest().map(str::to_owned))
}

/// Whether an image carries labels of bayplan. Such an image was committed from a container of
/// bayplan, and its containers would seem to be owned by bayplan too.
pub(super) fn carries_our_labels(image: &Json) -> bool {
    let labels = image["Config"]["Labels"].as_object();
    labels.is_some_and(|labels| labels.keys().any(|key| key.starts_with(LABEL_PREFIX)))
}

/// The difference of the image, compared by ID on one engine.
pub(super) fn image_difference(
    set: &Set,
    settled: &ResolvedImage<'_>,
    member: &Member<'_>,
) -> Option<Reason> {
    if set.ignores_image() {
        return None;
    }
    let ResolvedImage::Here { id, .. } = settled else { return None };
    let found = member.container.image();
    if **id == found || settled.image().is_some_and(|image| has_manifest(image, member)) {
        return None;
    }
    let declared = set.image.as_deref()?;
    let made_from = member.container.made_from();
    let moved = made_from.is_some_and(|from| image_ref::same_reference(from, declared));
    let made_from = if moved { Some(declared) } else { made_from };
    Some(Reason::Option(OptionDifference {
        option: "image".to_owned(),
        origin: if moved { Origin::Image } else { Origin::Declared },
        expected: Json::String(id.to_string()),
        found: Json::String(found.to_string()),
        in_place: false,
        references: Some(References {
            expected: declared.to_owned(),
            found: made_from.map(str::to_owned),
        }),
    }))
}

/// Whether the manifest of a container is part of an image index. An index that was written again,
/// with other attestations or more platforms, has a new digest but may have the same manifest.
fn has_manifest(image: &Json, member: &Member<'_>) -> bool {
    let Some(made_from) = member.container.seen().manifest() else { return false };
    let manifests = image["Manifests"].as_array();
    manifests.into_iter().flatten().any(|manifest| {
        manifest["Kind"].as_str() == Some("image")
            && manifest["Descriptor"]["digest"].as_str() == Some(made_from)
    })
}
