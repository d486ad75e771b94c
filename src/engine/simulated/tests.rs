//! Tests of the status codes and effects that were observed on real engines.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Behaviour, Faults, Simulated, When};
use crate::base::ident::{ContainerId, ContainerName, ImageId};
use crate::engine::{Done, ErrorKind, FilledBody, Reader, Writer};
use crate::observed::snapshot::{Container, Snapshot};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn image() -> Json {
    json!({"Id": "sha256:aa", "RepoTags": ["busybox:1"], "RepoDigests": [],
        "Config": {"Cmd": ["sh"], "Env": ["PATH=/bin", "A=image"], "Volumes": {"/data": {}}}})
}

fn engine() -> Simulated {
    let mut snapshot = Snapshot { whole: true, ..Snapshot::default() };
    snapshot.images.insert(ImageId::new("sha256:aa"), image());
    Simulated::new(&snapshot)
}

fn name(text: &str) -> ContainerName {
    ContainerName::new(text)
}

async fn made(engine: &Simulated, called: &str, body: Json) -> ContainerId {
    let mut body = body;
    body["Image"] = json!("busybox:1");
    engine.create(&name(called), &FilledBody::new(body)).await.unwrap().id
}

async fn state(engine: &Simulated, id: &ContainerId) -> (String, i64) {
    let state = engine.inspect(id.as_str()).await.unwrap().unwrap()["State"].clone();
    (state["Status"].as_str().unwrap().to_owned(), state["ExitCode"].as_i64().unwrap())
}

#[test]
fn a_container_lives_through_its_states() {
    run(async {
        let engine = engine();
        let id = made(&engine, "web", json!({"Env": ["A=own"]})).await;
        let inspect = engine.inspect("web").await.unwrap().unwrap();
        assert_eq!(inspect["Config"]["Env"], json!(["A=own", "PATH=/bin"]));
        assert_eq!(inspect["Mounts"][0]["Name"].as_str().unwrap().len(), 64);
        assert_eq!(engine.stop(&id, None, None).await.unwrap(), Done::Already);
        assert_eq!(engine.kill(&id, "KILL").await.unwrap_err().kind, ErrorKind::Conflict);
        assert_eq!(engine.start(&id).await.unwrap(), Done::Now);
        assert_eq!(engine.start(&id).await.unwrap(), Done::Already);
        let refused = engine.remove(&id).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Conflict);
        assert_eq!(engine.stop(&id, None, None).await.unwrap(), Done::Now);
        assert_eq!(state(&engine, &id).await, ("exited".to_owned(), 143));
        engine.restart(&id, None).await.unwrap();
        engine.kill(&id, "SIGKILL").await.unwrap();
        assert_eq!(state(&engine, &id).await, ("exited".to_owned(), 137));
        assert_eq!(engine.remove(&id).await.unwrap(), Done::Now);
        assert_eq!(engine.remove(&id).await.unwrap(), Done::Already);
        assert_eq!(engine.start(&id).await.unwrap_err().kind, ErrorKind::NotFound);
        // The volume outlives the container.
        assert_eq!(engine.volumes().await.unwrap().len(), 1);
    });
}

#[test]
fn names_are_unique_and_links_follow_them() {
    run(async {
        let engine = engine();
        let db = made(&engine, "db", json!({})).await;
        let web = made(&engine, "web", json!({"HostConfig": {"Links": ["db:data"]}})).await;
        let body = FilledBody::new(json!({"Image": "busybox:1"}));
        let taken = engine.create(&name("db"), &body).await.unwrap_err();
        assert_eq!(taken.kind, ErrorKind::Conflict);
        assert!(
            taken.message.starts_with("Conflict. The container name \"/db\" is already in use")
        );
        assert_eq!(engine.rename(&web, &name("db")).await.unwrap_err().kind, ErrorKind::Conflict);
        let own = engine.rename(&db, &name("db")).await.unwrap_err();
        assert_eq!(own.kind, ErrorKind::Status(400));
        engine.rename(&db, &name("old")).await.unwrap();
        let inspect = engine.inspect("web").await.unwrap().unwrap();
        assert_eq!(inspect["HostConfig"]["Links"], json!(["/old:/web/data"]));
        let list = engine.list().await.unwrap();
        let entry = list.iter().find(|entry| entry["Id"] == json!(db)).unwrap();
        assert_eq!(entry["Names"], json!(["/old", "/web/data"]));
        // A link needs its target to run.
        assert!(engine.start(&web).await.is_err());
        engine.start(&db).await.unwrap();
        engine.start(&web).await.unwrap();
    });
}

