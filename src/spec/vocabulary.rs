//! The words of a spec that are not options: root keys, planner keys, and foreign words that
//! deserve a helpful error.
//!
//! Options are the table's, [`crate::options`].

use super::planner_grammar as grammar;
use crate::base::say;
use crate::options::grammar::Grammar;
use crate::options::row::takes_text;
use crate::options::{AnyRow, ROWS, row_by_word};
use crate::syntax::node::{Kind, Node};

/// The keys of the root.
pub const ROOT: &[&str] = &[
    "project",
    "base_dir",
    "compat",
    "defaults",
    "moved",
    "prune",
    "networks",
    "volumes",
    "containers",
];

/// A key of a set that controls the planner.
#[derive(Debug)]
pub struct PlannerKey {
    /// The key.
    pub key: &'static str,
    /// The words of Compose or of the 2015 module for the key.
    pub aliases: &'static [&'static str],
    /// The grammar of the value.
    pub grammar: Grammar,
    /// A lowercase fragment.
    pub doc: &'static str,
    /// Whether `defaults` may declare the key.
    pub by_default: bool,
}

impl PlannerKey {
    /// Whether the empty text means "not set", as for an option.
    pub fn takes_text(&self) -> bool {
        takes_text(&self.grammar.schema())
    }

    /// Whether the value means "not set".
    pub fn is_undeclared(&self, value: &Node) -> bool {
        value.kind == Kind::Null || value.says_nothing() && self.takes_text()
    }
}

/// Every planner key.
pub const PLANNER: &[PlannerKey] = &[
    planner(
        "name",
        &["container_name"],
        grammar::NAME,
        "the container's name; the set is this one container",
    ),
    planner("count", &["scale"], grammar::COUNT, "how many alike; 1 if nothing is said"),
    planner("image", &[], grammar::IMAGE, "what the containers are made from"),
    for_all("state", &[], grammar::STATE, "what is to be; `started` if nothing is said"),
    for_all(
        "match",
        &[],
        grammar::MATCH,
        "which containers belong to a set without a name: all made from its `image`, or only those `owned`",
    ),
    for_all(
        "pull",
        &["pull_policy"],
        grammar::PULL,
        "when the image is pulled; `missing` if nothing is said",
    ),
    for_all(
        "on_stopped",
        &[],
        grammar::ON_STOPPED,
        "what becomes of a stopped container that should run: `start` or `replace`",
    ),
    for_all(
        "recreate",
        &[],
        grammar::RECREATE,
        "when a container is replaced: where it differs (`auto`), `always`, `never`",
    ),
    for_all("compare", &[], grammar::COMPARE, "how options are compared, by option or `*` for all"),
    for_all(
        "kill_signal",
        &["signal"],
        grammar::KILL_SIGNAL,
        "the signal of `state: killed`; `KILL` if nothing is said",
    ),
    for_all(
        "prove_for",
        &[],
        grammar::SECONDS,
        "how long a started container without a health check must run before it counts as ready; `10s` if nothing is said",
    ),
    for_all(
        "update_config",
        &[],
        grammar::UPDATE_CONFIG,
        "how members are replaced: `parallelism`, `delay`, `order`, `failure_action`, `monitor`",
    ),
    for_all("discard", &[], Grammar::Bool, "whether anonymous volumes may be lost"),
    planner("detach", &[], Grammar::Bool, "`false`: it runs once, to its end"),
    planner("depends_on", &[], grammar::DEPENDS_ON, "sets or containers that come first"),
    planner(
        "env_file",
        &[],
        grammar::ENV_FILES,
        "files of variables, relative to the spec; their values never leave memory",
    ),
    planner(
        "label_file",
        &[],
        grammar::LABEL_FILES,
        "files of labels, relative to the spec; what they say goes into the plan",
    ),
];

const fn planner(
    key: &'static str,
    aliases: &'static [&'static str],
    grammar: Grammar,
    doc: &'static str,
) -> PlannerKey {
    PlannerKey { key, aliases, grammar, doc, by_default: false }
}

const fn for_all(
    key: &'static str,
    aliases: &'static [&'static str],
    grammar: Grammar,
    doc: &'static str,
) -> PlannerKey {
    PlannerKey { by_default: true, ..planner(key, aliases, grammar, doc) }
}

/// The row of a planner key.
pub fn planner_key(key: &str) -> Option<&'static PlannerKey> {
    PLANNER.iter().find(|planner| planner.key == key)
}

/// The planner key of a word.
pub fn planner_by_word(word: &str) -> Option<&'static str> {
    PLANNER
        .iter()
        .find(|planner| planner.key == word || planner.aliases.contains(&word))
        .map(|planner| planner.key)
}

/// The keys that `defaults` may declare.
pub fn by_default() -> Vec<&'static str> {
    PLANNER.iter().filter(|planner| planner.by_default).map(|planner| planner.key).collect()
}

/// The key of `defaults` for a word.
pub fn default_by_word(word: &str) -> Option<&'static str> {
    planner_by_word(word).filter(|key| by_default().contains(key))
}

/// The message and hint for an unknown word under `defaults`.
pub fn unknown_default(word: &str) -> (String, Option<String>) {
    let known = row_by_word(word).is_some() || planner_by_word(word).is_some();
    let hint = if known {
        Some(
            "it belongs to a set under `containers`; an anchor and a merge key share it".to_owned(),
        )
    } else {
        let close = say::did_you_mean(word, by_default());
        close.map(|close| format!("did you mean `{close}`?"))
    };
    (format!("expected {}, but found `{}`", say::or(&by_default()), say::short(word)), hint)
}

