//! Registry credentials: where they are found, and that they go nowhere else.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bayplan::engine::connect::{Endpoint, Environment};
use bayplan::engine::credentials::{Credentials, Registries};
use bayplan::engine::docker::{Docker, DockerReader};
use bayplan::engine::observe::observe;
use bayplan::engine::transport::Timeouts;
use bayplan::engine::{Reader, Writer};
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::RegistryAnswer;
use bayplan::spec::read;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::fake_engine::{FakeEngine, Reply, unknown};
use crate::program::{run, script};

/// Its encoding has letters on which the two alphabets differ.
const PASSWORD: &str = "hunter2?>~?>~ÿÿ";
/// How long a helper may take.
const PATIENCE: Duration = Duration::from_secs(2);

fn registry(line: &str) -> Reply {
    match line.split('?').next().unwrap() {
        line if line.starts_with("GET /distribution/") => {
            Reply::json(&json!({"Descriptor": {"digest": format!("sha256:{}", "1".repeat(64))}}))
        }
        line if line.starts_with("GET /images/") => Reply::new(404, "{}"),
        "POST /images/create" => Reply::new(200, "{\"status\":\"done\"}\n"),
        "GET /info" => Reply::json(&json!({"ID": "E"})),
        "GET /networks" | "GET /containers/json" => Reply::json(&json!([])),
        "GET /volumes" => Reply::json(&json!({"Volumes": null})),
        _ => unknown(),
    }
}

/// A user's configuration and helpers.
struct User(TempDir);

impl User {
    fn new(config: &Json) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        Self(folder)
    }

    /// With a helper, told as a script.
    fn helper(self, name: &str, text: &str) -> Self {
        script(
            self.0.path(),
            &format!("docker-credential-{name}"),
            &format!("#!/bin/sh\n{text}\n"),
        );
        self
    }

    fn environment(&self) -> Environment {
        Environment {
            config: Some(self.0.path().to_owned()),
            path: Some(format!("{}:/usr/bin:/bin", self.0.path().display()).into()),
            ..Environment::default()
        }
    }

    async fn reader(&self, engine: &FakeEngine) -> DockerReader {
        let environment = self.environment();
        let patience = Timeouts { helper: PATIENCE, ..Timeouts::default() };
        let endpoint = Endpoint::Unix(engine.socket());
        DockerReader::connect(&endpoint, &environment, patience).await.unwrap()
    }

    /// What an engine is told when it is asked about an image; or why it is not asked.
    async fn login(&self, image: &str) -> Result<Json, String> {
        let engine = FakeEngine::start(|line, _| registry(line));
        match self.reader(&engine).await.distribution(image).await.unwrap() {
            RegistryAnswer::Digest(_) => {
                let asked = engine.asked().pop().unwrap();
                Ok(asked.auth.map_or(Json::Null, |auth| decoded(&auth)))
            }
            RegistryAnswer::Unauthorised => {
                assert_eq!(engine.asked().len(), 1, "the engine was asked all the same");
                let credentials = Credentials::new(&self.environment(), PATIENCE);
                Err(credentials.header(image).await.unwrap_err())
            }
            other => panic!("{other:?}"),
        }
    }
}

fn decoded(header: &str) -> Json {
    assert!(!header.contains(['+', '/']), "the wrong alphabet: {header}");
    serde_json::from_slice(&URL_SAFE.decode(header).unwrap()).unwrap()
}

fn password(registry: &str) -> Json {
    json!({"username": "joe", "password": PASSWORD, "serveraddress": registry})
}

#[tokio::test]
async fn written_credentials_are_found_under_every_key_that_docker_uses() {
    let auth = json!({"auth": STANDARD.encode(format!("joe:{PASSWORD}"))});
    for key in
        ["r:5000", "https://r:5000", "https://r:5000/v1/", "https://r:5000/v2/", "http://r:5000"]
    {
        let user = User::new(&json!({"auths": {key: auth}}));
        assert_eq!(user.login("r:5000/app:1").await.unwrap(), password("r:5000"), "{key}");
        assert_eq!(user.login("r:5001/app:1").await.unwrap(), Json::Null);
        assert_eq!(user.login("app:1").await.unwrap(), Json::Null);
    }
    let hub = "https://index.docker.io/v1/";
    let user = User::new(&json!({"auths": {hub: auth}}));
    for image in ["nginx", "library/nginx:1", "docker.io/acme/app", "index.docker.io/acme/app"] {
        assert_eq!(user.login(image).await.unwrap(), password(hub), "{image}");
    }
    let token = User::new(
        &json!({"auths": {"r:5000": {"auth": STANDARD.encode("joe:"), "identitytoken": "T"}}}),
    );
    let expected = json!({"identitytoken": "T", "serveraddress": "r:5000"});
    assert_eq!(token.login("r:5000/app").await.unwrap(), expected);
    let empty = User::new(&json!({"auths": {"r:5000": {}}}));
    assert_eq!(empty.login("r:5000/app").await.unwrap(), Json::Null);
}

