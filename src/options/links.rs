//! `links`: other containers under names in this one.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::field::{some_set, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, Unreadable, any_text, list_of, one_text, spelt};
use super::network::is_name;
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// Other containers under names in this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Links(pub BTreeSet<Link>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// A set or a container.
    pub target: String,
    /// Its name here.
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

/// The row of the links.
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
            .map(|Link { target, alias }| format!("{}:{alias}", cx.container(target)))
            .collect();
        body.host("Links", links);
    }

    /// On Docker's own bridge sent as `target:alias` and shown as `/target:/own-name/alias`, on a
    /// network that users made as it was sent, at the attachment; a target alone is its own alias.
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

/// Puts links where the engine looks for them. On a network that users made it takes them at the
/// attachment, as Docker's client and Compose send them, and drops others without a word.
///
/// Every such network gets them: an alias is found in the network that it was said for alone, and
/// which of them the target is on is not known here.
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
    use serde_json::Value as Json;

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
