//! Removes the values of a service that another value makes meaningless, as Compose and engines do.

use std::collections::BTreeMap;

use super::Project;
use super::lower::Lower;
use super::paths::Folder;
use super::source::Unread;
use super::tree::{list, map, text};
use crate::base::say;
use crate::options::security::is_profile;
use crate::syntax::node::{Entry, Kind, Node, Problem};

/// The pull policies, the strongest first.
const PULLS: [&str; 4] = ["build", "always", "missing", "never"];

impl Lower<'_> {
    /// A service without its meaningless values.
    pub(super) fn fitted(&mut self, key: &str, service: &Node) -> Node {
        let mut own = service.clone();
        let name = say::short(key);
        if own.get("healthcheck").is_some_and(|check| check.is_true("disable")) {
            let place = own.get("healthcheck").map_or(own.place, |check| check.place);
            let off = super::tree::boolean(place, true);
            own.set("healthcheck", map(place, vec![("disable", off)]));
        }
        let test = own.get("healthcheck").and_then(|check| check.get("test"));
        if let Some(Node { place, kind: Kind::List(words) }) = test
            && words.len() > 2
            && words.first().and_then(Node::as_text) == Some("CMD-SHELL")
        {
            let message =
                format!("the health check of `{name}`: the shell runs its first word alone");
            self.note(*place, message);
        }
        if own.text_of("isolation") == Some("default") {
            own.remove("isolation");
        }
        if let Some(logging) = own.get_mut("logging")
            && logging.text_of("driver") == Some("")
        {
            logging.remove("driver");
        }
        let said = own.get("networks");
        if own.text_of("network_mode").is_some_and(|mode| !mode.is_empty())
            && said.is_some_and(|networks| networks.entries().is_empty())
        {
            own.remove("networks");
        }
        let shares = |mode: &str| {
            mode == "host" || mode.starts_with("service:") || mode.starts_with("container:")
        };
        if own.text_of("ipc").is_some_and(shares)
            && let Some(Entry { place, .. }) = own.remove("shm_size")
        {
            let message = format!("`shm_size` of `{name}`: the shared memory is another's");
            self.note(place, message);
        }
        let mode = own.text_of("network_mode").unwrap_or_default();
        let none = mode == "host" || mode == "none";
        if none
            && let Some(Entry { place, value, .. }) = own.remove("ports")
            && !value.items().is_empty()
        {
            let message = format!("`ports` of `{name}`: none is published in this network");
            self.note(place, message);
        }
        self.mounts(&name, &mut own);
        own
    }

    /// Removes the volume labels of mounts, with a note that the labels have no effect.
    fn mounts(&mut self, name: &str, own: &mut Node) {
        let Some(Node { kind: Kind::List(items), .. }) = own.get_mut("volumes") else { return };
        for mount in items {
            let options = mount.get_mut("volume");
            if let Some(Entry { place, .. }) = options.and_then(|own| own.remove("labels")) {
                self.note(place, format!("labels of a volume of `{name}`: they do nothing here"));
            }
        }
    }

    /// The options of security modules; a file with a seccomp profile becomes its content, as engines
    /// take it.
    pub(super) fn security(&mut self, node: &Node) -> Node {
        let options = node.items().iter().map(|option| {
            let said = option.as_text().unwrap_or_default();
            let profile = said.strip_prefix("seccomp=").or_else(|| said.strip_prefix("seccomp:"));
            let path = profile.filter(|path| !is_profile(path))?;
            let here = Folder { path: &self.request.folder, home: self.request.home.as_deref() };
            let file = here.absolute(path);
            let read = self.source.read(&file).and_then(|content| {
                compact(&content).ok_or_else(|| Unread {
                    message: format!("expected a seccomp profile in `{}`", say::short(path)),
                    hint: None,
                })
            });
            match read {
                Ok(content) => Some(text(option.place, format!("seccomp={content}"))),
                Err(Unread { message, hint }) => {
                    self.problems.all.push(Problem { place: option.place, message, hint });
                    None
                }
            }
        });
        let read: Vec<Option<Node>> = options.collect();
        let own = read.into_iter().zip(node.items());
        list(node.place, own.map(|(read, said)| read.unwrap_or_else(|| said.clone())).collect())
    }

    /// Sets the pull policy of a set; reports a policy that bayplan treats differently.
    pub(super) fn pull(&mut self, key: &str, service: &Node, set: &mut Node) {
        let policy = service.said("pull_policy");
        let place = policy.map_or(set.place, |node| node.place);
        let said = policy.and_then(Node::as_text).unwrap_or("missing");
        if service.said("build").is_none() && !PULLS.contains(&said) {
            let message = format!(
                "`pull_policy: {}` of `{}`: an image that is here is not asked for again",
                say::short(said),
                say::short(key),
            );
            self.note(place, message);
        }
        let word = match self.pulls.get(&image(self.project, key, service)).copied() {
            Some("build" | "never") => "never",
            Some("always") => "always",
            _ => return,
        };
        set.set_default("pull", text(place, word));
    }
}

/// The keys of a seccomp profile.
const PROFILE: &[&str] = &[
    "archMap",
    "architectures",
    "defaultAction",
    "defaultErrno",
    "defaultErrnoRet",
    "flags",
    "listenerMetadata",
    "listenerPath",
    "syscalls",
];

/// A seccomp profile without blanks between its parts, as Compose sends it. The content of a file gets
/// into the plan, so another JSON file, such as one with credentials, is no profile.
fn compact(json: &str) -> Option<String> {
    type Fields = BTreeMap<String, Box<serde_json::value::RawValue>>;
    let fields: Fields = serde_json::from_str(json).ok()?;
    let is_profile = fields.contains_key("defaultAction")
        && fields.keys().all(|field| PROFILE.contains(&field.as_str()));
    is_profile.then_some(())?;
    let (mut inside, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = inside || !matches!(c, ' ' | '\t' | '\n' | '\r');
        inside ^= *c == '"' && !escaped;
        escaped = inside && *c == '\\' && !escaped;
        kept
    };
    Some(json.chars().filter(keep).collect())
}

/// The pull policy of each image: services with the same image share the strongest policy, and an
/// image that a service builds is never pulled.
pub(super) fn pulls(project: &Project) -> BTreeMap<String, &'static str> {
    let rank = |word: &str| PULLS.iter().position(|known| *known == word);
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    let services = project.root.get("services").map(Node::entries).unwrap_or_default();
    for Entry { key, value: service, .. } in services {
        let built = service.said("build").is_some();
        let policy = service.text_of("pull_policy").filter(|word| rank(word).is_some());
        let word = if built { "build" } else { policy.unwrap_or("missing") };
        let own = rank(word).unwrap_or(PULLS.len());
        let known = all.entry(image(project, key, service)).or_insert(own);
        *known = own.min(*known);
    }
    all.into_iter().filter_map(|(image, rank)| Some((image, *PULLS.get(rank)?))).collect()
}

/// The image of a service.
pub(super) fn image(project: &Project, key: &str, service: &Node) -> String {
    let said = service.text_of("image").filter(|image| !image.is_empty());
    said.map_or_else(|| format!("{}-{key}", project.name), str::to_owned)
}
