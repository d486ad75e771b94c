//! What only one container can have, on a real engine: addresses that change hands, ports of a
//! range, and what the engine would refuse at the start and a plan refuses before.

use serde_json::Value as Json;

use crate::support::{World, docker, live};

/// A subnet that no other test of any run takes at the same time.
fn subnet(number: u32) -> (String, String) {
    let begin = format!("10.{}.{}", 140 + number, std::process::id() % 250);
    (format!("{begin}.0/24"), begin)
}

/// The host port of each member, by name.
fn ports(world: &World, members: &[&str]) -> Vec<String> {
    let port = |member: &&str| {
        let bound =
            world.inspect(&world.name(member))["NetworkSettings"]["Ports"]["8080/tcp"].clone();
        bound[0]["HostPort"].as_str().unwrap_or_default().to_owned()
    };
    members.iter().map(port).collect()
}

#[test]
fn a_name_that_one_gives_up_is_taken_by_the_next() {
    live!();
    let world = World::new("names");
    world.image("app");
    let spec = |sets: &[(&str, &str)]| {
        let set = |(key, name): &(&str, &str)| {
            format!("  {key}: {{name: PROJECT-{name}, image: 'PROJECT/app:1', state: reloaded}}\n")
        };
        format!("project: PROJECT\ncontainers:\n{}", sets.iter().map(set).collect::<String>())
    };
    world.converge(&spec(&[("a", "one"), ("b", "two")]));
    let id = |name: &str| world.inspect(&world.name(name))["Id"].clone();
    let (a, b) = (id("one"), id("two"));
    let handed = spec(&[("a", "three"), ("b", "one"), ("c", "two")]);
    world.converge(&handed);
    world.settled(&handed);
    assert_eq!((id("three"), id("one")), (a, b), "both were renamed");
    world.plan(&spec(&[("a", "one"), ("b", "three")])).exits(1).says("apply that first");
}

#[test]
fn two_swap_their_addresses_and_a_third_takes_one_that_is_given_up() {
    live!();
    let world = World::new("swap");
    world.image("app");
    let (range, begin) = subnet(1);
    let spec = |a: u32, b: u32, more: &str| {
        format!(
            "project: PROJECT\nnetworks: {{back: {{ipam: {{config: [{{subnet: {range}}}]}}}}}}\n\
             containers:\n  \
             a: {{name: PROJECT-a, image: 'PROJECT/app:1', state: reloaded, networks: {{back: {{ipv4_address: {begin}.{a}}}}}}}\n  \
             b: {{name: PROJECT-b, image: 'PROJECT/app:1', state: reloaded, networks: {{back: {{ipv4_address: {begin}.{b}}}}}}}\n{more}"
        )
    };
    world.converge(&spec(10, 11, ""));
    let swapped = spec(11, 10, "");
    world.converge(&swapped);
    world.settled(&swapped);
    let given = spec(
        12,
        13,
        &format!(
            "  c: {{name: PROJECT-c, image: 'PROJECT/app:1', networks: {{back: {{ipv4_address: {begin}.10}}}}}}\n"
        ),
    );
    world.converge(&given);
    world.settled(&given);
    // Everything that this network cannot give to a set of another project.
    for (last, says) in [
        (12, "is taken by container"),
        (0, "the network itself"),
        (255, "its broadcast address"),
        (1, "its gateway"),
    ] {
        let wrong = format!(
            "project: PROJECT-other\nnetworks: {{there: {{external: true, name: PROJECT_back}}}}\n\
             containers: {{c: {{name: PROJECT-d, image: 'PROJECT/app:1', \
             networks: {{there: {{ipv4_address: {begin}.{last}}}}}}}}}\n"
        );
        world.plan(&wrong).exits(1).says(says);
    }
}

#[test]
fn a_container_whose_network_was_made_again_is_replaced() {
    live!();
    let world = World::new("made-again");
    world.image("app");
    let spec = "project: PROJECT\nnetworks: {back: {external: true, name: PROJECT_own}}\ncontainers:\n  \
                a: {name: PROJECT-a, image: 'PROJECT/app:1', networks: [back]}\n";
    let network = format!("{}_own", world.project());
    world.docker(&["network", "create", &network]);
    world.converge(spec);
    world.docker(&["stop", "-t", "0", &world.name("a")]);
    world.docker(&["network", "rm", &network]);
    world.docker(&["network", "create", &network]);
    // An engine starts it by the ID of the network that is gone.
    world.plan(spec).ok().says("1 to replace").says("_own was removed");
    world.apply().ok();
    world.settled(spec);
}

#[test]
fn who_takes_any_address_starts_after_who_asks_for_one() {
    live!();
    let world = World::new("first");
    world.image("app");
    let (range, begin) = subnet(2);
    // The first address that the engine gives: without an order it falls to whoever starts first.
    let sets: String = (1..=3)
        .fold(String::new(), |sets, number| {
            format!("{sets}  a{number}: {{name: PROJECT-a{number}, image: 'PROJECT/app:1', networks: [back]}}\n")
        });
    let spec = format!(
        "project: PROJECT\nnetworks: {{back: {{ipam: {{config: [{{subnet: {range}}}]}}}}}}\ncontainers:\n{sets}  \
         fixed: {{name: PROJECT-fixed, image: 'PROJECT/app:1', networks: {{back: {{ipv4_address: {begin}.2}}}}}}\n"
    );
    world.converge(&spec);
    world.settled(&spec);
}

