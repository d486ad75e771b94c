//! Which networks a member is put on and taken off, where that alone makes it as declared.
//!
//! A network that stays with other wishes (an alias, an address) is left to a new container: off and
//! on again would interrupt what uses it. So is the network that a container was created in, which
//! an engine remembers, and one that this plan makes anew.

use serde_json::Value as Json;

use super::decide::Member;
use super::draft::Planner;
use crate::base::ident::{ChangeTarget, SetName};
use crate::engine_model;
use crate::options::inspect_view::InspectView;
use crate::options::value::Value;
use crate::options::{self, Mode};
use crate::plan::{NetworkRef, Verb};
use crate::planner::compare;
use crate::planner::compare::Terms;
use crate::spec::body::{self, Labels};

/// The row of the networks that a container is on.
pub(super) const NETWORKS: &str = "networks";

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Move {
    /// The network's name.
    pub(super) network: String,
    pub(super) which: NetworkRef,
    pub(super) way: Way,
}

/// Which way.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// Onto it, with the engine's endpoint settings.
    On(Json),
    /// Off it.
    Off,
}

impl Planner<'_> {
    /// The moves that make a member as declared in its networks; `None`: they cannot.
    pub(super) fn moves(
        &self,
        key: &SetName,
        terms: Terms<'_>,
        expected: &InspectView,
        member: &Member<'_>,
    ) -> Option<Vec<Move>> {
        let row = options::row(NETWORKS)?;
        let found = InspectView::new(member.container.inspect.as_ref()?, &member.container.env);
        let main = found.host("NetworkMode").as_str()?;
        let strict = compare::mode(row, terms) == Mode::Strict;
        let (mut want, mut have) = (row.read(expected), row.read(&found));
        row.normalize_pair(&mut want, &mut have, (expected, &found));
        if !strict {
            row.without_more(&mut want, &mut have, (expected, &found));
        }
        let (Value::Map(want), Value::Map(have)) = (want, have) else { return None };
        // It must be where it was created, as it was; unless any other network does as well.
        let there = expected.host("NetworkMode").as_str() == Some(main);
        if !have.contains_key(main) || (strict && !there) {
            return None;
        }
        if want.get(main) != have.get(main) && (strict || want.contains_key(main)) {
            return None;
        }
        let mut moves = Vec::new();
        for (name, endpoint) in &want {
            match have.get(name) {
                None => moves.push(self.onto(key, terms, member, name)?),
                Some(same) if same == endpoint => {}
                Some(_) => return None,
            }
        }
        if strict {
            for name in have.keys().filter(|name| !want.contains_key(*name)) {
                moves.push(self.off(&found, name)?);
            }
        }
        (!moves.is_empty()).then_some(moves)
    }

    fn onto(
        &self,
        key: &SetName,
        terms: Terms<'_>,
        member: &Member<'_>,
        name: &str,
    ) -> Option<Move> {
        let body =
            body::create_body(self.spec, key, terms.set, &member.name, Labels::None, &self.cx);
        // What the engine lacks is told of the create that this would be instead of.
        if !engine_model::unsupported(&body, &self.engine).is_empty() {
            return None;
        }
        let endpoint = &body.json()["NetworkingConfig"]["EndpointsConfig"][name];
        let made = self.jobs_of(&ChangeTarget::Network(name).id()).next();
        let which = match made {
            Some(job) if job.change.verb == Verb::Replace => return None,
            Some(job) => NetworkRef::CreatedBy(job.up.clone()?),
            None => NetworkRef::Id(self.world.network_by(name)?.1.clone()),
        };
        let empty = endpoint.as_object().is_none_or(serde_json::Map::is_empty);
        let endpoint = if empty { Json::Null } else { endpoint.clone() };
        Some(Move { network: name.to_owned(), which, way: Way::On(endpoint) })
    }

    fn off(&self, found: &InspectView, name: &str) -> Option<Move> {
        if self.jobs_of(&ChangeTarget::Network(name).id()).next().is_some() {
            return None;
        }
        let (known, id) = self.world.network_by(name)?;
        let attached = &found.json()["NetworkSettings"]["Networks"][name]["NetworkID"];
        // Of a container that never ran only the name is told.
        let same = attached.as_str().is_none_or(|told| told.is_empty() || told == id.as_str());
        (known == name && same).then(|| Move {
            network: name.to_owned(),
            which: NetworkRef::Id(id.clone()),
            way: Way::Off,
        })
    }
}
