//! The files to fetch from a container: the files of its possible sets, and the files in its label.
//! Files of other containers are never read.

use std::collections::BTreeSet;

use crate::base::ident::{
    COMPOSE_SERVICE, LABEL_FILES, LABEL_NAME, LABEL_PROJECT, LABEL_SET, SetName, reserved_suffix,
};
use crate::base::image_ref::ImageRef;
use crate::observed::snapshot::Seen;
use crate::options::files;
use crate::spec::{Identity, Matching, Set, Spec};

/// The files of one set, with the data for finding its containers.
#[derive(Debug, Clone)]
struct Own {
    paths: BTreeSet<String>,
    /// The key of the set, and its former keys.
    keys: BTreeSet<String>,
    name: Option<String>,
    /// The image by which the set matches unlabelled containers.
    image: Option<ImageRef>,
}

/// The files of all sets with files.
#[derive(Debug, Clone, Default)]
pub(super) struct SetFiles(Vec<Own>);

impl SetFiles {
    pub(super) fn of(spec: &Spec) -> Self {
        let own = |(key, set): (&SetName, &Set)| {
            let paths = files::paths(set.option("files")?).into_iter().collect();
            let former = spec.former(key).map(|key| key.as_str().to_owned());
            let keys = former.chain([key.as_str().to_owned()]).collect();
            let (name, counted) = match &set.identity {
                Identity::Named(name) => (Some(name.as_str().to_owned()), false),
                Identity::Counted(_) => (None, set.matching != Matching::Owned),
            };
            let image = set.image.as_ref().filter(|_| counted);
            let image = image.and_then(|image| ImageRef::parse(image).ok());
            Some(Own { paths, keys, name, image })
        };
        Self(spec.sets.iter().filter_map(own).collect())
    }

    /// The files to fetch from a container; `None`: no file is needed. Without a project, the
    /// labels of every container count.
    pub(super) fn wanted(
        &self,
        container: Seen<'_>,
        project: Option<&str>,
    ) -> Option<BTreeSet<String>> {
        let name = reserved_suffix(container.name()).0;
        let ours = container.label(LABEL_PROJECT).is_some_and(|of| project == Some(of));
        // A label from an image does not name the container.
        let labelled = container.label(LABEL_NAME) == Some(name);
        let key = container.label(LABEL_SET).filter(|_| ours);
        let key = key.or_else(|| container.label(COMPOSE_SERVICE));
        let may_be = |own: &&Own| {
            let keyed = key.is_some_and(|key| own.keys.contains(key));
            let named = own.name.as_deref() == Some(name);
            keyed || named || !labelled && own.may_match(container)
        };
        let mut sets = self.0.iter().filter(may_be).peekable();
        let known = project.is_none() || ours || sets.peek().is_some();
        let noted = container.label(LABEL_FILES).filter(|_| known).map(files::noted);
        (noted.is_some() || sets.peek().is_some()).then_some(())?;
        let declared = sets.flat_map(|own| own.paths.iter().cloned());
        Some(declared.chain(noted.into_iter().flatten()).collect())
    }
}

impl Own {
    /// Whether a container may have been created from the set's image; after a tag has moved, an ID
    /// tells nothing.
    fn may_match(&self, container: Seen<'_>) -> bool {
        let Some(image) = &self.image else { return false };
        let made_from = container.inspect.and_then(|inspect| inspect["Config"]["Image"].as_str());
        match made_from.map(ImageRef::parse) {
            Some(Ok(found)) if found.repository().is_some() => image.matches(&found),
            _ => true,
        }
    }
}
