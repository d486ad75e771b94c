//! Networks and volumes of the root on a real engine: made before what needs them, replaced with
//! their containers put back, never guessed.

use crate::support::{World, docker, live};
use serde_json::Value as Json;

/// A network as the engine shows it.
fn network(world: &World, name: &str) -> Json {
    let text = world.docker(&["network", "inspect", name]);
    serde_json::from_str::<Json>(&text).unwrap()[0].clone()
}

/// Subnets that no other test of any run takes at the same time.
fn subnet(number: u32) -> String {
    let process = std::process::id();
    format!("10.{}.{}.0/24", 100 + number, process % 250)
}

const MADE: &str = "project: PROJECT
networks:
  back:
    internal: true
    driver_opts: {com.docker.network.bridge.enable_icc: true}
    ipam: {config: [{subnet: SUBNET}]}
    labels: {tier: back}
  plain:
volumes:
  data: {labels: {tier: data}}
containers:
  db:
    name: PROJECT-db
    image: PROJECT/app:1
    network_mode: back
    volumes: [\"data:/data\"]
";

#[test]
fn made_before_what_needs_them_and_nothing_is_left_to_do() {
    live!();
    let world = World::new("nets");
    world.image("app");
    let spec = MADE.replace("SUBNET", &subnet(1));
    world.plan(&spec).ok().says("create  network:");
    world.apply().ok().says("created 2 networks, created 1 volume");
    world.settled(&spec);
    let project = world.project();
    let back = network(&world, &format!("{project}_back"));
    assert_eq!(back["Internal"], true);
    assert_eq!(back["Labels"]["io.bayplan.network"], "back");
    let db = world.inspect(&world.name("db"));
    assert!(db["NetworkSettings"]["Networks"].get(format!("{project}_back")).is_some(), "{db:#}");
    assert_eq!(db["Mounts"][0]["Name"], format!("{project}_data"));
    // The same plan again: all of it is done, and so it is if only half of it had been.
    world.apply().ok().says("already as declared");
}

#[test]
fn what_a_run_of_another_plan_made_is_not_taken_for_this_one_s() {
    live!();
    let world = World::new("netsdone");
    world.image("app");
    let spec = MADE.replace("SUBNET", &subnet(2));
    world.plan(&spec).ok();
    let full = world.read("plan.json");
    // A run of another plan of this spec made the networks and the volume alone.
    let containers = spec.find("containers:").unwrap();
    world.converge(&format!("{}containers: {{}}\n", &spec[..containers]));
    std::fs::write(world.path("plan.json"), full).unwrap();
    std::fs::write(world.path("spec.yaml"), spec.replace("PROJECT", world.project())).unwrap();
    world.apply().exits(3).says("network_taken").says("volume_taken");
    world.plan(&spec).ok();
    world.apply().ok().says("created 1 container, started 1 container");
    world.settled(&spec);
}

#[test]
fn a_subnet_that_another_network_has_is_refused_before_anything_is_done() {
    live!();
    let world = World::new("netsubnet");
    world.image("app");
    let spec = MADE.replace("SUBNET", &subnet(8));
    // Where it is taken after the plan was made, the plan is not current.
    world.plan(&spec).ok();
    world.docker(&["network", "create", "--subnet", &subnet(8), &world.name("taken")]);
    world.apply().exits(3).says("is to have").says("nothing was changed");
    assert_eq!(world.containers(), Vec::<String>::new());
    let refused = world.plan(&spec).exits(1).says("[subnet_taken]");
    refused.says("declare another `subnet`, or free this one first");
    // The engine says the same of it.
    let made = docker(&["network", "create", "--subnet", &subnet(8), &world.name("b")]);
    let made = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.contains("overlap"), "{made}");
    world.docker(&["network", "rm", &world.name("taken")]);
    world.converge(&spec);
    world.settled(&spec);
}

