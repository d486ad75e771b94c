//! Targets of stopped containers: containers outside the spec whose namespaces a stopped container
//! shares, or to which the container is linked. An engine refuses the start if the target was made
//! again, and only an inspect tells the age of the target.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Inspected, View, filter, inspect_all};
use crate::base::ident::ContainerId;
use crate::engine::{Reader, Result};
use crate::observed::snapshot::Seen;

impl View {
    /// Inspects the targets of the stopped containers, once each.
    pub(super) async fn find_targets<R: Reader>(&mut self, reader: &R) -> Result<()> {
        let stopped = self.meant.iter().filter_map(|id| self.inspects.get(id));
        let stopped = stopped.filter(|inspect| !Seen::inspected(inspect).run().is_live());
        let words: BTreeSet<&str> = stopped.flat_map(words).collect();
        if words.is_empty() {
            return Ok(());
        }
        let listed = self.list.iter().map(Seen::listed);
        let by_name: BTreeMap<&str, ContainerId> =
            listed.map(|seen| (seen.name(), seen.id())).collect();
        let found = words
            .into_iter()
            .map(|word| by_name.get(word).cloned().unwrap_or_else(|| ContainerId::new(word)));
        let listed: BTreeSet<&ContainerId> = by_name.values().collect();
        let asked =
            filter(found.collect(), |id| listed.contains(id) && !self.inspects.contains_key(id));
        for (id, inspected) in inspect_all(reader, asked).await? {
            if let Inspected::As(inspect) = inspected {
                self.related.insert(id.clone());
                self.inspects.insert(id, inspect);
            }
        }
        Ok(())
    }
}

/// The names and IDs of the targets of a container.
fn words(inspect: &Json) -> impl Iterator<Item = &str> {
    let host = &inspect["HostConfig"];
    let links = host["Links"].as_array().into_iter().flatten();
    let links = links.filter_map(|link| link.as_str()?.split(':').next());
    let modes = ["NetworkMode", "IpcMode", "PidMode"].into_iter();
    let modes = modes.filter_map(|field| host[field].as_str()?.strip_prefix("container:"));
    links.chain(modes).map(|word| word.trim_start_matches('/'))
}
