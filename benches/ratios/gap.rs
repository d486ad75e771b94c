//! What a client of a published port sees of a replacement: the longest time without an answer.
//!
//! The naive order is stop, remove, create, start. With start-first the two publish different ports, as
//! one port cannot have two holders, and the client knows both, as a balancer does.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::api::{Line, runtime};
use super::floor::{self, IMAGE, PROJECT, World};
use super::median;

/// So many replacements of each kind.
const ROUNDS: usize = 9;
/// How much longer than in the naive order a client may wait.
const MORE: Duration = Duration::from_millis(30);
/// The pause of a client between two requests.
const PAUSE: Duration = Duration::from_micros(500);
const SERVE: [&str; 5] = ["/bin/busybox", "httpd", "-f", "-p", "80"];

/// What a client saw.
struct Seen {
    longest: Duration,
    failed: u32,
    asked: u32,
}

pub(super) fn gap(folder: &Path) -> bool {
    let world = World::make(folder);
    let port = free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (mut naive, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        naive.push(in_naive_order(port, address));
        world.apply(&spec(port, 64, ""));
        let (_, plan) = world.plan(&spec(port, 65 + round, ""));
        ours.push(watched(&[address], || floor::run(&["apply", &plan])).longest);
        floor::remove_containers();
    }
    let (naive, ours) = (median(naive), median(ours));
    let good = ours <= naive + MORE;
    let verdict = if good { "ok" } else { "OVER" };
    let (ours, naive) = (ours.as_millis(), naive.as_millis());
    println!("gap, stop-first              {ours} ms  naive {naive} ms  limit +30 ms  {verdict}");
    composed(folder, port, address);
    good & start_first(&world)
}

/// One set that serves on a port.
fn spec(port: u16, shm: usize, more: &str) -> String {
    format!(
        "project: {PROJECT}\ndefaults: {{prove_for: 1s, state: reloaded}}\ncontainers:\n  web:\n    \
         image: {IMAGE}\n    init: true\n    shm_size: {shm}m\n    command: [{}]\n    \
         ports: ['127.0.0.1:{port}:80']\n{more}",
        SERVE.map(|word| format!("'{word}'")).join(", ")
    )
}

fn in_naive_order(port: u16, address: SocketAddr) -> Duration {
    let body = json!({
        "Image": IMAGE, "Cmd": SERVE, "ExposedPorts": {"80/tcp": {}},
        "Labels": {"io.bayplan.project": PROJECT},
        "HostConfig": {
            "Init": true,
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": port.to_string()}]},
        },
    });
    let name = format!("{PROJECT}-naive");
    let (create, path) = (format!("/containers/create?name={name}"), format!("/containers/{name}"));
    let runtime = runtime();
    let mut line = runtime.block_on(Line::open());
    runtime.block_on(async {
        line.post(&create, Some(&body)).await;
        line.post(&format!("{path}/start"), None).await;
    });
    let seen = watched(&[address], || {
        runtime.block_on(async {
            line.post(&format!("{path}/stop"), None).await;
            line.delete(&path).await;
            line.post(&create, Some(&body)).await;
            line.post(&format!("{path}/start"), None).await;
        });
    });
    runtime.block_on(line.delete(&format!("{path}?force=1")));
    seen.longest
}

/// The same change by Compose, for comparison, where it is installed.
fn composed(folder: &Path, port: u16, address: SocketAddr) {
    let program = std::env::var("BAYPLAN_COMPOSE").unwrap_or_default();
    let file = folder.join("compose.yaml").to_string_lossy().into_owned();
    let up = |shm: usize| {
        let text = spec(port, shm, "");
        let (_, services) = text.split_once("containers:").unwrap();
        std::fs::write(&file, format!("name: {PROJECT}-compose\nservices:{services}")).unwrap();
        let up = ["-f", &file, "up", "-d", "-t", "10"];
        Command::new(&program).args(up).output().is_ok_and(|it| it.status.success())
    };
    if program.is_empty() || !up(64) {
        println!("gap, compose up              not measured: BAYPLAN_COMPOSE names no Compose");
        return;
    }
    let gaps = (0..ROUNDS).map(|round| watched(&[address], || assert!(up(65 + round))).longest);
    println!("gap, compose up              {} ms", median(gaps.collect()).as_millis());
    let _ = Command::new(&program).args(["-f", &file, "down", "-t", "1"]).output();
}

/// A replacement that starts the new container first, under another port.
fn start_first(world: &World) -> bool {
    let ports = [free_port(), free_port()];
    let addresses = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let ahead = "    update_config: {order: start-first}\n";
    world.apply(&spec(ports[0], 64, ahead));
    let (mut failed, mut asked) = (0, 0);
    for round in 0..ROUNDS {
        let (_, plan) = world.plan(&spec(ports[(round + 1) % 2], 64, ahead));
        let seen = watched(&addresses, || floor::run(&["apply", &plan]));
        (failed, asked) = (failed + seen.failed, asked + seen.asked);
    }
    floor::remove_containers();
    let good = failed == 0;
    let verdict = if good { "ok" } else { "OVER" };
    println!(
        "gap, start-first             {failed} of {asked} requests failed  limit 0  {verdict}"
    );
    good
}

/// Watches addresses while something happens, from an answer before it to an answer after it.
fn watched(addresses: &[SocketAddr], happens: impl FnOnce()) -> Seen {
    let ended = AtomicBool::new(false);
    let begun = Instant::now();
    while !addresses.iter().any(|address| answers(*address)) {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing serves");
    }
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut seen = Seen { longest: Duration::ZERO, failed: 0, asked: 0 };
            let mut last = Instant::now();
            loop {
                let over = ended.load(Ordering::SeqCst);
                seen.asked += 1;
                if addresses.iter().any(|address| answers(*address)) {
                    seen.longest = seen.longest.max(last.elapsed());
                    last = Instant::now();
                    if over {
                        return seen;
                    }
                } else {
                    seen.failed += 1;
                    assert!(last.elapsed() < Duration::from_secs(30), "it does not come back");
                }
                std::thread::sleep(PAUSE);
            }
        });
        happens();
        ended.store(true, Ordering::SeqCst);
        client.join().unwrap()
    })
}

/// Whether a server answers a request; a proxy that takes connections for nobody does not.
fn answers(address: SocketAddr) -> bool {
    let limit = Duration::from_secs(1);
    let Ok(mut stream) = TcpStream::connect_timeout(&address, limit) else { return false };
    let _ = stream.set_read_timeout(Some(limit));
    let asked = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    let mut bytes = [0; 16];
    asked.is_ok() && stream.read(&mut bytes).is_ok_and(|count| count > 0)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
