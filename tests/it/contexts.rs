//! Docker's contexts, in files as its client writes them, and which word on the engine counts.

use std::path::{Path, PathBuf};

use bayplan::engine::connect::{Endpoint, Environment, Flags, find};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::program::hex;

/// Writes a context as `docker context create` does; gives the name of its folder.
pub(crate) fn write(config: &Path, name: &str, host: &str) -> String {
    let folder = hex(&Sha256::digest(name));
    let path = config.join("contexts/meta").join(&folder);
    std::fs::create_dir_all(&path).unwrap();
    let meta = json!({
        "Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": false}},
    });
    std::fs::write(path.join("meta.json"), meta.to_string()).unwrap();
    folder
}

/// A configuration folder with contexts `one`, `two` and `three`; `three` is the current one.
fn config() -> tempfile::TempDir {
    let config = tempfile::tempdir().unwrap();
    for name in ["one", "two", "three"] {
        write(config.path(), name, &format!("unix:///context/{name}"));
    }
    let file = json!({"auths": {}, "currentContext": "three"}).to_string();
    std::fs::write(config.path().join("config.json"), file).unwrap();
    config
}

fn socket(endpoint: Endpoint) -> PathBuf {
    match endpoint {
        Endpoint::Unix(path) => path,
        other => panic!("expected a socket, but found {other:?}"),
    }
}

#[test]
fn the_first_word_counts_in_the_order_of_dockers_client() {
    let config = config();
    // Each line: --host, --context, DOCKER_HOST, DOCKER_CONTEXT, whether there is a
    // configuration; and which socket is meant.
    let table: &[(&str, &str, &str, &str, bool, &str)] = &[
        ("unix:///flag", "", "unix:///env", "two", true, "/flag"),
        ("", "one", "unix:///env", "two", true, "/context/one"),
        ("", "", "unix:///env", "two", true, "/env"),
        ("", "", "", "two", true, "/context/two"),
        ("", "", "", "", true, "/context/three"),
        ("", "", "", "", false, "/var/run/docker.sock"),
        // `default` is what there is without contexts, whoever says it.
        ("", "default", "unix:///env", "two", true, "/env"),
        ("", "default", "", "two", true, "/var/run/docker.sock"),
        ("", "", "", "default", true, "/var/run/docker.sock"),
    ];
    for row in table {
        let (host, context, env_host, env_context, configured, expected) = *row;
        let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let flags = Flags { host: said(host), context: said(context), ..Flags::default() };
        let environment = Environment {
            host: said(env_host),
            context: said(env_context),
            config: configured.then(|| config.path().to_owned()),
            ..Environment::default()
        };
        let found = find(&flags, &environment).unwrap();
        assert_eq!(socket(found), Path::new(expected), "{row:?}");
    }
}

#[test]
fn an_unknown_context_is_told_with_the_known_ones() {
    let config = config();
    let environment =
        Environment { config: Some(config.path().to_owned()), ..Environment::default() };
    let flags = Flags { context: Some("tow".into()), ..Flags::default() };
    let error = find(&flags, &environment).unwrap_err();
    insta::assert_snapshot!(
        format!("{error}\nhint: {}", error.hint.as_deref().unwrap()), @"
    finding the engine: --context: there is no Docker context `tow`
    hint: there are `default`, `one`, `three`, `two`; `--host` names an engine without one
    ");

    std::fs::write(config.path().join("config.json"), r#"{"currentContext": "gone"}"#).unwrap();
    let error = find(&Flags::default(), &environment).unwrap_err();
    insta::assert_snapshot!(error, @"finding the engine: currentContext of config.json: there is no Docker context `gone`");

    let both = Flags { host: Some("unix:///a".into()), ..flags };
    insta::assert_snapshot!(find(&both, &environment).unwrap_err(), @"finding the engine: expected one of `--host` and `--context`, but found both");
}

#[test]
fn files_that_cannot_be_read_are_named_and_not_quoted() {
    let config = config();
    let environment =
        Environment { config: Some(config.path().to_owned()), ..Environment::default() };
    let shown = |error: String| error.replace(&config.path().display().to_string(), "CONFIG");
    std::fs::write(config.path().join("config.json"), "{\"auths\": hunter2").unwrap();
    let error = find(&Flags::default(), &environment).unwrap_err();
    insta::assert_snapshot!(shown(error.to_string()), @"finding the engine: expected JSON in CONFIG/config.json, but could not read any");

    let folder = write(config.path(), "bad", "npipe:////./pipe/docker_engine");
    let flags = Flags { context: Some("bad".into()), ..Flags::default() };
    let error = find(&flags, &environment).unwrap_err();
    insta::assert_snapshot!(error, @"finding the engine: Docker context `bad` (--context): expected unix://, tcp:// or ssh://, but found `npipe:////./pipe/docker_engine`");
    std::fs::write(config.path().join("contexts/meta").join(folder).join("meta.json"), "[")
        .unwrap();
    let error = find(&flags, &environment).unwrap_err();
    let text = shown(error.to_string());
    assert!(text.contains("expected JSON in CONFIG/contexts/meta/"), "{text}");
}
