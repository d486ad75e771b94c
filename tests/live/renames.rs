//! Sets whose name changed, on a real engine: their containers are renamed where they are.

use crate::support::{World, live};

const SPEC: &str = "project: PROJECT
containers:
  db:
    name: PROJECT-db
    image: PROJECT/app:1
    state: reloaded
    mem_limit: 64m
  web:
    name: PROJECT-web
    image: PROJECT/app:1
    state: reloaded
    links: [\"db:store\"]
    network_mode: bridge
  side:
    name: PROJECT-side
    image: PROJECT/app:1
    state: reloaded
    pid: \"service:db\"
";

#[test]
fn a_container_gets_the_name_of_its_set_and_nothing_stops() {
    live!();
    let world = World::new("rename");
    world.image("app");
    world.converge(SPEC);
    let (db, web, side) = (world.name("db"), world.name("web"), world.name("side"));
    let before = [&db, &web, &side].map(|name| world.inspect(name));
    let spec = SPEC.replace("PROJECT-db", "PROJECT-store").replace("64m", "96m");
    let store = world.name("store");
    world
        .plan(&spec)
        .ok()
        .says(&format!("name {db} → {store}"))
        .says("1 to update")
        .never_says("DANGER");
    world.apply().ok().says("updated 1 container, renamed 1 container");
    // Who is linked to it and who shares its processes noticed nothing.
    let after = [&store, &web, &side].map(|name| world.inspect(name));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before["Id"], after["Id"]);
        assert_eq!(before["State"]["StartedAt"], after["State"]["StartedAt"]);
    }
    assert_eq!(after[0]["HostConfig"]["Memory"], 96 << 20);
    world.settled(&spec);
    world.apply().ok().says("already as declared");
    // It is the set's own as before: what is taken out of the spec is seen, and nobody is adopted.
    let less = spec.replace("    mem_limit: 96m\n", "");
    world.plan(&less).ok().says("mem_limit").says("replace").never_says("adopted");
    world.apply().ok();
    world.settled(&less);
    assert_eq!(world.inspect(&store)["Config"]["Labels"]["io.bayplan.name"], *store);
    // And back, now that a new container has to be made anyway.
    let back = less
        .replace("PROJECT-store", "PROJECT-db")
        .replace("    state: reloaded\n  web:", "    state: reloaded\n    tty: true\n  web:");
    world.plan(&back).ok().says(&format!("name {store} → {db}")).says("forced by tty");
    world.apply().ok().says("renamed 1 container");
    world.settled(&back);
    assert_eq!(world.containers(), ["db running", "side running", "web running"]);
}

#[test]
fn a_name_that_somebody_took_since_is_stale() {
    live!();
    let world = World::new("renamestale");
    world.image("app");
    world.converge(SPEC);
    let spec = SPEC.replace("PROJECT-db", "PROJECT-store");
    world.plan(&spec).ok();
    let image = format!("{}/app:1", world.project());
    world.docker(&["create", "--name", &world.name("store"), &image]);
    let before = world.everything();
    world.apply().exits(3).says("name_taken").says("nothing was changed");
    assert_eq!(world.everything(), before);
    // So is a container that was renamed by hand.
    world.docker(&["rm", &world.name("store")]);
    world.docker(&["rename", &world.name("db"), &world.name("other")]);
    world.apply().exits(3).says("container_renamed");
    // By hand to what was planned: nothing is left to do.
    world.docker(&["rename", &world.name("other"), &world.name("store")]);
    world.apply().ok().says("already as declared");
}

#[test]
fn labels_that_docker_commit_copied_make_no_container_of_ours() {
    live!();
    let world = World::new("renamecommit");
    world.image("app");
    let one =
        "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    image: PROJECT/app:1\n";
    world.converge(one);
    let db = world.name("db");
    let copy = world.docker(&["commit", &db]);
    world.docker(&["run", "-d", "--name", &world.name("copy"), copy.trim()]);
    world.docker(&["rm", "-f", &db]);
    let store = world.name("store");
    world.plan(&one.replace("PROJECT-db", "PROJECT-store")).ok().says(&format!("create  {store}"));
    world.docker(&["rm", "-f", &world.name("copy")]);
    world.remove_image(copy.trim());
}

#[test]
fn one_that_is_idle_is_renamed_and_started() {
    live!();
    let world = World::new("renameidle");
    world.image("app");
    let one =
        "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    image: PROJECT/app:1\n";
    world.converge(one);
    let id = world.id(&world.name("db"));
    world.docker(&["stop", "-t", "0", &world.name("db")]);
    let spec = one.replace("PROJECT-db", "PROJECT-store");
    world.plan(&spec).ok().says("start ");
    world.apply().ok().says("started 1 container, renamed 1 container");
    assert_eq!(world.id(&world.name("store")), id);
    world.settled(&spec);
}

#[test]
fn who_shares_processes_is_restarted_after_those_ended_with_their_target() {
    live!();
    let world = World::new("pidrestart");
    world.image("app");
    let spec = "project: PROJECT
containers:
  db: {name: PROJECT-db, image: \"PROJECT/app:1\"}
  side:
    name: PROJECT-side
    image: PROJECT/app:1
    pid: \"service:db\"
    depends_on: {db: {restart: true}}
";
    world.converge(spec);
    let side = world.name("side");
    let before = world.inspect(&side);
    world.plan(&spec.replace("name: PROJECT-db,", "name: PROJECT-db, state: restarted,")).ok();
    world.apply().ok().says("restarted 2 containers");
    let after = world.inspect(&side);
    assert_eq!(before["Id"], after["Id"]);
    assert_ne!(before["State"]["StartedAt"], after["State"]["StartedAt"]);
    assert_eq!(world.status(&side), "running");
}

#[test]
fn a_renamed_container_is_imported_under_the_name_that_it_has() {
    live!();
    let world = World::new("renimport");
    world.image("app");
    let named = |name: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  db: {{image: 'PROJECT/app:1', name: PROJECT-{name}}}\n"
        )
    };
    world.converge(&named("one"));
    let id = world.id(&world.name("one"));
    world.converge(&named("two"));
    assert_eq!(world.id(&world.name("two")), id);
    crate::import::of_project(&world);
    let spec = world.read("imported.yaml");
    assert!(spec.contains(&format!("name: {}", world.name("two"))), "{spec}");
}
