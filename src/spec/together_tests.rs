//! All problems of a spec are reported together: no problem hides another problem.

use super::read::{self, Files};
use super::read_tests::{fault, one};

/// `line:column message` of every problem, in the order of the file.
pub(super) fn told(text: &str) -> Vec<String> {
    let problems = read::text(text, &Files::new()).expect_err(text);
    let one = |problem: &crate::syntax::node::Problem| {
        format!("{}:{} {}", problem.place.line, problem.place.column, problem.message)
    };
    problems.iter().map(one).collect()
}

/// Requires these problems: their places and the beginnings of their messages.
#[track_caller]
pub(super) fn told_are(text: &str, expected: &[&str]) {
    let told = told(text);
    let alike = told.len() == expected.len()
        && told.iter().zip(expected).all(|(told, begin)| told.starts_with(begin));
    assert!(alike, "{text}\n{told:#?}");
}

#[test]
fn an_unknown_key_hides_nothing_of_what_is_wrong_across_sets() {
    let text = "\
project: Shop
networks: {n: {name: same}, m: {name: same}}
containers:
  a: {image: app, pull: always, name: taken, memroy: 1g}
  b: {image: app, name: taken, volumes: ['./x:/x'], tty: maybe}
  c: {image: x, mem_limit: 2g, memswap_limit: 1g, nonsense: 1}
  d: {image: x, depends_on: [e], nonsense: 1}
  e: {image: x, depends_on: [d]}
  f: {image: x, network_mode: host, ports: [80]}
";
    told_are(
        text,
        &[
            "1:10 expected a name of lower-case letters",
            "2:33 expected every network once, but found the name `same` under `m` and under `n`",
            "4:46 expected an option or a planner key, but found `memroy`",
            "5:3 expected one `pull` for `app:latest`",
            "5:19 expected every name once, but found `taken`",
            "5:42 expected an absolute path of the engine's host",
            "5:58 expected `true` or `false`",
            "6:32 expected `memswap_limit` to be at least",
            "6:51 expected an option or a planner key",
            "7:17 expected sets that can be put in an order",
            "7:34 expected an option or a planner key",
            "9:37 expected no `ports` beside `network_mode: host`",
        ],
    );
}

#[test]
fn what_follows_only_from_a_value_that_cannot_be_read_is_not_told() {
    let waits = "  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n";
    for (b, column) in [
        ("{image: x, state: runing}", "4:24 "),
        ("{image: x, count: many}", "4:24 "),
        ("{image: x, detach: maybe}", "4:25 "),
        ("[x]", "4:6 "),
    ] {
        told_are(&format!("project: p\ncontainers:\n{waits}  b: {b}\n"), &[column]);
    }
    // The awaited set may be the set with the wrong name.
    let named = waits.replace("{b:", "{B!:");
    told_are(&format!("project: p\ncontainers:\n{named}  c: {{image: x, name: B!}}\n"), &["4:"]);
    let member =
        "project: p\ncontainers:\n  a: {image: x, name: p-b-1}\n  b: {image: x, name: y}\n";
    told_are(member, &["4:"]);
    told_are(&one("image: x\nrestart: 5\nrestart_policy_retry: 2"), &["5:14 "]);
    told_are(&one("image: x\nmem_limit: lots\nmemswap_limit: 1g"), &["5:16 "]);
}

#[test]
fn every_circle_is_told() {
    let text = "\
project: p
containers:
  a: {image: x, depends_on: [b]}
  b: {image: x, depends_on: [a]}
  c: {image: x, depends_on: [a, d]}
  d: {image: x, depends_on: [e]}
  e: {image: x, depends_on: [d]}
  f: {image: x, depends_on: [f]}
";
    let told = told(text);
    let ends: Vec<&str> =
        told.iter().filter_map(|told| Some(told.split_once("a circle: ")?.1)).collect();
    assert_eq!(
        ends,
        [
            "`a` needs `b` (depends_on, line 3), `b` needs `a` (depends_on, line 4)",
            "`d` needs `e` (depends_on, line 6), `e` needs `d` (depends_on, line 7)",
            "`f` needs `f` (depends_on, line 8)",
        ]
    );
}

#[test]
fn what_is_said_twice_is_read_twice() {
    told_are(
        &one("image: x\nmem_limit: lots\nmemory_limit: 1g\nmemory: few"),
        &[
            "5:16 expected a size",
            "6:5 expected `mem_limit` once, but found `memory_limit`",
            "7:5 expected `mem_limit` once, but found `memory`",
            "7:13 expected a size",
        ],
    );
    told_are(
        &one("image: x\nname: web\ncontainer_name: w\ncount: 1\nscale: many"),
        &[
            "6:5 expected `name` once",
            "6:21 expected a name of two",
            "8:5 ",
            "8:12 expected a whole",
        ],
    );
}

