//! Tells which texts a look would have shown in a container.
//!
//! A hidden value differs from a text that the look would have shown in the value's place. So the
//! expected container is hidden like the found one: what stays readable was public there. A text
//! that was public for another option, or for another set, says nothing.

use std::collections::BTreeSet;

use super::places::{IMAGE, Places};
use super::{Redactor, View, import};
use crate::observed::snapshot::{Container, Snapshot};
use crate::options::inspect_view::InspectView;
use crate::options::literals::Noted;

/// What was public in one container of a look.
#[derive(Debug, Clone, Copy)]
pub struct Visible<'a> {
    snapshot: &'a Snapshot,
    container: &'a Container,
}

impl<'a> Visible<'a> {
    /// What was public in a container.
    pub fn in_container(snapshot: &'a Snapshot, container: &'a Container) -> Self {
        Self { snapshot, container }
    }

    /// The expected data, hidden as the look hid the found data.
    pub fn hide(self, expected: &InspectView) -> InspectView {
        let places = self.places();
        let (redactor, open) = (Redactor::default(), import::Open::default());
        let view = View {
            redactor: &redactor,
            places: places.iter().collect(),
            scopes: Vec::new(),
            noted: Noted::default(),
            open: &open,
        };
        expected.hidden(|inspect| drop(view.options(inspect)))
    }

    /// Whether another container of the look had the same public texts of sets.
    pub fn is_alike(self, other: &Container) -> bool {
        let sets = |container: &Container| self.snapshot.public.containers.get(&container.id());
        sets(self.container) == sets(other)
    }

    /// The texts of the container's sets, of its image, and of the images of its sets.
    fn places(self) -> Vec<Places> {
        let public = &self.snapshot.public;
        let sets = public.containers.get(&self.container.id()).into_iter().flatten();
        let mut images = BTreeSet::from([self.container.image()]);
        let mut places = Vec::new();
        for texts in sets.filter_map(|set| public.sets.get(set)) {
            let references = texts.0.get(IMAGE).into_iter().flatten();
            let declared = references.filter_map(|text| self.snapshot.references.get(text));
            images.extend(declared.flatten().cloned());
            places.push(Places::of_texts(texts.clone()));
        }
        let images = images.iter().filter_map(|id| self.snapshot.images.get(id));
        places.extend(images.map(Places::of_image));
        places
    }
}