/// No plan looks at what the host's network cards are called: the engine tells at the create,
/// which comes first.
#[test]
fn a_network_that_cannot_be_made_ends_the_run_before_a_container_is_touched() {
    live!();
    let world = World::new("netfails");
    world.image("app");
    let card = format!("bp{}", std::process::id());
    let named = format!("com.docker.network.bridge.name={card}");
    world.docker(&["network", "create", "--opt", &named, &world.name("taken")]);
    let before =
        "project: PROJECT\ncontainers:\n  db: {name: PROJECT-db, image: 'PROJECT/app:1'}\n";
    world.converge(before);
    let old = world.id(&world.name("db"));
    let spec = MADE
        .replace("SUBNET", &subnet(9))
        .replace("bridge.enable_icc: true", &format!("bridge.name: {card}"))
        .replace("    name: PROJECT-db", "    state: reloaded\n    name: PROJECT-db");
    world.plan(&spec).ok().says("1 to replace");
    world
        .apply()
        .exits(5)
        .says("created 1 network, created 1 volume")
        .says("failed: network:")
        .says("is as it was before");
    assert_eq!(
        (world.id(&world.name("db")), world.status(&world.name("db"))),
        (old.clone(), "running".into())
    );
    // Once the name is free, the same plan does the rest.
    world.docker(&["network", "rm", &world.name("taken")]);
    world.apply().ok().says("created 1 container").says("created 1 network");
    assert_ne!(world.id(&world.name("db")), old);
    world.settled(&spec);
}

#[test]
fn a_network_of_that_name_that_appeared_since_is_stale() {
    live!();
    let world = World::new("netstale");
    world.image("app");
    let spec = MADE.replace("SUBNET", &subnet(3));
    world.plan(&spec).ok();
    world.docker(&["network", "create", &format!("{}_plain", world.project())]);
    world.apply().exits(3).says("no such network").says("nothing was changed");
    assert_eq!(world.containers(), Vec::<String>::new());
}

#[test]
fn a_network_is_replaced_with_its_containers_put_back() {
    live!();
    let world = World::new("netreplace");
    world.image("app");
    let net = |internal: bool, recreate: &str| {
        format!(
            "project: PROJECT\nnetworks:\n  back: {{internal: {internal}, recreate: {recreate}, \
             ipam: {{config: [{{subnet: {}}}]}}}}\ncontainers:\n  db:\n    name: PROJECT-db\n    \
             image: PROJECT/app:1\n    network_mode: back\n",
            subnet(4)
        )
    };
    world.converge(&net(false, "never"));
    let (db, stranger) = (world.name("db"), world.name("stranger"));
    let name = format!("{}_back", world.project());
    // A stranger with wishes of its own, and one that does not run.
    let address = subnet(4).replace("0/24", "77");
    let image = format!("{}/app:1", world.project());
    world.docker(&[
        "run",
        "-d",
        "--name",
        &stranger,
        "--network",
        &name,
        "--network-alias",
        "guest",
        "--ip",
        &address,
        &image,
    ]);
    let idle = world.name("idle");
    world.docker(&["create", "--name", &idle, "--network", &name, &image]);
    let before = network(&world, &name)["Id"].clone();

    world.plan(&net(true, "never")).ok().says("network_differs").says("recreate: auto");
    let strange = format!("was not created by bayplan – a container on network:{name}");
    let denied = world.plan_with(&net(true, "auto"), &["--deny", "adopted"]).exits(4);
    drop(denied.says(&format!("`network:{name}` (adopted)")));
    let ran = world.plan(&net(true, "auto")).ok().says("outage").says("interrupts");
    let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(&strange), "{ran}");
    let old = world.id(&db);
    world.apply().ok().says("created 1 network, removed 1 network");

    let after = network(&world, &name);
    assert_ne!(after["Id"], before);
    assert_eq!(after["Internal"], true);
    assert_eq!(world.id(&db), old, "the container itself stays");
    let guest = world.inspect(&stranger)["NetworkSettings"]["Networks"][&name].clone();
    assert_eq!(guest["NetworkID"], after["Id"]);
    assert_eq!(guest["IPAddress"], address.as_str());
    assert!(guest["Aliases"].to_string().contains("guest"), "{guest:#}");
    world.docker(&["start", &idle]);
    assert_eq!(
        world.inspect(&idle)["NetworkSettings"]["Networks"][&name]["NetworkID"],
        after["Id"]
    );
    world.settled(&net(true, "auto"));
    world.apply().ok().says("nothing of this plan is left to do").says("moved");
}

