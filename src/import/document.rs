//! Writes the spec from its sets: the root, the order of keys, and the comments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::choice::Choices;
use super::image::{Made, made_from};
use super::pick::{COMPOSE_DEPENDS, COMPOSE_SERVICE};
use super::trial::{self, Around, Trial};
use super::write;
use crate::base::ident::{ContainerId, LABEL_PROJECT, ProjectName, Reference};
use crate::engine_model::{Engine, World};
use crate::observed::pick::{COMPOSE_PROJECT, Chosen, Picked, Refusal};
use crate::observed::snapshot::{Container, Snapshot};
use crate::options::{Body, Context, ROWS};
use crate::spec::{Dependency, Spec, Until, depends, read};
use crate::syntax::node::{Node, Problem};

/// The set keys before the options; the other keys that are no options come after the options.
const FIRST: &[&str] = &["name", "count", "image", "pull", "state", "match", "depends_on"];
/// The networks that every engine has; a spec does not declare them.
const FIXED: &[&str] = &["", "bridge", "host", "none", "default"];

/// A spec that was written from containers.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The text of the file.
    pub text: String,
    /// The declared state.
    pub spec: Spec,
    /// The chosen containers that are not in the spec.
    pub refused: Vec<Refusal>,
}

/// The text of one set.
#[derive(Debug, PartialEq)]
struct Written {
    key: String,
    doc: Map<String, Json>,
    choices: Choices,
}

/// The containers of a snapshot, by ID.
type Index<'a> = BTreeMap<ContainerId, &'a Container>;

fn index(snapshot: &Snapshot) -> Index<'_> {
    snapshot.containers.iter().map(|container| (container.id(), container)).collect()
}

/// Writes a spec. `Err`: the text is not a valid spec, which is a bug of bayplan.
pub fn import(
    snapshot: &Snapshot,
    picked: &Picked,
    project: &ProjectName,
) -> Result<Imported, Vec<Problem>> {
    let engine = Engine::of_snapshot(snapshot);
    let world = World::of(snapshot);
    let mut refused = picked.refused.clone();
    let mut sets: BTreeMap<String, Written> = BTreeMap::new();
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut differing = BTreeSet::new();
    let index = index(snapshot);
    let cx = context(&index, picked);
    let keys = cx.containers.iter().map(|(key, name)| (name.clone(), key.clone())).collect();
    let around = Around { snapshot, engine: &engine, world: &world, cx: &cx, keys: &keys };
    for chosen in &picked.chosen {
        let Some(container) = index.get(&chosen.id) else { continue };
        let name = container.name().to_string();
        let Some(written) = set(container, chosen, &around) else {
            let why = "no spec can say what it is called or made from";
            refused.push(Refusal { name, why });
            continue;
        };
        let key = written.key.clone();
        let alike = sets.get(&key).is_none_or(|first| *first == written);
        if !alike || written.doc.contains_key("name") && sets.contains_key(&key) {
            differing.insert(key.clone());
        }
        members.entry(key.clone()).or_default().push(name);
        sets.insert(key, written);
    }
    for key in differing {
        // With a missing container, a plan for the set would remove the container.
        sets.remove(&key);
        let why = "the containers of its set are not alike: the spec that made them knows why";
        let all = members.remove(&key).unwrap_or_default();
        refused.extend(all.into_iter().map(|name| Refusal { name, why }));
    }
    for (key, names) in members {
        if let Some(set) = sets.get_mut(&key).filter(|_| names.len() > 1) {
            set.doc.insert("count".to_owned(), json!(names.len()));
        }
    }
    let mut sets: Vec<Written> = sets.into_values().collect();
    let watched = checked(snapshot, &index, picked, &sets);
    let spec = match ordered(project, &mut sets, &depends(&index, picked, &watched)) {
        Some(spec) => spec,
        None => read(project, &sets)?,
    };
    let objects = external(snapshot, &spec);
    let text = text(project, &objects, &sets, &spec);
    let spec = read::text(&text, &read::Files::new())?;
    refused.sort();
    Ok(Imported { text, spec, refused })
}

/// Reads a spec with these sets.
fn read(project: &ProjectName, sets: &[Written]) -> Result<Spec, Vec<Problem>> {
    let mut root = json!({"project": project, "containers": {}});
    for set in sets {
        root["containers"][&set.key] = Json::Object(set.doc.clone());
    }
    read::spec(Node::from_json(&root), &read::Files::new())
}

/// Reads a spec with dependencies between its sets; `None` if the dependencies form a cycle.
fn ordered(project: &ProjectName, sets: &mut [Written], depends: &Depends) -> Option<Spec> {
    let key = |set: &Written| depends.get(&set.key).filter(|on| !on.is_empty());
    for set in sets.iter_mut() {
        if let Some(on) = key(set) {
            set.doc.insert("depends_on".to_owned(), depends::print(on));
        }
    }
    let spec = read(project, sets).ok();
    if spec.is_none() {
        for set in sets {
            set.doc.remove("depends_on");
        }
    }
    spec
}

/// The dependencies of each set, by key.
type Depends = BTreeMap<String, Vec<Dependency>>;

