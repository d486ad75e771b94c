//! Secrets in eighteen carriers get into nothing that the program writes or says: not as they are, and
//! in no encoding.
//!
//! What a container prints is `apply`'s test, and the live tests'.

use serde_json::{Value as Json, json};

use crate::encodings::{canary, core, found};
use crate::fake_engine::{FakeEngine, Reply, unknown};
use crate::program::{hex, run, script};

/// Where secrets stand, each with a canary of its own: their places here are its numbers.
const CARRIERS: [&str; 18] = [
    "variable",
    "environment file",
    "broken environment file",
    "broken label file",
    "live environment",
    "labels",
    "command",
    "entrypoint",
    "health check",
    "log options",
    "volume options",
    "network options",
    "registry's answer",
    "helper's answer",
    "addresses",
    "fields that nobody knows",
    "file",
    "template",
];

/// The canary of a carrier.
fn of(carrier: &str) -> String {
    canary(CARRIERS.iter().position(|known| *known == carrier).unwrap())
}

/// A container that carries them.
fn container() -> Json {
    let env = [
        format!("REFERENCE={}", of("variable")),
        format!("FROM_FILE={}", of("environment file")),
        format!("STRANGE={}", of("live environment")),
        "OPEN=yes".to_owned(),
    ];
    json!({
        "Id": hex(b"web").repeat(10) + "0000", "Name": "/web", "Image": image_id(), "Created": "2026-01-01T00:00:00Z",
        "Path": "sh", "Args": ["-c", of("command")],
        "State": {"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:01Z", "Error": of("command"),
            "Health": {"Status": "healthy", "Log": [{"Output": of("health check")}]}},
        "Config": {
            "Image": "app:1", "Cmd": ["-c", of("command")], "Entrypoint": ["sh", of("entrypoint"), of("template")],
            "Env": env, "Labels": {"token": of("labels")},
            "Healthcheck": {"Test": ["CMD", "curl", of("health check")]},
            "CreateCommand": ["-e", of("fields that nobody knows")],
            "Unheard": {"of": of("fields that nobody knows")},
        },
        "HostConfig": {
            "LogConfig": {"Type": "splunk", "Config": {"splunk-token": of("log options")}},
            "Annotations": {"a": of("fields that nobody knows")},
            "Mounts": [{"Type": "volume", "Source": "v", "Target": "/v",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"o": of("volume options")}}}}],
        },
        "Mounts": [],
        "NetworkSettings": {"Networks": {"bridge": {"DriverOpts": {"a": of("network options")}}}},
    })
}

fn image_id() -> String {
    format!("sha256:{}", "1".repeat(64))
}

/// What an engine says when it does nothing.
fn refusal() -> Reply {
    let address = format!("proxy http://user:{}@proxy:3128 says no to ", of("addresses"));
    let message = address + &of("variable") + " " + &of("environment file");
    Reply::new(500, json!({ "message": message }).to_string())
}

/// A file as an engine gives it.
fn archive(text: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o444);
    archive.append_data(&mut header, "token", text.as_bytes()).unwrap();
    archive.into_inner().unwrap()
}

