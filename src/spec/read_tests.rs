//! Correct and wrong specs as users write them.

use std::collections::BTreeMap;

use super::canon_tests::again;
use super::read::{self, Files};
use super::*;
use crate::syntax::problems::render;
use crate::syntax::yaml;

fn files() -> Files {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    BTreeMap::from([
        ("base.env".to_owned(), names(&["A", "B", "C"])),
        ("prod.env".to_owned(), names(&["B", "D"])),
    ])
}

/// Reads a correct spec, and reads its canonical form back.
pub(super) fn right(text: &str) -> Spec {
    match read::text(text, &files()) {
        Ok(spec) => again(&spec),
        Err(problems) => panic!("{}", render("spec.yaml", text, &problems)),
    }
}

pub(super) fn wrong(text: &str) -> String {
    match read::text(text, &files()) {
        Ok(spec) => panic!("expected problems, but found {spec:#?}"),
        Err(problems) => render("spec.yaml", text, &problems),
    }
}

/// A spec with a single set `a` with these lines.
pub(super) fn one(lines: &str) -> String {
    let body = lines.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    format!("project: p\ncontainers:\n  a:\n{body}")
}

pub(super) fn set(lines: &str) -> Set {
    right(&one(lines)).sets.remove(&SetName::new("a")).unwrap()
}