/// The sets whose health other sets can wait for: running containers with a health check in the
/// spec or the image.
fn checked(
    snapshot: &Snapshot,
    index: &Index<'_>,
    picked: &Picked,
    sets: &[Written],
) -> BTreeSet<String> {
    let of_image = |container: &Container| {
        let image = snapshot.images.get(&container.image());
        image.is_some_and(|image| image["Config"]["Healthcheck"]["Test"].is_array())
    };
    let said = |key: &str| {
        let doc = sets.iter().find(|set| set.key == key).and_then(|set| set.doc.get("healthcheck"));
        doc.is_some_and(|check| !check["test"].is_null())
    };
    let checked = picked.chosen.iter().filter(|chosen| {
        index.get(&chosen.id).is_some_and(|container| {
            let inspect = container.inspect.as_ref();
            let checks = inspect.is_some_and(|inspect| inspect["State"]["Health"].is_object());
            let known = said(chosen.key.as_str()) || of_image(container);
            container.run().is_live() && checks && known
        })
    });
    checked.map(|chosen| chosen.key.to_string()).collect()
}

/// The dependencies of each set by the labels of Docker Compose. A finished one-shot is imported as
/// stopped, so no set can wait for it.
fn depends(index: &Index<'_>, picked: &Picked, checked: &BTreeSet<String>) -> Depends {
    let of = |chosen: &Chosen, label: &str| {
        index.get(&chosen.id).and_then(|container| container.label(label)).map(str::to_owned)
    };
    let service =
        |chosen: &Chosen| Some((of(chosen, COMPOSE_PROJECT)?, of(chosen, COMPOSE_SERVICE)?));
    let mut services: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for chosen in &picked.chosen {
        if let Some(service) = service(chosen) {
            services.entry(service).or_default().insert(chosen.key.to_string());
        }
    }
    let mut depends = BTreeMap::new();
    for chosen in &picked.chosen {
        let (Some((project, _)), Some(said)) = (service(chosen), of(chosen, COMPOSE_DEPENDS))
        else {
            continue;
        };
        // db:service_started:false,cache:service_healthy:true
        let mut on: BTreeMap<&str, Dependency> = BTreeMap::new();
        for one in said.split(',') {
            let (word, rest) = one.split_once(':').unwrap_or((one, ""));
            let mut rest = rest.split(':');
            let healthy = rest.next() == Some(Until::Healthy.word());
            let restart = rest.next() == Some("true");
            for key in services.get(&(project.clone(), word.to_owned())).into_iter().flatten() {
                let healthy = healthy && checked.contains(key);
                let until = if healthy { Until::Healthy } else { Until::Started };
                on.insert(key, Dependency { until, restart, ..Dependency::plain(key) });
            }
        }
        depends.insert(chosen.key.to_string(), on.into_values().collect());
    }
    depends
}

/// The context of the set keys.
fn context(index: &Index<'_>, picked: &Picked) -> Context {
    let name = |chosen: &Chosen| Some(index.get(&chosen.id)?.name().to_string());
    let pairs = picked
        .chosen
        .iter()
        .filter_map(|chosen| name(chosen).map(|name| (chosen.key.to_string(), name)));
    Context { containers: pairs.collect(), ..Context::default() }
}

/// Writes one set.
fn set(container: &Container, chosen: &Chosen, around: &Around<'_>) -> Option<Written> {
    let snapshot = around.snapshot;
    let mut choices = Choices::default();
    let Made { reference, comment, here } = made_from(container, snapshot);
    let mut doc = Map::new();
    if is_member(container, chosen) {
        doc.insert("match".to_owned(), json!("owned"));
    } else {
        doc.insert("name".to_owned(), json!(container.name()));
    }
    doc.insert("image".to_owned(), json!(reference));
    if !here {
        doc.insert("pull".to_owned(), json!("never"));
    }
    if let Some(comment) = comment {
        choices.add("image", comment);
    }
    let state = if container.run().is_live() { "started" } else { "stopped" };
    doc.insert("state".to_owned(), json!(state));
    let image = snapshot.images.get(&container.image());
    let trial = Trial { container, image, around };
    let doc = trial::declare(&trial, doc, &mut choices)?;
    Some(Written { key: chosen.key.to_string(), doc, choices })
}

/// Whether bayplan gave the container its name with a number.
fn is_member(container: &Container, chosen: &Chosen) -> bool {
    let project = container.label(LABEL_PROJECT).unwrap_or_default();
    let name = container.name();
    let number = name.as_str().strip_prefix(&format!("{project}-{}-", chosen.key));
    chosen.owned && number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The existing networks and volumes that the sets use: external objects of the spec.
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

/// The comment at the top of the file.
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
            Reference::EnvFile { .. } | Reference::Template { .. } => None,
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

/// The keys of a set, the most interesting keys first.
fn order(doc: &Map<String, Json>) -> Vec<&str> {
    let rows = ROWS.iter().map(|row| row.def().key);
    let known: Vec<&str> = FIRST.iter().copied().chain(rows).collect();
    let places: BTreeMap<&str, usize> =
        known.iter().enumerate().map(|(place, key)| (*key, place)).collect();
    let mut keys: Vec<&str> = doc.keys().map(String::as_str).collect();
    keys.sort_by_key(|key| places.get(key).copied().unwrap_or(usize::MAX));
    keys
}
