//! The figures that matter, each against a floor measured in the same run: `cargo bench`.
//!
//! - `offline`: `plan --snapshot` of recorded containers against reading and parsing that file
//!   alone; at most 2 at 10,000, and both linear from 100 on.
//! - `live`: `plan` over running containers against one list and the needed inspects over a bare
//!   HTTP client at its best concurrency; at most 1.3 at 300. Needs a Docker engine on
//!   `/var/run/docker.sock`; makes its containers and removes them.
//! - `help`: `--help`, under 10 ms.
//! - `gap`: the longest time in which a client of a published port has no answer while a container is
//!   replaced, against the naive order of the same calls; at most 30 ms more. With start-first no
//!   request fails.
//! - `bulk`: 100 creates and 100 replacements against bare calls at their best concurrency; at most
//!   1.1.
//!
//! Measured with Docker 20.10 on two cores that did nothing else, 2026-12-01: `--help` 1.9 ms; offline
//! at 10,000: alike 0.51 s against 0.53, 0.96; different 1.7 s against 0.68, **2.47**; per container from
//! 1,000 to 10,000 x1.06 and x1.12. Live at 300: alike 60 ms against 44, 1.37 (two more runs: 1.50 and
//! 1.51), different 112 ms against 48, **2.33**. `gap`: stop-first 1,174 ms against 1,222 in the naive
//! order; of 8,777 requests during start-first none failed. `bulk`: creates 1.00, replacements 1.06.
//!
//! Where the time of what is different goes (offline, `perf`): 43 % is the kernel clearing pages, of 850
//! MB in small maps; the expected look of a set is made three times, 21 % of what is left; comparing 6 %.
//! A process with the same allocator that reads and parses the file takes 0.31 s: the floor's process
//! frees what it parsed. Next: read the declared rows alone, and build the bare look once. Live, 6 of 10
//! ms follow the last inspect; an engine and its client want the same two cores.
//!
//! A name as an argument runs that one alone: `cargo bench -- offline`. A figure over its limit
//! ends the run with 1.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bayplan::base::ident::ImageId;
use bayplan::observed::file;
use bayplan::observed::redact::{Redactor, Unredacted};
use bayplan::observed::snapshot::{Container, EngineRecord, Snapshot};
use serde_json::{Value as Json, json};

mod api;
mod bulk;
mod different;
mod floor;
mod gap;

use different::Reached;

/// How often the live floor is measured with each number of inspects in flight.
const ROUNDS: usize = 20;
/// How many containers are planned offline.
const SIZES: [u32; 3] = [100, 1_000, 10_000];

const BAYPLAN: &str = env!("CARGO_BIN_EXE_bayplan");

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if only.as_deref() == Some("make") {
        make();
        return;
    }
    let mut good = true;
    if wanted("help") {
        good &= help();
    }
    if wanted("offline") {
        good &= offline();
    }
    if wanted("live") {
        good &= live();
    }
    let folder = tempfile::tempdir().unwrap();
    if wanted("gap") {
        good &= gap::gap(folder.path());
    }
    if wanted("bulk") {
        good &= bulk::bulk(folder.path());
    }
    if !good {
        std::process::exit(1);
    }
}

/// The best of several runs: what is left once other work on the machine is out of the way.
fn best(times: usize, mut what: impl FnMut()) -> Duration {
    (0..times)
        .map(|_| {
            let begin = Instant::now();
            what();
            begin.elapsed()
        })
        .min()
        .unwrap()
}

fn bayplan(arguments: &[&str]) {
    let status = Command::new(BAYPLAN)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status()
        .unwrap();
    assert!(status.success(), "bayplan {arguments:?}: {status}");
}

fn verdict(what: &str, ours: Duration, floor: Duration, limit: f64) -> bool {
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    let good = ratio <= limit;
    let word = if good { "ok" } else { "OVER" };
    println!(
        "{what:28} {ours:>10.1?}  floor {floor:>10.1?}  ratio {ratio:.2}  limit {limit}  {word}"
    );
    good
}

fn help() -> bool {
    let ours = best(20, || bayplan(&["--help"]));
    let good = ours < Duration::from_millis(10);
    println!("{:28} {ours:>10.1?}  limit 10 ms  {}", "--help", if good { "ok" } else { "OVER" });
    good
}

fn offline() -> bool {
    let alike = shape("alike", recorded);
    let different = shape("different", differing);
    alike & different
}

/// How a spec and a snapshot of so many containers are made.
type Make = fn(&Path, u32) -> (String, String);

/// One shape at every size, and how it grows.
fn shape(name: &str, make: Make) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut good = true;
    let mut each = Vec::new();
    for number in SIZES {
        let (spec, snapshot) = make(folder.path(), number);
        let times = if number > 1_000 { 5 } else { 20 };
        let floor = best(times, || {
            let bytes = std::fs::read(&snapshot).unwrap();
            let json: Json = serde_json::from_slice(&bytes).unwrap();
            std::hint::black_box(json);
        });
        let ours = best(times, || bayplan(&["plan", &spec, "--snapshot", &snapshot]));
        // Starting a process is no part of planning, and counts only at the small sizes.
        let limit = if number == SIZES[2] { 2.0 } else { f64::INFINITY };
        good &= verdict(&format!("offline, {number} {name}"), ours, floor, limit);
        each.push(ours.as_secs_f64() / f64::from(number));
    }
    for (from, to) in [(0, 1), (1, 2)] {
        let growth = each[to] / each[from];
        let linear = growth <= 1.5;
        let word = if linear { "ok" } else { "OVER" };
        let (from, to) = (SIZES[from], SIZES[to]);
        println!("offline, {name}, each of {from} -> {to}: x{growth:.2}  limit 1.5  {word}");
        good &= linear;
    }
    good
}