#[test]
fn ports_clash_at_start_and_are_free_after_a_stop() {
    run(async {
        let engine = engine();
        let body = || {
            json!({"ExposedPorts": {"80/tcp": {}},
                "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}})
        };
        let one = made(&engine, "one", body()).await;
        let two = made(&engine, "two", body()).await;
        engine.start(&one).await.unwrap();
        let clash = engine.start(&two).await.unwrap_err();
        assert_eq!(clash.kind, ErrorKind::Status(500));
        assert!(clash.message.ends_with("port is already allocated"), "{}", clash.message);
        assert_eq!(state(&engine, &two).await, ("created".to_owned(), 128));
        engine.stop(&one, None, None).await.unwrap();
        engine.start(&two).await.unwrap();
    });
}

#[test]
fn processes_end_and_policies_revive() {
    run(async {
        let engine = engine();
        let ends =
            |code| Behaviour { ends: Some((Duration::from_secs(1), code)), ..Behaviour::default() };
        engine.behave("once", ends(3));
        engine.behave("loop", ends(0));
        let once = made(&engine, "once", json!({})).await;
        let policy = json!({"HostConfig": {"RestartPolicy": {"Name": "always"}}});
        let again = made(&engine, "loop", policy).await;
        engine.start(&once).await.unwrap();
        engine.start(&again).await.unwrap();
        assert_eq!(state(&engine, &once).await.0, "running");
        engine.advance(Duration::from_secs(2));
        assert_eq!(state(&engine, &once).await, ("exited".to_owned(), 3));
        assert_eq!(state(&engine, &again).await.0, "restarting");
        assert_eq!(engine.run_to_end(&once).await.unwrap(), 3);
        let policy = json!({"HostConfig": {"RestartPolicy": {"Name": "on-failure"}}});
        engine.behave("tried", ends(3));
        let tried = made(&engine, "tried", policy).await;
        assert_eq!(engine.run_to_end(&tried).await.unwrap(), 3);
        assert_eq!(state(&engine, &tried).await.0, "restarting");
    });
}

#[test]
fn a_pull_by_digest_moves_no_tag() {
    run(async {
        let engine = engine();
        let pulled = "busybox@sha256:dd";
        engine.pull(pulled, None, &mut |_| {}).await.unwrap();
        let new = engine.image(pulled).await.unwrap().unwrap();
        assert_eq!(engine.image("busybox:1").await.unwrap().unwrap()["Id"], "sha256:aa");
        engine.tag(pulled, "busybox:1").await.unwrap();
        assert_eq!(engine.image("busybox:1").await.unwrap().unwrap()["Id"], new["Id"]);
        assert_eq!(engine.image("sha256:aa").await.unwrap().unwrap()["RepoTags"], json!([]));
    });
}

#[test]
fn a_call_fails_before_or_after_its_effect() {
    run(async {
        let engine = engine();
        let id = made(&engine, "web", json!({})).await;
        engine.set_faults(Faults::at(1, When::Before, ErrorKind::Interrupted));
        assert_eq!(engine.start(&id).await.unwrap_err().kind, ErrorKind::Interrupted);
        assert_eq!(state(&engine, &id).await.0, "created");
        engine.set_faults(Faults::every("start", When::After, ErrorKind::Interrupted));
        assert!(engine.start(&id).await.is_err());
        assert_eq!(state(&engine, &id).await.0, "running");
        assert_eq!(engine.changing().len(), 3);
    });
}

#[test]
fn a_container_that_removes_itself_is_gone_when_it_ends() {
    run(async {
        let engine = engine();
        let id = made(&engine, "tmp", json!({"HostConfig": {"AutoRemove": true}})).await;
        engine.start(&id).await.unwrap();
        engine.restart(&id, None).await.unwrap();
        engine.stop(&id, None, None).await.unwrap();
        assert_eq!(engine.inspect(id.as_str()).await.unwrap(), None);
        assert_eq!(engine.volumes().await.unwrap(), Vec::<Json>::new());
    });
}

#[test]
fn strange_recorded_data_is_survived() {
    run(async {
        let strange = json!({"Id": "ff", "Name": 3, "State": "odd", "HostConfig": [], "Config": null,
            "NetworkSettings": {"Networks": {"bridge": null}}});
        let container = Container {
            list: None,
            inspect: Some(strange),
            env: std::collections::BTreeMap::new(),
        };
        let engine =
            Simulated::new(&Snapshot { containers: vec![container], ..Snapshot::default() });
        let id = ContainerId::new("ff");
        assert_eq!(engine.list().await.unwrap().len(), 1);
        engine.start(&id).await.unwrap();
        engine.rename(&id, &name("sane")).await.unwrap();
        engine.stop(&id, None, None).await.unwrap();
        engine.remove(&id).await.unwrap();
    });
}
