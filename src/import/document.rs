//! Sets to a spec: the root, the order of its keys, and the comments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::choice::Choices;
use super::image::{Made, made_from};
use super::pick::{Chosen, Picked, Refusal};
use super::trial::{self, Trial};
use super::write;
use crate::adapt::{Engine, World};
use crate::ident::{ProjectName, Reference};
use crate::options::{Body, Context, ROWS};
use crate::snapshot::{Container, Snapshot};
use crate::spec::node::Problem;
use crate::spec::{Spec, read};

/// The keys of a set that come before its options; the others that are none come after them.
const FIRST: &[&str] = &["name", "image", "pull", "state", "depends_on"];
/// Networks that every engine has: no spec declares them.
const FIXED: &[&str] = &["", "bridge", "host", "none", "default"];

/// A spec written from containers.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The file.
    pub text: String,
    /// What it declares.
    pub spec: Spec,
    /// What was asked for and is not in it.
    pub refused: Vec<Refusal>,
}

/// One set, written out.
struct Written {
    key: String,
    doc: Map<String, Json>,
    choices: Choices,
}

/// Writes a spec. `Err`: what was written is none, which is a fault of this program.
pub fn import(
    snapshot: &Snapshot,
    picked: &Picked,
    project: &ProjectName,
) -> Result<Imported, Vec<Problem>> {
    let engine = Engine::of_snapshot(snapshot);
    let world = World::of(snapshot);
    let mut refused = picked.refused.clone();
    let mut sets = Vec::new();
    let cx = context(snapshot, picked);
    for chosen in &picked.chosen {
        let Some(container) = snapshot.by_id(&chosen.id) else { continue };
        match set(snapshot, container, chosen, (&engine, &world, &cx)) {
            Some(written) => sets.push(written),
            None => refused.push(Refusal {
                name: container.name().to_string(),
                why: "no spec can say what it is called or made from",
            }),
        }
    }
    sets.sort_by(|one, other| one.key.cmp(&other.key));
    let mut root = json!({"project": project, "containers": {}});
    for set in &sets {
        root["containers"][&set.key] = Json::Object(set.doc.clone());
    }
    let spec = read::spec(crate::spec::node::Node::from_json(&root), &read::Files::new())?;
    let objects = external(snapshot, &spec);
    let text = text(project, &objects, &sets, &spec);
    let spec = read::text(&text, &read::Files::new())?;
    refused.sort();
    Ok(Imported { text, spec, refused })
}

/// What the keys of the sets mean.
fn context(snapshot: &Snapshot, picked: &Picked) -> Context {
    let name = |chosen: &Chosen| Some(snapshot.by_id(&chosen.id)?.name().to_string());
    let pairs = picked
        .chosen
        .iter()
        .filter_map(|chosen| name(chosen).map(|name| (chosen.key.to_string(), name)));
    Context { containers: pairs.collect(), ..Context::default() }
}

/// One set.
fn set(
    snapshot: &Snapshot,
    container: &Container,
    chosen: &Chosen,
    around: (&Engine, &World, &Context),
) -> Option<Written> {
    let mut choices = Choices::default();
    let Made { reference, comment, here } = made_from(container, snapshot);
    let mut doc = Map::new();
    doc.insert("name".to_owned(), json!(container.name()));
    doc.insert("image".to_owned(), json!(reference));
    if !here {
        doc.insert("pull".to_owned(), json!("never"));
    }
    if let Some(comment) = comment {
        choices.add("image", comment);
    }
    let state = if container.run().is_live() { "started" } else { "stopped" };
    doc.insert("state".to_owned(), json!(state));
    let (engine, world, cx) = around;
    let image = snapshot.images.get(&container.image());
    let trial = Trial { container, image, engine, world, cx, public: &snapshot.public };
    let doc = trial::declare(&trial, doc, &mut choices)?;
    Some(Written { key: chosen.key.to_string(), doc, choices })
}

