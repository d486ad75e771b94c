//! Chooses the networks to connect and disconnect, where these calls alone resolve a difference.
//!
//! A network with changed endpoint settings (an alias, an address) needs a new container, because
//! reconnecting would interrupt the traffic. So does another network of the create, which an engine
//! remembers, and a network that this plan replaces. The choice between moves and a replacement is
//! [`super::decide`]'s.

use std::collections::BTreeMap;

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

/// The key of the row of networks.
pub(super) const NETWORKS: &str = "networks";

/// One connect or disconnect call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Move {
    /// The network's name.
    pub(super) network: String,
    pub(super) which: NetworkRef,
    pub(super) way: Way,
}

/// The direction of a move.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// Connect, with the endpoint settings.
    On(Json),
    /// Disconnect.
    Off,
}

impl Planner<'_> {
    /// The moves that make the networks of a member as declared; `None` if moves cannot do so.
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
        let Value::Map(want) = want else { return None };
        let have = match have {
            Value::Map(have) => have,
            Value::Unset => BTreeMap::new(),
            _ => return None,
        };
        // The network of the create must be unchanged, unless the comparison accepts any network.
        let there = expected.host("NetworkMode").as_str() == Some(main);
        if strict && !there {
            return None;
        }
        if have.contains_key(main) {
            if want.get(main) != have.get(main) && (strict || want.contains_key(main)) {
                return None;
            }
        } else if !want.contains_key(main) || expected.json()["OwnMacAddress"] == true {
            // A container that was taken off is connected again, but not with an address of the
            // whole container.
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
        // An unsupported option is reported for the replacement instead.
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
        // A container that never ran shows the network name only.
        let same = attached.as_str().is_none_or(|told| told.is_empty() || told == id.as_str());
        (known == name && same).then(|| Move {
            network: name.to_owned(),
            which: NetworkRef::Id(id.clone()),
            way: Way::Off,
        })
    }
}
