//! `links`: aliases by which the container reaches other containers. The order that links imply is
//! [`crate::spec::order`]'s.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{some_set, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, Unreadable, any_text, list_of, one_text, spelt};
use super::network::is_name;
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// The links of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Links(pub BTreeSet<Link>);

/// A link to another container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The set or container.
    pub target: String,
    /// The alias inside the container.
    pub alias: String,
}

impl Spelled for Links {
    const GRAMMAR: Grammar = list_of(
        "a list of `CONTAINER:ALIAS`",
        &Grammar::Text {
            what: "`CONTAINER` or `CONTAINER:ALIAS`",
            spell: spelt::<Link>,
            schema: any_text,
        },
    );

    fn targets(&self, out: &mut Vec<String>) {
        out.extend(self.0.iter().map(|link| link.target.clone()));
    }
}

impl FromStr for Link {
    type Err = Unreadable;

    fn from_str(entry: &str) -> Result<Self, Unreadable> {
        let (target, alias) = entry.split_once(':').unwrap_or((entry, entry));
        if !is_name(target) || !is_name(alias) {
            return Err(Unreadable);
        }
        Ok(Self { target: target.to_owned(), alias: alias.to_owned() })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.target, self.alias)
    }
}

one_text!(Link);

/// The row of `links`.
#[derive(Debug)]
pub struct LinksRow;

impl Row for LinksRow {
    type Declared = Links;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "links",
            risk: Risk::None,
            aliases: &["external_links"],
            doc: "containers to be known under a name: `CONTAINER` or `CONTAINER:ALIAS`",
            examples: &["[\"db:database\"]", "[db, \"cache:redis\"]"],
            many: true,
            group: Group::Network,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("Links", Nothing::Null)]
    }

    fn write(&self, said: &Links, body: &mut Body, cx: &Context) {
        let links: Vec<String> = said
            .0
            .iter()
            .flat_map(|Link { target, alias }| {
                cx.linked(target).into_iter().map(move |name| format!("{name}:{alias}"))
            })
            .collect();
        body.host("Links", links);
    }

    /// Reads links in their forms: the default bridge takes `target:alias` and shows
    /// `/target:/own-name/alias`. A user-defined network keeps the sent form, at the attachment. A
    /// target alone is its own alias.
    fn read(&self, look: &InspectView) -> Value {
        let spelled = |entry: &str| {
            let (target, alias) = entry.split_once(':').unwrap_or((entry, entry));
            let alias = alias.rsplit('/').next().unwrap_or(alias);
            Atom::Text(format!("{}:{alias}", target.trim_start_matches('/')))
        };
        let networks = look.json()["NetworkSettings"]["Networks"].as_object();
        let attached = networks.into_iter().flatten().flat_map(|(_, own)| strings(&own["Links"]));
        some_set(strings(look.host("Links")).chain(attached).map(spelled).collect())
    }
}

/// The names of the containers that inspect data links to.
pub fn targets(inspect: &Json) -> BTreeSet<String> {
    let networks = inspect["NetworkSettings"]["Networks"].as_object();
    let attached = networks.into_iter().flatten().flat_map(|(_, own)| strings(&own["Links"]));
    let all = strings(&inspect["HostConfig"]["Links"]).chain(attached);
    let target =
        |link: &str| link.split(':').next().unwrap_or(link).trim_start_matches('/').to_owned();
    all.map(target).collect()
}

/// Moves links to the place where the engine reads them. On a user-defined network the attachment
/// holds the links, as the Docker CLI and Compose send them. The engine silently drops links
/// elsewhere.
///
/// Every such network gets all links: an alias holds only in its own network, and the target's
/// networks are unknown here.
pub fn place(body: &mut Body) {
    let own = |name: &str| !matches!(name, "" | "default" | "bridge" | "host" | "none");
    let mode = body.json()["HostConfig"]["NetworkMode"].as_str().unwrap_or_default().to_owned();
    if !own(&mode) || mode.starts_with("container:") {
        return;
    }
    let links = body.nested("HostConfig").remove("Links").filter(|links| *links != json!([]));
    let Some(links) = links else { return };
    let all = body.nested("NetworkingConfig").entry("EndpointsConfig").or_insert_with(|| json!({}));
    if all[&mode].is_null() {
        all[&mode] = json!({});
    }
    let endpoints = all.as_object_mut().into_iter().flatten().filter(|(name, _)| own(name));
    for endpoint in endpoints.filter_map(|(_, endpoint)| endpoint.as_object_mut()) {
        endpoint.insert("Links".to_owned(), links.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(mode: &str, endpoints: &Json) -> Json {
        let mut body = Body::from_json(json!({
            "HostConfig": {"NetworkMode": mode, "Links": ["db:sql"]},
            "NetworkingConfig": {"EndpointsConfig": endpoints},
        }));
        place(&mut body);
        let json = body.into_json();
        json!([json["HostConfig"]["Links"], json["NetworkingConfig"]["EndpointsConfig"]])
    }

    #[test]
    fn links_are_where_the_engine_looks_for_them() {
        let both = placed("back", &json!({"back": {"Aliases": ["a"]}, "front": {}, "bridge": {}}));
        let expected = json!([null, {"back": {"Aliases": ["a"], "Links": ["db:sql"]},
            "front": {"Links": ["db:sql"]}, "bridge": {}}]);
        assert_eq!(both, expected);
        assert_eq!(placed("back", &json!({})), json!([null, {"back": {"Links": ["db:sql"]}}]));
        for mode in ["", "default", "bridge", "host", "container:db"] {
            assert_eq!(placed(mode, &json!({"front": {}})), json!([["db:sql"], {"front": {}}]));
        }
    }
}
