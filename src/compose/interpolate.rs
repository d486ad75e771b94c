//! Replaces variables in the tree of a file, and converts texts to the types of their keys.
//!
//! A text that may be secret stays a template with a mark; its value is kept in memory only. In all
//! other places the values become part of the declared state, and are shown.

use super::loader::Loader;
use super::scope::{PROJECT_NAME, Scope};
use super::tree::{ITEM, Path, dotted, lookup, matches};
use crate::base::ident::Reference;
use crate::options::value::mark_reference;
use crate::syntax::node::{Entry, Kind, Node, Place};
use crate::syntax::template::{Lack, Seen, Template};
use crate::syntax::yaml_go;

/// The places in which a text with variables stays a template. In lists, the key before `=` is no
/// template.
const TEMPLATES: &[&str] = &[
    "services.*.environment.*",
    "services.*.build.args.*",
    "services.*.command",
    "services.*.command.*",
    "services.*.deploy.labels.*",
    "services.*.entrypoint",
    "services.*.entrypoint.*",
    "services.*.healthcheck.test",
    "services.*.healthcheck.test.*",
    "services.*.labels.*",
    "services.*.logging.options.*",
    "configs.*.content",
    "networks.*.driver_opts.*",
    "volumes.*.driver_opts.*",
];

/// The template places that are lines, which are split into words.
const LINES: &[&str] = &["services.*.command", "services.*.entrypoint"];

/// Exceptions about the place of data: reviewers must see them, and relative paths must be
/// resolved.
const SHOWN: &[&str] = &["volumes.*.driver_opts.device", "volumes.*.driver_opts.type"];

/// The template places that are lists of `KEY=VALUE`.
const PAIRS: &[&str] = &["environment", "args", "labels"];

/// The places that are not part of any plan.
const UNSEEN: &[&str] = &["build", "develop"];

/// The type that a text is converted to.
#[derive(Debug, Clone, Copy)]
enum Cast {
    Whole,
    Float,
    Boolean,
}

const CASTS: &[(&str, Cast)] = &[
    ("services.*.cpu_count", Cast::Whole),
    ("services.*.cpu_percent", Cast::Float),
    ("services.*.cpu_period", Cast::Whole),
    ("services.*.cpu_quota", Cast::Whole),
    ("services.*.cpu_rt_period", Cast::Whole),
    ("services.*.cpu_rt_runtime", Cast::Whole),
    ("services.*.cpus", Cast::Float),
    ("services.*.cpu_shares", Cast::Whole),
    ("services.*.init", Cast::Boolean),
    ("services.*.deploy.replicas", Cast::Whole),
    ("services.*.deploy.update_config.parallelism", Cast::Whole),
    ("services.*.deploy.update_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.rollback_config.parallelism", Cast::Whole),
    ("services.*.deploy.rollback_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.restart_policy.max_attempts", Cast::Whole),
    ("services.*.deploy.placement.max_replicas_per_node", Cast::Whole),
    ("services.*.healthcheck.retries", Cast::Whole),
    ("services.*.healthcheck.disable", Cast::Boolean),
    ("services.*.oom_kill_disable", Cast::Boolean),
    ("services.*.oom_score_adj", Cast::Whole),
    ("services.*.pids_limit", Cast::Whole),
    ("services.*.ports.[].target", Cast::Whole),
    ("services.*.privileged", Cast::Boolean),
    ("services.*.read_only", Cast::Boolean),
    ("services.*.scale", Cast::Whole),
    ("services.*.stdin_open", Cast::Boolean),
    ("services.*.tty", Cast::Boolean),
    ("services.*.ulimits.*", Cast::Whole),
    ("services.*.ulimits.*.hard", Cast::Whole),
    ("services.*.ulimits.*.soft", Cast::Whole),
    ("services.*.volumes.[].read_only", Cast::Boolean),
    ("services.*.volumes.[].volume.nocopy", Cast::Boolean),
    ("networks.*.external", Cast::Boolean),
    ("networks.*.internal", Cast::Boolean),
    ("networks.*.attachable", Cast::Boolean),
    ("networks.*.enable_ipv4", Cast::Boolean),
    ("networks.*.enable_ipv6", Cast::Boolean),
    ("volumes.*.external", Cast::Boolean),
    ("secrets.*.external", Cast::Boolean),
    ("configs.*.external", Cast::Boolean),
];