#[test]
fn names_are_never_guessed() {
    live!();
    let world = World::new("netnames");
    world.image("app");
    let project = world.project().to_owned();
    let spec = |networks: &str, volumes: &str| {
        format!("project: PROJECT\nnetworks: {networks}\nvolumes: {volumes}\ncontainers: {{}}\n")
    };
    world
        .plan(&spec("{gone: {external: true, name: PROJECT-gone}}", "{}"))
        .exits(1)
        .says("external");
    world.docker(&["volume", "create", &format!("{project}-data")]);
    let named = spec("{}", &format!("{{{project}-data: }}"));
    world.plan(&named).exits(1).says("which one is meant");
    world.docker(&[
        "network",
        "create",
        "--label",
        "io.bayplan.project=other",
        "--label",
        "io.bayplan.network=back",
        &format!("{project}_back"),
    ]);
    world.plan(&spec("{back: }", "{}")).exits(1).says("belongs to `back` of project `other`");
    world.plan(&spec("{back: {external: true, name: PROJECT_back}}", "{}")).ok();
    // Only old engines let two networks have one name.
    let twice = format!("{project}-twice");
    world.docker(&["network", "create", &twice]);
    let second =
        std::process::Command::new("docker").args(["network", "create", &twice]).output().unwrap();
    if second.status.success() {
        let external = spec("{twice: {external: true, name: PROJECT-twice}}", "{}");
        world.plan(&external).exits(1).says("none of them is meant");
    }
}

#[test]
fn a_volume_that_differs_is_told_and_left() {
    live!();
    let world = World::new("voldiffers");
    world.image("app");
    let spec = |label: &str| {
        format!(
            "project: PROJECT\nvolumes: {{data: {{labels: {{tier: {label}}}}}}}\ncontainers: {{}}\n"
        )
    };
    world.converge(&spec("a"));
    world.plan(&spec("b")).ok().says("never replaced by itself").says("tier");
    world.apply().ok().says("1 volume differs and is left");
    // What nobody declares any more is told, too, and left.
    world.plan("project: PROJECT\ncontainers: {}\n").ok().says("belongs to this project");
}

/// A container on two networks, with what it wishes there.
fn on_two(alias: &str, address: &str) -> String {
    format!(
        "project: PROJECT\nnetworks:\n  back: {{ipam: {{config: [{{subnet: {}}}]}}}}\n  front:\n\
         containers:\n  web:\n    name: PROJECT-web\n    image: PROJECT/app:1\n    \
         state: reloaded\n    networks:\n      back: {{aliases: [{alias}, sql], \
         ipv4_address: {address}, priority: 7}}\n      front: {{aliases: [www]}}\n",
        subnet(6)
    )
}

#[test]
fn a_container_is_on_several_networks_with_its_wishes() {
    live!();
    let world = World::new("nettwo");
    world.image("app");
    let address = subnet(6).replace("0/24", "9");
    let first = on_two("db", &address);
    world.converge(&first);
    world.settled(&first);
    let web = world.name("web");
    let (back, front) = (format!("{}_back", world.project()), format!("{}_front", world.project()));
    let found = world.inspect(&web);
    let networks = &found["NetworkSettings"]["Networks"];
    assert_eq!(found["HostConfig"]["NetworkMode"], back.as_str());
    assert_eq!(networks[&back]["IPAddress"], address.as_str());
    assert!(networks[&back]["Aliases"].to_string().contains("sql"), "{networks:#}");
    assert!(networks[&front]["Aliases"].to_string().contains("www"), "{networks:#}");

    // A stop and a start assign other addresses and cards: no difference.
    world.docker(&["restart", &web]);
    world.settled(&first);
    let second = on_two("db2", &address);
    world.plan(&second).ok().says("networks ");
    world.apply().ok();
    world.settled(&second);
}

#[test]
fn a_mac_address_is_asked_for_where_the_engine_looks_for_it() {
    live!();
    let world = World::new("netmac");
    world.image("app");
    let spec = |mac: &str| {
        format!(
            "project: PROJECT\nnetworks: {{back: }}\ncontainers:\n  web:\n    name: PROJECT-web\n    \
             image: PROJECT/app:1\n    state: reloaded\n    networks: [back]\n{mac}"
        )
    };
    let own = spec("    mac_address: 02-42-0A-63-01-77\n");
    world.converge(&own);
    world.settled(&own);
    let back = format!("{}_back", world.project());
    let found = world.inspect(&world.name("web"));
    let networks = &found["NetworkSettings"]["Networks"];
    assert_eq!(networks[&back]["MacAddress"], "02:42:0a:63:01:77", "{networks:#}");
    // Not declared any more, it is one that was asked for all the same.
    world.plan(&spec("")).ok().says("mac_address - 02:42:0a:63:01:77");
    world.docker(&["stop", &world.name("web")]);
    world.plan(&own).ok().never_says("mac_address - ");
}

