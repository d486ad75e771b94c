//! Every row of the option table as the engine at hand takes it: each of its examples is created and
//! nothing differs; declared otherwise, exactly that option does.
//!
//! Nothing is started here: what most examples name (devices, addresses, other machines' runtimes)
//! is on no test machine, and an engine looks for it at the start. What runs is in [`crate::options`].

use std::collections::{BTreeMap, BTreeSet};

use bayplan::options::{AnyRow, ROWS};
use serde_json::Value as Json;

use crate::newer::{api, engine};
use crate::row_examples::{BESIDE, NOTHING};
use crate::support::{Ran, World, live};

/// Examples that are no story of a container which never runs: what no container with it is replaced
/// for, and what no test machine has and no engine tells beforehand.
const OTHERWISE: &[(&str, &str)] = &[("auto_remove", "true"), ("cpuset_mems", "\"0-1\"")];

/// What an engine takes from this API on: a part of the examples that say it.
const SINCE: &[(&str, &str, (u32, u32))] = &[
    ("devices", "vendor.com/gpu", NEVER),
    ("networks", "gw_priority", (1, 48)),
    ("networks", "interface_name", (1, 49)),
    ("runtime", "io.containerd.kata", (1, 42)),
    ("volumes", "/srv/a:b", (1, 42)),
    ("volumes", "recursive", (1, 44)),
    ("volumes", "subpath: main", (1, 45)),
    ("volumes", "options", (1, 46)),
    ("volumes", "type: image", (1, 48)),
];

/// What these test machines do not have.
const NEVER: (u32, u32) = (u32::MAX, 0);

/// What a host may lack.
const HOSTS: &[(&str, &str)] =
    &[("cpuset", "0-2,4"), ("runtime", "runsc"), ("storage_opt", "size")];

/// One way to say one option, or none, in a set of its own.
struct Said {
    set: String,
    row: &'static dyn AnyRow,
    value: Option<&'static str>,
    /// What it is changed to.
    other: Option<&'static str>,
}

impl Said {
    fn key(&self) -> &'static str {
        self.row.def().key
    }

    fn lines(&self, world: &World, value: Option<&str>, state: &str) -> String {
        let beside = BESIDE.iter().find(|(of, _)| *of == self.key()).map_or("", |(_, text)| text);
        let value = value.map(|value| {
            // A folder that is there.
            let here = world.path("a:b").display().to_string();
            value
                .replace('$', "$$")
                .replace("/srv/a:b", &here)
                .replace("shop/assets", "PROJECT/assets")
        });
        let said = value.map(|value| format!("    {}: {value}\n", self.key())).unwrap_or_default();
        format!(
            "  {}:\n    image: PROJECT/app:1\n    match: owned\n    state: {state}\n    \
             discard: true\n    {beside}\n{said}",
            self.set
        )
    }
}

/// Every example of every row, and every row without.
fn all() -> Vec<Said> {
    let mut all = Vec::new();
    for row in ROWS {
        // What an image is for, not what is said to a container.
        if row.def().key == "platform" {
            continue;
        }
        let key = row.def().key.replace('_', "-");
        let examples = row.def().examples.iter().copied().map(Some);
        let ways: Vec<Option<&str>> = examples.chain([None]).collect();
        for (number, value) in ways.iter().enumerate() {
            let other = ways[(number + 1) % ways.len()];
            all.push(Said { set: format!("{key}-{number}"), row: *row, value: *value, other });
        }
    }
    all
}

/// The spec of all of them, each said so, in this state.
fn spec(
    world: &World,
    all: &[Said],
    value: impl Fn(&Said) -> Option<&'static str>,
    state: &str,
) -> String {
    let others = ["db", "data", "cache", "logs"].map(|word| {
        let name =
            if matches!(word, "db" | "data") { format!("PROJECT-{word}") } else { word.into() };
        format!("  {word}: {{name: {name}, image: 'PROJECT/app:1', ipc: shareable}}\n")
    });
    let sets = all.iter().map(|said| said.lines(world, value(said), state));
    format!("{HEAD}{}{}", others.concat(), sets.collect::<String>())
}

