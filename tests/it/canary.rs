//! A secret that a container carries in a dozen places gets into nothing that the program writes
//! or says: not as it is, and in no encoding.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use crate::fake_engine::{FakeEngine, Reply, unknown};
use crate::program::{hex, run};

/// No other text has a part of it; its encodings have letters on which alphabets differ.
const CANARY: &str = "Xq7?>~/zebra+Ünder~?>";
/// The part that survives percent encoding and escapes.
const CORE: &str = "/zebra+";

/// What must not be found, each with its name.
fn forms() -> Vec<(&'static str, String)> {
    let bytes = CANARY.as_bytes();
    let percent: String = CANARY
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let mut forms = vec![
        ("plain", CORE.to_owned()),
        ("hex", hex(CORE.as_bytes())),
        ("upper hex", hex(CORE.as_bytes()).to_uppercase()),
        ("percent", percent),
        ("reversed", CORE.chars().rev().collect()),
    ];
    // However many bytes come before it, its middle is encoded in one of three ways.
    for skip in 0..3 {
        let end = bytes.len() - (bytes.len() - skip) % 3;
        forms.push(("base64", STANDARD_NO_PAD.encode(&bytes[skip..end])));
        forms.push(("base64url", URL_SAFE_NO_PAD.encode(&bytes[skip..end])));
    }
    forms
}

/// The carriers of a container, by name.
fn carriers(canary: &str) -> Json {
    json!({
        "Id": hex(b"web").repeat(10) + "0000", "Name": "/web", "Image": image_id(), "Created": "2026-01-01T00:00:00Z",
        "Path": "sh", "Args": ["-c", canary],
        "State": {"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:01Z", "Error": canary,
            "Health": {"Status": "healthy", "Log": [{"Output": canary}]}},
        "Config": {
            "Image": "app:1", "Cmd": ["-c", canary], "Entrypoint": ["sh", canary],
            "Env": [format!("REFERENCE={canary}"), format!("STRANGE={canary}"), "OPEN=yes"],
            "Labels": {"token": canary}, "Healthcheck": {"Test": ["CMD", "curl", canary]},
            "CreateCommand": ["-e", canary], "Unheard": {"of": canary},
        },
        "HostConfig": {
            "LogConfig": {"Type": "splunk", "Config": {"splunk-token": canary}},
            "Annotations": {"a": canary},
            "Mounts": [{"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"o": canary}}}}],
        },
        "Mounts": [],
        "NetworkSettings": {"Networks": {"bridge": {"DriverOpts": {"a": canary}}}},
    })
}

fn image_id() -> String {
    format!("sha256:{}", "1".repeat(64))
}

fn world(line: &str) -> Reply {
    let inspect = carriers(CANARY);
    let id = inspect["Id"].as_str().unwrap().to_owned();
    match line {
        "GET /info" => Reply::json(
            &json!({"ID": "E", "Name": "n", "HttpProxy": format!("http://u:{CANARY}@p")}),
        ),
        "GET /networks" => Reply::json(
            &json!([{"Name": "bridge", "Id": "b", "Driver": "bridge", "Options": {"o": CANARY}, "Labels": {"l": CANARY}}]),
        ),
        "GET /volumes" => Reply::json(
            &json!({"Volumes": [{"Name": "v", "Driver": "local", "Options": {"o": CANARY}, "Labels": {"l": CANARY}}]}),
        ),
        "GET /containers/json?all=1" => Reply::json(&json!([{
            "Id": id, "Names": ["/web"], "State": "running", "Image": "app:1", "ImageID": image_id(),
            "Command": format!("sh -c {CANARY}"), "Labels": {"token": CANARY},
        }])),
        line if line == "GET /images/app:1/json"
            || line == format!("GET /images/{}/json", image_id()) =>
        {
            let config = json!({"Cmd": ["run"], "Env": ["OPEN=yes"]});
            Reply::json(&json!({"Id": image_id(), "RepoTags": ["app:1"], "Config": config}))
        }
        line if line == format!("GET /containers/{id}/json") => Reply::json(&inspect),
        "GET /containers/web.bp-new/json" => Reply::new(404, "{}"),
        line if line.starts_with("POST ") => Reply::new(500, json!({"message": "no"}).to_string()),
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
    labels: {tier: front}
    environment:
      OPEN: 'no'
      REFERENCE: {from_env: SECRET}
";

#[tokio::test]
async fn it_is_in_no_file_and_no_output() {
    let engine = FakeEngine::start(|line, _| world(line));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("spec.yaml"), SPEC).unwrap();
    std::fs::write(at("other.yaml"), SPEC.replace("serve", "work")).unwrap();
    let inspect = json!([carriers(CANARY)]).to_string();
    let host = format!("unix://{}", engine.socket().display());
    let runs: &[(&str, i32)] = &[
        ("snapshot -o all.json", 0),
        ("snapshot spec.yaml -o look.json", 0),
        ("import web", 0),
        ("import --all -o imported.yaml", 0),
        ("import --all --snapshot all.json --literal OPEN", 1),
        ("plan spec.yaml -o plan.json", 0),
        ("plan spec.yaml --format markdown", 0),
        ("plan spec.yaml --snapshot look.json --format json", 0),
        ("plan other.yaml -o other.json --log trace,bollard=trace,hyper=trace", 0),
        ("show plan.json --steps", 0),
        ("diff plan.json other.json", 2),
        ("verify plan.json", 0),
        ("apply plan.json --json -o result.json --log trace,bollard=trace,hyper=trace", -2),
        ("apply other.json --spec spec.yaml", -2),
    ];
    for secret in [CANARY, "something else"] {
        let mut said = String::new();
        for (line, code) in runs {
            let args: Vec<&str> = line.split(' ').collect();
            let ran =
                run(folder.path(), &[("DOCKER_HOST", &host), ("SECRET", secret)], &args).await;
            // What apply ends with is told elsewhere; here it must only not succeed.
            let fits = if *code == -2 { ran.code != 0 } else { ran.code == *code };
            assert!(fits, "{line}: {}\n{}{}", ran.code, ran.out, ran.err);
            said.extend([*line, "\n", &ran.out, &ran.err]);
        }
        std::fs::rename(at("imported.yaml"), at("was.yaml")).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                said += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
            }
        }
        for (name, form) in forms() {
            let found = said
                .find(&form)
                .map(|at| &said[said.floor_char_boundary(at.saturating_sub(200))..]);
            assert!(found.is_none(), "{name}: {:.600}", found.unwrap());
        }
        // The search would find it: the engine said it in every one of these places.
        assert!(inspect.matches(CORE).count() >= 12, "too few carriers");
        assert!(said.contains("REFERENCE"), "the variable is named");
        // What is public stays readable.
        assert!(said.contains("OPEN=yes"));
    }
    // It was sent where it belongs, so that a log of bodies would have had it.
    assert!(engine.asked().iter().any(|asked| asked.body.contains(CORE)), "nothing was created");
    let look: Json = serde_json::from_slice(&std::fs::read(at("look.json")).unwrap()).unwrap();
    // The last run resolved it to something else than the container has.
    insta::assert_snapshot!(
        look["containers"][0]["env"],
        @r#"{"REFERENCE":{"different":["from_env:SECRET"]}}"#
    );
}
