//! Resolves `extends`: a service based on another service of the same file or another file.

use std::collections::{BTreeMap, BTreeSet};

use super::canonical;
use super::loader::{At, Loader, parent, reset};
use super::merge::merged;
use super::paths::Folder;
use super::tree::Path;
use super::unicity::enforced;
use crate::base::say;
use crate::syntax::node::{Kind, Node, Place};

/// A service with `extends`, and the file of its base.
struct Extended {
    service: String,
    file: Option<String>,
    place: Place,
}

/// The longest chain of services in which each service extends the next.
const LONGEST_CHAIN: usize = 100;

/// An index of a file's services by name.
struct Services {
    node: Node,
    places: BTreeMap<String, usize>,
}

impl Services {
    fn of(node: Node) -> Self {
        let keys = node.entries().iter().enumerate();
        let places = keys.map(|(at, entry)| (entry.key.clone(), at)).collect();
        Self { node, places }
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.node.entries().get(*self.places.get(name)?).map(|entry| &entry.value)
    }

    /// Replaces an existing service.
    fn replace(&mut self, name: &str, value: Node) {
        let at = self.places.get(name).copied();
        let entries = self.node.entries_mut();
        if let Some(entry) = at.and_then(|at| entries?.get_mut(at)) {
            entry.value = value;
        }
    }
}

impl Loader<'_> {
    pub(super) fn extend(&mut self, root: &mut Node, at: At<'_>, resets: &[Path]) {
        let Some(services) = root.get("services") else { return };
        if !matches!(services.kind, Kind::Map(_)) {
            return;
        }
        let names: Vec<String> = services.entries().iter().map(|entry| entry.key.clone()).collect();
        let mut services = Services::of(services.clone());
        for name in names {
            let mut seen = BTreeSet::new();
            let whole = self.extended(&name, &mut services, at, resets, &mut seen);
            if let Some(whole) = whole {
                services.replace(&name, whole);
            }
        }
        root.set("services", services.node);
    }

    /// A service merged with its base.
    fn extended(
        &mut self,
        name: &str,
        services: &mut Services,
        at: At<'_>,
        resets: &[Path],
        seen: &mut BTreeSet<(String, String)>,
    ) -> Option<Node> {
        if self.is_full() {
            return None;
        }
        let service = services.get(name).filter(|node| node.kind != Kind::Null)?.clone();
        if !matches!(service.kind, Kind::Map(_)) {
            return Some(service);
        }
        let Some(said) = service.get("extends") else { return Some(service) };
        let extended = self.extends(name, said)?;
        if !seen.insert((at.path.to_owned(), name.to_owned())) {
            let message = format!(
                "expected services that do not extend themselves, but `{}` does in the end",
                say::short(name),
            );
            self.problems.add(said.place, message);
            return None;
        }
        if seen.len() > LONGEST_CHAIN {
            let message = format!(
                "expected at most {LONGEST_CHAIN} services that extend one after the other, but \
                 found more"
            );
            self.problems.add(said.place, message);
            return None;
        }
        let base = match &extended.file {
            None => {
                if services.get(&extended.service).is_none() {
                    self.not_there(&extended, at.path);
                    return None;
                }
                let mut base = self.extended(&extended.service, services, at, resets, seen)?;
                reset(&mut base, resets, &mut vec!["services".to_owned(), name.to_owned()]);
                base
            }
            Some(file) => self.extended_from(file, name, &extended, at, resets, seen)?,
        };
        if !self.count(&base) {
            return None;
        }
        let mut path: Path = vec!["services".to_owned(), "x".to_owned()];
        let mut whole = merged(base, service, &mut path, &mut self.problems);
        whole.remove("extends");
        services.replace(name, whole.clone());
        Some(whole)
    }

    fn extends(&mut self, name: &str, node: &Node) -> Option<Extended> {
        let place = node.place;
        match &node.kind {
            Kind::Text(service) => Some(Extended { service: service.clone(), file: None, place }),
            Kind::Map(_) => {
                let service = node.text_of("service").map(str::to_owned);
                if service.is_none() {
                    let key = say::short(name);
                    let message =
                        format!("expected `service` in `services.{key}.extends`, but found none");
                    self.problems.add(place, message);
                }
                let file = node.said("file").and_then(Node::as_text).map(str::to_owned);
                Some(Extended { service: service?, file, place })
            }
            _ => self.problems.expected("the name of a service, or a map with `service`", node),
        }
    }

    fn not_there(&mut self, extended: &Extended, file: &str) {
        let message = format!(
            "expected a service that is there, but found `{}`, which {} has not",
            say::short(&extended.service),
            say::short(file),
        );
        self.problems.add(extended.place, message);
    }

    /// A service of another file, merged with its own base.
    fn extended_from(
        &mut self,
        file: &str,
        name: &str,
        extended: &Extended,
        at: At<'_>,
        resets: &[Path],
        seen: &mut BTreeSet<(String, String)>,
    ) -> Option<Node> {
        let home = self.request.home.as_deref();
        let path = Folder { path: at.folder, home }.absolute(file);
        let raw = self.raw(&path, extended.place)?;
        // The whole file counts at each read.
        if !self.count(&raw.root) {
            return None;
        }
        let own = self.interpolated(raw.root, &mut Path::new(), at.scope);
        let own = self.long(own);
        if !self.problems.all.is_empty() {
            return None;
        }
        let Some(services) = own.said("services").cloned() else {
            self.not_there(extended, &path);
            return None;
        };
        if services.get(&extended.service).is_none() {
            self.not_there(extended, &path);
            return None;
        }
        let folder = parent(&path).to_owned();
        let mut whole = super::tree::map(services.place, vec![("services", services)]);
        Folder { path: &folder, home }.resolve(&mut whole);
        let mut services = Services::of(whole.remove("services")?.value);
        let inner = At { path: &path, folder: &folder, ..at };
        let mut base = self.extended(&extended.service, &mut services, inner, &raw.resets, seen)?;
        reset(&mut base, resets, &mut vec!["services".to_owned(), name.to_owned()]);
        Some(base)
    }

    /// Converts a service from another file to long forms.
    fn long(&mut self, own: Node) -> Node {
        let mut own = enforced(own, &mut Path::new(), &mut self.problems);
        if let Some(services) = own.get_mut("services").and_then(Node::entries_mut) {
            services.retain(|service| matches!(service.value.kind, Kind::Map(_)));
        }
        let mut own = canonical::canonical(own, &mut Path::new(), &mut self.problems);
        canonical::omit_empty(&mut own);
        enforced(own, &mut Path::new(), &mut self.problems)
    }
}
