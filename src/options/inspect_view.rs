//! One container as rows read it: inspect data in the words of the newest Docker, whatever engine
//! it came from.
//!
//! Both sides of a comparison are looks, so that one reader serves both. Nothing is compared here.
//!
//! Translated here is what can be told from the data alone and holds for both sides. What depends
//! on the engine at hand, its version, its host or its defaults, is [`crate::engine_model`]'s, which
//! makes the expected side say what that engine will say.

mod alike;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json};

pub use alike::alike;

use crate::options::value::{Live, Value};

/// What of inspect data says how a container was made; how it fares is in no look.
const KEPT: &[&str] = &[
    "Id",
    "Name",
    "Path",
    "Args",
    "Image",
    "Platform",
    "Driver",
    "LoggingDriver",
    "OwnMacAddress",
    "ShowsMacAddress",
    "Config",
    "HostConfig",
    "Mounts",
    "ImageManifestDescriptor",
];

/// Inspect data, translated. Both what an engine says and what [`crate::engine_model`] expects it to say.
#[derive(Debug, Clone)]
pub struct InspectView {
    inspect: Json,
    /// What is known of single environment variables beyond what `Config.Env` shows.
    env: BTreeMap<String, Live>,
    /// What was read here, by its place; empty where it is not remembered.
    reads: Vec<OnceLock<Value>>,
}

/// What was read of it so far is no part of it.
impl PartialEq for InspectView {
    fn eq(&self, other: &Self) -> bool {
        self.inspect == other.inspect && self.env == other.env
    }
}

impl InspectView {
    /// The one constructor. `env` is what a snapshot marked (see [`crate::observed::snapshot::Container`]);
    /// empty for what is expected.
    pub fn new(inspect: &Json, env: &BTreeMap<String, Live>) -> Self {
        let mut kept = Map::new();
        for field in KEPT {
            if let Some(value) = inspect.get(*field) {
                kept.insert((*field).to_owned(), value.clone());
            }
        }
        if let Some(networks) = inspect.get("NetworkSettings").and_then(|all| all.get("Networks")) {
            let networks = Map::from_iter([("Networks".to_owned(), networks.clone())]);
            kept.insert("NetworkSettings".to_owned(), Json::Object(networks));
        }
        Self { env: env.clone(), ..Self::of(Json::Object(kept)) }
    }

    /// The same of inspect data that have nothing else in them, and nothing that is marked: what is
    /// expected.
    pub fn of(mut inspect: Json) -> Self {
        translate(&mut inspect);
        Self { inspect, env: BTreeMap::new(), reads: Vec::new() }
    }

    /// The same, as if no option were one that the engine's own configuration adds.
    #[must_use]
    pub fn saying_all(mut self) -> Self {
        if let Some(inspect) = self.inspect.as_object_mut() {
            inspect.remove("LoggingDriver");
        }
        self
    }

    /// The same with nothing but these fields: of the root, and of its maps.
    #[must_use]
    pub fn keeping(&self, root: &[&str], inner: &[(&str, &[&str])]) -> Self {
        let some = |map: &Json, fields: &[&str]| -> Map<String, Json> {
            let found = fields.iter().filter_map(|field| Some((*field, map.get(*field)?.clone())));
            found.map(|(field, value)| (field.to_owned(), value)).collect()
        };
        let mut kept = some(&self.inspect, root);
        for (field, fields) in inner {
            kept.insert((*field).to_owned(), Json::Object(some(&self.inspect[*field], fields)));
        }
        Self { inspect: Json::Object(kept), env: BTreeMap::new(), reads: Vec::new() }
    }

    /// The same, remembering what is read at so many places: the expected side is read for every
    /// member of a set.
    #[must_use]
    pub fn remembering(mut self, places: usize) -> Self {
        self.reads = std::iter::repeat_with(OnceLock::new).take(places).collect();
        self
    }

    /// What `read` gives; at each place it is always the same reader.
    pub fn read(&self, place: usize, read: impl FnOnce(&Self) -> Value) -> Value {
        match self.reads.get(place) {
            Some(known) => known.get_or_init(|| read(self)).clone(),
            None => read(self),
        }
    }

    /// A field of `Config`; null where it is missing.
    pub fn config(&self, field: &str) -> &Json {
        &self.inspect["Config"][field]
    }

    /// A field of `HostConfig`; null where it is missing.
    pub fn host(&self, field: &str) -> &Json {
        &self.inspect["HostConfig"][field]
    }

    /// The whole, for what is neither.
    pub fn json(&self) -> &Json {
        &self.inspect
    }

    /// Whether, on the expected side, any address of a network card is wished for.
    pub fn wishes_cards(&self) -> bool {
        let said = |json: &Json| json.as_str().is_some_and(|mac| !mac.is_empty());
        let networks = self.inspect["NetworkSettings"]["Networks"].as_object();
        said(self.config("MacAddress"))
            || networks.into_iter().flatten().any(|(_, attached)| said(&attached["MacAddress"]))
    }

    /// What the snapshot marked of an environment variable.
    pub fn live_env(&self, name: &str) -> Option<&Live> {
        self.env.get(name)
    }
}

