//! Specs written from containers that others made: a plan of one is empty, and after a change of
//! one option it has that alone.

use crate::support::{Ran, World, live};

/// Imports the project of a world, which bayplan made: all that its containers are is compared,
/// and nothing may differ.
pub(crate) fn of_project(world: &World) {
    let _ = std::fs::remove_file(world.path("imported.yaml"));
    let args = ["import", "--project", world.project(), "--literal-all", "-o", "imported.yaml"];
    world.run(&args).ok();
    let ran = world.run(&["plan", "imported.yaml", "--detailed-exitcode"]);
    assert_eq!(ran.code, 0, "{ran}\n{}", world.read("imported.yaml"));
}

/// Runs the program with the secrets of these tests in its environment.
fn with_secrets(world: &World, args: &[&str], password: &str) -> Ran {
    let mut command = world.bayplan(args);
    let token = |name: &str| world.name(name).to_uppercase().replace('-', "_") + "_TOKEN";
    command.env("PASSWORD", password).env("MODE", "own");
    command.env(token("db"), "db's").env(token("web"), "web's");
    Ran::of(args, &command.output().unwrap())
}

/// A database, a page before it, one that shares a network with that, and one that never ran, as
/// Docker's own client makes them.
fn a_small_shop(world: &World) -> Vec<String> {
    let image = world.image_with("app", "1", &["ENV MODE=image", "EXPOSE 8080", "LABEL a=b"]);
    world.docker(&["network", "create", &world.name("back")]);
    world.docker(&["volume", "create", &world.name("data")]);
    let names: Vec<String> = ["db", "web", "side", "idle"].map(|name| world.name(name)).into();
    let [_, web, _, idle] = &names[..] else { unreachable!("four names") };
    let run = |options: &str, command: &[&str]| {
        let options = options.replace("PROJECT", world.project());
        let words: Vec<&str> = options.split_whitespace().collect();
        world.docker(&[&["run", "-d"], &words[..], &[&image], command].concat());
    };
    run(
        "--name PROJECT-db --network PROJECT-back --network-alias sql -v PROJECT-data:/data:ro \
         -e PASSWORD=hunter2 -e TOKEN=db's -e MODE=own -m 64m --cpus 0.5 --restart on-failure:3 \
         --pids-limit 50 -l tier=back --stop-signal SIGINT --stop-timeout 3",
        &[],
    );
    run(
        "--name PROJECT-web -p 127.0.0.1::80 -p 53/udp -e TOKEN=web's -e EMPTY= -i --init \
         --cap-add NET_ADMIN --cap-drop MKNOD --read-only --tmpfs /t:size=1m --dns 192.0.2.53 \
         --add-host gw:192.0.2.1 -h front -w /tmp -v /tmp:/host:ro -v /cache --shm-size 32m \
         --entrypoint /bin/app",
        &["--greeting", "a b $HOME \"c\""],
    );
    run("--name PROJECT-side --network container:PROJECT-web --volumes-from PROJECT-web", &[]);
    world.docker(&["create", "--name", idle, "--link", &format!("{web}:front"), &image]);
    names
}

#[test]
fn a_plan_of_what_was_imported_is_empty_and_then_has_what_was_changed() {
    live!();
    let world = World::new("import");
    let names = a_small_shop(&world);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let before = world.everything();
    let options = ["-o", "spec.yaml", "--literal", "command,entrypoint,labels,MODE"];
    let ran = world.run(&[&["import"], &names[..], &options].concat()).ok();
    drop(ran.says("4 containers"));
    let spec = world.read("spec.yaml");
    for value in ["hunter2", "db's", "web's"] {
        assert!(!spec.contains(value), "{value}: {spec}");
    }
    for line in [
        "PASSWORD: {from_env: PASSWORD}",
        "MODE: own",
        "external: true",
        "a b $$HOME \\\"c\\\"",
        "state: stopped",
        "mem_limit: 64m",
    ] {
        assert!(spec.contains(line), "{line}: {spec}");
    }
    assert!(!spec.contains("8080"), "the image exposes it: {spec}");
    assert!(!spec.contains("ignore"), "all of it can be said: {spec}");

    // Without the values it cannot be told; that is no reason to guess.
    drop(world.run(&["plan", "spec.yaml"]).exits(1).says("PASSWORD"));
    let assumed = ["plan", "spec.yaml", "--unresolved", "assume-same", "--detailed-exitcode"];
    drop(world.run(&assumed).ok());
    let plan = ["plan", "spec.yaml", "-o", "plan.json", "--detailed-exitcode"];
    let ran = with_secrets(&world, &plan, "hunter2");
    assert_eq!(ran.code, 0, "{ran}\n{spec}");
    drop(with_secrets(&world, &["apply", "plan.json"], "hunter2").ok().says("already as declared"));
    assert_eq!(world.everything(), before);

    // One option of one container, to be made so.
    let changed =
        spec.replace("mem_limit: 64m", "mem_limit: 96m").replacen("started", "reloaded", 1);
    assert_ne!(changed, spec);
    world.write("spec.yaml", &changed);
    drop(with_secrets(&world, &plan, "hunter2").exits(2).says("1 to update"));
    drop(with_secrets(&world, &["apply", "plan.json"], "hunter2").ok().says("updated 1 container"));
    assert_eq!(with_secrets(&world, &plan, "hunter2").code, 0);
    let ran = with_secrets(&world, &plan, "another").exits(2);
    drop(ran.says("environment").never_says("another"));
}

#[test]
fn a_look_that_was_taken_for_nothing_is_imported_and_planned_offline() {
    live!();
    let world = World::new("import-offline");
    let names = a_small_shop(&world);
    let look = ["snapshot", "-o", "all.json"];
    Ran::of(&look, &World::patiently(|| world.bayplan(&look).output().unwrap())).ok();
    let mut args = vec!["import", "--snapshot", "all.json", "-o", "spec.yaml"];
    args.extend(names.iter().map(String::as_str));
    world.run(&args).ok();
    let offline = ["--snapshot", "all.json", "--detailed-exitcode", "--unresolved", "assume-same"];
    let ran = world.run(&[&["plan", "spec.yaml"], &offline[..]].concat());
    assert_eq!(ran.code, 0, "{ran}\n{}", world.read("spec.yaml"));
    // What it hides is not there to be written.
    let ran = world.run(&["import", "--all", "--snapshot", "all.json", "--literal", "command"]);
    drop(ran.exits(1).says("does not hold what it hides"));

    // What Docker's client prints does as well, and holds what is public.
    let images = format!("{}/app:1", world.project());
    let inspected = world.docker(&[&["inspect", &images], &args[5..]].concat());
    world.write("inspect.json", &inspected);
    let mut args =
        vec!["import", "--snapshot", "inspect.json", "--literal", "command", "-o", "b.yaml"];
    args.extend(names.iter().map(String::as_str));
    world.run(&args).ok();
    assert!(world.read("b.yaml").contains("$$HOME"), "{}", world.read("b.yaml"));
    let ran = with_secrets(
        &world,
        &["plan", "b.yaml", "--snapshot", "inspect.json", "--detailed-exitcode"],
        "hunter2",
    );
    assert_eq!(ran.code, 0, "{ran}\n{}", world.read("b.yaml"));
}