#[tokio::test]
async fn helpers_are_asked_by_the_key_they_were_told() {
    let answer = json!({"Username": "joe", "Secret": PASSWORD});
    let told = |key: &str| {
        format!(
            "test \"$1\" = get || exit 9; read -r key\nif [ \"$key\" = '{key}' ]; then printf '%s' '{answer}'; \
             else echo 'credentials not found in native keychain'; exit 1; fi"
        )
    };
    let own = User::new(&json!({"credHelpers": {"r:5000": "x"}})).helper("x", &told("r:5000"));
    assert_eq!(own.login("r:5000/app").await.unwrap(), password("r:5000"));
    assert_eq!(own.login("other:5000/app").await.unwrap(), Json::Null);

    let hub = "https://index.docker.io/v1/";
    let store = User::new(&json!({"credsStore": "x", "auths": {hub: {}}})).helper("x", &told(hub));
    assert_eq!(store.login("nginx").await.unwrap(), password(hub));
    assert_eq!(store.login("r:5000/app").await.unwrap(), Json::Null, "it has none of that");

    // A registry's own helper counts before the store, and nothing else for that registry.
    let both = json!({
        "credsStore": "x", "credHelpers": {"r:5000": "none"},
        "auths": {"r:5000": {"auth": STANDARD.encode("joe:old")}},
    });
    let none = "echo 'credentials not found in native keychain'; exit 1";
    let both = User::new(&both).helper("x", &told("r:5000")).helper("none", none);
    assert_eq!(both.login("r:5000/app").await.unwrap(), Json::Null);

    let token = json!({"Username": "<token>", "Secret": "T"});
    let token =
        User::new(&json!({"credsStore": "x"})).helper("x", &format!("printf '%s' '{token}'"));
    let expected = json!({"identitytoken": "T", "serveraddress": "r:5000"});
    assert_eq!(token.login("r:5000/app").await.unwrap(), expected);
}

#[tokio::test]
async fn a_helper_that_fails_is_told_without_its_words() {
    let fails = async |text: &str| {
        let user = User::new(&json!({"credsStore": "x"})).helper("x", text);
        let why = user.login("r:5000/app").await.unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
        why
    };
    insta::assert_snapshot!(fails("echo hunter2; echo hunter2 >&2; exit 3").await, @"`docker-credential-x` failed (exit status: 3)");
    insta::assert_snapshot!(fails("echo '{\"Username\": \"hunter2\"'").await, @"expected user and secret from `docker-credential-x`, but found something else");
    let began = Instant::now();
    insta::assert_snapshot!(fails("printf hunter2; exec sleep 60").await, @"`docker-credential-x` did not answer within 2s");
    assert!(began.elapsed() < Duration::from_secs(10));

    let missing = User::new(&json!({"credsStore": "gone"})).login("r:5000/app").await.unwrap_err();
    insta::assert_snapshot!(missing, @"`docker-credential-gone`, which Docker's config.json names, is not on the PATH");
    let path = User::new(&json!({"credsStore": "../x"})).login("r:5000/app").await.unwrap_err();
    insta::assert_snapshot!(path, @"expected the name of a credential helper, but found `../x`");
    let user = User::new(&json!({}));
    std::fs::write(user.0.path().join("config.json"), "hunter2").unwrap();
    let why = user.login("r:5000/app").await.unwrap_err();
    let folder = user.0.path().display().to_string();
    insta::assert_snapshot!(why.replace(&folder, "CONFIG"), @"expected JSON in CONFIG/config.json, but could not read any");
}

#[tokio::test]
async fn only_asking_a_registry_and_pulling_carry_credentials() {
    let auth = json!({"auth": STANDARD.encode(format!("joe:{PASSWORD}"))});
    let user = User::new(&json!({"auths": {"r:5000": auth}}));
    let engine = FakeEngine::start(|line, _| registry(line));
    let reader = user.reader(&engine).await;
    let spec = "project: shop\ncontainers: {web: {image: 'r:5000/app:1'}}\n";
    let spec = read::text(spec, &BTreeMap::new()).unwrap();
    observe(&reader, &ObservationScope::of(&spec)).await.unwrap();
    Docker::new(reader).pull("r:5000/app@sha256:1", None, &mut |_| {}).await.unwrap();
    let asked = engine.asked();
    let with: Vec<&str> = asked
        .iter()
        .filter(|asked| asked.auth.is_some())
        .map(|asked| asked.line.as_str())
        .collect();
    assert_eq!(with.len(), 2, "{with:?}");
    assert!(with[0].starts_with("GET /v1.41/distribution/r:5000/app:1/json"), "{with:?}");
    assert!(with[1].starts_with("POST /v1.41/images/create?"), "{with:?}");
    for asked in asked.iter().filter_map(|asked| asked.auth.as_ref()) {
        assert_eq!(decoded(asked), password("r:5000"));
    }
    assert!(
        !asked.iter().any(|asked| asked.line.contains("hunter2") || asked.body.contains("hunter2"))
    );
    assert!(Path::new(&engine.socket()).exists());
}

