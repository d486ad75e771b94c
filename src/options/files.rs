//! `files`: texts that are put into a new container before its start.
//!
//! No engine API takes files in a create or shows them in inspect data. The create body therefore
//! has a field of bayplan's own. The executor removes this field and uploads the files; the
//! snapshot fetches the files into the same field. Neither is done here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::field::{known_keys, map_schema, some_map, text};
use super::fields::{Nothing, Owned};
use super::numbers;
use super::reference;
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, OptionValue, Row};
use crate::base::ident::{LABEL_FILES, Reference};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Live, Value, mark_reference};
use crate::syntax::node::{Entry, Kind, Node, Problems};

/// The field of a create body and of `Config` in inspect data; [`found`] gives the value of each
/// path.
pub const FIELD: &str = "Files";
/// The default mode of a file.
const MODE: i64 = 0o444;
/// The length limit of a path, in bytes.
const LONGEST: usize = 4_000;

/// The declared files, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(BTreeMap<String, File>);

/// A declared file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    content: Content,
    mode: i64,
    uid: i64,
    gid: i64,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// A literal text, which is public.
    Literal(String),
    /// A reference to a text outside of the spec.
    Reference(Reference),
}

/// A found file: its text, if the content is a text, with mode and owner.
pub fn found(content: Option<&str>, mode: i64, uid: i64, gid: i64) -> Json {
    json!({"Content": content, "Mode": mode, "Uid": uid, "Gid": gid})
}

/// The paths of the declared files of a set.
pub fn paths(declared: &super::Declared) -> Vec<String> {
    let files = declared.said::<Files>();
    files.map(|files| files.0.keys().cloned().collect()).unwrap_or_default()
}

/// The paths of files in the label of a container.
pub fn noted(label: &str) -> Vec<String> {
    let paths: Vec<String> = serde_json::from_str(label).unwrap_or_default();
    paths.into_iter().filter(|path| is_path(path)).collect()
}

/// The label that notes the files of a create body.
pub fn note(body: &Json) -> Option<String> {
    let paths: Vec<&String> = body[FIELD].as_object()?.keys().collect();
    Some(json!(paths).to_string())
}

/// Whether a path is absolute and clean.
fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= LONGEST
        && path != "/"
        && path == crate::base::path::clean(path)
        && !path.contains('\0')
}

impl OptionValue for Files {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return problems.expected("a map of paths to files", node);
        };
        let before = problems.all.len();
        let mut files = BTreeMap::new();
        for entry in entries {
            if !is_path(&entry.key) {
                let message = format!(
                    "expected the absolute path of a file, without `.` and `..`, but found `{}`",
                    say::short(&entry.key)
                );
                problems.add(entry.place, message);
                continue;
            }
            let file = File::parse(&entry.value, problems);
            files.extend(file.map(|file| (entry.key.clone(), file)));
        }
        for path in files.keys() {
            let inside = |other: &&String| {
                other.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            if let Some(other) = files.keys().find(inside) {
                let (path, other) = (say::short(path), say::short(other));
                let message = format!("expected a file at `{path}`, but `{other}` is inside it");
                problems.add(node.place, message);
            }
        }
        if files.is_empty() && problems.all.len() == before {
            return problems.expected("a map of paths to files", node);
        }
        (problems.all.len() == before).then_some(Self(files))
    }

    fn print(&self) -> Json {
        let file = |(path, file): (&String, &File)| (path.clone(), file.print());
        Json::Object(self.0.iter().map(file).collect())
    }

    fn schema() -> Json {
        let [from_env, env_file, template] = reference::schemas();
        let id = json!({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$"});
        let properties = json!({
            "content": {"oneOf": [{"type": ["string", "number"]}, from_env, env_file, template]},
            "mode": {"type": ["integer", "string"], "minimum": 0, "maximum": 0o7777,
                "pattern": "^(0o)?[0-7]{1,5}$"},
            "uid": id,
            "gid": id,
        });
        json!({
            "type": "object",
            "propertyNames": {"pattern": "^/."},
            "additionalProperties": map_schema(&properties, &["content"]),
            "minProperties": 1,
        })
    }

    fn references(&self, out: &mut BTreeSet<Reference>) {
        for file in self.0.values() {
            if let Content::Reference(reference) = &file.content {
                out.insert(reference.clone());
            }
        }
    }
}

impl File {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return problems.expected("a map with `content`", node);
        };
        let before = problems.all.len();
        known_keys(entries, &["content", "mode", "uid", "gid"], problems);
        let said = |key: &str| entries.iter().find(|entry| entry.key == key);
        let Some(Entry { value, .. }) = said("content") else {
            return problems.expected("a map with `content`", node);
        };
        let content = Content::parse(value, problems);
        let mut number = |key: &str, nothing: i64| {
            let said = said(key).map(|entry| &entry.value).filter(|node| node.kind != Kind::Null);
            let Some(node) = said else { return Some(nothing) };
            if key == "mode" {
                let mode = numbers::permissions(node);
                return mode.or_else(|| problems.expected("permissions such as \"0440\"", node));
            }
            let id = numbers::whole(node).filter(|id| (0..=i64::from(u32::MAX)).contains(id));
            id.or_else(|| problems.expected("the number of a user or a group", node))
        };
        let (mode, uid, gid) = (number("mode", MODE), number("uid", 0), number("gid", 0));
        (problems.all.len() == before).then_some(())?;
        Some(Self { content: content?, mode: mode?, uid: uid?, gid: gid? })
    }

    fn print(&self) -> Json {
        let content = match &self.content {
            Content::Literal(text) => json!(text),
            Content::Reference(reference) => reference::print(None, reference),
        };
        let mut printed = json!({"content": content});
        if self.mode != MODE {
            printed["mode"] = octal(self.mode).into();
        }
        for (key, id) in [("uid", self.uid), ("gid", self.gid)] {
            if id != 0 {
                printed[key] = id.into();
            }
        }
        printed
    }
}

