//! `volumes`: volumes and bind mounts, by path inside the container. A mount in `Binds` equals the
//! same mount in `Mounts`.
//!
//! The options `tmpfs` and `volumes_from` are [`super::storage`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::carried;
use super::field::{At, some_map, strings, text};
use super::fields::{Nothing, Owned};
use super::network::is_name;
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, OptionValue, Row};
use super::volumes_long;
use crate::base::path::clean;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::node::{Kind, Node, Place, Problems};

/// The declared mounts, by path inside the container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Volumes(pub BTreeMap<String, Mount>);

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The source of the mount.
    pub source: Source,
    /// Whether the mount is read-only.
    pub read_only: bool,
    /// Further options: words such as `z`, `Z`, `nocopy` and `rslave`, the treatment of nested
    /// mounts, and options of a `tmpfs` mount.
    pub options: BTreeSet<String>,
}

/// The source of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An anonymous volume of this container.
    Anonymous,
    /// A named volume.
    Named {
        /// The name.
        name: String,
        /// The mounted subpath of the volume.
        subpath: Option<String>,
    },
    /// A folder or file of the host.
    Bind {
        /// The cleaned path; a relative path begins with `.`.
        path: String,
        /// Whether the engine creates a missing folder.
        create: bool,
    },
    /// A `tmpfs` mount.
    Memory {
        /// The size in bytes; 0 means the kernel's default.
        size: i64,
        /// The permissions; 0 means the engine's default.
        mode: i64,
    },
    /// The content of an image, always read-only.
    Image {
        /// The image reference.
        reference: String,
        /// The mounted subpath of the image.
        subpath: Option<String>,
    },
}

impl Mount {
    pub(super) fn new(source: Source) -> Self {
        Self { source, read_only: false, options: BTreeSet::new() }
    }