#[test]
fn what_is_wrong_in_the_environment_hides_nothing() {
    told_are(
        &one("image: x\nenvironment: [5, '=x', D, D=1, true]\nenv_file: gone.env"),
        &[
            "5:22 expected the name of a variable, but found ``",
            "5:31 expected every key once, but found `D` again",
            "5:36 expected a text like `KEY=VALUE`",
            "6:15 expected the environment file `gone.env`",
        ],
    );
    // A number is not a name.
    insta::assert_snapshot!(
        fault("image: x\nenvironment: {A: {from_env: 1}, B: {env_file: 5}, C: {env_file: c, name: 2}, '': x}"), @"
    5:33 expected the name of a variable, but found the number 1 (put it in quotes)
    5:51 expected the path of an environment file, but found the number 5 (put it in quotes)
    5:78 expected the name of a variable, but found the number 2 (put it in quotes)
    5:86 expected the name of a variable, but found ``
    ");
}

#[test]
fn a_relative_source_is_told_where_it_stands() {
    insta::assert_snapshot!(
        fault("image: x\nvolumes:\n- /a:/a\n- ./b:/b\n- ../c:/c\n- a:/b:c:d"), @"
    7:7 expected an absolute path of the engine's host, but found `./b` (write it out, or say `base_dir` at the root)
    8:7 expected an absolute path of the engine's host, but found `../c` (write it out, or say `base_dir` at the root)
    9:7 expected `SOURCE:PATH:OPTIONS`, but found `a:/b:c:d`
    ");
}

#[test]
fn a_volume_of_one_letter_is_one_of_the_root() {
    let set =
        "containers: {a: {image: x, volumes: ['v:/data', {type: volume, source: v, target: /b}]}}";
    let spec = super::read_tests::right(&format!("project: p\nvolumes: {{v: {{}}}}\n{set}\n"));
    let body = crate::spec::body::create_body(
        &spec,
        &crate::base::ident::SetName::new("a"),
        &spec.sets[&crate::base::ident::SetName::new("a")],
        &crate::base::ident::ContainerName::new("p-a-1"),
        crate::spec::body::Labels::None,
        &crate::options::Context { volumes: spec.volume_names(), ..Default::default() },
    );
    assert_eq!(body.json()["HostConfig"]["Binds"][1], "p_v:/data", "{body:?}");
    // A single character is no volume name of an engine, and may be a Windows drive.
    insta::assert_snapshot!(fault("image: x\nvolumes: ['C:/x', 'v:/data']"), @"
    5:15 expected the name of a volume, but found `C`, which is too short for an engine (declare it under `volumes` at the root; a folder of the host begins with `/` or `./`)
    5:23 expected the name of a volume, but found `v`, which is too short for an engine (declare it under `volumes` at the root; a folder of the host begins with `/` or `./`)
    ");
}

#[test]
fn one_image_has_one_spelling() {
    let text = "project: p\ncontainers:\n  a: {image: 'docker.io/library/foo:1'}\n  b: {image: \
        'foo:1'}\n  c: {image: 'foo:2'}\n  d: {image: 'index.docker.io/foo:1'}\n";
    let images: Vec<Option<String>> =
        super::read_tests::right(text).sets.into_values().map(|set| set.image).collect();
    assert_eq!(images.iter().flatten().collect::<Vec<_>>(), ["foo:1", "foo:1", "foo:2", "foo:1"]);
}

#[test]
fn what_is_waited_for_is_not_removed_under_ones_hands() {
    insta::assert_snapshot!(fault("image: x\ndetach: false\nauto_remove: true"), @"
    6:5 expected no `auto_remove: true` beside `detach: false`, but found it (the engine would remove it before anybody can see how it ended; take it out)
    ");
}

#[test]
fn booleans_of_2015_get_a_hint() {
    for (said, meant) in [("no", "false"), ("Yes", "true"), ("'True'", "true"), ("off", "false")] {
        for key in ["detach", "discard"] {
            let told = fault(&format!("image: x\n{key}: {said}"));
            assert!(told.ends_with(&format!("(write `{meant}`)")), "{told}");
        }
        let root = format!("project: p\nnetworks: {{a: {{internal: {said}}}}}\ncontainers: {{}}\n");
        let problems = read::text(&root, &Files::new()).unwrap_err();
        assert_eq!(problems[0].hint, Some(format!("write `{meant}`")));
    }
    assert!(!fault("image: x\ndetach: maybe").contains("write"));
}

#[test]
fn words_of_compose_each_get_a_way_out() {
    for word in [
        "attach",
        "build",
        "configs",
        "cpu_count",
        "cpu_percent",
        "credential_spec",
        "develop",
        "extends",
        "isolation",
        "kernel_memory",
        "lxc-conf",
        "models",
        "post_start",
        "pre_start",
        "pre_stop",
        "profiles",
        "provider",
        "pull_refresh_after",
        "secrets",
        "use_api_socket",
    ] {
        let problems = read::text(&one(&format!("image: x\n{word}: 1")), &Files::new());
        let problems = problems.unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(!problems[0].message.starts_with("expected an option"), "{problems:?}");
        assert!(problems[0].hint.is_some(), "{word}");
    }
    for (word, hint) in
        [("build", "elsewhere"), ("daily", "that often"), ("every_2h", "that often")]
    {
        let told = fault(&format!("image: x\npull_policy: {word}"));
        assert!(told.contains("expected `missing`, `always` or `never`"), "{told}");
        assert!(told.contains(hint), "{told}");
    }
}

#[test]
fn numbers_may_be_quoted_where_compose_takes_texts() {
    use super::read_tests::set;
    let plain = "image: x\ncount: 2\nrestart: 'on-failure:3'";
    let quoted = "image: x\nscale: '2'\ndeploy: {x-mine: 1, restart_policy: {x-a: 1, condition: on-failure, max_attempts: '3'}}";
    assert_eq!(set(quoted), set(plain));
    assert_eq!(set("image: x\ndeploy: {replicas: '2'}"), set("image: x\ncount: 2"));
    assert!(fault("image: x\ncount: '02'").contains("expected a whole number"));
    assert!(
        fault("image: x\ndeploy: {restart_policy: {max_attempts: -3}}").contains("a number of")
    );
}
