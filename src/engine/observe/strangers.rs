//! Strangers: inspected containers that turn out to be irrelevant. Their changes do not delay a
//! look.
//!
//! A list does not always show whether a set matches a container by its image; an inspect does.

use serde_json::{Value as Json, json};

use super::brief::{brief, brief_of_inspect, by_id};
use super::{Inspected, View, filter, image_id, inspect_all};
use crate::base::ident::ContainerId;
use crate::engine::{Reader, Result};
use crate::observed::scope::ObservationScope;
use crate::observed::snapshot::Seen;

impl View {
    /// Marks the irrelevant containers, so that their changes do not delay the look.
    pub(super) fn set_strangers_aside(&mut self, wanted: &ObservationScope) {
        let strange =
            |id: &ContainerId| self.inspects.get(id).is_some_and(|it| self.strange(it, wanted));
        let found = filter(self.meant.clone(), strange);
        if !found.is_empty() {
            self.strangers.extend(found);
            self.meant = wanted.containers(&self.list, &self.references, &self.strangers);
        }
    }

    fn strange(&self, inspect: &Json, wanted: &ObservationScope) -> bool {
        let id = Seen::inspected(inspect).image();
        let declared = || self.declared.values().flatten().find(|image| image_id(image) == id);
        wanted.is_stranger(inspect, self.images.get(&id).or_else(declared))
    }

    /// Inspects new containers. Irrelevant containers may come and go, and a container that is
    /// already gone is ignored.
    pub(super) async fn ask_newcomers<R: Reader>(
        &mut self,
        reader: &R,
        wanted: &ObservationScope,
    ) -> Result<()> {
        let newcomers = filter(self.looked_at(), |id| !self.inspects.contains_key(id));
        for (id, inspected) in inspect_all(reader, newcomers).await? {
            match inspected {
                Inspected::Gone => self.list.retain(|entry| Seen::listed(entry).id() != id),
                Inspected::As(inspect) if self.strange(&inspect, wanted) => {
                    self.inspects.insert(id, inspect);
                }
                Inspected::As(_) | Inspected::Unknown => {}
            }
        }
        self.meant = wanted.containers(&self.list, &self.references, &self.strangers);
        self.set_strangers_aside(wanted);
        Ok(())
    }

    /// Completes the view. An irrelevant container that changed meanwhile gets its name, state and
    /// networks from the list.
    pub(super) fn finish(&mut self) {
        let looked_at = self.looked_at();
        let list = by_id(&self.list);
        self.inspects.retain(|id, inspect| {
            let stranger = list.get(id.as_str()).filter(|_| self.strangers.contains(id));
            if let Some(entry) = stranger.filter(|entry| brief(entry) != brief_of_inspect(inspect))
            {
                inspect["Name"] = format!("/{}", Seen::listed(entry).name()).into();
                inspect["State"] = json!({"Status": entry["State"]});
                inspect["NetworkSettings"] = entry["NetworkSettings"].clone();
            }
            stranger.is_some() || looked_at.contains(id)
        });
    }
}
