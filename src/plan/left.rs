//! The differences that a plan leaves: how many, why, and which spec key would change them.
//!
//! The list follows from the plan. With a difference left, no output may claim that everything is
//! as declared.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChangedBy, Matched, Plan, SetReport};
use crate::base::ident::SetName;
use crate::base::say;
use crate::plan::show::{names, reason_text};

/// The warning code for a network that differs and is left.
pub const NETWORK_DIFFERS: &str = "network_differs";
/// The warning code for a volume that differs and is left.
pub const VOLUME_DIFFERS: &str = "volume_differs";

/// What is left of one set for one reason, or one network or volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// The set; none for a network or a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// `container`, `network`, `volume`.
    pub what: String,
    /// How many.
    pub count: usize,
    /// What in the spec would change them, where anything would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<ChangedBy>,
    /// All of it in a sentence.
    pub text: String,
}

/// All differences that a plan leaves.
pub fn of(plan: &Plan) -> Vec<Left> {
    let mut all = Vec::new();
    for (set, report) in &plan.sets {
        let mut by: BTreeMap<Option<ChangedBy>, Vec<&Matched>> = BTreeMap::new();
        for matched in report.matched.iter().filter(|matched| !matched.differences.is_empty()) {
            by.entry(matched.changed_by).or_default().push(matched);
        }
        all.extend(by.into_iter().map(|(way, members)| of_set(set, report, way, &members)));
    }
    for (code, what) in [(NETWORK_DIFFERS, "network"), (VOLUME_DIFFERS, "volume")] {
        let warnings = plan.warnings.iter().filter(|warning| warning.code == code);
        all.extend(warnings.map(|warning| Left {
            set: None,
            what: what.to_owned(),
            count: 1,
            changed_by: None,
            text: say::safe(&warning.text),
        }));
    }
    all
}

fn of_set(
    set: &SetName,
    report: &SetReport,
    changed_by: Option<ChangedBy>,
    members: &[&Matched],
) -> Left {
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let names = names::joined(&names::folded(&names));
    let state = reason_text::state(report.state);
    let (them, verb) = if members.len() == 1 { ("it", "is") } else { ("them", "are") };
    let why = match changed_by {
        Some(ChangedBy::State) => {
            format!("the state is `{state}`; `state: reloaded` would change {them}")
        }
        Some(ChangedBy::Recreate) => {
            format!("recreate is `never`; `recreate: auto` would change {them}")
        }
        Some(ChangedBy::Both) => format!(
            "the state is `{state}` and recreate is `never`; `state: reloaded` with `recreate: \
             auto` would change {them}"
        ),
        None if members.len() == 1 => "no state changes it while it is as it is now".to_owned(),
        None => "no state changes them while they are as they are now".to_owned(),
    };
    let differ = if members.len() == 1 { "differs" } else { "differ" };
    Left {
        set: Some(set.clone()),
        what: "container".to_owned(),
        count: members.len(),
        changed_by,
        text: format!("{names} of {} {differ} and {verb} left: {why}", say::safe(set.as_str())),
    }
}

/// `2 containers and 1 network differ and are left`; `None` if no difference is left.
pub fn count(all: &[Left]) -> Option<String> {
    let parts: Vec<(usize, String)> = ["container", "network", "volume"]
        .into_iter()
        .map(|what| {
            (all.iter().filter(|left| left.what == what).map(|left| left.count).sum(), what)
        })
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| (number, say::count(number, what)))
        .collect();
    let total: usize = parts.iter().map(|(number, _)| number).sum();
    let words: Vec<String> = parts.into_iter().map(|(_, words)| words).collect();
    match total {
        0 => None,
        1 => Some(format!("{} differs and is left", words.concat())),
        _ => Some(format!("{} differ and are left", words.join(" and "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Warning, sample};

    #[test]
    fn what_is_left_is_counted_and_says_what_would_change_it() {
        assert_eq!(of(&sample::empty()), []);
        assert_eq!(count(&[]), None);
        let mut plan = sample::mixed();
        insta::assert_snapshot!(of(&plan)[0].text, @"shop-cache of cache differs and is left: the state is `started`; `state: reloaded` would change it");
        insta::assert_snapshot!(count(&of(&plan)).unwrap(), @"1 container differs and is left");
        let text = "network `back` differs and is left: …".to_owned();
        plan.warnings.push(Warning { code: NETWORK_DIFFERS.to_owned(), set: None, text });
        insta::assert_snapshot!(count(&of(&plan)).unwrap(), @"1 container and 1 network differ and are left");
    }

    #[test]
    fn every_way_has_its_words() {
        let plan = sample::mixed();
        let (set, report) = plan.sets.iter().find(|(set, _)| set.as_str() == "cache").unwrap();
        let member = &report.matched[0];
        let ways = [Some(ChangedBy::State), Some(ChangedBy::Recreate), Some(ChangedBy::Both), None];
        let texts = ways.map(|way| of_set(set, report, way, &[member, member]).text);
        insta::assert_snapshot!(texts.join("\n"), @"
        shop-cache, shop-cache of cache differ and are left: the state is `started`; `state: reloaded` would change them
        shop-cache, shop-cache of cache differ and are left: recreate is `never`; `recreate: auto` would change them
        shop-cache, shop-cache of cache differ and are left: the state is `started` and recreate is `never`; `state: reloaded` with `recreate: auto` would change them
        shop-cache, shop-cache of cache differ and are left: no state changes them while they are as they are now
        ");
    }
}