/// Keys of a Compose service without a row or planner key, each with a hint.
const COMPOSE: &[(&str, &str)] = &[
    ("attach", "bayplan shows no output; that of `detach: false` is shown where it fails"),
    ("build", "build the image elsewhere and name it in `image`"),
    ("configs", "mount a file with `volumes`, or use `{from_env: NAME}`"),
    ("develop", "it is for a developer's machine: a plan is about images that are built already"),
    ("extends", "use an anchor and a merge key, `<<: *NAME`"),
    ("models", "run the model as a set of its own, and say where under `environment`"),
    ("post_start", "an engine has no hooks: run it from the image's entrypoint"),
    (
        "pre_start",
        "an engine has no hooks: declare a set with `detach: false`, and depend on it with `condition: service_completed_successfully`",
    ),
    ("pre_stop", "an engine has no hooks: let the container handle its `stop_signal`"),
    ("profiles", "one spec is one state; keep another spec for another one"),
    ("provider", "a plan is about one engine: say under `environment` where the service is"),
    ("pull_refresh_after", "`pull: always` asks the registry whenever a plan is made"),
    ("secrets", "mount a file with `volumes`, or use `{from_env: NAME}`"),
    (
        "use_api_socket",
        "mount the engine's socket with `volumes` if it must be: whoever has it is the host's root",
    ),
];

/// Keys of a Compose service for Windows containers.
const WINDOWS: &[(&str, &str)] = &[
    ("cpu_count", "`cpus` says how many processors' time it may use"),
    ("cpu_percent", "`cpus` says how many processors' time it may use"),
    ("credential_spec", "take it out"),
    ("isolation", "take it out; `runtime` says what runs a container of Linux"),
];

/// Keys that engines no longer support.
const GONE: &[(&str, &str, &str)] = &[
    (
        "lxc_conf",
        "engines dropped the LXC driver with Docker 1.10",
        "take it out; what it set has options of its own today",
    ),
    (
        "kernel_memory",
        "kernels and engines dropped this limit",
        "take it out; `mem_limit` counts what the kernel uses, too",
    ),
];

/// The message and hint for an unknown key of a set.
pub fn unknown_in_set(word: &str) -> (String, Option<String>) {
    let plain = word.replace('-', "_");
    if let Some((gone, why, hint)) = GONE.iter().find(|(gone, ..)| *gone == plain) {
        return (format!("`{gone}` cannot be declared: {why}"), Some((*hint).to_owned()));
    }
    let of = |words: &[(&str, &'static str)]| {
        words.iter().find(|(known, _)| *known == word).map(|(_, hint)| *hint)
    };
    if let Some(hint) = of(COMPOSE) {
        let message = format!("`{word}` is Compose's, and bayplan does not support it");
        return (message, Some(hint.to_owned()));
    }
    if let Some(hint) = of(WINDOWS) {
        let message = format!("`{word}` is for containers of Windows, and bayplan's are of Linux");
        return (message, Some(hint.to_owned()));
    }
    let planner = PLANNER
        .iter()
        .flat_map(|planner| std::iter::once(planner.key).chain(planner.aliases.iter().copied()));
    let close = say::did_you_mean(word, planner.chain(option_words()));
    (
        format!("expected an option or a planner key, but found `{}`", say::short(word)),
        close.map(|close| format!("did you mean `{close}`?")),
    )
}

/// The words of `compare`.
pub fn compared() -> Vec<&'static str> {
    ["*", "image"].into_iter().chain(option_words()).collect()
}

/// The keys and aliases of all options.
fn option_words() -> impl Iterator<Item = &'static str> {
    let words = |row: &&'static dyn AnyRow| {
        let about = row.def();
        std::iter::once(about.key).chain(about.aliases.iter().copied())
    };
    ROWS.iter().flat_map(words)
}

/// The message and hint for an unknown key of `compare`.
pub fn unknown_compared(word: &str) -> (String, Option<String>) {
    let close = say::did_you_mean(word, option_words().chain(["image"]));
    (
        format!("expected an option, `image` or `*`, but found `{}`", say::short(word)),
        close.map(|close| format!("did you mean `{close}`?")),
    )
}

/// The message and hint for an unknown key of the root.
pub fn unknown_at_root(word: &str) -> (String, Option<String>) {
    let own = match word {
        "services" => Some("bayplan calls them `containers`"),
        "name" => Some("bayplan calls it `project`"),
        "version" => Some("take it out: a spec has no version"),
        "secrets" | "configs" => Some("mount a file with `volumes`, or use `{from_env: NAME}`"),
        "include" => Some("one file is one spec"),
        _ => None,
    };
    let close = || {
        if default_by_word(word).is_some() {
            return Some(
                "say it of a set under `containers`, or of all under `defaults`".to_owned(),
            );
        }
        if row_by_word(word).is_some() || planner_by_word(word).is_some() {
            return Some("it belongs to a set under `containers`".to_owned());
        }
        say::did_you_mean(word, ROOT.iter().copied())
            .map(|close| format!("did you mean `{close}`?"))
    };
    (
        format!("expected {}, but found `{}`", say::or(ROOT), say::short(word)),
        own.map(str::to_owned).or_else(close),
    )
}
