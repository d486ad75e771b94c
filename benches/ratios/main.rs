//! The figures that matter, each against a floor measured in the same run: `cargo bench`.
//!
//! - `offline`: `plan --snapshot` of recorded containers against reading and parsing that file
//!   alone; at most 2 at 10,000, and both linear from 100 on.
//! - `live`: `plan` over running containers against one list and the needed inspects over a bare
//!   HTTP client at its best concurrency; at most 1.3 at 300. Needs a Docker engine on
//!   `/var/run/docker.sock`; makes its containers and removes them.
//! - `help`: `--help`, under 10 ms.
//!
//! Measured with Docker 20.10 on two cores, 2026-11-28: `--help` 2.1 ms; offline 0.67 s against
//! 0.67 s, 1.00; per container from 1,000 to 10,000 x1.11; live at 300, ten runs, 58 to 73 ms
//! against 47 to 56 ms: 1.13 to 1.30, the median 1.22. Of the 10 ms more, 2.5 are the process and its
//! connection, 1 the engine's log, and 6 what follows the last inspect: hiding on two cores, comparing
//! and planning 4, the checker 0.7. While inspects are in flight an engine and its client want the
//! same two cores, so what is read in fewer instructions is answered sooner, too. What is asked beside
//! the floor's calls costs such an engine the same wherever it is put (tried: `/info` before, beside
//! and after the inspects); without `/info`, 3 ms less.
//!
//! A name as an argument runs that one alone: `cargo bench -- offline`. A figure over its limit
//! ends the run with 1.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bayplan::ident::ImageId;
use bayplan::snapshot::{Container, EngineRecord, Snapshot};
use bayplan::snapshot_file;
use serde_json::{Value as Json, json};

mod floor;

/// How often the live floor is measured with each number of inspects in flight.
const ROUNDS: usize = 40;

const BAYPLAN: &str = env!("CARGO_BIN_EXE_bayplan");

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
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
    let folder = tempfile::tempdir().unwrap();
    let mut good = true;
    let mut each = Vec::new();
    for number in [100, 1_000, 10_000] {
        let (spec, snapshot) = recorded(folder.path(), number);
        let times = if number > 1_000 { 5 } else { 20 };
        let floor = best(times, || {
            let bytes = std::fs::read(&snapshot).unwrap();
            let json: Json = serde_json::from_slice(&bytes).unwrap();
            std::hint::black_box(json);
        });
        let ours = best(times, || bayplan(&["plan", &spec, "--snapshot", &snapshot]));
        // Starting a process is no part of planning, and counts only at the small sizes.
        let limit = if number == 10_000 { 2.0 } else { f64::INFINITY };
        good &= verdict(&format!("offline, {number} containers"), ours, floor, limit);
        each.push(ours.as_secs_f64() / f64::from(number));
    }
    let growth = each[2] / each[1];
    let linear = growth <= 1.5;
    println!("offline, per container 1,000 -> 10,000: x{growth:.2}  limit 1.5");
    good && linear
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
    std::fs::write(&path, snapshot_file::write(&snapshot).unwrap()).unwrap();
    let spec = folder.join(format!("{number}.yaml"));
    let text = format!(
        "project: bulk\ncontainers:\n  web:\n    image: {reference}\n    count: {number}\n"
    );
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
    Container { list: Some(list), inspect: Some(inspect), env: std::collections::BTreeMap::new() }
}

fn live() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let world = floor::World::make(folder.path());
    let mut good = true;
    for number in [100, 300] {
        let spec = world.grow(number);
        // In turn, as an engine is not as quick at any time: both see the same of that.
        let (mut floor, mut ours) = (Duration::MAX, Duration::MAX);
        for flights in floor::FLIGHTS.repeat(ROUNDS) {
            floor = floor.min(floor::World::floor(number, flights));
            ours = ours.min(best(1, || bayplan(&["plan", &spec])));
        }
        let limit = if number == 300 { 1.3 } else { f64::INFINITY };
        good &= verdict(&format!("live, {number} containers"), ours, floor, limit);
    }
    good
}