#[test]
fn networks_are_connected_and_disconnected_while_it_runs() {
    live!();
    let world = World::new("moves");
    world.image("app");
    let spec = |limit: &str, networks: &str| {
        format!(
            "project: PROJECT\nnetworks: {{back: , front: , side: }}\ncontainers:\n  web:\n    \
             image: PROJECT/app:1\n    state: reloaded\n    mem_limit: {limit}\n    \
             networks: {networks}\n"
        )
    };
    world.converge(&spec("64m", "{front: {priority: 5}}"));
    let id = world.id(&world.name("web-1"));
    let more = spec("96m", "{front: {priority: 5}, back: {aliases: [db]}, side: }");
    world.plan(&more).ok().says("changed in place: nothing stops");
    world.apply().ok().says("updated 1 container, connected 2 containers.");
    world.settled(&more);
    world.apply().ok().says("already as declared");
    let back = format!("{}_back", world.project());
    let aliases = &world.inspect(&world.name("web-1"))["NetworkSettings"]["Networks"][&back];
    assert!(aliases["Aliases"].to_string().contains("\"db\""), "{aliases:#}");

    // What is not declared any more is taken off, however it got there.
    let less = spec("96m", "{front: {priority: 5}, side: }");
    world.docker(&["network", "disconnect", &back, &world.name("web-1")]);
    world.docker(&["network", "connect", "--alias", "sql", &back, &world.name("web-1")]);
    world.plan(&less).ok();
    world.apply().ok().says("disconnected 1 container.");
    world.settled(&less);
    assert_eq!(world.id(&world.name("web-1")), id, "it was replaced");

    // The network it was created in, and one that stays with other wishes, take a new container.
    world.plan(&spec("96m", "{front: {priority: 5, aliases: [w]}, side: }")).ok().says("replace");
    world.plan(&spec("96m", "{side: }")).ok().says("replace");
}

/// No engine here gives an address of a network card back with a connect: that is no way to put a
/// container back as it was.
#[test]
fn a_network_on_which_somebody_has_a_requested_address_is_not_replaced() {
    live!();
    let world = World::new("netcard");
    world.image("app");
    let net = |internal: bool, card: &str| {
        format!(
            "project: PROJECT\nnetworks:\n  back: {{internal: {internal}, recreate: auto, \
             ipam: {{config: [{{subnet: {}}}]}}}}\ncontainers:\n  card: {{image: 'PROJECT/app:1', \
             networks: [back]{card}}}\n",
            subnet(11)
        )
    };
    let card = ", mac_address: '02:42:ac:11:00:77'";
    world.converge(&net(false, card));
    drop(world.plan(&net(true, card)).exits(1).says("02:42:ac:11:00:77"));
    world.docker(&["rm", "-f", &world.name("card-1")]);
    world.converge(&net(true, ""));
    world.settled(&net(true, ""));
}

/// An engine before 26 shows the host name among the aliases: that is no difference, and another
/// host name is one.
#[test]
fn a_host_name_on_a_network_of_ones_own_is_no_alias() {
    live!();
    let world = World::new("hostname");
    world.image("app");
    let spec = "project: PROJECT
networks: {back: , front: }
containers:
  web:
    name: PROJECT-web
    image: PROJECT/app:1
    state: reloaded
    hostname: one
    networks: {back: {aliases: [www]}, front: }
  named: {name: PROJECT-named, image: 'PROJECT/app:1', hostname: db, networks: {back: {aliases: [db]}}}
  domain: {name: PROJECT-domain, image: 'PROJECT/app:1', domainname: example.org, networks: [back]}
";
    world.converge(spec);
    world.settled(spec);
    let spec = spec.replace("hostname: one", "hostname: two");
    world.plan(&spec).ok();
    let plan = world.plan_json();
    let reasons = plan["changes"].as_array().unwrap().iter();
    let reasons: Vec<&Json> =
        reasons.flat_map(|change| change["reasons"].as_array().unwrap()).collect();
    assert_eq!(reasons.len(), 1, "{reasons:#?}");
    assert_eq!(reasons[0]["option"], "hostname");
    world.apply().ok();
    world.settled(&spec);
}