impl Loader<'_> {
    /// Replaces the variables in a tree.
    pub(super) fn interpolated(&mut self, node: Node, path: &mut Path, scope: &Scope<'_>) -> Node {
        let Node { place, kind } = node;
        let kind = match kind {
            Kind::Text(text) => return self.text(place, &text, path, scope),
            Kind::List(items) => {
                path.push(ITEM.to_owned());
                let items = items.into_iter().map(|item| self.interpolated(item, path, scope));
                let items = items.collect();
                path.pop();
                Kind::List(items)
            }
            Kind::Map(entries) => {
                let entry = |Entry { key, place, value }| {
                    path.push(key);
                    let value = self.interpolated(value, path, scope);
                    Entry { key: path.pop().unwrap_or_default(), place, value }
                };
                Kind::Map(entries.into_iter().map(entry).collect())
            }
            other => other,
        };
        Node { place, kind }
    }

    fn text(&mut self, place: Place, text: &str, path: &Path, scope: &Scope<'_>) -> Node {
        let text = if text.contains('$') {
            let is = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, path));
            let secret = is(TEMPLATES) && !is(SHOWN);
            if secret {
                self.template(place, text, path, scope)
            } else {
                self.filled(place, text, path, scope)
            }
        } else {
            text.to_owned()
        };
        let kind = match lookup(CASTS, path) {
            Some(cast) => self.cast(place, text, cast, path),
            None => Kind::Text(text),
        };
        Node { place, kind }
    }

    fn parsed(&mut self, place: Place, text: &str) -> Option<Template> {
        let parsed = Template::parse(text);
        if parsed.is_err() {
            self.problems.add_hint(
                place,
                "expected `${NAME}` with one of `:-`, `-`, `:+`, `+`, `:?` and `?` after the name, \
                 but found something else between the braces",
                "a dollar sign that is meant as itself is `$$`",
            );
        }
        parsed.ok()
    }

    /// Replaces the variables in a text; reports unknown values.
    fn fill(
        &mut self,
        place: Place,
        template: &Template,
        scope: &Scope<'_>,
        seen: &mut Seen,
    ) -> Option<String> {
        match template.fill(&|name| scope.value(name), seen) {
            Ok(text) => Some(text),
            Err(Lack::TooLong) => {
                let message =
                    "expected a text of reasonable length, but its variables make it huge";
                self.problems.add(place, message);
                None
            }
            Err(Lack::Needed { name, why }) => {
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                let message = format!(
                    "expected the variable `{}` to be set, but it is not{}",
                    crate::base::say::short(&name),
                    crate::base::say::short(&why),
                );
                self.problems.add_hint(place, message, "set it, or say it in `.env`");
                None
            }
        }
    }

    /// A text with visible values.
    fn filled(&mut self, place: Place, text: &str, path: &Path, scope: &Scope<'_>) -> String {
        let Some(template) = self.parsed(place, text) else { return String::new() };
        let mut seen = Seen::default();
        let filled = self.fill(place, &template, scope, &mut seen);
        if is_shown(path) {
            self.uses.open(&seen.used, place, path);
        }
        self.unset(&seen, place);
        filled.unwrap_or_default()
    }

    /// A text that stays a template. In a list item, the part before the first `=` is a key.
    fn template(&mut self, place: Place, text: &str, path: &Path, scope: &Scope<'_>) -> String {
        let parent = path.len().checked_sub(2).and_then(|at| path.get(at));
        let pairs = parent.is_some_and(|key| PAIRS.contains(&key.as_str()));
        if pairs && path.last().is_some_and(|last| last == ITEM) {
            let Some(at) = equals(text) else { return self.filled(place, text, path, scope) };
            let (key, value) = text.split_at(at);
            let key = if key.contains('$') {
                self.filled(place, key, path, scope)
            } else {
                key.to_owned()
            };
            let value = self.value(place, value.get(1..).unwrap_or_default(), path, scope);
            return format!("{key}={value}");
        }
        self.value(place, text, path, scope)
    }

    /// A value that may be secret: a literal if it has no variables, otherwise a mark with its
    /// template.
    fn value(&mut self, place: Place, text: &str, path: &Path, scope: &Scope<'_>) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let Some(template) = self.parsed(place, text) else { return String::new() };
        // The name of the project is no secret, and may be in no environment.
        let mut template = match scope.value(PROJECT_NAME) {
            Some(name) => template.given(PROJECT_NAME, &name),
            None => template,
        };
        let mut seen = Seen::default();
        let lacks = template.names().iter().any(|name| scope.value(name).is_none());
        if !(lacks && self.request.assume) {
            let Some(filled) = self.fill(place, &template, scope, &mut seen) else {
                return String::new();
            };
            self.unset(&seen, place);
            // The words of a line depend on its values: public ones are part of what is declared.
            if LINES.iter().any(|pattern| matches(pattern, path)) {
                for name in seen.used.extract_if(.., |name| self.request.public.contains(name)) {
                    if let Some(value) = scope.value(&name) {
                        template = template.given(&name, &value);
                    }
                }
            }
            if seen.used.is_empty() {
                return filled;
            }
        }
        if let Some(name) = template.names().iter().find(|name| scope.is_inner(name)) {
            let message = format!(
                "expected a variable of the project's environment, but found `{}`, which a file of \
                 `include` gives",
                crate::base::say::short(name),
            );
            self.problems.add_hint(place, message, "say it in the project's `.env`");
        }
        self.uses.close(&seen.used, &dotted(path));
        let settled = if self.request.assume {
            template
        } else {
            template.settled(&|name| scope.value(name).is_some())
        };
        mark_reference(&Reference::Template { text: settled.written() })
    }

    fn unset(&mut self, seen: &Seen, place: Place) {
        for name in &seen.unset {
            if !self.unset.contains_key(name) {
                self.unset.insert(name.clone(), place);
            }
        }
    }

    fn cast(&mut self, place: Place, text: String, cast: Cast, path: &Path) -> Kind {
        let kind = match cast {
            Cast::Whole => text.parse::<i64>().ok().map(|number| Kind::Number(number.to_string())),
            Cast::Float => {
                text.parse::<f64>().ok().map(|number| Kind::Number(yaml_go::float(number)))
            }
            Cast::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "y" | "yes" | "on" => Some(Kind::Bool(true)),
                "false" | "n" | "no" | "off" => Some(Kind::Bool(false)),
                _ => None,
            },
        };
        kind.unwrap_or_else(|| {
            let what = match cast {
                Cast::Whole => "a whole number",
                Cast::Float => "a number",
                Cast::Boolean => "`true` or `false`",
            };
            let found = crate::base::say::short(&text);
            let key = dotted(path);
            let message = format!("expected {what} as `{key}`, but found the text `{found}`");
            self.problems.add(place, message);
            Kind::Text(text)
        })
    }
}

/// Whether the value in a place can be part of a plan.
fn is_shown(path: &[String]) -> bool {
    !path.iter().any(|key| key.starts_with("x-"))
        && !path.get(2).is_some_and(|key| UNSEEN.contains(&key.as_str()))
}

/// The first `=` outside of braces.
fn equals(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut dollar = false;
    for (at, character) in text.char_indices() {
        match character {
            '{' if dollar => open += 1,
            '}' => open = open.saturating_sub(1),
            '=' if open == 0 => return Some(at),
            _ => {}
        }
        dollar = character == '$' && !dollar;
    }
    None
}