/// A spec and a snapshot of so many containers: one that was recorded on a real engine, under
/// other names.
fn recorded(folder: &Path, number: u32) -> (String, String) {
    let recording: Json =
        serde_json::from_str(include_str!("../../tests/recordings/docker-28.5.2.json")).unwrap();
    let model = &recording["containers"]["image-full"]["inspect"];
    let reference = model["Config"]["Image"].as_str().unwrap();
    let images = recording["images"].as_object().unwrap();
    let image = images.values().find(|image| image["Id"] == model["Image"]).unwrap();
    let id = image["Id"].as_str().unwrap();
    let snapshot = Snapshot {
        engine: Some(EngineRecord {
            version: recording["version"].clone(),
            info: recording["info"].clone(),
        }),
        containers: (1..=number).map(|index| container(model, index)).collect(),
        images: [(ImageId::new(id), image.clone())].into(),
        references: [(reference.to_owned(), Some(ImageId::new(id)))].into(),
        whole: true,
        ..Snapshot::default()
    };
    let path = folder.join(format!("{number}.json"));
    std::fs::write(&path, file::write(&snapshot).unwrap()).unwrap();
    let spec = folder.join(format!("{number}.yaml"));
    let text = format!(
        "project: bulk\ncontainers:\n  web:\n    image: {reference}\n    count: {number}\n"
    );
    std::fs::write(&spec, text).unwrap();
    (spec.to_string_lossy().into_owned(), path.to_string_lossy().into_owned())
}

/// Writes the worlds of the offline figures for a profiler: `cargo bench -- make FOLDER NUMBER`.
fn make() {
    let arguments: Vec<String> =
        std::env::args().skip(2).filter(|argument| !argument.starts_with("--")).collect();
    let [folder, number] = arguments.as_slice() else { panic!("make FOLDER NUMBER") };
    let number = number.parse().unwrap();
    recorded(Path::new(folder), number);
    let (spec, snapshot) = differing(Path::new(folder), number);
    println!("{spec} {snapshot}");
}

/// The same, nothing alike: each container of a set, an image and a reference of its own.
fn differing(folder: &Path, number: u32) -> (String, String) {
    let recording: Json =
        serde_json::from_str(include_str!("../../tests/recordings/docker-28.5.2.json")).unwrap();
    let model = &recording["containers"]["image-full"]["inspect"];
    let images = recording["images"].as_object().unwrap();
    let base = images.values().find(|image| image["Id"] == model["Image"]).unwrap();
    let text = different::spec("bulk", number, different::image, Reached::Published, "");
    let mut snapshot = Snapshot {
        engine: Some(EngineRecord {
            version: recording["version"].clone(),
            info: recording["info"].clone(),
        }),
        whole: true,
        ..Snapshot::default()
    };
    let declared = different::parsed(&text);
    different::fill(&mut snapshot, &declared, model, base);
    let redactor = Redactor::new(Some(&declared), BTreeMap::new());
    let snapshot = Unredacted::new(snapshot).redact(&redactor);
    let path = folder.join(format!("different-{number}.json"));
    std::fs::write(&path, file::write(&snapshot).unwrap()).unwrap();
    let spec = folder.join(format!("different-{number}.yaml"));
    std::fs::write(&spec, text).unwrap();
    (spec.to_string_lossy().into_owned(), path.to_string_lossy().into_owned())
}

/// One container as its list entry and its inspect tell of it.
fn container(model: &Json, index: u32) -> Container {
    let id = format!("{index:064x}");
    let name = format!("bulk-web-{index}");
    let mut inspect = model.clone();
    inspect["Id"] = id.clone().into();
    inspect["Name"] = format!("/{name}").into();
    inspect["Config"]["Hostname"] = id[..12].into();
    for (label, value) in [("project", "bulk"), ("set", "web"), ("name", name.as_str())] {
        inspect["Config"]["Labels"][format!("io.bayplan.{label}")] = value.into();
    }
    let list = json!({
        "Id": id,
        "Names": [format!("/{name}")],
        "Image": inspect["Config"]["Image"],
        "ImageID": inspect["Image"],
        "Labels": inspect["Config"]["Labels"],
        "State": "running",
        "Status": "Up 2 minutes",
        "Ports": [],
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": inspect["NetworkSettings"]["Networks"]},
        "Mounts": inspect["Mounts"],
    });
    Container { list: Some(list), inspect: Some(inspect), env: BTreeMap::new() }
}

fn live() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let world = floor::World::make(folder.path());
    let mut good = true;
    for number in [100, 300] {
        let spec = world.grow(number);
        let limit = if number == 300 { 1.3 } else { f64::INFINITY };
        good &= in_turn(&format!("live, {number} alike"), number, &spec, limit);
    }
    floor::remove_containers();
    let spec = world.differ(300);
    good & in_turn("live, 300 different", 300, &spec, 1.4)
}

/// The floor and a plan in turn, as an engine is not as quick at any time: both see the same of that.
/// The medians count, and of the floors with so many inspects in flight the lowest one.
fn in_turn(what: &str, number: u32, spec: &str, limit: f64) -> bool {
    let mut floors = vec![Vec::new(); floor::FLIGHTS.len()];
    let mut ours = Vec::new();
    for _ in 0..ROUNDS {
        for (flights, floors) in floor::FLIGHTS.into_iter().zip(&mut floors) {
            floors.push(floor::World::floor(number, flights));
            ours.push(best(1, || bayplan(&["plan", spec])));
        }
    }
    let floor = floors.into_iter().map(median).min().unwrap();
    verdict(what, median(ours), floor, limit)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}
