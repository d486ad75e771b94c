//! An index of values by image reference, for fast matching.
//!
//! The matching rule is [`super::ImageRef::matches`]; a test compares the index with this rule.

use std::collections::BTreeMap;

use super::ImageRef;

/// Values by image reference.
#[derive(Debug, Clone)]
pub struct RefIndex<T> {
    repositories: BTreeMap<String, Repository<T>>,
}

/// The values of one repository, in the order in which they were added.
#[derive(Debug, Clone)]
struct Repository<T> {
    all: Vec<T>,
    by_digest: Vec<T>,
    by_tag: BTreeMap<Option<String>, Vec<T>>,
}

impl<T> Default for RefIndex<T> {
    fn default() -> Self {
        Self { repositories: BTreeMap::new() }
    }
}

impl<T> Default for Repository<T> {
    fn default() -> Self {
        Self { all: Vec::new(), by_digest: Vec::new(), by_tag: BTreeMap::new() }
    }
}

/// The key of the index: the repository, or an image ID, which no repository can have as its name.
fn key(reference: &ImageRef) -> String {
    reference.repository().unwrap_or_else(|| reference.to_string())
}

impl<T: Copy + Ord> RefIndex<T> {
    /// Adds a value.
    pub fn add(&mut self, reference: &ImageRef, thing: T) {
        let repository = self.repositories.entry(key(reference)).or_default();
        repository.all.push(thing);
        if reference.digest().is_some() {
            repository.by_digest.push(thing);
        } else {
            let tag = reference.tag().map(str::to_owned);
            repository.by_tag.entry(tag).or_default().push(thing);
        }
    }

    /// Whether the index is empty.
    pub fn is_empty(&self) -> bool {
        self.repositories.is_empty()
    }

    /// Whether any value matches a reference.
    pub fn has(&self, reference: &ImageRef) -> bool {
        !self.first(reference, 1).is_empty()
    }

    /// The first values that match a reference, at most `most`, in their order.
    pub fn first(&self, reference: &ImageRef, most: usize) -> Vec<T> {
        let Some(repository) = self.repositories.get(&key(reference)) else { return Vec::new() };
        if reference.digest().is_some() {
            return repository.all.iter().take(most).copied().collect();
        }
        let tagged = repository.by_tag.get(&reference.tag().map(str::to_owned));
        let tagged = tagged.into_iter().flatten().take(most);
        let mut found: Vec<T> =
            tagged.chain(repository.by_digest.iter().take(most)).copied().collect();
        found.sort_unstable();
        found.truncate(most);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_matches_and_nothing_else() {
        let digest = format!("sha256:{}", "1".repeat(64));
        let other = format!("sha256:{}", "2".repeat(64));
        let texts = [
            "app".to_owned(),
            "app:1".to_owned(),
            "docker.io/library/app:latest".to_owned(),
            "shop/app:1".to_owned(),
            "localhost:5000/app:1".to_owned(),
            format!("app@{digest}"),
            format!("app:1@{other}"),
            digest,
            other,
        ];
        let all: Vec<ImageRef> = texts.iter().map(|text| ImageRef::parse(text).unwrap()).collect();
        let mut index = RefIndex::default();
        for (place, reference) in all.iter().enumerate() {
            index.add(reference, place);
        }
        for reference in &all {
            let matching = (0..all.len()).filter(|place| all[*place].matches(reference));
            let matching: Vec<usize> = matching.collect();
            assert_eq!(index.first(reference, usize::MAX), matching, "{reference}");
            assert_eq!(index.first(reference, 1), matching[..1], "{reference}");
        }
    }
}
