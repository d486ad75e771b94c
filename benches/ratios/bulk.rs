//! A hundred containers at once: created, then all replaced, against the bare calls that this takes.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value as Json, json};

use super::api::{Line, runtime};
use super::floor::{self, IMAGE, PROJECT, World};
use super::verdict;

const MANY: u32 = 100;
const LIMIT: f64 = 1.1;
/// How many bare calls are in flight, in turn; the best counts.
const FLIGHTS: [usize; 4] = [2, 4, 8, 16];
/// So many times each; the best counts, as for the floor.
const ROUNDS: usize = 3;

pub(super) fn bulk(folder: &Path) -> bool {
    let world = World::make(folder);
    let (mut create, mut replace) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        create = create.min(applied(&world, 64));
        replace = replace.min(applied(&world, 65));
        floor::remove_containers();
    }
    let mut floors = (Duration::MAX, Duration::MAX);
    for flights in FLIGHTS {
        let (made, made_again) = (bare(flights, &made), bare(flights, &made_again));
        println!("bare calls, {flights:2} in flight    create {made:?}, replace {made_again:?}");
        floors = (floors.0.min(made), floors.1.min(made_again));
        floor::remove_containers();
    }
    verdict("100 creates", create, floors.0, LIMIT)
        & verdict("100 replacements", replace, floors.1, LIMIT)
}

/// How long the apply takes that makes or replaces them all.
fn applied(world: &World, shm: u32) -> Duration {
    let (_, plan) = world.plan(&format!(
        "project: {PROJECT}\ndefaults: {{prove_for: 0, state: reloaded}}\ncontainers:\n  web:\n    \
         image: {IMAGE}\n    count: {MANY}\n    network_mode: none\n    init: true\n    \
         shm_size: {shm}m\n    update_config: {{parallelism: 0}}\n"
    ));
    let begin = Instant::now();
    floor::run(&["apply", &plan]);
    begin.elapsed()
}

/// How long it takes to do the same to each of them.
fn bare(flights: usize, each: &impl AsyncFn(&mut Line, u32)) -> Duration {
    let runtime = runtime();
    let begin = Instant::now();
    let numbers: Vec<u32> = (1..=MANY).collect();
    let share = numbers.len().div_ceil(flights);
    runtime.block_on(async {
        stream::iter(numbers.chunks(share))
            .map(|numbers| async move {
                let mut line = Line::open().await;
                for number in numbers {
                    each(&mut line, *number).await;
                }
            })
            .buffer_unordered(flights)
            .collect::<Vec<()>>()
            .await;
    });
    begin.elapsed()
}

fn body(shm: u32) -> Json {
    json!({
        "Image": IMAGE, "Labels": {"io.bayplan.project": PROJECT},
        "HostConfig": {"NetworkMode": "none", "Init": true, "ShmSize": shm << 20},
    })
}

fn name(number: u32) -> String {
    format!("{PROJECT}-bare-{number}")
}

async fn made(line: &mut Line, number: u32) {
    create(line, &name(number), 64).await;
    line.post(&format!("/containers/{}/start", name(number)), None).await;
}

async fn create(line: &mut Line, name: &str, shm: u32) {
    line.post(&format!("/containers/create?name={name}"), Some(&body(shm))).await;
}

/// The calls of a replacement that keeps the old one until the new one runs.
async fn made_again(line: &mut Line, number: u32) {
    let (name, old) = (name(number), format!("{}.old", name(number)));
    let new = format!("{name}.new");
    create(line, &new, 65).await;
    line.post(&format!("/containers/{name}/stop"), None).await;
    line.post(&format!("/containers/{name}/rename?name={old}"), None).await;
    line.post(&format!("/containers/{new}/rename?name={name}"), None).await;
    line.post(&format!("/containers/{name}/start"), None).await;
    line.delete(&format!("/containers/{old}")).await;
}
