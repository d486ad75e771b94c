//! Lists what dead runs left on an engine, and the plans of these runs.
//!
//! A look tells containers with reserved names, containers that are off the network of their
//! create, and locks. A container that is off a further network leaves no trace but the lock.

use std::collections::BTreeMap;

use super::lock::Held;
use crate::base::ident::{
    LABEL_NAME, LABEL_PLAN, LABEL_PROJECT, SUFFIX_FAILED, SUFFIX_LOCK, SUFFIX_NEW, SUFFIX_OLD,
    reserved_suffix,
};
use crate::base::say;
use crate::observed::off_network::{OffNetwork, locks, off_network};
use crate::observed::snapshot::{Container, Snapshot};

/// One thing that a dead run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The thing in words: `web.bp-new (5ca9d1f00b12), created`.
    pub what: String,
    /// The project, if a label names one.
    pub project: Option<String>,
    /// The digest of the plan whose run left it, as far as that is known.
    pub plan: Option<String>,
    /// The kind of the thing.
    pub kind: Kind,
}

/// The kind of a leftover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A container with a reserved name.
    Container,
    /// A failed container that is kept only for diagnosis.
    Kept,
    /// A container that is off the network in which it was created.
    OffNetwork {
        /// Whether a lock proves that a run took the container off; else a person may have.
        is_locked: bool,
    },
    /// The lock of a run, which is alive or dead.
    Lock,
}

/// The leftovers: containers by name, then containers off their network, then locks.
pub fn leftovers(look: &Snapshot) -> Vec<Leftover> {
    let named: BTreeMap<&str, Leftover> = look
        .containers
        .iter()
        .filter_map(|container| Some((container.seen().name(), named(look, container)?)))
        .collect();
    // A container of people that they took off themselves is no leftover.
    let ours = |off: &OffNetwork<'_>| {
        let (_, reserved) = reserved_suffix(off.container.seen().name());
        reserved.is_none() && (off.plan.is_some() || project_of(off.container).is_some())
    };
    let off = off_network(look).into_iter().filter(ours).map(|off| {
        let network = say::short(off.network);
        Leftover {
            what: format!(
                "{}, off network `{network}`, in which it was created",
                described(off.container)
            ),
            project: project_of(off.container),
            plan: off.plan.map(str::to_owned),
            kind: Kind::OffNetwork { is_locked: off.lock.is_some() },
        }
    });
    let locks = locks(look).into_iter().filter_map(|(project, plan)| {
        let container = look.by_name(&format!("{project}{SUFFIX_LOCK}"))?;
        let held = container.inspect.as_ref().and_then(Held::of)?;
        Some(Leftover {
            what: format!(
                "{} ({}), the lock of {held}",
                say::short(container.seen().name()),
                held.id.short()
            ),
            project: Some(project.to_owned()),
            plan: Some(plan.to_owned()),
            kind: Kind::Lock,
        })
    });
    named.into_values().chain(off).chain(locks).collect()
}

/// `web (5ca9d1f00b12), running`; a container that never ran is `created`.
fn described(container: &Container) -> String {
    let seen = container.seen();
    let status = seen.inspect.map(|inspect| &inspect["State"]["Status"]);
    let created = status.or_else(|| seen.list.map(|list| &list["State"]));
    let created = created.is_some_and(|status| status == "created");
    let run = if created { "created" } else { seen.run().word() };
    format!("{} ({}), {run}", say::short(seen.name()), seen.id().short())
}

/// The project of a container. A label that names another container was inherited from the image.
fn project_of(container: &Container) -> Option<String> {
    let (stem, _) = reserved_suffix(container.seen().name());
    let own = container.label(LABEL_NAME).is_some_and(|own| own == stem);
    container.label(LABEL_PROJECT).filter(|_| own).map(str::to_owned)
}

/// A container with a reserved name.
fn named(look: &Snapshot, container: &Container) -> Option<Leftover> {
    let (stem, Some(suffix)) = reserved_suffix(container.seen().name()) else { return None };
    if suffix == SUFFIX_LOCK {
        return None;
    }
    let plan_of = |name: &str| look.by_name(name)?.label(LABEL_PLAN).map(str::to_owned);
    let beside = || plan_of(stem).or_else(|| plan_of(&format!("{stem}{SUFFIX_NEW}")));
    let made = container.label(LABEL_PLAN).filter(|_| suffix != SUFFIX_OLD);
    let kind = if suffix == SUFFIX_FAILED { Kind::Kept } else { Kind::Container };
    Some(Leftover {
        what: described(container),
        project: project_of(container),
        plan: made.map(str::to_owned).or_else(beside),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn container(name: &str, more: &Json, labels: &Json) -> Container {
        let mut inspect = json!({
            "Id": "5ca9d1f00b12ff", "Name": format!("/{name}"),
            "State": {"Status": "running"}, "Config": {"Labels": labels},
        });
        for (key, value) in more.as_object().unwrap() {
            inspect[key] = value.clone();
        }
        Container { list: None, inspect: Some(inspect), env: BTreeMap::new() }
    }

    #[test]
    fn what_lies_about_is_told_with_its_plan() {
        let none = json!({});
        let ours = json!({LABEL_PROJECT: "shop", LABEL_NAME: "web", LABEL_PLAN: "sha256:aa"});
        let locked = json!({
            "io.bayplan.lock": "shop", "io.bayplan.lock.plan": "sha256:bb",
            "io.bayplan.lock.host": "ci-7", "io.bayplan.lock.process": "12",
        });
        let off = json!({
            "HostConfig": {"NetworkMode": "back"}, "NetworkSettings": {"Networks": {}},
        });
        let db = json!({LABEL_PROJECT: "shop", LABEL_NAME: "db"});
        let look = Snapshot {
            containers: vec![
                container("web.bp-new", &json!({"State": {"Status": "created"}}), &ours),
                container("web.bp-old", &none, &none),
                container("db.bp-failed", &none, &db),
                container("db", &off, &db),
                container("shop.bp-lock", &json!({"Created": "2026-01-02T03:04:05Z"}), &locked),
                container("other", &none, &ours),
            ],
            ..Snapshot::default()
        };
        let told: Vec<String> = leftovers(&look)
            .into_iter()
            .map(|left| {
                format!("{}; {:?} {:?} {:?}", left.what, left.project, left.plan, left.kind)
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        db.bp-failed (5ca9d1f00b12), running; Some("shop") None Kept
        web.bp-new (5ca9d1f00b12), created; Some("shop") Some("sha256:aa") Container
        web.bp-old (5ca9d1f00b12), running; None Some("sha256:aa") Container
        db (5ca9d1f00b12), running, off network `back`, in which it was created; Some("shop") Some("sha256:bb") OffNetwork { is_locked: true }
        shop.bp-lock (5ca9d1f00b12), the lock of process 12 on ci-7, since 2026-01-02T03:04:05Z; Some("shop") Some("sha256:bb") Lock
        "#);
    }
}