#[test]
fn ports_of_a_range_are_pinned_and_kept() {
    live!();
    let world = World::new("range");
    world.image("app");
    let first = 20000 + (std::process::id() % 4000) * 4;
    let spec = |count: u32, address: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  web: {{image: 'PROJECT/app:1', count: {count}, state: reloaded, \
             ports: ['{address}{first}-{}:8080']}}\n",
            first + 2
        )
    };
    world.converge(&spec(2, ""));
    let two = ports(&world, &["web-1", "web-2"]);
    assert_eq!(two, [first.to_string(), (first + 1).to_string()]);
    world.settled(&spec(2, ""));
    // A wider count and a narrower binding: each keeps its own.
    world.converge(&spec(3, "127.0.0.1:"));
    world.settled(&spec(3, "127.0.0.1:"));
    let three = ports(&world, &["web-1", "web-2", "web-3"]);
    assert_eq!(three, [first, first + 1, first + 2].map(|port| port.to_string()));
    // And for ever.
    for _ in 0..2 {
        world.docker(&["restart", "-t", "1", &world.name("web-2")]);
        world.settled(&spec(3, "127.0.0.1:"));
        assert_eq!(ports(&world, &["web-1", "web-2", "web-3"]), three);
    }
}

#[test]
fn what_would_fail_at_the_start_is_an_error_of_the_plan() {
    live!();
    let world = World::new("starts");
    world.image("app");
    let name = |what: &str| world.name(what);
    let image = format!("{}/app:1", world.project());
    world.docker(&["run", "-d", "--name", &name("keeps"), "--ipc", "private", &image]);
    world.docker(&["create", "--name", &name("rests"), &image]);
    world.docker(&["run", "-d", "--name", &name("apart"), "--network", "none", &image]);
    for (options, says) in [
        ("ipc: 'container:PROJECT-keeps'", "which is private"),
        ("links: ['PROJECT-rests:r']", "which will not run"),
        ("links: ['PROJECT-apart:a']", "not on the network `bridge`"),
        ("sysctls: {vm.max_map_count: 262144}", "a setting that each container has"),
        ("cpus: 0.001", "at least 0.01"),
        ("mac_address: '01:00:5e:00:00:01'", "the MAC address of one card"),
        ("depends_on: [PROJECT-nowhere]", "there is no such container or set"),
    ] {
        let spec = format!(
            "project: PROJECT\ncontainers:\n  it: {{name: PROJECT-it, image: 'PROJECT/app:1', {options}}}\n"
        );
        world.plan(&spec).exits(1).says(says);
    }
    assert_eq!(world.inspect(&name("it")), Json::Null);
    // An engine does not tell its host's addresses: they are known where its network is this one.
    let spec = "project: PROJECT\ncontainers:\n  it: {name: PROJECT-it, image: 'PROJECT/app:1', ports: ['10.99.99.99:18999:80']}\n";
    let ran = world.plan(spec);
    let known = ran.code == 1;
    let ran = if known { ran.exits(1) } else { ran.ok() };
    drop(ran.says(if known {
        "which is no address of the host"
    } else {
        "the engine does not tell"
    }));
}

#[test]
fn a_link_to_what_was_made_again_is_replaced() {
    live!();
    let world = World::new("relink");
    world.image("app");
    let spec = "project: PROJECT
containers:
  db: {name: PROJECT-db, image: 'PROJECT/app:1'}
  web: {name: PROJECT-web, image: 'PROJECT/app:1', links: ['db:db']}
";
    world.converge(spec);
    let web = world.id(&world.name("web"));
    world.docker(&["stop", "-t", "1", &world.name("web")]);
    world.docker(&["rm", "-f", &world.name("db")]);
    world.converge(spec);
    world.settled(spec);
    assert_ne!(world.id(&world.name("web")), web);
    // One that is linked as it should be is started.
    let web = world.id(&world.name("web"));
    world.docker(&["stop", "-t", "1", &world.name("web")]);
    world.converge(spec);
    assert_eq!(world.id(&world.name("web")), web);
    // Made again by hand while it was stopped.
    world.docker(&["stop", "-t", "1", &world.name("web")]);
    world.docker(&["rename", &world.name("db"), &world.name("old")]);
    world.docker(&["rm", "-f", &world.name("old")]);
    world.converge(spec);
    world.settled(spec);
    assert_ne!(world.id(&world.name("web")), web);
}

/// The spec says nothing of links and namespaces, so nothing differs.
#[test]
fn an_adopted_container_whose_target_was_made_again_is_not_started_in_vain() {
    live!();
    let world = World::new("vain");
    let image = world.image("app");
    let [db, linked, joined] = ["db", "linked", "joined"].map(|name| world.name(name));
    world.docker(&["run", "-d", "--name", &db, &image]);
    world.docker(&["create", "--name", &linked, "--link", &db, &image]);
    world.docker(&["create", "--name", &joined, "--pid", &format!("container:{db}"), &image]);
    world.docker(&["rm", "-f", &db]);
    world.docker(&["run", "-d", "--name", &db, &image]);
    let spec = |name: &str| {
        format!(
            "project: PROJECT\ncontainers: {{a: {{name: PROJECT-{name}, image: 'PROJECT/app:1'}}}}\n"
        )
    };
    world.plan(&spec("joined")).exits(1).says("which is no longer there");
    assert!(!docker(&["start", &joined]).status.success(), "the engine starts it");
    world.converge(&spec("linked"));
    world.settled(&spec("linked"));
}
