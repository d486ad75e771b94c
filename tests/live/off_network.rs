//! Containers that are off the network in which they were created: what a dead run left, and what
//! somebody did by hand.

use crate::support::{World, docker, live};

fn spec(internal: bool) -> String {
    format!(
        "project: PROJECT\ndefaults: {{prove_for: 0, state: reloaded, match: owned}}\nnetworks:\n  \
         back: {{internal: {internal}, recreate: auto}}\ncontainers:\n  web:\n    image: \
         PROJECT/app:1\n    networks: {{back: {{aliases: [www]}}}}\n"
    )
}

fn is_on(world: &World, container: &str, network: &str) -> bool {
    world.inspect(container)["NetworkSettings"]["Networks"].get(network).is_some()
}

/// Makes the lock of a run that died, and gives its name.
fn lock(world: &World, image: &str, digest: &str) -> String {
    let name = format!("{}.bp-lock", world.project());
    let label = |key: &str, value: &str| format!("io.bayplan.lock{key}={value}");
    let labels = [label("", world.project()), label(".plan", digest), label(".host", "ci-7")];
    let mut create = vec!["create", "--name", &name, "--network", "none"];
    for label in &labels {
        create.extend(["--label", label]);
    }
    create.push(image);
    world.docker(&create);
    name
}

#[test]
fn what_a_dead_run_left_off_its_network_is_told_and_put_back() {
    live!();
    let world = World::new("off-dead");
    let image = world.image("app");
    let (web, back) = (world.name("web-1"), format!("{}_back", world.project()));
    world.converge(&spec(false));
    let id = world.id(&web);
    world.converge(&spec(true));
    let digest = world.plan_json()["digest"].as_str().unwrap().to_owned();
    // As if the run had died before its last call.
    world.docker(&["network", "disconnect", &back, &web]);
    let told = world.run(&["recover"]).ok().says("off network").says("bayplan recover PLAN");
    drop(told.says(&digest).says("by a new plan of its project"));
    lock(&world, &image, &digest);
    let refused = world.plan(&spec(true)).exits(1).says("[leftover]").says(&digest);
    drop(refused.says(&format!("bayplan unlock {}", world.project())));
    drop(world.run(&["unlock", world.project()]).ok());
    drop(world.run(&["recover", "plan.json"]).ok());
    assert!(is_on(&world, &web, &back));
    assert_eq!(world.id(&web), id);
    world.settled(&spec(true));
}

#[test]
fn what_somebody_took_off_its_network_is_connected_and_not_replaced() {
    live!();
    let world = World::new("off-hand");
    world.image("app");
    let (web, back) = (world.name("web-1"), format!("{}_back", world.project()));
    world.converge(&spec(false));
    let id = world.id(&web);
    world.docker(&["network", "disconnect", &back, &web]);
    drop(world.run(&["recover"]).ok().says("off network").says("by a new plan of its project"));
    world.converge(&spec(false)).never_says("replaced");
    assert!(is_on(&world, &web, &back));
    // The network is gone as well.
    world.docker(&["network", "disconnect", &back, &web]);
    world.docker(&["network", "rm", &back]);
    world.converge(&spec(false));
    assert!(is_on(&world, &web, &back));
    assert_eq!(world.id(&web), id);
    world.settled(&spec(false));
    // It starts again in the network that is there now.
    world.docker(&["restart", "-t", "1", &web]);
    assert!(is_on(&world, &web, &back));
}

#[test]
fn a_lock_of_a_dead_run_says_which_plan_it_was() {
    live!();
    let world = World::new("off-lock");
    let image = world.image("app");
    let (web, back) = (world.name("web-1"), format!("{}_back", world.project()));
    world.converge(&spec(false));
    let digest = format!("sha256:{}", "ab".repeat(32));
    let lock = lock(&world, &image, &digest);
    drop(world.plan(&spec(false)).ok().says("it died").says(&digest));
    world.docker(&["network", "disconnect", &back, &web]);
    drop(world.plan(&spec(false)).exits(1).says("[leftover]").says(&digest));
    let told = world.run(&["recover"]).ok().says("the lock of process").says("on ci-7");
    drop(told.says("its process died").says(&digest));
    drop(world.run(&["unlock", world.project()]).ok());
    world.converge(&spec(false));
    assert!(is_on(&world, &web, &back));
    assert!(!docker(&["inspect", &lock]).status.success());
}
