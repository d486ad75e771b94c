//! The image of a set: a reference that currently points to the container's image.

use serde_json::Value as Json;

use crate::base::image_ref::ImageRef;
use crate::observed::snapshot::{Container, Snapshot};

/// The image of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// The declared reference.
    pub(super) reference: String,
    /// The comment about the image.
    pub(super) comment: Option<String>,
    /// Whether the image is on the engine.
    pub(super) here: bool,
}

/// The image of a container.
pub(super) fn made_from(container: &Container, snapshot: &Snapshot) -> Made {
    let id = container.image();
    let said = container.made_from().unwrap_or_default().to_owned();
    let Some(image) = snapshot.images.get(&id) else {
        let comment = "the image is not there any more, or not in the snapshot: what it gave \
                       cannot be told from what was said";
        let moved = snapshot.image_of(&said).is_some() && !id.as_str().is_empty();
        let reference = if moved { id.as_str().to_owned() } else { said };
        return Made { reference, comment: Some(comment.to_owned()), here: false };
    };
    let names = |field: &str| -> Vec<&str> {
        image[field].as_array().into_iter().flatten().filter_map(Json::as_str).collect()
    };
    let (tags, digests) = (names("RepoTags"), names("RepoDigests"));
    let made = |reference: &str, comment: Option<String>| Made {
        reference: reference.to_owned(),
        comment,
        here: true,
    };
    let parsed = ImageRef::parse(&said).ok();
    let same = |name: &&&str| ImageRef::parse(name).ok() == parsed;
    if parsed.is_some()
        && let Some(name) = tags.iter().chain(&digests).find(same)
    {
        let short = name.strip_suffix(":latest") == Some(said.as_str());
        return made(if short { said.as_str() } else { name }, None);
    }
    let by_id = said == id.as_str() || !said.is_empty() && id.as_str().contains(said.as_str());
    let repository = parsed.and_then(|parsed| parsed.repository());
    let pinned = digests.iter().find(|digest| {
        repository.is_some()
            && ImageRef::parse(digest).is_ok_and(|digest| digest.repository() == repository)
    });
    match (tags.first(), pinned) {
        (Some(tag), _) if by_id => made(tag, Some("it was made from the image's ID".to_owned())),
        (None, _) if by_id => made(id.as_str(), None),
        (_, Some(pinned)) => made(pinned, Some(format!("`{said}` means another image by now"))),
        _ => made(
            id.as_str(),
            Some(format!("`{said}` does not mean this image any more, nothing but its ID does")),
        ),
    }
}
