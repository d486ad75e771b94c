//! Compose projects as a person gives them to the program: which files, which variables, which
//! name, which folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::program::{Ran, run};

/// A folder with these files, whose name is `proj`.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let above = tempfile::tempdir().unwrap();
    let own = above.path().join("proj");
    for (path, text) in files {
        let path = own.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    (above, own)
}

fn ran(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(folder, variables, args))
}

fn fine(ran: &Ran) -> &str {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    &ran.out
}

/// What counts when a thing is said in several places.
struct Precedence {
    about: &'static str,
    files: &'static [(&'static str, &'static str)],
    variables: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    /// The project's name, and the images of its services.
    expected: (&'static str, &'static [(&'static str, &'static str)]),
}

const FILE: &str = "services: {a: {image: \"x:${V:-none}\"}}\n";
const NAMED: &str = "name: said\nservices: {a: {image: x}}\n";

const CASES: [Precedence; 14] = [
    Precedence {
        about: "the shell over every file",
        files: &[("compose.yaml", FILE), (".env", "V=env\n"), ("one.env", "V=one\n")],
        variables: &[("V", "shell")],
        arguments: &["--env-file", "one.env"],
        expected: ("proj", &[("a", "x:shell")]),
    },
    Precedence {
        about: "a later `--env-file` over an earlier one",
        files: &[("compose.yaml", FILE), ("one.env", "V=one\n"), ("two.env", "V=two\n")],
        variables: &[],
        arguments: &["--env-file", "one.env", "--env-file", "two.env"],
        expected: ("proj", &[("a", "x:two")]),
    },
    Precedence {
        about: "`--env-file` instead of `.env`",
        files: &[("compose.yaml", FILE), (".env", "V=env\n"), ("one.env", "W=one\n")],
        variables: &[],
        arguments: &["--env-file", "one.env"],
        expected: ("proj", &[("a", "x:none")]),
    },
    Precedence {
        about: "COMPOSE_ENV_FILES instead of `.env`",
        files: &[
            ("compose.yaml", FILE),
            (".env", "V=env\n"),
            ("one.env", "V=one\n"),
            ("two.env", "V=two\n"),
        ],
        variables: &[("COMPOSE_ENV_FILES", "one.env,two.env")],
        arguments: &[],
        expected: ("proj", &[("a", "x:two")]),
    },
    Precedence {
        about: "`.env` beside the first file",
        files: &[("sub/compose.yaml", FILE), (".env", "V=here\n"), ("sub/.env", "V=beside\n")],
        variables: &[],
        arguments: &["-f", "sub/compose.yaml"],
        expected: ("sub", &[("a", "x:beside")]),
    },
    Precedence {
        about: "no `.env` where COMPOSE_DISABLE_ENV_FILE says so",
        files: &[("compose.yaml", FILE), (".env", "V=env\n")],
        variables: &[("COMPOSE_DISABLE_ENV_FILE", "1")],
        arguments: &[],
        expected: ("proj", &[("a", "x:none")]),
    },
    Precedence {
        about: "`-p` over COMPOSE_PROJECT_NAME",
        files: &[("compose.yaml", NAMED)],
        variables: &[("COMPOSE_PROJECT_NAME", "variable")],
        arguments: &["-p", "asked"],
        expected: ("asked", &[("a", "x")]),
    },
    Precedence {
        about: "COMPOSE_PROJECT_NAME, of `.env` too, over `name`",
        files: &[("compose.yaml", NAMED), (".env", "COMPOSE_PROJECT_NAME=variable\n")],
        variables: &[],
        arguments: &[],
        expected: ("variable", &[("a", "x")]),
    },
    Precedence {
        about: "the last `name` over those before and the folder",
        files: &[("compose.yaml", NAMED), ("more.yaml", "name: last\nservices: {}\n")],
        variables: &[],
        arguments: &["-f", "compose.yaml", "-f", "more.yaml"],
        expected: ("last", &[("a", "x")]),
    },
    Precedence {
        about: "`-f` over COMPOSE_FILE",
        files: &[("compose.yaml", FILE), ("b.yaml", "services: {b: {image: x}}\n")],
        variables: &[("COMPOSE_FILE", "compose.yaml")],
        arguments: &["-f", "b.yaml"],
        expected: ("proj", &[("b", "x")]),
    },
    Precedence {
        about: "COMPOSE_FILE of `.env` over the default files",
        files: &[
            ("compose.yaml", FILE),
            ("b.yaml", "services: {b: {image: x}}\n"),
            ("c.yaml", "services: {b: {image: y}}\n"),
            (".env", "COMPOSE_FILE=b.yaml:c.yaml\n"),
        ],
        variables: &[],
        arguments: &[],
        expected: ("proj", &[("b", "y")]),
    },
    Precedence {
        about: "the default file with its override",
        files: &[
            ("compose.yaml", FILE),
            ("compose.override.yaml", "services: {a: {image: y}, b: {image: z}}\n"),
        ],
        variables: &[],
        arguments: &[],
        expected: ("proj", &[("a", "y"), ("b", "z")]),
    },
    Precedence {
        about: "`compose.yaml` over `docker-compose.yml`",
        files: &[("docker-compose.yml", NAMED), ("compose.yaml", FILE)],
        variables: &[],
        arguments: &[],
        expected: ("proj", &[("a", "x:none")]),
    },
    Precedence {
        about: "`--profile` over COMPOSE_PROFILES, which `.env` may say",
        files: &[
            (
                "compose.yaml",
                "services: {a: {image: x}, b: {image: x, profiles: [p]}, c: {image: x, profiles: [q]}}\n",
            ),
            (".env", "COMPOSE_PROFILES=p\n"),
        ],
        variables: &[],
        arguments: &["--profile", "q"],
        expected: ("proj", &[("a", "x"), ("c", "x")]),
    },
];

