//! `defaults` of the root count for every set that lacks the key.

use super::canon_tests::again;
use super::read_tests::{right, wrong};
use super::*;

#[test]
fn a_default_counts_where_a_set_says_nothing() {
    let spec = right(
        "project: p\ndefaults: {state: reloaded, match: image, pull_policy: always, on_stopped: \
         replace, recreate: never, compare: {labels: ignore, env: superset}, signal: HUP, discard: \
         true, x-note: 1}\ncontainers:\n  a: {image: x}\n  b: {name: bb, image: x}\n  c: {image: \
         y, state: started, match: owned, pull: missing, on_stopped: start, recreate: auto, \
         compare: {labels: strict}, kill_signal: KILL, discard: false}\n",
    );
    let set = |key: &str| &spec.sets[&SetName::new(key)];
    let (a, b, c) = (set("a"), set("b"), set("c"));
    for set in [a, b] {
        let said = (set.state, set.pull, set.on_stopped, set.recreate, set.discard);
        let all = (State::Reloaded, Pull::Always, OnStopped::Replace, Recreate::Never, true);
        assert_eq!(said, all);
        assert_eq!(set.kill_signal, "HUP");
    }
    // The name of a named set decides its match.
    assert_eq!((a.matching, b.matching), (Matching::Image, Matching::ImageByDefault));
    let own = (c.state, c.matching, c.pull, c.on_stopped, c.recreate, c.discard);
    let none =
        (State::Started, Matching::Owned, Pull::Missing, OnStopped::Start, Recreate::Auto, false);
    assert_eq!((own, c.kill_signal.as_str()), (none, "KILL"));
    // A set's `compare` and the defaults' `compare` are merged.
    let modes = |set: &Set| format!("{:?}", set.compare);
    insta::assert_snapshot!(modes(a), @r#"{"environment": Superset, "labels": Ignore}"#);
    insta::assert_snapshot!(modes(c), @r#"{"environment": Superset, "labels": Strict}"#);
    // The canonical form repeats the defaults in each set.
    let canonical = again(&spec).canonical();
    assert_eq!(canonical["containers"]["b"]["state"], "reloaded");
    assert!(canonical.get("defaults").is_none(), "{canonical:#}");
}

#[test]
fn a_default_is_a_planner_key_that_means_something_to_every_set() {
    let told =
        |defaults: &str| wrong(&format!("project: p\ndefaults: {defaults}\ncontainers: {{}}\n"));
    for word in
        ["name: a", "count: 2", "image: x", "detach: false", "depends_on: [a]", "env_file: a"]
    {
        let told = told(&format!("{{{word}}}"));
        assert!(
            told.contains("expected `state`, `match`") && told.contains("hint: it belongs"),
            "{told}"
        );
    }
    insta::assert_snapshot!(told("{mem_limit: 1g}"), @"
    spec.yaml:2:12: expected `state`, `match`, `pull`, `on_stopped`, `recreate`, `compare`, `kill_signal`, `prove_for`, `update_config` or `discard`, but found `mem_limit`
      2 | defaults: {mem_limit: 1g}
        |            ^
      hint: it belongs to a set under `containers`; an anchor and a merge key share it
    ");
    insta::assert_snapshot!(told("{stat: reloaded}"), @"
    spec.yaml:2:12: expected `state`, `match`, `pull`, `on_stopped`, `recreate`, `compare`, `kill_signal`, `prove_for`, `update_config` or `discard`, but found `stat`
      2 | defaults: {stat: reloaded}
        |            ^
      hint: did you mean `state`?
    ");
    insta::assert_snapshot!(told("{state: running, compare: {image: superset}}"), @"
    spec.yaml:2:19: expected `present`, `started`, `reloaded`, `restarted`, `stopped`, `killed` or `absent`, but found the text `running`
      2 | defaults: {state: running, compare: {image: superset}}
        |                   ^
      hint: did you mean `started`?
    spec.yaml:2:45: expected `strict` or `ignore`, but found `superset`: the option has one value
      2 | defaults: {state: running, compare: {image: superset}}
        |                                             ^
    ");
    insta::assert_snapshot!(told("{kill_signal: HUP, signal: KILL}"), @"
    spec.yaml:2:30: expected `kill_signal` once, but found `signal`, which means `kill_signal`
      2 | defaults: {kill_signal: HUP, signal: KILL}
        |                              ^
    ");
    insta::assert_snapshot!(told("reloaded"), @"
    spec.yaml:2:11: expected a map of planner keys, but found the text `reloaded`
      2 | defaults: reloaded
        |           ^
    ");
    insta::assert_snapshot!(wrong("project: p\nstate: reloaded\ncontainers: {}\n"), @"
    spec.yaml:2:1: expected `project`, `base_dir`, `compat`, `defaults`, `moved`, `prune`, `networks`, `volumes` or `containers`, but found `state`
      2 | state: reloaded
        | ^
      hint: say it of a set under `containers`, or of all under `defaults`
    ");
    // An error in `defaults` is reported once, whatever the number of sets.
    insta::assert_snapshot!(wrong("project: p\ndefaults: {state: up}\ncontainers: {a: {image: x}, b: {image: x}}\n"), @"
    spec.yaml:2:19: expected `present`, `started`, `reloaded`, `restarted`, `stopped`, `killed` or `absent`, but found the text `up`
      2 | defaults: {state: up}
        |                   ^
    ");
    assert_eq!(right("project: p\ndefaults:\ncontainers: {}\n").sets.len(), 0);
}

#[test]
fn what_a_set_says_itself_counts_where_both_cannot_be() {
    let set = |defaults: &str, own: &str| {
        let text = format!(
            "project: p\ndefaults: {{{defaults}}}\ncontainers: {{a: {{image: x, {own}}}}}\n"
        );
        again(&right(&text)).sets[&SetName::new("a")].clone()
    };
    let proof = |defaults: &str, own: &str| set(defaults, own).prove_for;
    let monitor = "update_config: {monitor: 5s}";
    assert_eq!(proof(monitor, "prove_for: 3s"), 3);
    assert_eq!(proof("prove_for: 3s", monitor), 5);
    assert_eq!(proof("prove_for: 3s", "update_config: {parallelism: 2}"), 3);
    assert_eq!(proof("prove_for: 3s", "deploy: {update_config: {monitor: 5s}}"), 5);
    assert_eq!(proof(monitor, "update_config: {monitor: 4s}"), 4);
    let ahead = "update_config: {order: start-first, delay: 1s}";
    let update = set(ahead, "detach: false").update;
    assert_eq!((update.order, update.delay.0), (Order::StopFirst, 1));
    for state in ["stopped", "killed", "absent"] {
        assert_eq!(set("recreate: always", &format!("state: {state}")).recreate, Recreate::Auto);
    }
    for both in ["prove_for: 3s, update_config: {monitor: 5s}", "recreate: always, state: absent"] {
        wrong(&format!("project: p\ndefaults: {{{both}}}\ncontainers: {{a: {{image: x}}}}\n"));
        wrong(&format!("project: p\ncontainers: {{a: {{image: x, {both}}}}}\n"));
    }
    wrong(&format!("project: p\ncontainers: {{a: {{image: x, detach: false, {ahead}}}}}\n"));
}
