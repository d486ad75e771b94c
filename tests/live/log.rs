//! What a real engine's log says of what moves while it is looked at.

use std::collections::BTreeSet;
use std::time::Instant;

use bayplan::base::ident::ContainerId;
use bayplan::engine::Reader as _;
use bayplan::engine::connect::{Environment, Flags, find};
use bayplan::engine::docker::DockerReader;
use bayplan::engine::event_delta::EventDelta;
use bayplan::engine::transport::Timeouts;

use crate::support::{World, live};

#[tokio::test]
async fn whatever_counts_is_in_the_log_as_soon_as_it_is_done() {
    live!();
    let world = World::new("log");
    let image = world.image("log");
    let name = world.name("a");
    let id = world.docker(&["run", "-d", "--name", &name, &image]);
    let id = ContainerId::new(id.trim());
    let wanted = BTreeSet::from([id.clone()]);
    let environment = Environment::of_process();
    let endpoint = find(&Flags::default(), &environment).unwrap();
    let reader = DockerReader::connect(&endpoint, &environment, Timeouts::default()).await.unwrap();
    reader.info().await.unwrap();

    let moved = async |deed: &[&str]| {
        let since = Instant::now();
        world.docker(deed);
        let asked = Instant::now();
        let events = reader.events(since).await.expect("Docker has a log");
        assert!(asked.elapsed().as_millis() < 1000, "{deed:?}: {:?}", asked.elapsed());
        EventDelta::of(&events, &wanted, &wanted)
    };
    let container = id.as_str();
    let network = world.name("net");
    let volume = world.name("data");
    for deed in [
        ["update", "--cpu-shares", "512", container].as_slice(),
        &["pause", container],
        &["unpause", container],
        &["restart", "-t", "0", container],
        &["rename", container, &world.name("b")],
    ] {
        assert!(moved(deed).await.containers.contains(&id), "{deed:?}");
    }
    assert!(moved(&["network", "create", &network]).await.networks);
    assert!(moved(&["network", "connect", &network, container]).await.containers.contains(&id));
    assert!(moved(&["network", "disconnect", &network, container]).await.containers.contains(&id));
    assert!(moved(&["network", "rm", &network]).await.networks);
    assert!(moved(&["volume", "create", &volume]).await.volumes);
    assert!(moved(&["volume", "rm", &volume]).await.volumes);
    let tag = format!("{image}-moved");
    assert!(moved(&["tag", &image, &tag]).await.images);
    assert!(moved(&["rmi", &tag]).await.images);
    assert!(moved(&["create", "--name", &world.name("new"), &image]).await.list);
    assert!(!moved(&["exec", container, "true"]).await.containers.contains(&id));
}