/// An engine that answers with everything that it was told, and with a page that nobody may read.
fn echo(line: &str) -> Reply {
    if !line.contains("/distribution/") {
        return registry(line);
    }
    let auth = URL_SAFE.encode(password("r:5000").to_string());
    let page = format!("{auth} {PASSWORD} <html>INTERNAL PAGE</html>");
    if line.contains("liar") {
        return Reply::json(&json!({"Descriptor": {"digest": format!("sha256:{page}")}}));
    }
    if line.contains("parrot") {
        let hex = PASSWORD.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        return Reply::json(&json!({"Descriptor": {"digest": format!("sha256:{hex:0<64}")}}));
    }
    let status = [("denied", 403), ("unknown", 404), ("broken", 500)];
    let status = status.into_iter().find(|(word, _)| line.contains(word)).map_or(401, |one| one.1);
    Reply::new(status, json!({"message": page}).to_string())
}

#[tokio::test]
async fn of_what_a_registry_says_a_class_is_kept() {
    let auth = json!({"auth": STANDARD.encode(format!("joe:{PASSWORD}"))});
    let user = User::new(&json!({"auths": {"r:5000": auth}}));
    let engine = FakeEngine::start(|line, _| echo(line));
    let reader = user.reader(&engine).await;
    for (image, class) in [
        ("closed", RegistryAnswer::Unauthorised),
        ("denied", RegistryAnswer::Unauthorised),
        ("unknown", RegistryAnswer::NotFound),
        ("broken", RegistryAnswer::Silent),
        ("liar", RegistryAnswer::Silent),
        ("parrot", RegistryAnswer::Silent),
    ] {
        assert_eq!(
            reader.distribution(&format!("r:5000/{image}")).await.unwrap(),
            class,
            "{image}"
        );
    }
    let asked = engine.asked().len();
    let reader = reader.asking(Registries::only(&["r:5001".into(), "docker.io".into()]));
    let answer = reader.distribution("r:5000/app").await.unwrap();
    assert_eq!((answer, engine.asked().len()), (RegistryAnswer::NotAsked, asked));
    assert_eq!(reader.distribution("r:5001/app").await.unwrap(), RegistryAnswer::Unauthorised);
    assert_eq!(reader.distribution("app").await.unwrap(), RegistryAnswer::Unauthorised);
}

#[tokio::test]
async fn nothing_that_a_registry_echoes_gets_out() {
    let auth = json!({"auth": STANDARD.encode(format!("joe:{PASSWORD}"))});
    let user = User::new(&json!({"auths": {"r:5000": auth}}));
    let engine = FakeEngine::start(|line, _| match line {
        "GET /info" => Reply::json(&json!({"ID": "E", "Name": "n"})),
        "GET /networks" | "GET /containers/json?all=1" => Reply::json(&json!([])),
        "GET /volumes" => Reply::json(&json!({"Volumes": []})),
        line if line.starts_with("GET /images/") => Reply::new(404, "{}"),
        line => echo(line),
    });
    let folder = user.0.path();
    let host = format!("unix://{}", engine.socket().display());
    let config = folder.display().to_string();
    let variables = [("DOCKER_HOST", host.as_str()), ("DOCKER_CONFIG", config.as_str())];
    let encoded = STANDARD.encode(PASSWORD);
    for image in ["closed", "unknown", "broken", "liar"] {
        let spec = format!("project: p\ncontainers: {{a: {{image: 'r:5000/{image}:1'}}}}\n");
        std::fs::write(folder.join("spec.yaml"), spec).unwrap();
        for line in [
            "plan spec.yaml -o plan.json",
            "snapshot spec.yaml -o look.json",
            "plan spec.yaml --snapshot look.json --log trace",
        ] {
            let args: Vec<&str> = line.split(' ').collect();
            let ran = run(folder, &variables, &args).await;
            let look = std::fs::read_to_string(folder.join("look.json")).unwrap_or_default();
            let said = format!("{}{}{look}", ran.out, ran.err);
            for secret in ["INTERNAL", PASSWORD, encoded.trim_end_matches('='), "html"] {
                assert!(!said.contains(secret), "{image}: {line}: {said}");
            }
        }
    }
    // Only somebody who asks for it sees what was said, and even then nothing that is known.
    let ran = run(folder, &variables, &["plan", "spec.yaml", "--log", "debug"]).await;
    assert!(!ran.err.contains(PASSWORD) && !ran.err.contains(&encoded[..8]), "{}", ran.err);
}
