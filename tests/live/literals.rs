//! What bayplan created from literals is public: the label on the real engine tells what it was, and a
//! container that somebody else made shows nothing.

use crate::support::{World, live};

const SPEC: &str = "project: PROJECT
networks:
  back: {driver_opts: {com.example.words: WORD-net}, labels: {team: WORD}}
volumes:
  data: {labels: {team: WORD}}
containers:
  web:
    name: PROJECT-web
    image: PROJECT/app:1
    state: reloaded
    command: [app, WORD-argument]
    environment: {LEVEL: WORD, GONE_WORD: WORD, TOKEN: {from_env: TOKEN}}
    labels: {team: WORD}
    logging: {driver: json-file, options: {tag: WORD-tag}}
    healthcheck: {test: [CMD, 'true', WORD-check], interval: 1s}
    networks: [back]
    volumes: ['data:/data']
";

/// What was told, on one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plan(world: &World, values: &str) -> String {
    world.write("spec.yaml", &SPEC.replace("WORD", values));
    let output = world
        .bayplan(&["plan", "spec.yaml", "-o", "plan.json"])
        .env("TOKEN", "s3cret-token")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("s3cret-token"), "{text}");
    words(&text)
}

#[test]
fn old_literals_are_shown_of_own_containers_alone() {
    live!();
    let world = World::new("literals");
    let image = world.image("app");
    plan(&world, "old");
    let applied =
        world.bayplan(&["apply", "plan.json"]).env("TOKEN", "s3cret-token").output().unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));

    let told = plan(&world, "new");
    for line in [
        "command app old-argument → app new-argument",
        "~ LEVEL old → new",
        "- GONE_old=old",
        "+ GONE_new=new",
        "~ team old → new",
        "~ options.tag old-tag → new-tag",
        "old-check",
        "com.example.words: old-net => new-net",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }

    // A look that knows no spec shows no more than that.
    world.run(&["snapshot", "-o", "look.json"]).ok();
    assert!(!world.read("look.json").contains("s3cret-token"));

    // The labels on a container with other values, as `docker commit` hands them on.
    let name = world.name("web");
    let labels = world.inspect(&name)["Config"]["Labels"]["io.bayplan.literals"].clone();
    let label = format!("io.bayplan.literals={}", labels.as_str().unwrap());
    world.docker(&["rm", "-f", &name]);
    world.docker(&[
        "run",
        "-d",
        "--name",
        &name,
        "--label",
        &label,
        "--label",
        "team=hunter2",
        "--env",
        "LEVEL=hunter2",
        "--log-opt",
        "tag=hunter2",
        &image,
        "app",
        "hunter2",
    ]);
    let told = plan(&world, "new");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!world.read("plan.json").contains("hunter2"));
}