fn world(line: &str) -> Reply {
    let inspect = container();
    let id = inspect["Id"].as_str().unwrap().to_owned();
    match line {
        "GET /info" => {
            let proxy = format!("http://u:{}@p", of("addresses"));
            Reply::json(&json!({"ID": "E", "Name": "n", "HttpProxy": proxy}))
        }
        "GET /networks" => Reply::json(&json!([{"Name": "bridge", "Id": "b", "Driver": "bridge",
                "Options": {"o": of("network options")}, "Labels": {"l": of("labels")}}])),
        "GET /volumes" => Reply::json(&json!({"Volumes": [{"Name": "v", "Driver": "local",
                "Options": {"o": of("volume options")}, "Labels": {"l": of("labels")}}]})),
        "GET /containers/json?all=1" => Reply::json(&json!([{
            "Id": id, "Names": ["/web"], "State": "running", "Image": "app:1", "ImageID": image_id(),
            "Command": format!("sh -c {}", of("command")), "Labels": {"token": of("labels")},
        }])),
        line if line == "GET /images/app:1/json"
            || line == format!("GET /images/{}/json", image_id()) =>
        {
            let config = json!({"Cmd": ["run"], "Env": ["OPEN=yes"]});
            Reply::json(&json!({"Id": image_id(), "RepoTags": ["app:1"], "Config": config}))
        }
        line if line.starts_with("GET /images/") => Reply::new(404, "{}"),
        line if line.starts_with("GET /distribution/") => {
            let message = format!("denied to joe:{}", of("registry's answer"));
            Reply::new(401, json!({ "message": message }).to_string())
        }
        line if line == format!("GET /containers/{id}/json") => Reply::json(&inspect),
        line if line.starts_with(&format!("GET /containers/{id}/archive?path=")) => {
            Reply::new(200, archive(&of("file")))
        }
        "GET /containers/web.bp-new/json" => Reply::new(404, "{}"),
        line if line.starts_with("POST ") => refusal(),
        _ => unknown(),
    }
}

const SPEC: &str = "\
project: shop
containers:
  web:
    name: web
    image: app:1
    state: reloaded
    command: serve
    entrypoint: [sh, {template: 'with $${TEXT}'}]
    files: {/run/token: {content: {from_env: IN_FILE}}}
    labels: {tier: front}
    env_file: app.env
    environment:
      OPEN: 'no'
      REFERENCE: {from_env: SECRET}
";

/// The files of a checkout, some of them broken.
fn checkout(folder: &std::path::Path) {
    let file = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    file("spec.yaml", SPEC.to_owned());
    file("other.yaml", SPEC.replace("serve", "work"));
    file("app.env", format!("FROM_FILE='{}'\n", of("environment file")));
    file("broken.env", format!("A=1\n{}\nA B={0}\n", of("broken environment file")));
    file("broken.labels", format!("{}\n={0}\n", of("broken label file")));
    file("broken.yaml", SPEC.replace("app.env", "broken.env"));
    file("labels.yaml", SPEC.replace("labels: {tier: front}", "label_file: broken.labels"));
    for name in ["helper", "registry"] {
        let image = format!("{name}.example/app:1");
        file(&format!("{name}.yaml"), SPEC.replace("app:1", &image));
    }
    let auth = json!({"username": "joe", "password": of("registry's answer")});
    let config =
        json!({"credHelpers": {"helper.example": "canary"}, "auths": {"registry.example": auth}});
    file("config.json", config.to_string());
    let says = format!("#!/bin/sh\necho '{0}'\necho '{0}' >&2\nexit 1\n", of("helper's answer"));
    script(folder, "docker-credential-canary", &says);
}

/// What is run, and how it ends.
const RUNS: &[(&str, Option<i32>)] = &[
    ("snapshot -o all.json", Some(0)),
    ("snapshot spec.yaml -o look.json", Some(0)),
    ("import web", Some(0)),
    ("import --all -o imported.yaml", Some(0)),
    ("import --all --snapshot all.json --literal OPEN", Some(1)),
    ("plan spec.yaml -o plan.json", Some(0)),
    ("plan spec.yaml --format markdown", Some(0)),
    ("plan spec.yaml --explain-undeclared", Some(0)),
    ("plan spec.yaml --snapshot look.json --format json", Some(0)),
    ("plan other.yaml -o other.json --log trace,bollard=trace,hyper=trace", Some(0)),
    ("plan broken.yaml", Some(1)),
    ("plan labels.yaml", Some(1)),
    ("plan helper.yaml --log trace", Some(1)),
    ("snapshot helper.yaml -o helper.json", Some(0)),
    ("plan registry.yaml --log trace", Some(1)),
    ("snapshot registry.yaml -o registry.json", Some(0)),
    ("show plan.json --steps", Some(0)),
    ("show plan.json --format markdown", Some(0)),
    ("diff plan.json other.json", Some(2)),
    ("diff plan.json other.json --unified", Some(2)),
    ("verify plan.json", Some(0)),
    // What apply ends with is told elsewhere; here it must only not succeed.
    ("apply plan.json --json -o result.json --log trace,bollard=trace,hyper=trace", None),
    ("apply plan.json --keep-output -o again.json", None),
    ("apply other.json --spec spec.yaml", None),
    ("show result.json", Some(0)),
    ("recover", None),
];