/// The problems of a set, without the surrounding text.
pub(super) fn fault(lines: &str) -> String {
    let problems = read::text(&one(lines), &files()).expect_err(lines);
    let told = problems.into_iter().map(|problem| {
        let hint = problem.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{} {}{hint}", problem.place.line, problem.place.column, problem.message)
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_set_that_says_nothing_is_one_started_container() {
    let set = set("image: nginx");
    assert_eq!(set.identity, Identity::Counted(1));
    assert_eq!(set.state, State::Started);
    assert_eq!(set.matching, Matching::ImageByDefault);
    assert_eq!((set.pull, set.on_stopped), (Pull::Missing, OnStopped::Start));
    assert_eq!((set.recreate, set.kill_signal.as_str()), (Recreate::Auto, "KILL"));
    assert!(!set.discard && !set.one_shot && set.compare.is_empty() && set.options.is_empty());
}

#[test]
fn every_planner_key_is_read() {
    let named = set("name: db\ncount: 1\nstate: killed\nkill_signal: sighup\ndiscard: true\n\
        recreate: never\non_stopped: replace\npull: if_not_present\n\
        compare: {'*': ignore, env: superset, image: strict}");
    assert_eq!(named.identity, Identity::Named(crate::base::ident::ContainerName::new("db")));
    assert_eq!((named.state, named.image), (State::Killed, None));
    assert_eq!((named.kill_signal.as_str(), named.discard), ("HUP", true));
    assert_eq!((named.recreate, named.on_stopped), (Recreate::Never, OnStopped::Replace));
    let modes: Vec<_> = named.compare.into_iter().collect();
    assert_eq!(
        modes,
        [
            ("*".into(), Mode::Ignore),
            ("environment".into(), Mode::Superset),
            ("image".into(), Mode::Strict),
        ]
    );
    let counted = set("image: x\ncount: 0\nmatch: owned\npull: always\ndetach: false");
    assert_eq!((counted.identity, counted.pull), (Identity::Counted(0), Pull::Always));
    assert_eq!((counted.matching, counted.one_shot), (Matching::Owned, true));
    assert_eq!(set("image: x\nmatch: image").matching, Matching::Image);
    assert_eq!(set("image: x\ncontainer_name: db\nscale: 1").identity, named.identity);
}

#[test]
fn options_are_in_the_order_of_the_table_whatever_they_are_called() {
    let set = set("image: x\nmemory_limit: 512m\ntty: true\ncommand: serve -v\nstdin_open:");
    let keys: Vec<_> = set.options.iter().map(|declared| declared.row().def().key).collect();
    assert_eq!(keys, ["command", "tty", "mem_limit"]);
}

#[test]
fn all_problems_are_told_at_once_with_their_lines() {
    let text = "\
project: Shop
bas_dir: /x
services: {}
containers:
  web:
    image: NGINX
    memroy: 512m
    state: runing
    count: two
    tty: maybe
  db:
    name: x
    count: 3
    state: started
    command: echo ${HOME}
    develop: {watch: []}
  -bad: {image: x}
";
    insta::assert_snapshot!(wrong(text), @"
    spec.yaml:1:10: expected a name of lower-case letters, digits, `-` and `_` that begins with a letter or digit, but found the text `Shop`
      1 | project: Shop
        |          ^
    spec.yaml:2:1: expected `project`, `base_dir`, `compat`, `defaults`, `moved`, `prune`, `networks`, `volumes` or `containers`, but found `bas_dir`
      2 | bas_dir: /x
        | ^
      hint: did you mean `base_dir`?
    spec.yaml:3:1: expected `project`, `base_dir`, `compat`, `defaults`, `moved`, `prune`, `networks`, `volumes` or `containers`, but found `services`
      3 | services: {}
        | ^
      hint: bayplan calls them `containers`
    spec.yaml:6:12: expected a reference to an image, but found `NGINX`: a repository has no upper-case letters
      6 |     image: NGINX
        |            ^
    spec.yaml:7:5: expected an option or a planner key, but found `memroy`
      7 |     memroy: 512m
        |     ^
      hint: did you mean `memory`?
    spec.yaml:8:12: expected `present`, `started`, `reloaded`, `restarted`, `stopped`, `killed` or `absent`, but found the text `runing`
      8 |     state: runing
        |            ^
    spec.yaml:9:12: expected a whole number from 0 to 10000, but found the text `two`
      9 |     count: two
        |            ^
    spec.yaml:10:10: expected `true` or `false`, but found the text `maybe`
      10 |     tty: maybe
         |          ^
    spec.yaml:12:11: expected a name of two or more letters, digits, `_`, `.` and `-` that begins with a letter or digit, but found the text `x`
      12 |     name: x
         |           ^
    spec.yaml:13:5: expected a count of 1 beside a `name`, but found 3
      13 |     count: 3
         |     ^
      hint: leave `name` out: members are called PROJECT-SET-1, -2, …; or say `state: absent`
    spec.yaml:15:14: expected a text without variables, but found `${HOME}`
      15 |     command: echo ${HOME}
         |              ^
      hint: write the value itself, `$$` for a literal `$`; under `environment`, `NAME: {from_env: NAME}` takes it from bayplan's environment
    spec.yaml:16:5: `develop` is Compose's, and bayplan does not support it
      16 |     develop: {watch: []}
         |     ^
      hint: it is for a developer's machine: a plan is about images that are built already
    spec.yaml:17:3: expected a set's name of letters, digits, `_`, `.` and `-` that begins with a letter or digit, but found `-bad`
      17 |   -bad: {image: x}
         |   ^
    ");
}

#[test]
fn an_empty_file_says_what_a_spec_begins_with() {
    insta::assert_snapshot!(wrong(""), @"
    spec.yaml:1:1: expected a `project`, but found none
      1 | 
        | ^
      hint: `project: NAME` marks whose containers they are, and begins their names
    spec.yaml:1:1: expected `containers`, but found none
      1 | 
        | ^
      hint: a spec that declares none says `containers: {}`
    ");
    insta::assert_snapshot!(wrong("- a\n"), @"
    spec.yaml:1:1: expected a map with `project` and `containers`, but found a list
      1 | - a
        | ^
    ");
    insta::assert_snapshot!(wrong("project:\ncontainers:\n"), @"
    spec.yaml:1:1: expected a `project`, but found none
      1 | project:
        | ^
      hint: `project: NAME` marks whose containers they are, and begins their names
    spec.yaml:1:1: expected `containers`, but found none
      1 | project:
        | ^
      hint: a spec that declares none says `containers: {}`
    ");
    assert!(right("project: p\ncontainers: {}\n").sets.is_empty());
}

#[test]
fn words_of_others_get_an_answer() {
    insta::assert_snapshot!(fault("image: x\nlxc_conf: [a]"), @"
    5:5 `lxc_conf` cannot be declared: engines dropped the LXC driver with Docker 1.10 (take it out; what it set has options of its own today)
    ");
    insta::assert_snapshot!(fault("image: x\nbuild: ."), @"
    5:5 `build` is Compose's, and bayplan does not support it (build the image elsewhere and name it in `image`)
    ");
    insta::assert_snapshot!(fault("image: x\nprofiles: [a]"), @"
    5:5 `profiles` is Compose's, and bayplan does not support it (one spec is one state; keep another spec for another one)
    ");
    insta::assert_snapshot!(fault("image: x\nmodels: [a]"), @"5:5 `models` is Compose's, and bayplan does not support it (run the model as a set of its own, and say where under `environment`)");
    insta::assert_snapshot!(fault("image: x\nx-mine: 1\nhealthchek: 1"), @"
    6:5 expected an option or a planner key, but found `healthchek` (did you mean `healthcheck`?)
    ");
    let root = "project: p\nversion: '3'\nname: p\nvolumes: {}\nimage: x\nx-a: 1\ncontainers: {}\n";
    insta::assert_snapshot!(wrong(root), @"
    spec.yaml:2:1: expected `project`, `base_dir`, `compat`, `defaults`, `moved`, `prune`, `networks`, `volumes` or `containers`, but found `version`
      2 | version: '3'
        | ^
      hint: take it out: a spec has no version
    spec.yaml:3:1: expected `project`, `base_dir`, `compat`, `defaults`, `moved`, `prune`, `networks`, `volumes` or `containers`, but found `name`
      3 | name: p
        | ^
      hint: bayplan calls it `project`
    spec.yaml:5:1: expected `project`, `base_dir`, `compat`, `defaults`, `moved`, `prune`, `networks`, `volumes` or `containers`, but found `image`
      5 | image: x
        | ^
      hint: it belongs to a set under `containers`
    ");
}

#[test]
fn names_follow_the_engines_grammar_and_leave_bayplans_own_alone() {
    insta::assert_snapshot!(fault("image: x\nname: a"), @"
    5:11 expected a name of two or more letters, digits, `_`, `.` and `-` that begins with a letter or digit, but found the text `a`
    ");
    insta::assert_snapshot!(fault("image: x\nname: /web"), @"
    5:11 expected a name of two or more letters, digits, `_`, `.` and `-` that begins with a letter or digit, but found the text `/web`
    ");
    insta::assert_snapshot!(fault("image: x\nname: web.bp-old"), @"
    5:11 expected a name that does not end in `.bp-old`, which is bayplan's own, but found the text `web.bp-old`
    ");
    insta::assert_snapshot!(fault("image: x\nname: 12"), @"
    5:11 expected a name of two or more letters, digits, `_`, `.` and `-` that begins with a letter or digit, but found the number 12 (put it in quotes)
    ");
    insta::assert_snapshot!(fault("image: x\nname: web\nmatch: owned"), @"
    6:5 expected no `match` beside a `name`, but found both (the set is the container of this name, whatever its image: take `match` out)
    ");
    let text = "project: p\ncontainers:\n  a: {image: x, name: same}\n  b: {image: x, name: same}\n  \
        c: {image: x, name: p-d-7}\n  d: {image: x}\n";
    insta::assert_snapshot!(wrong(text), @"
    spec.yaml:4:17: expected every name once, but found `same` in `a` and in `b`
      4 |   b: {image: x, name: same}
        |                 ^
    spec.yaml:5:17: expected a name of its own, but `p-d-7` is what a member of `d` is called
      5 |   c: {image: x, name: p-d-7}
        |                 ^
    ");
}

#[test]
fn an_image_is_needed_unless_nothing_is_made_of_it() {
    insta::assert_snapshot!(fault("tty: true"), @"
    3:3 expected an `image`, but found none (only a set with a `name` that is `stopped`, `killed` or `absent` needs none)
    ");
    insta::assert_snapshot!(fault("state: absent"), @"
    3:3 expected an `image`, but found none (only a set with a `name` that is `stopped`, `killed` or `absent` needs none)
    ");
    insta::assert_snapshot!(fault("name: web\nstate: reloaded"), @"
    3:3 expected an `image`, but found none (only a set with a `name` that is `stopped`, `killed` or `absent` needs none)
    ");
    for state in ["stopped", "killed", "absent"] {
        assert_eq!(set(&format!("name: web\nstate: {state}")).image, None);
    }
    insta::assert_snapshot!(fault("image: 1.10"), @"
    4:12 expected a reference to an image, but found the number 1.10 (put it in quotes)
    ");
    insta::assert_snapshot!(fault("image:"), @"
    3:3 expected an `image`, but found none (only a set with a `name` that is `stopped`, `killed` or `absent` needs none)
    ");
}

#[test]
fn what_runs_once_neither_stops_nor_comes_back() {
    insta::assert_snapshot!(fault("image: x\ndetach: false\nstate: present"), @"
    5:5 expected `detach: false` with `state: started` or `reloaded`, but found another state
    ");
    insta::assert_snapshot!(fault("image: x\ndetach: false\nrestart_policy: always"), @"
    6:5 expected `on-failure` or no policy of what runs to its end, but found `always` (the engine would start it again after every end)
    ");
    assert!(set("image: x\ndetach: false\nrestart: on-failure:3").one_shot);
    assert!(set("image: x\ndetach: false\nstate: reloaded\nrestart: 'no'").one_shot);
    insta::assert_snapshot!(fault("image: x\ndetach: no"), @"5:13 expected `true` or `false`, but found the text `no` (write `false`)");
}

#[test]
fn a_key_that_is_there_twice_hides_no_other_problem() {
    let text = "project: p\ncontainers:\n  a:\n    imgae: x\n    image: x\n    tty: 1\n    tty: true\n  a: {image: y}\n";
    insta::assert_snapshot!(wrong(text), @"
    spec.yaml:4:5: expected an option or a planner key, but found `imgae`
      4 |     imgae: x
        |     ^
      hint: did you mean `image`?
    spec.yaml:6:10: expected `true` or `false`, but found the number 1
      6 |     tty: 1
        |          ^
    spec.yaml:7:5: expected every key once, but found `tty` again (first in line 6)
      7 |     tty: true
        |     ^
    spec.yaml:8:3: expected every key once, but found `a` again (first in line 3)
      8 |   a: {image: y}
        |   ^
    ");
}

#[test]
fn deploy_is_another_way_to_say_options() {
    let deploy = "image: x\ndeploy: {replicas: 3, resources: {limits: {cpus: '0.5', memory: 64m, \
        pids: 9}, reservations: {memory: 32m, devices: [{count: 1}]}}, restart_policy: {condition: \
        on-failure, max_attempts: 5}}";
    let plain = "image: x\ncount: 3\ncpus: '0.5'\nmem_limit: 64m\npids_limit: 9\nmem_reservation: \
        32m\ngpus: [{count: 1}]\nrestart: 'on-failure:5'";
    assert_eq!(set(deploy), set(plain));
    assert_eq!(set("image: x\ndeploy: {restart_policy: {}}"), set("image: x\nrestart: always"));
    insta::assert_snapshot!(fault("image: x\ncount: 2\ndeploy: {replicas: 3}"), @"6:14 expected `count` once, but found `deploy.replicas`, which means the same as `count` in line 5");
    insta::assert_snapshot!(fault("image: x\ndeploy: {mode: global, nothing: 1}"), @"
    5:14 `deploy.mode` is for a swarm, and bayplan does not support it (bayplan makes as many containers as `replicas` or `count` says)
    5:28 expected a key of Compose's `deploy`, but found `deploy.nothing`
    ");
    insta::assert_snapshot!(fault("image: x\ndeploy: {restart_policy: {max_attempts: 3}}"), @"5:31 expected `condition: on-failure` beside `max_attempts`, but found `any` (an engine counts the attempts of `on-failure` alone)");
    insta::assert_snapshot!(fault("image: x\ndeploy: {restart_policy: {delay: 5s}}"), @"5:31 `deploy.restart_policy.delay` is not supported (an engine waits as it likes, longer each time)");
    insta::assert_snapshot!(fault("image: x\ndeploy.replicas: 3"), @"5:5 expected an option or a planner key, but found `deploy.replicas`");
}

#[test]
fn one_thing_is_said_once() {
    insta::assert_snapshot!(fault("image: x\nmem_limit: 1g\nmemory: 1g"), @"
    6:5 expected `mem_limit` once, but found `memory`, which means the same as `mem_limit` in line 5
    ");
    insta::assert_snapshot!(fault("image: x\nname: web\ncontainer_name: web"), @"
    6:5 expected `name` once, but found `container_name`, which means the same as `name` in line 5
    ");
    // A key without a value is undeclared.
    assert_eq!(set("image: x\nmem_limit: 1g\nmemory:").options.len(), 1);
}

#[test]
fn variables_are_not_spliced_in() {
    insta::assert_snapshot!(fault("image: nginx:${TAG:-1}"), @"
    4:12 expected a text without variables, but found `${TAG:-1}` (write the value itself, `$$` for a literal `$`; under `environment`, `NAME: {from_env: NAME}` takes it from bayplan's environment)
    ");
    insta::assert_snapshot!(fault("image: x\nenvironment: [A=$HOME]"), @"
    5:19 expected a text without variables, but found `$HOME` (write the value itself, `$$` for a literal `$`; under `environment`, `NAME: {from_env: NAME}` takes it from bayplan's environment)
    ");
    let set = set("image: x\ncommand: [sh, -c, 'echo $$HOME $$$$ 5$']");
    let printed = set.option("command").unwrap().print();
    assert_eq!(printed, serde_json::json!(["sh", "-c", "echo $HOME $$ 5$"]));
}

#[test]
fn one_reference_is_pulled_in_one_way() {
    let two = "project: p\ncontainers:\n  a: {image: app, pull: always}\n  b: {image: \
        'docker.io/library/app:latest'}\n  c: {image: 'app:2'}\n";
    insta::assert_snapshot!(wrong(two), @"
    spec.yaml:4:3: expected one `pull` for `app:latest`, but found `always` in `a` and `missing` in `b`
      4 |   b: {image: 'docker.io/library/app:latest'}
        |   ^
    ");
}

#[test]
fn compare_knows_options_only() {
    insta::assert_snapshot!(fault("image: x\ncompare: {memroy: ignore}"), @"
    5:15 expected an option, `image` or `*`, but found `memroy` (did you mean `memory`?)
    ");
    insta::assert_snapshot!(fault("image: x\ncompare: {state: ignore}"), @"5:15 expected an option, `image` or `*`, but found `state`");
    insta::assert_snapshot!(fault("image: x\ncompare: {tty: loose}"), @"
    5:20 expected `strict` or `ignore`, but found the text `loose`
    ");
    insta::assert_snapshot!(fault("image: x\ncompare: {memory: ignore, mem_limit: strict}"), @"5:31 expected `mem_limit` once, but found it again");
    insta::assert_snapshot!(fault("image: x\ncompare: {image: superset}"), @"
    5:22 expected `strict` or `ignore`, but found `superset`: the option has one value
    ");
    insta::assert_snapshot!(fault("image: x\ncompare: {memory: superset}"), @"
    5:23 expected `strict` or `ignore`, but found `superset`: the option has one value
    ");
}

#[test]
fn labels_of_bayplan_are_bayplans() {
    let map = fault("image: x\nlabels: {io.bayplan.set: a, mine: b}");
    let list = fault("image: x\nlabels: [io.bayplan.set=a]");
    for told in [map, list] {
        assert!(told.contains("io.bayplan."), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn signals_have_names_or_numbers() {
    for (written, meant) in [("SIGHUP", "HUP"), ("hup", "HUP"), ("9", "9"), ("RTMIN+3", "RTMIN+3")]
    {
        assert_eq!(set(&format!("image: x\nkill_signal: {written}")).kill_signal, meant);
    }
    insta::assert_snapshot!(fault("image: x\nkill_signal: HUPP"), @"
    5:18 expected a signal, like `HUP` or `SIGTERM`, but found the text `HUPP` (did you mean `HUP`?)
    ");
    insta::assert_snapshot!(fault("image: x\nkill_signal: 65"), @"5:18 expected a signal from 1 to 64, but found the number 65");
}

#[test]
fn environment_files_become_references_below_what_is_written() {
    let set = set(
        "image: x\nenv_file: [base.env, {path: prod.env}, {path: gone.env, required: false}]\n\
        environment: {A: literal, E: {from_env: F}}",
    );
    insta::assert_snapshot!(set.option("environment").unwrap().print(), @r#"
    {"A":"literal","B":{"env_file":"prod.env"},"C":{"env_file":"base.env"},"D":{"env_file":"prod.env"},"E":{"from_env":"F"}}
    "#);
    let list = self::set("image: x\nenv_file: base.env\nenv:\n- A=1\n- B");
    insta::assert_snapshot!(list.option("environment").unwrap().print(), @r#"{"A":"1","B":{"from_env":"B"},"C":{"env_file":"base.env"}}"#);
    let alone = self::set("image: x\nenv_file: prod.env");
    insta::assert_snapshot!(alone.option("environment").unwrap().print(), @r#"{"B":{"env_file":"prod.env"},"D":{"env_file":"prod.env"}}"#);
    insta::assert_snapshot!(fault("image: x\nenv_file: [gone.env, 1]"), @"
    5:16 expected the environment file `gone.env`, but it was not read
    5:26 expected the path of an environment file, but found the number 1 (put it in quotes)
    ");
    // An error in `environment` is reported once, in its own words.
    insta::assert_snapshot!(fault("image: x\nenv_file: base.env\nenvironment: [A=1, A=2]"), @"6:24 expected every key once, but found `A` again");
}

#[test]
fn the_shell_is_told_which_files_to_read() {
    let text = "project: p\ncontainers:\n  a: {env_file: b.env}\n  c:\n    env_file:\n    - {path: d.env, required: false}\n    - 1\n";
    let uses = read::env_files(&yaml::parse(text).unwrap());
    let told: Vec<_> = uses
        .iter()
        .map(|one| format!("{}:{} {} {}", one.place.line, one.place.column, one.path, one.required))
        .collect();
    assert_eq!(told, ["3:17 b.env true", "6:14 d.env false"]);
    assert!(read::env_files(&yaml::parse("[1]").unwrap()).is_empty());
}

#[test]
fn sets_come_after_what_they_need() {
    let text = "project: p\ncontainers:\n  a: {image: x, depends_on: [web, elsewhere]}\n  \
        b: {image: x}\n  c: {image: x, name: web, links: ['d:db']}\n  \
        d: {image: x, volumes_from: [b], network_mode: 'container:b'}\n";
    let order: Vec<_> =
        order::order(&right(text)).unwrap().into_iter().map(|set| set.to_string()).collect();
    assert_eq!(order, ["b", "d", "c", "a"]);
}

#[test]
fn circles_are_shown() {
    let text = "project: p\ncontainers:\n  a: {image: x, depends_on: [b]}\n  b:\n    image: x\n    \
        name: bee\n    depends_on: [c]\n  c: {image: x, depends_on: [bee]}\n";
    insta::assert_snapshot!(wrong(text), @"
    spec.yaml:7:5: expected sets that can be put in an order, but found a circle: `b` needs `c` (depends_on, line 7), `c` needs `b` (depends_on, line 8)
      7 |     depends_on: [c]
        |     ^
      hint: take one of these references out
    ");
    insta::assert_snapshot!(fault("image: x\ndepends_on: [a]"), @"
    5:5 expected sets that can be put in an order, but found a circle: `a` needs `a` (depends_on, line 5) (take one of these references out)
    ");
}

#[test]
fn a_relative_source_needs_a_base_dir() {
    let told = fault("image: x\nvolumes: ['./data:/data']");
    assert!(told.contains("base_dir"), "{told}");
    right(&format!("base_dir: /srv\n{}", one("image: x\nvolumes: ['./data:/data']")));
    insta::assert_snapshot!(
        wrong(&format!("base_dir: srv\n{}", one("image: x\nvolumes: ['./data:/data']"))), @"
    spec.yaml:1:11: expected an absolute path on the engine's host, but found the text `srv`
      1 | base_dir: srv
        |           ^
    ");
}

#[test]
fn the_2015_module_s_habits_can_be_had() {
    let text = "project: p\ncompat: ansible-1.9\ncontainers:\n  a: {image: x}\n  \
        b: {image: x, detach: false}\n  c: {image: x, detach: false, recreate: auto, match: owned, \
        on_stopped: start, compare: {'*': strict}}\n";
    let spec = right(text);
    let get = |key: &str| &spec.sets[&SetName::new(key)];
    let (a, b, c) = (get("a"), get("b"), get("c"));
    assert_eq!((a.matching, a.on_stopped), (Matching::Image, OnStopped::Replace));
    assert_eq!(
        (a.recreate, b.recreate, c.recreate),
        (Recreate::Auto, Recreate::Always, Recreate::Auto)
    );
    assert_eq!(a.compare["*"], Mode::Superset);
    assert_eq!(
        (c.matching, c.on_stopped, c.compare["*"]),
        (Matching::Owned, OnStopped::Start, Mode::Strict)
    );
    insta::assert_snapshot!(wrong("project: p\ncompat: ansible-2\ncontainers: {}\n"), @"
    spec.yaml:2:9: expected `ansible-1.9` or `compose`, but found the text `ansible-2`
      2 | compat: ansible-2
        |         ^
      hint: did you mean `ansible-1.9`?
    ");
}
