//! The canonical form is a spec, and reads back to the same spec.

use proptest::prelude::*;

use super::read::{self, Files};
use super::*;
use crate::options::ROWS;
use crate::syntax::node::Node;
use crate::syntax::problems::render;

/// Reads a spec back from its canonical form, and requires the same spec.
pub(super) fn again(spec: &Spec) -> Spec {
    let declared = spec.canonical();
    let read = read::spec(Node::from_json(&declared), &Files::new());
    let read = read.unwrap_or_else(|problems| {
        panic!("{declared:#}\n{}", render("declared", "", &problems));
    });
    assert_eq!(&read, spec, "{declared:#}");
    assert_eq!(read.canonical(), declared);
    // JSON is YAML, so the canonical form is a spec in YAML too.
    let text = serde_json::to_string_pretty(&declared).unwrap();
    assert_eq!(read::text(&text, &Files::new()).as_ref(), Ok(spec), "{text}");
    read
}

#[test]
fn the_canonical_form_leaves_out_what_goes_without_saying() {
    let spec = read_tests::right(
        "project: p\ncontainers:\n  a: {image: x, count: 1, state: started, kill_signal: SIGKILL, \
         match: image, memory: 1g, command: 'sh -c \"echo $$X\"', env: [B, A=$$]}\n  \
         z: {name: zz, state: absent, compat: }\n"
            .replace(", compat: ", "")
            .as_str(),
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&spec.canonical()).unwrap(), @r#"
    {
      "containers": {
        "a": {
          "command": [
            "sh",
            "-c",
            "echo $$X"
          ],
          "environment": {
            "A": "$$",
            "B": {
              "from_env": "B"
            }
          },
          "image": "x",
          "match": "image",
          "mem_limit": 1073741824
        },
        "z": {
          "name": "zz",
          "state": "absent"
        }
      },
      "project": "p"
    }
    "#);
    let references: Vec<_> = spec.references().iter().map(ToString::to_string).collect();
    assert_eq!(references, ["from_env:B"]);
}

#[test]
fn every_example_of_every_row_survives() {
    for row in ROWS {
        for example in row.def().examples {
            let example = example.replace('$', "$$");
            let key = row.def().key;
            // These options need another option beside them.
            let beside = match key {
                "restart_policy_retry" => "restart: on-failure, ",
                "memswap_limit" => "mem_limit: 6m, ",
                _ => "",
            };
            let text = format!(
                "project: p\nbase_dir: /srv\ncontainers:\n  a: {{image: x, {beside}{key}: {example}}}\n",
            );
            read_tests::right(&text);
        }
    }
}

fn planner_lines() -> impl Strategy<Value = String> {
    let of = |key: &'static str, words: &'static [&'static str]| {
        proptest::option::of(proptest::sample::select(words))
            .prop_map(move |word| word.map_or(String::new(), |word| format!("    {key}: {word}\n")))
    };
    let identity = proptest::sample::select(&["count: 0", "count: 7", "name: web", "count:"][..]);
    (
        identity,
        of(
            "state",
            &["present", "started", "reloaded", "restarted", "stopped", "killed", "absent"],
        ),
        of("pull", &["missing", "always", "never"]),
        of("on_stopped", &["start", "replace"]),
        of("recreate", &["auto", "always", "never"]),
        of("compare", &["{}", "{'*': ignore}", "{'*': superset, memory: strict}"]),
        of("kill_signal", &["KILL", "HUP", "SIGTERM", "9"]),
        of("discard", &["true", "false", "false\n    prove_for: 1m30s", "true\n    prove_for: 0"]),
        of("depends_on", &["[]", "[elsewhere]"]),
        of("mem_limit", &["512m", "1073741824"]),
    )
        .prop_map(|(identity, a, b, c, d, e, f, g, h, i)| {
            format!("    image: x\n    {identity}\n{a}{b}{c}{d}{e}{f}{g}{h}{i}")
        })
}

proptest! {
    #[test]
    fn whatever_is_said_is_said_again(lines in planner_lines(), compat in any::<bool>()) {
        let states = ["stopped", "killed", "absent"];
        let ends = states.iter().any(|state| lines.contains(&format!("state: {state}")));
        prop_assume!(!(ends && lines.contains("recreate: always")));
        let compat = if compat { "compat: ansible-1.9\n" } else { "" };
        read_tests::right(&format!("project: p\n{compat}containers:\n  a:\n{lines}"));
    }

    #[test]
    fn any_text_survives(value in "[ -~é\u{2028}\n\t]{0,30}") {
        let set = serde_json::json!({"image": "x", "environment": {"A": value.replace('$', "$$")}});
        let spec = serde_json::json!({"project": "p", "containers": {"a": set}});
        let read = read::spec(Node::from_json(&spec), &Files::new()).unwrap();
        let environment = again(&read).sets.values().next().unwrap().option("environment").cloned();
        prop_assert_eq!(&environment.unwrap().print()["A"], &value);
    }
}