/// The name and the images of a project.
fn brief(model: &Json) -> (String, BTreeMap<String, String>) {
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let services = model["services"].as_object().into_iter().flatten();
    (
        text(&model["name"]),
        services.map(|(key, service)| (key.clone(), text(&service["image"]))).collect(),
    )
}

#[test]
fn what_is_said_twice_counts_as_it_does_for_the_reference() {
    let reference = std::env::var_os("BAYPLAN_COMPOSE").map(PathBuf::from);
    let mut wrong = Vec::new();
    for case in &CASES {
        let (_above, own) = folder(case.files);
        let args: Vec<&str> = ["config"].iter().chain(case.arguments).copied().collect();
        let ours = ran(&own, case.variables, &args);
        let ours: Json = serde_json::from_str(fine(&ours)).unwrap();
        let expected = (
            case.expected.0.to_owned(),
            case.expected.1.iter().map(|(key, image)| ((*key).into(), (*image).into())).collect(),
        );
        if brief(&ours) != expected {
            wrong.push(format!("{}: {:?}", case.about, brief(&ours)));
        }
        let Some(reference) = &reference else { continue };
        let output = Command::new(reference)
            .args(case.arguments)
            .args(["config", "--format", "json"])
            .current_dir(&own)
            .env_clear()
            .env("HOME", &own)
            .envs(case.variables.iter().copied())
            .output()
            .unwrap();
        let theirs: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if brief(&theirs) != expected {
            wrong.push(format!("{}: the reference: {:?}", case.about, brief(&theirs)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const PROJECT: &str = "\
services:
  web:
    image: acme/web:1
    environment: {URL: \"pg://u:${PW}@db\", MODE: prod}
    volumes: [\"./conf:/conf:ro\", \"data:/data\"]
    env_file: a.env
    configs: [{source: c, target: /etc/c}]
    depends_on: [db]
  db: {image: acme/db:1, labels: [a=b]}
volumes: {data: }
configs: {c: {content: \"port = ${PORT:-80}\\n\"}}
";

const FILES: [(&str, &str); 3] =
    [("compose.yaml", PROJECT), (".env", "PW=hunter2hunter2\nPORT=81\n"), ("a.env", "A=aaaaaa\n")];

#[test]
fn a_project_that_is_imported_declares_the_same() {
    let (_above, own) = folder(&FILES);
    fine(&ran(&own, &[], &["import", "--compose", "-o", "spec.yaml"]));
    let text = std::fs::read_to_string(own.join("spec.yaml")).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("aaaaaa"), "{text}");
    assert!(text.contains("pg://u:$${PW}@db") && text.contains("  web:\n    "), "{text}");
    let of_compose = ran(&own, &[], &["config", "--spec"]);
    let of_spec = ran(&own, &[("PW", "x"), ("PORT", "1")], &["config", "spec.yaml"]);
    assert_eq!(fine(&of_spec), fine(&of_compose));
    let refused = ran(&own, &[], &["import", "-p", "x", "--all"]);
    assert_eq!(refused.code, 64, "{}", refused.err);
}

/// A look at an engine on which the project's `db` runs, made from a folder.
fn look(from: &Path) -> String {
    let labels = json!({
        "com.docker.compose.project": "proj", "com.docker.compose.service": "db",
        "com.docker.compose.oneoff": "False", "com.docker.compose.container-number": "1",
        "com.docker.compose.project.working_dir": from,
    });
    let image = |name: &str, digit: &str| {
        json!({
            "Id": format!("sha256:{}", digit.repeat(64)), "RepoTags": [name], "RepoDigests": [],
            "Os": "linux", "Architecture": "amd64", "Config": {"Cmd": ["app"]},
        })
    };
    let container = json!({
        "Id": "a".repeat(64), "Name": "/proj-db-1", "Image": format!("sha256:{}", "1".repeat(64)),
        "State": {"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:00Z"},
        "Config": {"Image": "acme/db:1", "Cmd": ["app"], "Labels": labels},
        "HostConfig": {"NetworkMode": "proj_default"},
        "Mounts": [], "NetworkSettings": {"Networks": {"proj_default": {}}},
    });
    json!([container, image("acme/db:1", "1"), image("acme/web:1", "2")]).to_string()
}

#[test]
fn a_checkout_elsewhere_does_not_replace_a_project() {
    let (_above, own) = folder(&FILES);
    std::fs::write(own.join("look.json"), look(Path::new("/srv/shop"))).unwrap();
    let plan = ["plan", "--snapshot", "look.json"];
    let refused = ran(&own, &[], &plan);
    assert_eq!(refused.code, 1);
    for said in ["`proj-db-1`", "made from /srv/shop", "--project-directory /srv/shop"] {
        assert!(refused.err.contains(said), "{said}: {}", refused.err);
    }
    // The folder is on the engine's host; the files are read from here.
    let asked = [&plan[..], &["--project-directory", "/srv/shop", "-p", "proj"]].concat();
    let planned = ran(&own, &[], &asked);
    assert!(!planned.err.contains("made from"), "{}", planned.err);
    let config = ran(&own, &[], &["config", "--spec", "--project-directory", "/srv/shop"]);
    let spec: Json = serde_json::from_str(fine(&config)).unwrap();
    assert_eq!(spec["base_dir"], "/srv/shop");
    assert_eq!(spec["project"], "shop");
    let web = spec["containers"]["web"].to_string();
    assert!(
        web.contains("/srv/shop/conf:/conf:ro") && web.contains("{\"env_file\":\"a.env\"}"),
        "{web}"
    );
}

#[test]
fn a_plan_s_project_directory_is_in_its_repository_or_allowed() {
    let (above, own) = folder(&FILES);
    let other = above.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("a.env"), "A=other\n").unwrap();
    let elsewhere = other.to_string_lossy().into_owned();
    std::fs::write(own.join("look.json"), look(Path::new("/srv/shop"))).unwrap();
    let plan = ["plan", "compose.yaml", "--snapshot", "look.json", "-p", "none", "-o", "plan.json"];
    fine(&ran(&own, &[], &[&plan[..], &["--project-directory", &elsewhere]].concat()));
    let verify = ["verify", "plan.json", "--snapshot", "look.json"];
    let refused = ran(&own, &[], &verify);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("project directory to be in the plan's repository"));
    fine(&ran(&own, &[], &[&verify[..], &["--allow-outside", &elsewhere]].concat()));
}

#[test]
fn relative_paths_mean_nothing_to_an_engine_on_another_machine() {
    let (_above, own) = folder(&FILES);
    let plan = ["--host", "tcp://192.0.2.1:2375", "plan"];
    let refused = ran(&own, &[], &plan);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("--project-directory DIR"), "{}", refused.err);
}

/// Lists, maps and texts that aliases multiply.
fn bombs() -> [(&'static str, String); 3] {
    let levels = |one: &dyn Fn(usize) -> String| (1..10).map(one).collect::<String>();
    let lists = levels(&|at| {
        let items = vec![format!("*a{}", at - 1); 9].join(", ");
        format!("x-a{at}: &a{at} [{items}]\n")
    });
    let maps = levels(&|at| {
        let items: Vec<String> = (0..9).map(|key| format!("k{key}: *a{}", at - 1)).collect();
        format!("x-a{at}: &a{at} {{{}}}\n", items.join(", "))
    });
    let words = vec!["*a"; 5_000].join(", ");
    let text = "x".repeat(1 << 16);
    [
        ("lists", format!("x-a0: &a0 [a]\n{lists}services: {{a: {{image: x, command: *a9}}}}\n")),
        ("maps", format!("x-a0: &a0 {{a: b}}\n{maps}services: {{a: {{image: x, labels: *a9}}}}\n")),
        ("texts", format!("x-a: &a {text}\nservices:\n  a: {{image: x, command: [{words}]}}\n")),
    ]
}

/// The most memory that a process has had so far, in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn what_aliases_multiply_is_refused_in_little_memory() {
    for (name, text) in bombs() {
        let (_above, own) = folder(&[("compose.yaml", &text)]);
        let mut child = Command::new(env!("CARGO_BIN_EXE_bayplan"))
            .arg("config")
            .current_dir(&own)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut most = 0;
        let status = loop {
            most = most.max(peak(child.id()).unwrap_or_default());
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        };
        assert_eq!(status.code(), Some(1), "{name}");
        assert!(most < 100 << 10, "{name}: {most} KiB");
    }
}

/// Services, the rest of the project, a place in the spec, and the value there as JSON.
type Passed = (&'static str, &'static str, &'static str, &'static str);

const PASSED_OVER: &[Passed] = &[
    ("{ipc: host, shm_size: 8gb}", "", "/containers/a/shm_size", "null"),
    ("{isolation: default}", "", "/containers/a/image", r#""x""#),
    ("{network_mode: host, ports: ['80:80']}", "", "/containers/a/ports", "null"),
    (
        "{healthcheck: {test: [CMD, a], interval: 1s, disable: true}}",
        "",
        "/containers/a/healthcheck",
        r#"{"disable": true}"#,
    ),
    (
        "{healthcheck: {test: [CMD-SHELL, a, b]}}",
        "",
        "/containers/a/healthcheck/test",
        r#"["CMD-SHELL", "a", "b"]"#,
    ),
    (
        "{healthcheck: {test: [], interval: 5s}}",
        "",
        "/containers/a/healthcheck",
        r#"{"interval": "5s"}"#,
    ),
    ("{healthcheck: {test: ''}}", "", "/containers/a/healthcheck/test", r#"["CMD-SHELL", ""]"#),
    // A value of nothing makes no word, unless it stands in quotes.
    ("{command: 'a ${NONE} ${VOID} b'}", "", "/containers/a/command", r#"["a", "b"]"#),
    (
        "{command: 'a \"${VOID}\"'}",
        "",
        "/containers/a/command",
        r#"["a", {"template": "$${VOID}"}]"#,
    ),
    (
        "{deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1, options: {virtualization: false}}]}}}}",
        "",
        "/containers/a/gpus/0/options",
        r#"{"virtualization": "false"}"#,
    ),
    (
        "{depends_on: {b: {condition: service_healthy, restart: true}}}, \
             b: {image: x, healthcheck: {test: [CMD, t]}}, \
             c: {image: x, depends_on: {a: {condition: service_completed_successfully}}}",
        "",
        "/containers/a/depends_on/b/restart",
        "true",
    ),
    // As Compose sends them: who asks for no folder gets none, and no label either.
    (
        "{volumes: [{type: bind, source: /s, target: /t, bind: {create_host_path: false, selinux: z}}]}",
        "",
        "/containers/a/volumes/0/bind",
        r#"{"create_host_path": false}"#,
    ),
    (
        "{volumes: [{type: bind, source: /s, target: /t, bind: {recursive: disabled}}]}",
        "",
        "/containers/a/volumes/0/bind",
        r#"{"create_host_path": false, "recursive": "disabled"}"#,
    ),
    (
        "{volumes: [{type: bind, source: /s, target: /t}]}",
        "",
        "/containers/a/volumes/0/bind",
        r#"{"create_host_path": false}"#,
    ),
    ("{build: .}, b: {image: x, pull_policy: always}", "", "/containers/b/pull", r#""never""#),
    ("{pull_policy: never}, b: {image: x}", "", "/containers/a/pull", "null"),
    ("{volumes: ['${PWD}/d:/d']}", "", "/containers/a/volumes", r#"["/srv/x/d:/d"]"#),
    ("{ports: ['${AUTH_PORT}:80']}", "", "/containers/a/ports", r#"["81:80/tcp"]"#),
    (
        "{secrets: [{source: s, target: t, mode: 0400}]}",
        "secrets: {s: {environment: PW}}",
        "/containers/a/files",
        r#"{"/run/secrets/t": {"content": {"from_env": "PW"}, "mode": "0400"}}"#,
    ),
    (
        "{configs: [c]}",
        "configs: {c: {content: 'p=${PW} $${x}'}}",
        "/containers/a/files/~1c/content",
        r#"{"template": "p=$${PW} $$$${x}"}"#,
    ),
    (
        "{volumes: ['vol:/data']}",
        "volumes: {vol: {driver_opts: {type: cifs, device: '//h/${N}', o: 'password=${PW}'}}}",
        "/volumes/vol/driver_opts",
        r#"{"type": "cifs", "device": "//h/n", "o": {"template": "password=$${PW}"}}"#,
    ),
];

/// Projects as people write them: what a place of the spec is that comes of one.
#[test]
fn what_compose_and_engines_pass_over_is_passed_over() {
    let variables = [
        ("PWD", "/srv/x"),
        ("AUTH_PORT", "81"),
        ("PW", "hunter2hunter2"),
        ("N", "n"),
        ("VOID", ""),
    ];
    let mut wrong = Vec::new();
    for (services, rest, place, expected) in PASSED_OVER {
        let expected: Json = serde_json::from_str(expected).unwrap();
        let first = services.replacen('{', "{image: x, ", 1);
        let text = format!("services: {{a: {first}}}\n{rest}\n");
        let (_above, own) = folder(&[("compose.yaml", &text)]);
        let ran = ran(&own, &variables, &["config", "--spec"]);
        let spec: Json = serde_json::from_str(&ran.out).unwrap_or_default();
        let found = spec.pointer(place).cloned().unwrap_or_default();
        if ran.code != 0 || found != expected || ran.out.contains("hunter2") {
            wrong.push(format!("{text}{place}: {found}\n{}", ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Days are Compose's alone; what is said under `x-bayplan` counts before what a swarm is told.
#[test]
fn durations_and_update_config_mean_what_they_say() {
    let service = "services:\n  a:\n    image: acme/db:1\n    stop_grace_period: 1d\n    healthcheck: {test: [CMD, \
                   t], interval: 1w}\n    deploy: {update_config: {delay: 1d, parallelism: 2, \
                   monitor: 1m}}\n";
    let own = format!("{service}    x-bayplan: {{update_config: {{parallelism: 3}}}}\n");
    let all = format!("x-bayplan: {{update_config: {{parallelism: 4}}}}\n{service}");
    for (text, expected) in [
        // `monitor` is `prove_for` here.
        (service, json!({"delay": "24h", "parallelism": 2})),
        (&own, json!({"parallelism": 3})),
        (&all, json!({"delay": "24h", "parallelism": 2})),
    ] {
        let (_above, folder) = folder(&[("compose.yaml", text)]);
        let args = ["plan", "--snapshot", "look.json", "--format", "json"];
        std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
        let shown = ran(&folder, &[], &args);
        let plan: Json = serde_json::from_str(fine(&shown)).unwrap();
        let set = &plan["declared"]["containers"]["a"];
        assert_eq!(set["update_config"], expected, "{set}");
        assert_eq!(set["stop_grace_period"], 86_400);
        assert_eq!(set["healthcheck"]["interval"], "168h");
    }
}

/// What a file of variables takes is told as what the Compose file takes is.
#[test]
fn what_a_file_of_variables_lacks_is_told() {
    let service = "services: {a: {image: 'acme/db:1', env_file: [e.env]}}\n";
    let file =
        "A=$NONE\nB=${NONE:-x}\nC=$A\nD='$NONE'\nE=$HERE\nF\nG=${A:+$NONE}\nH=${E:+$OTHER}\n";
    let (_above, folder) = folder(&[("compose.yaml", service), ("e.env", file)]);
    std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
    let plan = ["plan", "--snapshot", "look.json"];
    let set = [("HERE", "hunter2hunter2")];
    let shown = ran(&folder, &set, &plan);
    fine(&shown);
    let notes: Vec<&str> = shown.err.lines().filter(|line| line.starts_with("note")).collect();
    assert_eq!(
        notes,
        [
            "note: e.env:1: the variable `NONE` is not set, and taken for empty",
            "note: e.env:8: the variable `OTHER` is not set, and taken for empty",
        ]
    );
    let shown = ran(&folder, &set, &[&plan[..], &["--strict"]].concat());
    assert!(shown.code == 1 && shown.err.contains("e.env:8: "), "{}", shown.err);
    let assumed = ["plan", "--snapshot", "look.json", "--unresolved", "assume-same"];
    assert!(!ran(&folder, &set, &assumed).err.contains("note"));
}

/// Links to services and to other containers are the same to an engine.
#[test]
fn both_kinds_of_links_can_be_said() {
    let text = "services:\n  db: {image: 'acme/db:1'}\n  web: {image: 'acme/web:1', external_links: \
                ['mail:smtp'], links: [db]}\n";
    let (_above, folder) = folder(&[("compose.yaml", text)]);
    std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
    let shown = ran(&folder, &[], &["plan", "--snapshot", "look.json", "--format", "json"]);
    let plan: Json = serde_json::from_str(fine(&shown)).unwrap();
    let links = &plan["declared"]["containers"]["web"]["links"];
    assert_eq!(*links, json!(["db:db", "db:db-1", "db:proj-db-1", "mail:smtp"]));
}

/// Compose mounts the whole project, `.env` included, where such an object says nothing.
#[test]
fn a_config_that_says_nothing_is_refused() {
    for (kind, said, variables, key) in [
        ("configs", "content: ''", &[][..], Some("content")),
        ("configs", "content: '${NONE:-}'", &[], Some("content")),
        ("configs", "content: '${SET}'", &[("SET", "")], Some("content")),
        ("configs", "content: '${SET}'", &[("SET", "hunter2")], None),
        ("configs", "file: ''", &[], Some("file")),
        // A variable that is set to nothing makes an empty file.
        ("secrets", "environment: SET", &[("SET", "")], None),
    ] {
        let text =
            format!("services: {{a: {{image: x, {kind}: [o]}}}}\n{kind}: {{o: {{{said}}}}}\n");
        let (_above, folder) = folder(&[("compose.yaml", &text)]);
        let shown = ran(&folder, variables, &["config", "--spec"]);
        let Some(key) = key else {
            fine(&shown);
            continue;
        };
        let told = format!(
            "`{kind}.o` has an empty `{key}`, and Compose then mounts the project's whole folder \
             there"
        );
        assert!(shown.code == 1 && shown.err.contains(&told), "{text}{}", shown.err);
    }
}

/// What Compose asks the engine for is planned: a one-shot that is tried again, what a privileged
/// container drops in vain, and a profile of a file by its content.
#[test]
fn what_an_engine_takes_from_compose_is_planned() {
    let text = "services:\n  web:\n    image: acme/web:1\n    privileged: true\n    cap_drop: [ALL]\n    \
                security_opt: ['seccomp:./profile.json']\n    depends_on: {db: {condition: \
                service_completed_successfully}}\n  db: {image: 'acme/db:1', restart: on-failure}\n";
    let profile = "{ \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"flags\": [ \"a\\\" b\", 1.0 ] }\n";
    let (_above, folder) = folder(&[("compose.yaml", text), ("profile.json", profile)]);
    std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
    let plan = ["plan", "--snapshot", "look.json", "--format", "json"];
    let shown = ran(&folder, &[], &plan);
    let plan_of: Json = serde_json::from_str(fine(&shown)).unwrap();
    let sets = &plan_of["declared"]["containers"];
    assert_eq!(sets["db"]["detach"], false);
    assert_eq!(sets["db"]["restart"], "on-failure");
    assert_eq!(sets["web"]["cap_drop"], json!(["ALL"]));
    let profile = r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW","flags":["a\" b",1.0]}"#;
    assert_eq!(sets["web"]["security_opt"], json!([profile]));
    // Other JSON may hold secrets, and the content gets into the plan.
    let credentials = r#"{"auths": {"registry.example": {"auth": "c2VjcmV0"}}}"#;
    for file in ["{", "", credentials, r#"{"defaultAction": "x", "auths": 1}"#] {
        let told = "expected a seccomp profile in `./profile.json`";
        std::fs::write(folder.join("profile.json"), file).unwrap();
        let refused = ran(&folder, &[], &plan);
        assert!(refused.code == 1 && refused.err.contains(told), "{}", refused.err);
        assert!(refused.err.contains("compose.yaml:6:"), "{}", refused.err);
    }
    std::fs::remove_file(folder.join("profile.json")).unwrap();
    let refused = ran(&folder, &[], &plan);
    assert!(refused.err.contains("expected a file, but there is none at"), "{}", refused.err);
}

/// A one-shot that is always started again never ends.
#[test]
fn a_one_shot_that_never_ends_is_refused() {
    let text = "services:\n  web: {image: 'acme/web:1', depends_on: {db: {condition: \
                service_completed_successfully}}}\n  db: {image: 'acme/db:1', restart: always}\n";
    let (_above, folder) = folder(&[("compose.yaml", text)]);
    let refused = ran(&folder, &[], &["config", "--spec"]);
    let told = "compose.yaml:3:37: expected `on-failure` or no policy of what runs to its end, but \
                found `always`";
    assert!(refused.code == 1 && refused.err.contains(told), "{}", refused.err);
}

/// A line whose words are known with the values alone is printed as it is written; a plan, which
/// shows words and no values, is refused, and told by which flag it is not.
#[test]
fn a_command_line_of_blanks_is_printed_as_it_is_written() {
    let text = "services: {a: {image: 'acme/db:1', command: 'run ${OPTS} ${ONE}'}}\n";
    let (_above, folder) = folder(&[("compose.yaml", text), (".env", "OPTS='-a  -b'\nONE=1\n")]);
    std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
    let shown = ran(&folder, &[], &["config"]);
    let model: Json = serde_json::from_str(fine(&shown)).unwrap();
    assert_eq!(model["services"]["a"]["command"], "run ${OPTS} ${ONE}");
    let plan = ["plan", "--snapshot", "look.json", "--format", "json"];
    let refused = ran(&folder, &[], &plan);
    assert!(refused.err.contains("are public: `--public OPTS`\n"), "{}", refused.err);
    let shown = ran(&folder, &[], &[&plan[..], &["--public", "OPTS"]].concat());
    let plan: Json = serde_json::from_str(fine(&shown)).unwrap();
    let words = &plan["declared"]["containers"]["a"]["command"];
    assert_eq!(*words, json!(["run", "-a", "-b", {"template": "$${ONE}"}]));
}

/// Variables whose names say that they are no secrets may stand in both kinds of places.
#[test]
fn plain_names_are_not_secret() {
    let one = |name: &str| {
        let text = format!(
            "services: {{a: {{image: 'acme/db:1', container_name: 'n${{{name}}}', environment: \
             {{A: '${{{name}}}'}}}}}}\n"
        );
        let (_above, folder) = folder(&[("compose.yaml", &text)]);
        ran(&folder, &[(name, "x1")], &["config", "--spec"])
    };
    for name in ["TZ", "APP_NAME", "DOMAIN", "HOST_IP", "PRIVATE_SUBNET", "AUTH_MEM_LIMIT", "ROOT"]
    {
        fine(&one(name));
    }
    for name in ["WHO", "DB_PASSWORD", "MYSQL_PASSWORD_ROOT", "KEY", "AUTH_HOME"] {
        let refused = one(name);
        let told = format!("`--public {name}` says that its value may be shown");
        assert!(refused.code == 1 && refused.err.contains(&told), "{}", refused.err);
    }
    // Compose sets the working directory where no shell did.
    let text = "services: {a: {image: 'acme/db:1', working_dir: '$PWD', environment: [PWD]}}\n";
    let (_above, folder) = folder(&[("compose.yaml", text)]);
    let spec: Json = serde_json::from_str(fine(&ran(&folder, &[], &["config", "--spec"]))).unwrap();
    assert_eq!(spec["containers"]["a"]["working_dir"], json!(folder.to_str().unwrap()));
}

/// What stands in the way of a plan does not stand in the way of reading the project.
#[test]
fn a_project_that_cannot_be_planned_can_be_printed() {
    let text = "services:\n  web:\n    image: acme/web:1\n    post_start: [{command: [a]}]\n    \
                labels: {'a$$b': '$$c'}\n";
    let (_above, folder) = folder(&[("compose.yaml", text)]);
    let shown = ran(&folder, &[], &["config", "--format", "json"]);
    let model: Json = serde_json::from_str(fine(&shown)).unwrap();
    let web = &model["services"]["web"];
    assert_eq!(web["post_start"], json!([{"command": ["a"]}]));
    assert_eq!(web["labels"], json!({"a$$$$b": "$$c"}));
    assert!(shown.err.contains("note: compose.yaml:4: no plan: `post_start`"), "{}", shown.err);
    let look_at = look(&folder);
    std::fs::write(folder.join("look.json"), look_at).unwrap();
    for args in [&["config", "--spec"][..], &["plan", "--snapshot", "look.json"]] {
        let refused = ran(&folder, &[], args);
        assert!(refused.code == 1 && refused.err.contains("`post_start`"), "{}", refused.err);
    }
}

#[test]
fn a_missing_file_is_told_whatever_else_stands_in_the_way() {
    let text = "services:\n  web:\n    image: acme/web:1\n    post_start: [{command: [a]}]\n    \
                env_file: none.env\n";
    let (_above, folder) = folder(&[("compose.yaml", text)]);
    let refused = ran(&folder, &[], &["config"]);
    assert!(refused.code == 1 && refused.err.contains("post_start"), "{}", refused.err);
}

/// Compose sets the variable, whatever the environment has.
#[test]
fn the_name_of_the_project_is_a_variable() {
    let text = "services:\n  web:\n    image: acme/web:1\n    container_name: \
                ${COMPOSE_PROJECT_NAME}-web\n    env_file: a.env\n    environment: {A: \
                \"${COMPOSE_PROJECT_NAME}.lan\", COMPOSE_PROJECT_NAME: }\n  db: {image: 'acme/db:1'}\n";
    let files = [("compose.yaml", text), ("a.env", "B=${COMPOSE_PROJECT_NAME}\n")];
    let (_above, folder) = folder(&files);
    std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
    let shown = ran(&folder, &[], &["plan", "--snapshot", "look.json", "--format", "json"]);
    let plan: Json = serde_json::from_str(fine(&shown)).unwrap();
    assert!(!shown.err.contains("not set"), "{}", shown.err);
    let web = &plan["declared"]["containers"]["web"];
    assert_eq!((&web["name"], &web["environment"]["A"]), (&json!("proj-web"), &json!("proj.lan")));
    let asked = ["plan", "--snapshot", "look.json", "-p", "other", "--format", "json"];
    let shown = ran(&folder, &[], &asked);
    let plan: Json = serde_json::from_str(fine(&shown)).unwrap();
    assert_eq!(plan["declared"]["containers"]["web"]["environment"]["A"], "other.lan");
}

/// A snapshot of `docker inspect` has an image under its names alone, and a reference may say more.
#[test]
fn an_image_is_found_by_its_digest_beside_a_tag() {
    let digest = format!("sha256:{}", "3".repeat(64));
    let text = format!("services: {{a: {{image: 'docker.io/acme/web:1@{digest}'}}}}\n");
    let (_above, folder) = folder(&[("compose.yaml", &text)]);
    let image = json!([{
        "Id": format!("sha256:{}", "2".repeat(64)), "RepoTags": [], "Os": "linux",
        "RepoDigests": [format!("acme/web@{digest}")], "Architecture": "amd64",
        "Config": {"Cmd": ["app"]},
    }]);
    std::fs::write(folder.join("look.json"), image.to_string()).unwrap();
    fine(&ran(&folder, &[], &["plan", "--snapshot", "look.json"]));
}

/// A variable in both kinds of place is public, or is called as what is no secret.
#[test]
fn a_port_may_stand_beside_itself() {
    let of = |name: &str| {
        format!(
            "services: {{a: {{image: x, ports: ['${{{name}}}:80'], environment: {{A: \
             '${{{name}}}'}}}}}}\n"
        )
    };
    for (name, fits) in [
        ("PORT", true),
        ("DB_PORT", true),
        ("APP_UID", true),
        ("APP_PORT_GRPC", true),
        ("THING", false),
        ("DB_URL", false),
        ("PORT_TOKEN", false),
        ("TOKEN_PORT", true),
    ] {
        let (_above, folder) = folder(&[("compose.yaml", &of(name))]);
        let shown = ran(&folder, &[(name, "8080")], &["config"]);
        assert_eq!(shown.code == 0, fits, "{name}: {}", shown.err);
        let shown = ran(&folder, &[(name, "8080")], &["config", "--public", name]);
        assert_eq!(shown.code, 0, "{name}: {}", shown.err);
    }
}

#[test]
fn public_words_make_a_command_line() {
    let text = "services: {web: {image: 'acme/web:1', command: 'x ${ARGS}'}}\n";
    let (_above, folder) = folder(&[("compose.yaml", text)]);
    std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
    let set = [("ARGS", "--a b")];
    let plan = ["plan", "--snapshot", "look.json", "--format", "json"];
    let refused = ran(&folder, &set, &plan);
    assert!(refused.code == 1 && refused.err.contains("`--public ARGS`"), "{}", refused.err);
    let shown = ran(&folder, &set, &[&plan[..], &["--public", "ARGS"]].concat());
    let plan: Json = serde_json::from_str(fine(&shown)).unwrap();
    assert_eq!(plan["declared"]["containers"]["web"]["command"], json!(["x", "--a", "b"]));
}

/// Flags choose the values of a Compose file, and whoever edits a plan could choose others.
#[test]
fn the_flags_with_which_a_file_was_read_are_shown() {
    let text = "services:\n  web: {image: 'acme/web:1', environment: {A: '${MODE}'}}\n  extra: {image: \
                'acme/web:1', profiles: [more]}\n";
    let files =
        [("compose.yaml", text), (".env", "MODE=prod\n"), ("other file.env", "MODE=debug\n")];
    let (_above, folder) = folder(&files);
    std::fs::write(folder.join("look.json"), look(&folder)).unwrap();
    let flags = ["--env-file", "other file.env", "--profile", "more", "--public", "MODE"];
    let plan = |flags: &[&str]| {
        let all = ["plan", "--snapshot", "look.json", "-o", "plan.json"];
        let _ = fine(&ran(&folder, &[], &[&all, flags].concat()));
    };
    plan(&[]);
    assert!(!fine(&ran(&folder, &[], &["show", "plan.json"])).contains("read with"));
    plan(&flags);
    for format in ["text", "markdown", "html"] {
        let shown = ran(&folder, &[], &["show", "plan.json", "--format", format]);
        let shown = fine(&shown).replace("&#34;", "\"").replace("\n  ", " ");
        let told = "--env-file \"other file.env\" --profile more --public MODE";
        assert!(shown.contains(told), "{format}: {shown}");
    }
}