    /// The words after the second colon.
    fn words(&self) -> String {
        let read_only = self.read_only.then_some("ro");
        let words = read_only.into_iter().chain(self.options.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(",")
    }

    /// Whether the short form can express the mount. In the short form a colon ends a path.
    fn is_short(&self, inside: &str) -> bool {
        let source = match &self.source {
            Source::Bind { path, .. } => path.as_str(),
            _ => "",
        };
        if inside.contains(':') || source.contains(':') {
            return false;
        }
        match &self.source {
            Source::Anonymous => self.words().is_empty(),
            Source::Named { subpath, .. } => subpath.is_none(),
            Source::Bind { create, .. } => {
                *create && !RECURSION.iter().any(|(_, word, _)| self.options.contains(*word))
            }
            Source::Memory { .. } | Source::Image { .. } => false,
        }
    }
}

/// Words that an engine accepts and that have no effect on Linux.
const EMPTY_WORDS: [&str; 4] = ["rw", "consistent", "cached", "delegated"];
/// The propagation modes of a bind mount.
pub(super) const PROPAGATIONS: [&str; 6] =
    ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// The treatment of mounts below a bind mount: the word of a spec, bayplan's word, and the field of
/// the API. By default nested mounts are included, read-only where the kernel supports this.
pub(super) const RECURSION: [(&str, &str, &str); 3] = [
    ("disabled", "non-recursive", "NonRecursive"),
    ("writable", "read-only-non-recursive", "ReadOnlyNonRecursive"),
    ("readonly", "read-only-force-recursive", "ReadOnlyForceRecursive"),
];

/// Adds a word to a mount; returns whether the word is known.
fn take_word(mount: &mut Mount, word: &str) -> bool {
    match word {
        "ro" => mount.read_only = true,
        "z" | "Z" | "nocopy" => drop(mount.options.insert(word.to_owned())),
        _ if PROPAGATIONS.contains(&word) => drop(mount.options.insert(word.to_owned())),
        _ => return EMPTY_WORDS.contains(&word),
    }
    true
}

/// The source of a bind mount in canonical form: absolute, or beginning with `.`.
pub(super) fn bind_source(path: &str) -> Result<String, (String, &'static str)> {
    if path.starts_with('~') {
        return Err((
            format!("expected a path of the engine's host, but found `{}`", say::short(path)),
            "write the home folder out: whose it is depends on who applies",
        ));
    }
    let cleaned = clean(path);
    let kept = path.starts_with('/') || cleaned == "." || cleaned.starts_with("..");
    Ok(if kept { cleaned } else { format!("./{cleaned}") })
}

/// The cleaned path inside the container.
pub(super) fn target(path: &str) -> Result<String, String> {
    let cleaned = clean(path);
    if !path.starts_with('/') || cleaned == "/" {
        return Err(format!(
            "expected an absolute path inside the container, but found `{}`",
            say::short(path)
        ));
    }
    Ok(cleaned)
}

/// Reads the short form: `/path`, `name:/path`, `/host:/path:ro,z`.
fn short_form(text: &str, place: Place, problems: &mut Problems) -> Option<(String, Mount)> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, inside, words) = match parts[..] {
        [inside] => (None, inside, ""),
        [source, inside] => (Some(source), inside, ""),
        [source, inside, words] => (Some(source), inside, words),
        _ => {
            let found = say::short(text);
            problems.add(place, format!("expected `SOURCE:PATH:OPTIONS`, but found `{found}`"));
            return None;
        }
    };
    let inside = target(inside).map_err(|message| problems.add(place, message)).ok()?;
    let source = match source {
        None => Source::Anonymous,
        Some(source) if source.starts_with(['/', '.', '~']) => {
            let path = bind_source(source)
                .map_err(|(message, hint)| problems.add_hint(place, message, hint))
                .ok()?;
            Source::Bind { path, create: true }
        }
        Some(source) => {
            Source::Named { name: volume_name(source, place, problems)?, subpath: None }
        }
    };
    let mut mount = Mount::new(source);
    for word in words.split(',').filter(|_| !words.is_empty()) {
        let fits = match &mount.source {
            Source::Bind { .. } => word != "nocopy",
            _ => !PROPAGATIONS.contains(&word),
        };
        if !fits || !take_word(&mut mount, word) {
            let found = say::short(word);
            let what = if matches!(mount.source, Source::Bind { .. }) { "bind" } else { "volume" };
            problems.add(
                place,
                format!("expected an option of a {what} like `ro`, but found `{found}`"),
            );
            return None;
        }
    }
    Some((inside, mount))
}

/// Reads a volume name or a key of the spec's volumes. An engine's names have at least two
/// characters, but a key may have one; [`too_short`] checks this.
pub(super) fn volume_name(text: &str, place: Place, problems: &mut Problems) -> Option<String> {
    if is_name(text) {
        return Some(text.to_owned());
    }
    let message = format!("expected the name of a volume, but found `{}`", say::short(text));
    problems.add_hint(place, message, "a folder of the host begins with `/` or `./`");
    None
}

/// The error for a single character that is no key of the spec. No engine accepts such a name, and
/// `C:/x` is a Windows path.
fn too_short(name: &str, cx: &Context) -> Option<String> {
    (name.len() < 2 && !cx.volumes.contains_key(name)).then(|| {
        format!(
            "expected the name of a volume, but found `{}`, which is too short for an engine; \
             hint: declare it under `volumes` at the root; a folder of the host begins with `/` \
             or `./`",
            say::short(name)
        )
    })
}

