//! `--deny`: refuses dangers of a plan, as a whole, by class or by value.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::base::say;
use crate::plan::show::reason_text;
use crate::plan::{Change, Danger};

/// A `--deny` rule: a danger, or a danger with some value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    danger: Danger,
    value: Option<String>,
}

impl Denied {
    /// Reads `DANGER` or `DANGER:VALUE`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, value) = match text.split_once(':') {
            Some((word, value)) => (word, Some(value)),
            None => (text, None),
        };
        let danger = Danger::ALL.into_iter().find(|danger| danger.word() == word);
        let words = || Danger::ALL.map(Danger::word);
        let Some(danger) = danger else {
            let close = say::did_you_mean(word, words());
            let hint = close.map(|close| format!(", did you mean `{close}`?"));
            let all = words().join(", ");
            return Err(format!("expected one of {all}{}", hint.unwrap_or_default()));
        };
        let classes = danger.classes();
        let class = value.map(|value| value.split(':').next().unwrap_or_default());
        match class {
            Some("") => Err(format!("expected a value after `{word}:`")),
            Some(class) if !classes.is_empty() && !classes.contains(&class) => {
                Err(format!("expected one of {} after `{word}:`", classes.join(", ")))
            }
            Some(_) if !danger.names_values() => Err(format!("`{word}` has no values")),
            _ => Ok(Self { danger, value: value.map(str::to_owned) }),
        }
    }

    /// The denied dangers of a change, with their values.
    pub fn hits(&self, change: &Change) -> Vec<String> {
        if !change.danger.contains(&self.danger) {
            return Vec::new();
        }
        let word = self.danger.word();
        let values = change.dangerous.get(&self.danger).map(Vec::as_slice).unwrap_or_default();
        let wanted = |value: &&String| {
            self.value.as_deref().is_none_or(|wanted| {
                value.strip_prefix(wanted).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with(':') || rest.starts_with(' ')
                })
            })
        };
        let told: Vec<String> = values
            .iter()
            .filter(wanted)
            .map(|value| format!("{word}:{}", say::short(value)))
            .collect();
        if told.is_empty() && self.value.is_none() { vec![word.to_owned()] } else { told }
    }
}

/// The value parser of `--deny`, with the words for completions and the manual page.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeniedParser;

impl TypedValueParser for DeniedParser {
    type Value = Denied;

    fn parse_ref(
        &self,
        command: &Command,
        _arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let text = value.to_string_lossy();
        let wrong = |told: String| {
            let text = say::short(&text);
            let message = format!("invalid value `{text}` for `--deny`: {told}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        };
        Denied::parse(&text).map_err(wrong)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let word = |danger: Danger| {
            PossibleValue::new(danger.word()).help(reason_text::danger_means(danger))
        };
        Some(Box::new(Danger::ALL.into_iter().map(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_or_a_value_of_a_danger_is_denied_alone() {
        let mut change = crate::plan::sample::ten().changes.remove(0);
        change.danger = vec![Danger::Outage, Danger::Privileged, Danger::HostAccess];
        change.dangerous = [
            (Danger::Outage, vec!["down:up to 10 s to stop".to_owned()]),
            (Danger::HostAccess, vec!["device:/dev/kvm".to_owned(), "pid".to_owned()]),
        ]
        .into();
        for (text, hits) in [
            ("outage", &["outage:down:up to 10 s to stop"][..]),
            ("outage:down", &["outage:down:up to 10 s to stop"]),
            ("outage:gone", &[]),
            ("privileged", &["privileged"]),
            ("host_access", &["host_access:device:/dev/kvm", "host_access:pid"]),
            ("host_access:pid", &["host_access:pid"]),
            ("host_access:device:/dev/kv", &[]),
            ("host_access:device:/dev/kvm", &["host_access:device:/dev/kvm"]),
            ("capabilities:SYS_ADMIN", &[]),
        ] {
            assert_eq!(Denied::parse(text).unwrap().hits(&change), hits, "{text}");
        }
        for (text, error) in [
            ("outages", "did you mean `outage`?"),
            ("outage:", "expected a value after `outage:`"),
            ("outage:gonne", "expected one of gone, down, rolling, restart, frozen"),
            ("privileged:x", "`privileged` has no values"),
        ] {
            let told = Denied::parse(text).unwrap_err();
            assert!(told.contains(error), "{told}");
        }
    }
}
