//! Recognises bayplan's files, so that an error can name a file of the wrong kind.
//!
//! Each kind of file is parsed in its own module, not here.

use serde_json::Value as Json;

/// A kind of file that a user may pass by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plan, of any format.
    Plan,
    /// A snapshot.
    Snapshot,
    /// The result of an apply.
    Result,
    /// The output of `docker inspect`.
    Inspect,
    /// A spec, or a Compose file.
    Spec,
}

impl Kind {
    /// The kind of a text, by its beginning and its keys.
    pub fn of(text: &str) -> Option<Self> {
        if text.trim_start().starts_with(['{', '[']) {
            return Self::of_json(&serde_json::from_str(text).ok()?);
        }
        let says = |key: &str| {
            let mut rests = text.lines().filter_map(|line| line.strip_prefix(key));
            rests.any(|rest| rest.trim_start().starts_with(':'))
        };
        ["containers", "services"].into_iter().any(says).then_some(Self::Spec)
    }

    /// The kind of a JSON document.
    pub fn of_json(json: &Json) -> Option<Self> {
        if json.is_array() {
            return Some(Self::Inspect);
        }
        let Some(format) = json["format"].as_str() else {
            let keys = ["containers", "services"];
            return keys.iter().any(|key| json[key].is_object()).then_some(Self::Spec);
        };
        Self::of_format(format)
    }

    /// The kind of a bayplan file by its `format`, for any format version.
    pub fn of_format(format: &str) -> Option<Self> {
        let kinds = [
            ("bayplan/plan/", Self::Plan),
            ("bayplan/snapshot/", Self::Snapshot),
            ("bayplan/result/", Self::Result),
        ];
        kinds.into_iter().find(|(head, _)| format.starts_with(head)).map(|(_, kind)| kind)
    }

    /// The kind in words: `a plan`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Plan => "a plan",
            Self::Snapshot => "a snapshot",
            Self::Result => "the result of an apply",
            Self::Inspect => "a list, as `docker inspect` prints it",
            Self::Spec => "a spec",
        }
    }

    /// The commands that take this kind.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Plan => "`bayplan show` prints a plan, `bayplan apply` does it",
            Self::Snapshot | Self::Inspect => "give it to `bayplan plan SPEC --snapshot FILE`",
            Self::Result => "`bayplan show` prints results",
            Self::Spec => "make a plan of it with `bayplan plan SPEC -o PLAN`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        for (text, kind) in [
            ("{\"format\": \"bayplan/plan/1\"}", Some(Kind::Plan)),
            ("{\"format\": \"bayplan/plan/9\"}", Some(Kind::Plan)),
            ("{\"format\": \"bayplan/snapshot/1\"}", Some(Kind::Snapshot)),
            ("{\"format\": \"bayplan/result/1\"}", Some(Kind::Result)),
            ("[{}]", Some(Kind::Inspect)),
            ("project: p\ncontainers:\n", Some(Kind::Spec)),
            ("services:\n  web: {}\n", Some(Kind::Spec)),
            ("{\"project\": \"p\", \"containers\": {}}", Some(Kind::Spec)),
            ("{\"format\": \"other\"}", None),
            ("{}", None),
            ("{", None),
            ("a: 1\n  containers: {}\n", None),
        ] {
            assert_eq!(Kind::of(text), kind, "{text}");
        }
    }
}