impl OptionValue for Volumes {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            return problems.expected("a list of volumes", node);
        };
        let mut all = BTreeMap::new();
        let mut fine = true;
        for item in items {
            let read = match &item.kind {
                Kind::Map(entries) => volumes_long::parse(item.place, entries, problems),
                _ => text(item, "a volume like `name:/path`", problems)
                    .and_then(|text| short_form(&text, item.place, problems)),
            };
            fine &= read.is_some();
            let Some((inside, mount)) = read else { continue };
            if all.contains_key(&inside) {
                let found = say::short(&inside);
                let message = format!("expected every path inside once, but found `{found}` again");
                problems.add(item.place, message);
                fine = false;
            }
            all.insert(inside, mount);
        }
        fine.then_some(Self(all))
    }

    fn print(&self) -> Json {
        let entry = |(inside, mount): (&String, &Mount)| {
            if !mount.is_short(inside) {
                return volumes_long::print(inside, mount);
            }
            let source = match &mount.source {
                Source::Named { name, .. } => Some(name),
                Source::Bind { path, .. } => Some(path),
                Source::Anonymous | Source::Memory { .. } | Source::Image { .. } => None,
            };
            let words = mount.words();
            let parts = [source, Some(inside), Some(&words).filter(|words| !words.is_empty())];
            json!(parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(":"))
        };
        self.0.iter().map(entry).collect()
    }

    fn schema() -> Json {
        json!({"type": "array", "items": {"oneOf": [
            {"type": "string", "pattern":
                "^(([/.][^:]*|[a-zA-Z0-9][a-zA-Z0-9_.-]*):)?/[^:]*(:[a-zA-Z,]*)?$"},
            volumes_long::schema(),
        ]}})
    }
}

/// The row of `volumes`.
#[derive(Debug)]
pub struct VolumesRow;

impl Row for VolumesRow {
    type Declared = Volumes;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "volumes",
            risk: Risk::Mounts,
            doc: "volumes and folders of the host: anonymous, named and bind mounts, images and memory, short or long form",
            examples: &[
                "[\"pgdata:/var/lib/postgresql/data\", \"/etc/app:/etc/app:ro\"]",
                "[/var/cache, \"/srv/data:/data:Z,rslave\", \"/srv/data:/again\"]",
                "[{type: volume, source: pgdata, target: /data, volume: {nocopy: true, subpath: main}}]",
                "[{type: bind, source: /srv, target: /srv, read_only: true, bind: {create_host_path: false}}]",
                "[{type: bind, source: /srv, target: /srv, read_only: true, bind: {create_host_path: false, propagation: rprivate, recursive: readonly}}]",
                "[{type: bind, source: \"/srv/a:b\", target: /srv}, {type: volume, target: \"/x:y\"}]",
                "[{type: tmpfs, target: /run, tmpfs: {size: 64m, mode: 01777, options: [noexec]}}]",
                "[{type: image, source: \"shop/assets:7\", target: /assets, image: {subpath: public}}]",
            ],
            group: Group::Storage,
            from_image: true,
            many: true,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![
            Owned::config("Volumes", Nothing::Null),
            Owned::host("Binds", Nothing::Null),
            Owned::host("Mounts", Nothing::Missing),
        ]
    }

    fn write(&self, said: &Volumes, body: &mut Body, cx: &Context) {
        let mut binds = Vec::new();
        let mut mounts = Vec::new();
        for (inside, mount) in &said.0 {
            let words = mount.words();
            let short = mount.is_short(inside);
            let source = match &mount.source {
                Source::Anonymous if short => {
                    body.nested("Volumes").insert(inside.clone(), json!({}));
                    continue;
                }
                Source::Named { name, .. } if short => cx.volume(name).to_owned(),
                // `base_dir` may contain a colon too.
                Source::Bind { path, .. } if short && !absolute(path, cx).contains(':') => {
                    absolute(path, cx)
                }
                _ => {
                    mounts.push(volumes_long::write(inside, mount, cx));
                    continue;
                }
            };
            let tail = if words.is_empty() { String::new() } else { format!(":{words}") };
            binds.push(json!(format!("{source}:{inside}{tail}")));
        }
        if !binds.is_empty() {
            body.host("Binds", binds);
        }
        if !mounts.is_empty() {
            body.host("Mounts", mounts);
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let all = all(look).0.into_iter();
        some_map(all.map(|(inside, mount)| (inside, canonical(&mount))).collect())
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        all(look).print()
    }

    fn vet(&self, said: &Volumes, cx: &Context) -> Result<(), String> {
        for mount in said.0.values() {
            if let Source::Named { name, .. } = &mount.source
                && let Some(problem) = too_short(name, cx)
            {
                return Err(problem);
            }
            if let Source::Bind { path, .. } = &mount.source
                && path.starts_with('.')
                && cx.base_dir.is_none()
            {
                return Err(format!(
                    "expected an absolute path of the engine's host, but found `{}`; hint: write \
                     it out, or say `base_dir` at the root",
                    say::short(path)
                ));
            }
        }
        Ok(())
    }
}

