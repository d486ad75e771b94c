//! Rules across options: values and combinations that no engine or no kernel accepts. Limits of a
//! single engine are the planner's.

mod limits;
mod logging;
mod network;
pub mod pairs;
mod security;
mod storage;
pub mod sysctls;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::declared::Declared;
use super::lifecycle::{Restart, Retries};

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The key of the option to blame.
    pub key: &'static str,
    /// The item to blame, as the option prints the item: an item of a list, a key of a map, or the
    /// path of a mount.
    pub item: Option<String>,
    /// *expected …, but found …*.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
    /// Whether an engine takes the option, which then does nothing.
    pub harmless: bool,
}

/// The limit of reported items of an option. More items help no reader, and finding the place of
/// each item costs time.
pub const MOST_TOLD: usize = 20;

impl Conflict {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, item: None, message: message.into(), hint: None, harmless: false }
    }

    fn at(self, item: impl Into<String>) -> Self {
        Self { item: Some(item.into()), ..self }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The conflicts among the declared options of a set. The values of the options in `broken` could
/// not be read.
pub fn conflicts(options: &[Declared], broken: &BTreeSet<&'static str>) -> Vec<Conflict> {
    let said = DeclaredOptions { options, broken };
    let mut all = Vec::new();
    all.extend(retries(&said));
    pairs::check(&said, &mut all);
    limits::check(&said, &mut all);
    logging::check(&said, &mut all);
    network::check(&said, &mut all);
    security::check(&said, &mut all);
    sysctls::check(&said, &mut all);
    storage::check(&said, &mut all);
    all
}

struct DeclaredOptions<'a> {
    options: &'a [Declared],
    broken: &'a BTreeSet<&'static str>,
}

impl<'a> DeclaredOptions<'a> {
    fn get<S: super::OptionValue>(&self, key: &str) -> Option<&'a S> {
        self.options.iter().find(|option| option.row().def().key == key)?.said()
    }

    /// The value of an option, as the option prints the value.
    fn printed(&self, key: &str) -> Option<Json> {
        let option = self.options.iter().find(|option| option.row().def().key == key)?;
        Some(option.print())
    }

    /// Whether the value of an option could not be read.
    fn is_broken(&self, key: &str) -> bool {
        self.broken.contains(key)
    }
}

/// The engine refuses retries beside another policy than `on-failure`.
fn retries(said: &DeclaredOptions) -> Option<Conflict> {
    let Retries(retries) = said.get("restart_policy_retry")?;
    if *retries == 0 || said.is_broken("restart") {
        return None;
    }
    match said.get::<Restart>("restart") {
        Some(Restart::OnFailure(None)) => None,
        Some(Restart::OnFailure(Some(own))) if own == retries => None,
        other => {
            let found = other.map_or("none".to_owned(), |other| format!("`{other}`"));
            let message = format!(
                "expected `restart: on-failure` beside `restart_policy_retry: {retries}`, but \
                 found {found}"
            );
            Some(Conflict::new("restart_policy_retry", message))
        }
    }
}

#[cfg(test)]
mod tests;
