//! The value of a secret reaches the container and nothing else.

use std::fs;

use crate::encodings::{canary, core, found};
use crate::support::{World, live};

fn spec(memory: u32) -> String {
    format!(
        "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    state: reloaded\n    \
         match: owned\n    mem_limit: {memory}m\n    environment:\n      USER: shop\n      \
         PASSWORD: {{from_env: DB_PASSWORD}}\n"
    )
}

#[test]
fn no_file_and_no_output_ever_has_it() {
    live!();
    let world = World::new("secret");
    world.image("app");
    let mut said = String::new();
    let mut run = |args: &[&str], code: i32| {
        let output = World::patiently(|| {
            world.bayplan(args).env("DB_PASSWORD", canary(0)).output().unwrap()
        });
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        said.push_str(&text);
    };
    world.write("spec.yaml", &spec(64));
    run(&["plan", "spec.yaml", "-o", "one.json"], 0);
    run(&["apply", "one.json", "-o", "result.json", "--json"], 0);
    run(&["plan", "spec.yaml", "-o", "none.json", "--detailed-exitcode"], 0);
    run(&["snapshot", "spec.yaml", "-o", "snapshot.json"], 0);
    run(&["snapshot", "-o", "all.json"], 0);
    world.write("spec.yaml", &spec(96));
    run(&["plan", "spec.yaml", "-o", "two.json"], 0);
    run(&["plan", "spec.yaml", "--snapshot", "snapshot.json", "-o", "offline.json"], 0);
    run(&["show", "two.json", "--steps"], 0);
    run(&["show", "two.json", "--format", "markdown"], 0);
    run(&["show", "two.json", "--format", "json"], 0);
    run(&["diff", "one.json", "two.json"], 2);
    run(&["verify", "two.json"], 0);
    run(&["--log", "trace", "apply", "two.json"], 0);
    run(&["show", "result.json"], 0);

    let env = world.inspect(&world.name("web-1"))["Config"]["Env"].to_string();
    assert!(env.contains(&core(0)), "the container has it: {env}");
    nowhere(&world, &said, &["variable"]);
}

/// None of the canaries is in what was said, nor in a file of a world.
#[track_caller]
fn nowhere(world: &World, said: &str, carriers: &[&str]) {
    assert_eq!(found(said, carriers), [] as [&str; 0]);
    for entry in fs::read_dir(world.path(".")).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        let input = path.extension().is_some_and(|extension| extension == "env");
        assert!(input || found(&text, carriers).is_empty(), "{}: {text}", path.display());
    }
}

/// Where secrets stand in a container that somebody else made, and in what takes its place.
const CARRIERS: [&str; 10] = [
    "variable",
    "environment file",
    "live environment",
    "labels",
    "command",
    "health check",
    "log options",
    "volume's labels",
    "network's labels",
    "broken environment file",
];

/// What is run, and how it ends; what `apply` ends with is told elsewhere.
const RUNS: &[(&str, Option<i32>)] = &[
    ("snapshot -o all.json", Some(0)),
    ("snapshot spec.yaml -o look.json", Some(0)),
    ("plan broken.yaml", Some(1)),
    ("plan spec.yaml -o plan.json", Some(0)),
    ("plan spec.yaml --snapshot look.json --format json", Some(0)),
    ("plan spec.yaml --format markdown --explain-undeclared", Some(0)),
    ("show plan.json --steps", Some(0)),
    ("verify plan.json", Some(0)),
    ("--log trace apply plan.json --json -o result.json", None),
    ("show result.json", Some(0)),
    ("plan spec.yaml -o again.json", None),
    ("apply again.json --keep-output -o kept.json", None),
];

#[test]
fn a_stranger_that_carries_secrets_gives_none_away() {
    live!();
    let world = World::new("canary");
    let image = world.image("app");
    let (old, network, volume) = (world.name("old"), world.name("net"), world.name("vol"));
    world.docker(&["network", "create", "--label", &format!("l={}", canary(8)), &network]);
    world.docker(&["volume", "create", "--label", &format!("l={}", canary(7)), &volume]);
    let (env, label) = (format!("STRANGE={}", canary(2)), format!("token={}", canary(3)));
    let (check, tag) = (format!("true '{}'", canary(5)), format!("tag={}", canary(6)));
    let (options, words) =
        (format!("run -d --name {old} --network {network} -v {volume}:/v"), canary(4));
    let mut args: Vec<&str> = options.split(' ').collect();
    args.extend(["-e", &env, "--label", &label, "--health-cmd", &check, "--log-opt", &tag]);
    args.extend([image.as_str(), "app", &words]);
    world.docker(&args);
    let inspect = world.inspect(&old).to_string();
    for (number, carrier) in CARRIERS.iter().enumerate().take(7).skip(2) {
        assert!(inspect.contains(&core(number)), "{carrier}");
    }
    world.write("app.env", &format!("FILE='{}'\n", canary(1)));
    world.write("broken.env", &format!("{}\n", canary(9)));
    let web = "  web:\n    name: PROJECT-old\n    image: PROJECT/app:1\n    state: reloaded\n    \
        env_file: app.env\n    environment: {PASSWORD: {from_env: DB_PASSWORD}}\n";
    let job = "  job:\n    image: PROJECT/app:1\n    detach: false\n    env_file: app.env\n    \
        environment: {PASSWORD: {from_env: DB_PASSWORD}}\n    \
        entrypoint: [sh, -c, 'echo \"$$PASSWORD $$FILE\"; exit 3']\n";
    let spec = format!("project: PROJECT\ncontainers:\n{web}{job}");
    world.write("spec.yaml", &spec);
    world.write("broken.yaml", &spec.replace("app.env", "broken.env"));
    let mut said = String::new();
    for (line, code) in RUNS {
        let args: Vec<&str> = line.split(' ').collect();
        let output = World::patiently(|| {
            world.bayplan(&args).env("DB_PASSWORD", canary(0)).output().unwrap()
        });
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let ended = output.status.code();
        assert!(code.is_none_or(|code| ended == Some(code)), "{line}: {ended:?}: {text}");
        said += &text;
    }
    nowhere(&world, &said, &CARRIERS);
    assert!(world.inspect(&old).to_string().contains(&core(0)), "the container has it");
    assert!(said.contains("exit code 3") || said.contains("exited with 3"), "the job ran: {said}");
}

#[test]
fn one_that_is_missing_is_an_error_or_an_assumption() {
    live!();
    let world = World::new("missing");
    world.image("app");
    let ran = world.plan(&spec(64)).exits(1).says("DB_PASSWORD");
    drop(ran);
    world.plan_with(&spec(64), &["--unresolved", "assume-same"]).ok().says("DB_PASSWORD");
    // A create needs it.
    world.apply().says("DB_PASSWORD");
    assert!(world.containers().is_empty());

    let output =
        world.bayplan(&["apply", "plan.json"]).env("DB_PASSWORD", canary(0)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.containers(), ["web-1 running"]);
}