impl Content {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Map(entries) = &node.kind {
            return reference::parse(None, node, entries, problems).map(Self::Reference);
        }
        text(node, "a text, `{from_env: NAME}` or `{template: TEXT}`", problems).map(Self::Literal)
    }

    /// The content in a create body.
    fn written(&self) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::Reference(reference) => mark_reference(reference),
        }
    }
}

fn octal(mode: i64) -> String {
    format!("{mode:04o}")
}

/// The row of `files`.
#[derive(Debug)]
pub struct FilesRow;

impl Row for FilesRow {
    type Declared = Files;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "files",
            risk: Risk::Secrets,
            doc: "files that are put into it before it starts: `content`, a text or a reference, and \
                  `mode`, `uid` and `gid`, 0444 and root if nothing is said",
            examples: &[
                "{/etc/app.conf: {content: \"debug = off\"}}",
                "{/run/secrets/token: {content: {from_env: TOKEN}, mode: \"0400\", uid: 1000, gid: 1000}}",
                "{/a: {content: \"\"}, /b/c: {content: {env_file: web.env, name: B}, mode: \"0644\"}}",
            ],
            group: Group::Storage,
            many: true,
            drifts: true,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned { hidden: true, ..Owned::config(FIELD, Nothing::Missing) }]
    }

    fn write(&self, said: &Files, body: &mut Body, _cx: &Context) {
        let file = |(path, file): (&String, &File)| {
            let content = file.content.written();
            (path.clone(), found(Some(&content), file.mode, file.uid, file.gid))
        };
        body.config(FIELD, Json::Object(said.0.iter().map(file).collect()));
    }

    fn read(&self, look: &InspectView) -> Value {
        let mut all = BTreeMap::new();
        for (path, file) in look.config(FIELD).as_object().into_iter().flatten() {
            if file.is_null() {
                continue;
            }
            let number = |field: &str| file[field].as_i64().unwrap_or_default();
            // Content that is not a text cannot come from a spec.
            let content = file["Content"].as_str().map_or(Atom::Bool(false), Atom::text);
            all.insert(path.clone(), content);
            if number("Mode") != MODE {
                all.insert(format!("{path} (mode)"), Atom::Text(octal(number("Mode"))));
            }
            for (key, field) in [("uid", "Uid"), ("gid", "Gid")] {
                if number(field) != 0 {
                    all.insert(format!("{path} ({key})"), Atom::Int(number(field)));
                }
            }
        }
        some_map(all)
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        let files = look.config(FIELD).as_object().into_iter().flatten();
        let mut all = serde_json::Map::new();
        for (path, file) in files.filter(|(_, file)| !file.is_null()) {
            let number = |field: &str| file[field].as_i64().unwrap_or_default();
            let content = match Atom::text(file["Content"].as_str().unwrap_or_default()) {
                Atom::Reference(reference) => Content::Reference(reference),
                Atom::Live(Live { shown: Some(text), .. }) | Atom::Text(text) => {
                    Content::Literal(text)
                }
                other => {
                    all.insert(path.clone(), json!({"content": other.show()}));
                    continue;
                }
            };
            let file =
                File { content, mode: number("Mode"), uid: number("Uid"), gid: number("Gid") };
            all.insert(path.clone(), file.print());
        }
        Json::Object(all)
    }

    /// A snapshot without fetched files leaves the files unknown.
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        let unseen = both.1.config(FIELD).is_null();
        let noted = !both.1.config("Labels")[LABEL_FILES].is_null();
        if unseen && (*expected != Value::Unset || noted) {
            *found = Value::Unknown;
        }
    }
}