/// Says it in the words of the newest Docker.
fn translate(inspect: &mut Json) {
    let id = inspect["Id"].as_str().unwrap_or_default().to_owned();
    let short = id.get(..12).unwrap_or_default().to_owned();
    aliases(inspect);
    let mode = inspect.get("HostConfig").is_some().then(|| network_mode(inspect));
    if let Some(host) = inspect.get_mut("HostConfig").and_then(Json::as_object_mut) {
        host.extend(mode.map(|mode| ("NetworkMode".to_owned(), mode.into())));
        limits_and_defaults(host);
        security(host);
        with_protocols(host, "PortBindings");
    }
    let shared = inspect["HostConfig"]["NetworkMode"]
        .as_str()
        .is_some_and(|mode| mode.starts_with("container:"));
    if let Some(config) = inspect.get_mut("Config").and_then(Json::as_object_mut) {
        // Nobody declared the beginning of an ID, nor a name or a domain for a container that
        // shares another's network: an engine shows the other's from the first start on.
        // (A host's own name is `adapt`'s to expect.)
        let unsaid = config.get("Hostname").and_then(Json::as_str) == Some(short.as_str());
        if shared || unsaid {
            config.insert("Hostname".to_owned(), "".into());
        }
        if shared {
            config.insert("Domainname".to_owned(), "".into());
        }
        with_protocols(config, "ExposedPorts");
    }
}

/// A network is named by its name. `default` is what Docker before 26 called the bridge.
fn network_mode(inspect: &Json) -> String {
    let said = inspect["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
    let networks = &inspect["NetworkSettings"]["Networks"];
    let fixed = matches!(said, "bridge" | "host" | "none") || said.starts_with("container:");
    if matches!(said, "" | "default") {
        "bridge".to_owned()
    } else if fixed || networks.get(said).is_some() {
        said.to_owned()
    } else {
        // An ID, or the beginning of one. Before the first start the attachment has no ID.
        let networks = networks.as_object();
        let by_id = networks.into_iter().flatten().find(|(_, attached)| {
            attached["NetworkID"].as_str().is_some_and(|id| id.starts_with(said))
        });
        let alone = networks.filter(|networks| networks.len() == 1);
        let hex = said.len() >= 12 && said.bytes().all(|byte| byte.is_ascii_hexdigit());
        let by_place = alone.filter(|_| hex).and_then(|networks| networks.iter().next());
        by_id.or(by_place).map_or_else(|| said.to_owned(), |(name, _)| name.clone())
    }
}

/// Different words for nothing said.
fn limits_and_defaults(host: &mut Map<String, Json>) {
    if let Some(Json::Object(policy)) = host.get_mut("RestartPolicy")
        && policy.get("Name").and_then(Json::as_str).is_none_or(str::is_empty)
    {
        policy.insert("Name".to_owned(), "no".into());
    }
    // 0 is what an update leaves of a limit that it took off.
    if host.get("PidsLimit").and_then(Json::as_i64).is_some_and(|limit| limit <= 0) {
        host.insert("PidsLimit".to_owned(), Json::Null);
    }
    if host.get("MemorySwappiness").and_then(Json::as_i64) == Some(-1) {
        host.insert("MemorySwappiness".to_owned(), Json::Null);
    }
    // 20.10 decides the runtime at the first start.
    if host.get("Runtime").and_then(Json::as_str).is_none_or(str::is_empty) {
        host.insert("Runtime".to_owned(), "runc".into());
    }
    // Gone from the newest API, without effect for long.
    host.remove("KernelMemory");
    host.remove("KernelMemoryTCP");
}

/// What an engine adds itself, and its two spellings.
fn security(host: &mut Map<String, Json>) {
    let is_host = |field: &str| host.get(field).and_then(Json::as_str) == Some("host");
    let privileged = host.get("Privileged") == Some(&Json::Bool(true));
    let unlabelled = privileged || is_host("IpcMode") || is_host("PidMode");
    if let Some(Json::Array(options)) = host.get_mut("SecurityOpt") {
        for option in options.iter_mut() {
            if let Some(text) = option.as_str()
                && !text.contains('=')
                && let Some((key, value)) = text.split_once(':')
            {
                *option = format!("{key}={value}").into();
            }
        }
        // It follows from what caused it, which is compared.
        options.retain(|option| !(unlabelled && option.as_str() == Some("label=disable")));
    }
    // The engine's own list is another one in each release. A spec can say only: none at all.
    for field in ["MaskedPaths", "ReadonlyPaths"] {
        if host.get(field).and_then(Json::as_array).is_some_and(|paths| !paths.is_empty()) {
            host.insert(field.to_owned(), Json::Null);
        }
    }
}

/// `80` is `80/tcp`; engines keep both as they were sent.
fn with_protocols(object: &mut Map<String, Json>, field: &str) {
    let Some(Json::Object(ports)) = object.get_mut(field) else { return };
    let bare: Vec<String> = ports.keys().filter(|port| !port.contains('/')).cloned().collect();
    for port in bare {
        if let Some(value) = ports.remove(&port) {
            ports.entry(format!("{port}/tcp")).or_insert(value);
        }
    }
}

/// The names that a container has on each of its networks whatever it was told: the beginning of
/// its ID, and its host name. Nothing for what has no ID yet.
pub fn own_names(inspect: &Json) -> Vec<&str> {
    let short = inspect["Id"].as_str().and_then(|id| id.get(..12));
    let hostname = short.and_then(|_| inspect["Config"]["Hostname"].as_str());
    short.into_iter().chain(hostname.filter(|name| !name.is_empty())).collect()
}

/// Docker before 26 counts a container's own names among the aliases, from the first start on.
fn aliases(inspect: &mut Json) {
    let own: Vec<String> = own_names(inspect).into_iter().map(str::to_owned).collect();
    let networks = inspect.pointer_mut("/NetworkSettings/Networks").and_then(Json::as_object_mut);
    for (_, attached) in networks.into_iter().flatten() {
        if let Some(Json::Array(aliases)) = attached.get_mut("Aliases") {
            aliases.retain(|alias| !own.iter().any(|own| alias.as_str() == Some(own)));
        }
    }
}