const HEAD: &str = "\
project: PROJECT
networks:
  back:
    name: PROJECT-back
    enable_ipv6: true
    ipam: {config: [{subnet: 10.77.0.0/24}, {subnet: \"fd00::/64\"}]}
  front: {name: PROJECT-front}
  backend: {name: PROJECT-backend}
volumes:
  pgdata: {name: PROJECT-pgdata}
containers:
";

fn run(world: &World, args: &[&str]) -> Ran {
    let mut command = world.bayplan(args);
    command.env("PROD_DB_PASSWORD", "s3cret").env("DB_PASSWORD", "s3cret").env("TOKEN", "t0k");
    Ran::of(args, &command.output().unwrap())
}

/// The sets that a refused plan names, with the code of each.
fn refused(ran: &Ran) -> BTreeMap<String, String> {
    let lines = ran.stderr.lines().filter_map(|line| line.trim_start().strip_prefix("set `"));
    lines
        .filter_map(|line| {
            let (set, rest) = line.split_once('`')?;
            let code = rest.rsplit_once('[')?.1.trim_end_matches(']');
            Some((set.to_owned(), code.to_owned()))
        })
        .collect()
}

#[test]
fn every_example_of_every_row_is_created_and_compared() {
    live!();
    let world = World::new("rows");
    world.image("app");
    world.image_with("assets", "7", &[]);
    std::fs::create_dir(world.path("a:b")).unwrap();
    world.write("web.env", "TOKEN=t0ken\nB=b\n");
    let mut all = all();
    all.retain(|said| !OTHERWISE.contains(&(said.key(), said.value.unwrap_or_default())));

    // What this engine or its host cannot do is refused, by set, before anything is done.
    let api = api(&world);
    for value in [|said: &Said| said.value, |said: &Said| said.other] {
        world.write("spec.yaml", &spec(&world, &all, value, "present"));
        let ran = run(&world, &["plan", "spec.yaml"]);
        let refused = refused(&ran);
        for said in &all {
            let (key, says) = (said.key(), value(said).unwrap_or_default());
            let has = |of: &str, part: &str| of == key && says.contains(part);
            let lacks = SINCE.iter().any(|(of, part, since)| has(of, part) && api < *since);
            let may = HOSTS.iter().any(|(of, part)| has(of, part));
            match refused.get(&said.set).map(String::as_str) {
                Some(code) => {
                    assert!(code == "unsupported" && (lacks || may), "{key}: {says}: {code}");
                }
                None => assert!(!lacks, "{key}: {says}: {ran}"),
            }
        }
        all.retain(|said| !refused.contains_key(&said.set));
    }

    world.write("spec.yaml", &spec(&world, &all, |said| said.value, "present"));
    run(&world, &["plan", "spec.yaml", "-o", "plan.json"]).ok();
    run(&world, &["apply", "plan.json"]).ok();
    let again = run(&world, &["plan", "spec.yaml", "--detailed-exitcode"]).ok();
    assert!(again.stdout.contains("no action taken"), "{again}");
    crate::import::of_project(&world);

    world.write("other.yaml", &spec(&world, &all, |said| said.other, "reloaded"));
    run(&world, &["plan", "other.yaml", "-o", "other.json"]).ok();
    let plan: Json = serde_json::from_str(&world.read("other.json")).unwrap();
    let habits = Habits::of(&world);
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|said| {
            let (told, expected) = (told(&plan, &said.set), habits.differs(said));
            let (was, is) = (said.value, said.other);
            (told != expected).then(|| format!("{}: {was:?} => {is:?}: {told:?}", said.key()))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The options by which a set is to be changed.
fn told<'p>(plan: &'p Json, set: &str) -> BTreeSet<&'p str> {
    let changes = plan["changes"].as_array().unwrap();
    let change = changes.iter().filter(|change| change["set"] == set);
    let reasons = change.flat_map(|change| change["reasons"].as_array().unwrap());
    reasons.filter_map(|reason| reason["option"].as_str()).collect()
}

/// What an engine makes of what it is told.
struct Habits {
    api: (u32, u32),
    cgroup2: bool,
    weighs: bool,
    /// It gives every log these options itself.
    log_options: bool,
}

impl Habits {
    fn of(world: &World) -> Self {
        let bare = world.inspect(&world.name("tty-2-1"));
        let weight = world.inspect(&world.name("blkio-config-0-1"));
        Self {
            api: api(world),
            cgroup2: engine(world, "{{.CgroupVersion}}") == "2",
            weighs: weight["HostConfig"]["BlkioWeight"] != 0,
            log_options: !bare["HostConfig"]["LogConfig"]["Config"]["max-size"].is_null(),
        }
    }

    /// The options that differ.
    fn differs(&self, said: &Said) -> BTreeSet<&'static str> {
        let nothing = |value: Option<&str>| self.is_nothing(said.key(), value);
        if nothing(said.value) && nothing(said.other) {
            return BTreeSet::new();
        }
        match (said.key(), said.value, said.other) {
            ("stop_grace_period", ..) => BTreeSet::new(),
            ("restart_policy_retry", ..) => ["restart"].into(),
            // What an attachment wishes for shows as the container's own.
            ("networks", Some(was), None) if was.contains("mac_address") => {
                ["mac_address", "network_mode"].into()
            }
            ("networks", _, Some(is)) if is.contains("mac_address") => {
                ["mac_address", "networks"].into()
            }
            // Off its only network, it is on the engine's own.
            ("networks", Some(_), None) => ["network_mode"].into(),
            (key, ..) => [key].into(),
        }
    }

    /// Whether it comes to what nothing does.
    fn is_nothing(&self, key: &str, value: Option<&str>) -> bool {
        let Some(value) = value else { return true };
        match key {
            "annotations" => self.api < (1, 43),
            "blkio_config" => !self.weighs && value.contains("weight"),
            "cgroup" => value == if self.cgroup2 { "private" } else { "host" },
            "logging" => self.log_options && value.contains("max-size"),
            _ => NOTHING.contains(&(key, value)),
        }
    }
}