/// All requested mounts. A carried anonymous volume still counts as anonymous.
fn all(look: &InspectView) -> Volumes {
    let config = &look.json()["Config"];
    let asked_for = carried::asked_for(config);
    let noted = carried::noted(config);
    let taken_over = |inside: &String, mount: &Mount| match &mount.source {
        Source::Named { name, subpath: None } if carried::is_made_up(name) => {
            // Another tool created the container, so no label notes carried volumes.
            let others = !carried::tells(config) && asked_for.contains(inside);
            noted.contains(inside) || others && mount.words().is_empty()
        }
        _ => false,
    };
    let anonymous = |inside: &String| (inside.clone(), Mount::new(Source::Anonymous));
    let mut all: BTreeMap<String, Mount> = asked_for.iter().map(anonymous).collect();
    // A mount at the path of the image's volume replaces that volume.
    let short = strings(look.host("Binds")).map(found);
    let long = look.host("Mounts").as_array().into_iter().flatten().map(volumes_long::read);
    for (inside, mut mount) in short.chain(long).collect::<Vec<_>>() {
        if taken_over(&inside, &mount) {
            mount.source = Source::Anonymous;
        }
        all.insert(inside, mount);
    }
    Volumes(all)
}

/// The source of a bind mount on the engine's host.
pub(super) fn absolute(path: &str, cx: &Context) -> String {
    match &cx.base_dir {
        Some(base) if path.starts_with('.') => clean(&format!("{base}/{path}")),
        _ => path.to_owned(),
    }
}

/// Reads a bind of the engine; unknown words are kept.
fn found(bind: &str) -> (String, Mount) {
    let mut parts = bind.splitn(3, ':');
    let (first, inside, words) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let Some(inside) = inside else { return (clean(first), Mount::new(Source::Anonymous)) };
    let source = if first.starts_with('/') {
        Source::Bind { path: clean(first), create: true }
    } else {
        Source::Named { name: first.to_owned(), subpath: None }
    };
    let mut mount = Mount::new(source);
    for word in words.unwrap_or_default().split(',').filter(|word| !word.is_empty()) {
        if !take_word(&mut mount, word) {
            mount.options.insert(word.to_owned());
        }
    }
    (clean(inside), mount)
}

/// The mount as unambiguous text: `pgdata (ro)`, `/srv/data (Z,rslave)`.
fn canonical(mount: &Mount) -> Atom {
    let source = match &mount.source {
        Source::Anonymous => "anonymous volume".to_owned(),
        Source::Named { name, subpath: None } => name.clone(),
        Source::Named { name, subpath: Some(part) } => format!("{name}/{part}"),
        Source::Bind { path, .. } => path.clone(),
        Source::Memory { size, mode } => {
            let size = if *size > 0 { format!(" size={size}") } else { String::new() };
            let mode = if *mode > 0 { format!(" mode={mode:o}") } else { String::new() };
            format!("tmpfs{size}{mode}")
        }
        Source::Image { reference, subpath: None } => format!("image {reference}"),
        Source::Image { reference, subpath: Some(part) } => format!("image {reference}/{part}"),
    };
    let mut mount = mount.clone();
    // `rprivate` is the default propagation.
    mount.options.remove("rprivate");
    match mount.words().as_str() {
        "" => Atom::Text(source),
        words => Atom::Text(format!("{source} ({words})")),
    }
}

#[cfg(test)]
#[path = "volumes_tests.rs"]
mod tests;
