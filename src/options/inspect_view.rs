//! [`InspectView`]: a container as rows read it. Inspect data of any engine is translated into the
//! form of the newest Docker.
//!
//! Both sides of a comparison are inspect views, so that one reader serves both sides. This module
//! compares nothing.
//!
//! The translation needs the data alone, and holds for both sides. Rules that depend on an engine's
//! version, host or defaults are [`crate::engine_model`]'s.

mod alike;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json};

pub use alike::alike;

use crate::options::value::{Live, Value};

/// The fields that tell how a container was created. The run state is in no view.
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

/// Translated inspect data: of an engine, or as [`crate::engine_model`] expects.
#[derive(Debug, Clone)]
pub struct InspectView {
    inspect: Json,
    /// Marks of environment variables beyond the texts in `Config.Env`.
    env: BTreeMap<String, Live>,
    /// Cached values by position of the row; empty if nothing is cached.
    reads: Vec<OnceLock<Value>>,
}

/// The cache does not count.
impl PartialEq for InspectView {
    fn eq(&self, other: &Self) -> bool {
        self.inspect == other.inspect && self.env == other.env
    }
}

impl InspectView {
    /// Translates inspect data. `env` has the marks of the snapshot (see
    /// [`crate::observed::snapshot::Container`]), and is empty for expected data.
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

    /// Translates expected inspect data, which has no further fields and no marks.
    pub fn of(mut inspect: Json) -> Self {
        translate(&mut inspect);
        Self { inspect, env: BTreeMap::new(), reads: Vec::new() }
    }

    /// Drops the engine's default logging driver, so that no option counts as an engine default.
    #[must_use]
    pub fn saying_all(mut self) -> Self {
        if let Some(inspect) = self.inspect.as_object_mut() {
            inspect.remove("LoggingDriver");
        }
        self
    }

    /// Keeps only these fields of the root and of nested objects.
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

    /// The data with private texts hidden.
    #[must_use]
    pub fn hidden(&self, hide: impl FnOnce(&mut Json)) -> Self {
        let mut inspect = self.inspect.clone();
        hide(&mut inspect);
        Self { inspect, env: BTreeMap::new(), reads: Vec::new() }
    }

    /// Caches values of this number of rows: the expected side is read for every member of a set.
    #[must_use]
    pub fn remembering(mut self, places: usize) -> Self {
        self.reads = std::iter::repeat_with(OnceLock::new).take(places).collect();
        self
    }

    /// Reads a value through the cache; each position must always have the same reader.
    pub fn read(&self, place: usize, read: impl FnOnce(&Self) -> Value) -> Value {
        match self.reads.get(place) {
            Some(known) => known.get_or_init(|| read(self)).clone(),
            None => read(self),
        }
    }

    /// A field of `Config`; null if the field is missing.
    pub fn config(&self, field: &str) -> &Json {
        &self.inspect["Config"][field]
    }

    /// A field of `HostConfig`; null if the field is missing.
    pub fn host(&self, field: &str) -> &Json {
        &self.inspect["HostConfig"][field]
    }

    /// The whole object, for fields outside of `Config` and `HostConfig`.
    pub fn json(&self) -> &Json {
        &self.inspect
    }

    /// Whether the expected side requests a MAC address.
    pub fn wishes_cards(&self) -> bool {
        let said = |json: &Json| json.as_str().is_some_and(|mac| !mac.is_empty());
        let networks = self.inspect["NetworkSettings"]["Networks"].as_object();
        said(self.config("MacAddress"))
            || networks.into_iter().flatten().any(|(_, attached)| said(&attached["MacAddress"]))
    }

    /// The mark of an environment variable.
    pub fn live_env(&self, name: &str) -> Option<&Live> {
        self.env.get(name)
    }
}

/// Translates inspect data into the form of the newest Docker.
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
        // An engine fills in the ID prefix as host name. A container in another container's network
        // shows that container's host name and domain from its first start on. Such values are
        // undeclared. (The host name of the host is `adapt`'s.)
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

/// Gives the network by name. Docker before 26 calls the default bridge `default`.
fn network_mode(inspect: &Json) -> String {
    let said = inspect["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
    let networks = &inspect["NetworkSettings"]["Networks"];
    let fixed = matches!(said, "bridge" | "host" | "none") || said.starts_with("container:");
    if matches!(said, "" | "default") {
        "bridge".to_owned()
    } else if fixed || networks.get(said).is_some() {
        said.to_owned()
    } else {
        // The mode is an ID or an ID prefix. Before the first start the attachment has no ID.
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

/// Translates several forms of an unset value.
fn limits_and_defaults(host: &mut Map<String, Json>) {
    if let Some(Json::Object(policy)) = host.get_mut("RestartPolicy")
        && policy.get("Name").and_then(Json::as_str).is_none_or(str::is_empty)
    {
        policy.insert("Name".to_owned(), "no".into());
    }
    // An update leaves 0 for a removed limit.
    if host.get("PidsLimit").and_then(Json::as_i64).is_some_and(|limit| limit <= 0) {
        host.insert("PidsLimit".to_owned(), Json::Null);
    }
    if host.get("MemorySwappiness").and_then(Json::as_i64) == Some(-1) {
        host.insert("MemorySwappiness".to_owned(), Json::Null);
    }
    // Docker 20.10 sets the runtime at the first start.
    if host.get("Runtime").and_then(Json::as_str).is_none_or(str::is_empty) {
        host.insert("Runtime".to_owned(), "runc".into());
    }
    // The newest API lacks these fields, which had no effect for long.
    host.remove("KernelMemory");
    host.remove("KernelMemoryTCP");
}

/// Drops security options that an engine adds, and unifies two spellings.
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
        // The option follows from another option, which is compared.
        options.retain(|option| !(unlabelled && option.as_str() == Some("label=disable")));
    }
    // Each release has its own default list. A spec can only ask for an empty list.
    for field in ["MaskedPaths", "ReadonlyPaths"] {
        if host.get(field).and_then(Json::as_array).is_some_and(|paths| !paths.is_empty()) {
            host.insert(field.to_owned(), Json::Null);
        }
    }
}

/// Adds `/tcp` to bare ports, because engines keep ports as sent.
fn with_protocols(object: &mut Map<String, Json>, field: &str) {
    let Some(Json::Object(ports)) = object.get_mut(field) else { return };
    let bare: Vec<String> = ports.keys().filter(|port| !port.contains('/')).cloned().collect();
    for port in bare {
        if let Some(value) = ports.remove(&port) {
            ports.entry(format!("{port}/tcp")).or_insert(value);
        }
    }
}

/// The names that every container has on each of its networks: the ID prefix and the host name.
/// Empty for a container without ID.
pub fn own_names(inspect: &Json) -> Vec<&str> {
    let short = inspect["Id"].as_str().and_then(|id| id.get(..12));
    let hostname = short.and_then(|_| inspect["Config"]["Hostname"].as_str());
    short.into_iter().chain(hostname.filter(|name| !name.is_empty())).collect()
}

/// Drops a container's own names, which Docker before 26 lists as aliases after the first start.
fn aliases(inspect: &mut Json) {
    let own: Vec<String> = own_names(inspect).into_iter().map(str::to_owned).collect();
    let networks = inspect.pointer_mut("/NetworkSettings/Networks").and_then(Json::as_object_mut);
    for (_, attached) in networks.into_iter().flatten() {
        if let Some(Json::Array(aliases)) = attached.get_mut("Aliases") {
            aliases.retain(|alias| !own.iter().any(|own| alias.as_str() == Some(own)));
        }
    }
}