#[tokio::test]
async fn it_is_in_no_file_and_no_output() {
    let engine = FakeEngine::start(|line, _| world(line));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    checkout(folder.path());
    let inputs: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
    let host = format!("unix://{}", engine.socket().display());
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let config = folder.path().display().to_string();
    for secret in [of("variable"), "something else".to_owned()] {
        let (in_file, text) = (of("file"), of("template"));
        let variables = [
            ("IN_FILE", in_file.as_str()),
            ("TEXT", &text),
            ("DOCKER_HOST", host.as_str()),
            ("DOCKER_CONFIG", &config),
            ("PATH", &path),
            ("SECRET", &secret),
        ];
        let mut said = String::new();
        // What the program does not know as secret it cannot strike out of what an engine says.
        let knows = secret == of("variable");
        for (line, code) in RUNS.iter().filter(|(line, _)| knows || !line.starts_with("apply")) {
            let args: Vec<&str> = line.split(' ').collect();
            let ran = run(folder.path(), &variables, &args).await;
            let fits = code.map_or(ran.code != 0, |code| ran.code == code);
            assert!(fits || *line == "recover", "{line}: {}\n{}{}", ran.code, ran.out, ran.err);
            for text in [&ran.out, &ran.err] {
                assert_eq!(found(text, &CARRIERS), [] as [&str; 0], "{line}");
                said += text;
            }
        }
        let mut files = 0;
        std::fs::rename(at("imported.yaml"), at("was.yaml")).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && !inputs.contains(&path) {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert_eq!(found(&text, &CARRIERS), [] as [&str; 0], "{}", path.display());
                said += &text;
                files += 1;
            }
        }
        assert!(files >= 8, "only {files} files were written");
        assert!(said.contains("REFERENCE"), "the variable is named");
        // What is public stays readable.
        assert!(said.contains("OPEN=yes"));
    }
    // It was sent where it belongs, so that a log of bodies would have had it.
    assert!(
        engine.asked().iter().any(|asked| asked.body.contains(&core(0))),
        "nothing was created"
    );
    assert!(
        engine.asked().iter().any(|asked| asked.line.contains("distribution/registry.example"))
    );
    let look: Json = serde_json::from_slice(&std::fs::read(at("look.json")).unwrap()).unwrap();
    // The last run resolved it to something else than the container has.
    insta::assert_snapshot!(
        look["containers"][0]["env"]["REFERENCE"],
        @r#"{"different":["from_env:SECRET"]}"#
    );
}

/// The search would find them: each of them is said to the program, or read by it.
#[test]
fn every_carrier_carries() {
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path());
    let mut said = format!("{}{}", container(), of("variable"));
    let id = container()["Id"].as_str().unwrap().to_owned();
    let file = format!("/containers/{id}/archive?path=/run/token");
    let lines =
        ["/info", "/networks", "/volumes", "/distribution/registry.example/app/json", &file];
    for line in lines {
        said += &world(&format!("GET {line}")).text();
    }
    for file in std::fs::read_dir(folder.path()).unwrap() {
        said += &std::fs::read_to_string(file.unwrap().path()).unwrap();
    }
    for (number, carrier) in CARRIERS.iter().enumerate() {
        assert!(said.contains(&core(number)), "{carrier}");
    }
}