/// Networks and volumes that are there and are used: external ones of the root.
fn external(snapshot: &Snapshot, spec: &Spec) -> [(&'static str, BTreeSet<String>); 2] {
    let (mut networks, mut volumes) = (BTreeSet::new(), BTreeSet::new());
    for set in spec.sets.values() {
        let mut body = Body::new();
        set.options.iter().for_each(|option| option.write(&mut body, &Context::default()));
        let body = body.json();
        let host = &body["HostConfig"];
        let texts = |json: &Json| -> Vec<String> {
            json.as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect()
        };
        networks.extend(host["NetworkMode"].as_str().map(str::to_owned));
        let endpoints = body["NetworkingConfig"]["EndpointsConfig"].as_object();
        networks.extend(endpoints.into_iter().flatten().map(|(name, _)| name.clone()));
        let binds = texts(&host["Binds"]);
        volumes.extend(
            binds
                .iter()
                .filter_map(|bind| bind.split_once(':'))
                .map(|(source, _)| source.to_owned()),
        );
        let mounts = host["Mounts"].as_array().into_iter().flatten();
        let sources = mounts.filter(|mount| mount["Type"] == "volume");
        volumes.extend(sources.filter_map(|mount| mount["Source"].as_str()).map(str::to_owned));
    }
    let there =
        |all: &[Json], name: &str| all.iter().filter(|one| one["Name"] == name).count() == 1;
    networks.retain(|name| !FIXED.contains(&name.as_str()) && there(&snapshot.networks, name));
    volumes.retain(|name| there(&snapshot.volumes, name));
    [("networks", networks), ("volumes", volumes)]
}

fn text(
    project: &ProjectName,
    objects: &[(&'static str, BTreeSet<String>)],
    sets: &[Written],
    spec: &Spec,
) -> String {
    let mut out = String::new();
    head(&mut out, spec);
    write::entry(&mut out, 0, "project", &json!(project), false);
    for (what, names) in objects.iter().filter(|(_, names)| !names.is_empty()) {
        write::put(&mut out, 0, &format!("{what}:"));
        for name in names {
            write::entry(&mut out, 2, name, &json!({"external": true}), false);
        }
    }
    if sets.is_empty() {
        write::put(&mut out, 0, "containers: {}");
        return out;
    }
    write::put(&mut out, 0, "containers:");
    for set in sets {
        write::put(&mut out, 2, &format!("{}:", write::scalar(&set.key)));
        for key in order(&set.doc) {
            for comment in set.choices.above(key) {
                write::comment(&mut out, 4, comment);
            }
            write::entry(&mut out, 4, key, &set.doc[key], key != "compare");
        }
    }
    out
}

/// What the reader has to know of all of it.
fn head(out: &mut String, spec: &Spec) {
    write::comment(
        out,
        0,
        "Written by `bayplan import`: what runs, as far as neither image nor engine gives it anyway.",
    );
    let names: BTreeSet<String> = spec
        .references()
        .into_iter()
        .filter_map(|reference| match reference {
            Reference::Env { name } => Some(name),
            Reference::EnvFile { .. } => None,
        })
        .collect();
    if !names.is_empty() {
        write::comment(
            out,
            0,
            "The values of variables that are taken `from_env` are not in it: set these where bayplan runs, or let `bayplan import --literal NAME` write those that are no secrets.",
        );
    }
    write::comment(
        out,
        0,
        "A container that differs is reported, not replaced, until its `state` is `reloaded`.",
    );
}

/// The keys of a set in the order of a reader's interest.
fn order(doc: &Map<String, Json>) -> Vec<&str> {
    let rows = ROWS.iter().map(|row| row.about().key);
    let known: Vec<&str> = FIRST.iter().copied().chain(rows).collect();
    let places: BTreeMap<&str, usize> =
        known.iter().enumerate().map(|(place, key)| (*key, place)).collect();
    let mut keys: Vec<&str> = doc.keys().map(String::as_str).collect();
    keys.sort_by_key(|key| places.get(key).copied().unwrap_or(usize::MAX));
    keys
}
