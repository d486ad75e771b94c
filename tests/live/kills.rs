//! `apply` is killed at each of its calls, with -9, before the engine has it and after it answered: afterwards
//! one `recover` gives a whole world, the old or the new one.
//!
//! It takes one round, or two minutes at the most; `BAYPLAN_KILLS=all` goes through every call on both sides, and
//! `BAYPLAN_KILLS=200` on until there were as many kills.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{World, docker, engine_socket, live};

/// So many worlds at once: most of the time something is waited for.
const WORKERS: usize = 4;

/// How long the bounded test goes on.
const LONGEST: Duration = Duration::from_mins(2);

/// What is applied: a step of nearly every kind.
fn spec(memory: u32) -> String {
    let other = if memory == 64 { "" } else { "    mem_limit: 64m\n" };
    let more = if memory == 64 {
        ""
    } else {
        "  late:\n    image: PROJECT/app:1\n    volumes: [\"late:/data\"]\n    networks: [back]\n"
    };
    let late = if memory == 64 { "" } else { "  late:\n    name: PROJECT-late\n" };
    format!(
        "project: PROJECT\nprune: true\ndefaults: {{prove_for: 0, state: reloaded, match: owned}}\n\
         networks:\n  front:\n    name: PROJECT-front\n  back:\n    name: PROJECT-back\n\
         volumes:\n  data:\n    name: PROJECT-data\n{late}containers:\n\
         \x20 web:\n    image: PROJECT/app:1\n    restart: always\n    shm_size: {memory}m\n    \
         volumes: [\"data:/data\", /cache]\n    networks: [front, back]\n\
         \x20 side:\n    image: PROJECT/app:1\n{other}{more}"
    )
}

/// A way to the engine on which whoever calls is killed at one of the changing calls.
struct Gallows {
    socket: std::path::PathBuf,
    calls: Arc<AtomicUsize>,
    victim: Arc<Mutex<Option<Child>>>,
}

impl Gallows {
    /// `at`: the number of the call, from 0. `after`: once it was answered.
    fn build(world: &World, at: usize, after: bool) -> Self {
        let socket = world.path(&format!("gallows-{at}-{after}.sock"));
        // A second round comes to the same call again.
        drop(std::fs::remove_file(&socket));
        let listener = UnixListener::bind(&socket).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let victim: Arc<Mutex<Option<Child>>> = Arc::default();
        let (counted, doomed) = (Arc::clone(&calls), Arc::clone(&victim));
        thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let (counted, doomed) = (Arc::clone(&counted), Arc::clone(&doomed));
                thread::spawn(move || between(caller, (at, after), &counted, &doomed));
            }
        });
        Self { socket, calls, victim }
    }

    /// Applies the plan; whether that was killed.
    fn apply(&self, world: &World) -> bool {
        let child = Command::new(env!("CARGO_BIN_EXE_bayplan"))
            .args(["apply", "plan.json", "--wait", "30s"])
            .current_dir(world.path("."))
            .env("HOME", world.path("."))
            .env("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *self.victim.lock().unwrap() = Some(child);
        let begun = Instant::now();
        loop {
            let ended = self.victim.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
            if let Some(status) = ended {
                return status.code().is_none();
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "apply does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn kill(victim: &Mutex<Option<Child>>) {
    if let Some(child) = victim.lock().unwrap().as_mut() {
        child.kill().unwrap();
    }
}

/// Hands on what a caller says and what the engine answers.
fn between(
    mut caller: UnixStream,
    (at, after): (usize, bool),
    calls: &AtomicUsize,
    victim: &Mutex<Option<Child>>,
) {
    let Ok(mut engine) = UnixStream::connect(engine_socket().unwrap()) else { return };
    let (mut answers, mut back) = (engine.try_clone().unwrap(), caller.try_clone().unwrap());
    let last = Arc::new(AtomicUsize::new(usize::MAX));
    let asked = Arc::clone(&last);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut bytes = vec![0; 65536];
            while let Ok(count @ 1..) = answers.read(&mut bytes) {
                if after && asked.load(Ordering::SeqCst) == at {
                    kill(victim);
                    return;
                }
                if back.write_all(&bytes[..count]).is_err() {
                    return;
                }
            }
        });
        let mut bytes = vec![0; 65536];
        while let Ok(count @ 1..) = caller.read(&mut bytes) {
            let changes = bytes.starts_with(b"POST ") || bytes.starts_with(b"DELETE ");
            let number = if changes { calls.fetch_add(1, Ordering::SeqCst) } else { usize::MAX };
            last.store(number, Ordering::SeqCst);
            if !after && number == at {
                kill(victim);
                break;
            }
            if engine.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = engine.shutdown(std::net::Shutdown::Both);
    });
}

/// The old world or the new one, without anything over.
fn whole(world: &World, told: &str) {
    let containers = world.containers();
    let old = ["side-1 running", "web-1 running"];
    let new = ["late-1 running", "side-1 running", "web-1 running"];
    let fine = containers == old || containers == new;
    assert!(fine, "{told}: {containers:?}");
    let data = world.docker(&["exec", &world.name("web-1"), "cat", "/data/kept", "/cache/kept"]);
    assert_eq!(data, "yes\nyes", "{told}");
    let policy = world.inspect(&world.name("web-1"))["HostConfig"]["RestartPolicy"]["Name"].clone();
    assert_eq!(policy, "always", "{told}");
}

/// One kill and what comes then; whether there was such a call.
fn killed(world: &World, at: usize, after: bool, way: &[&str]) -> bool {
    let told = format!("killed {} call {at}, then {way:?}", if after { "after" } else { "before" });
    world.converge(&spec(64));
    // Nobody removes a volume but who made it.
    drop(docker(&["volume", "rm", &world.name("late")]));
    let write = "echo yes > /data/kept; echo yes > /cache/kept";
    world.docker(&["exec", &world.name("web-1"), "sh", "-c", write]);
    world.plan(&spec(96)).ok();
    let gallows = Gallows::build(world, at, after);
    let mut died = gallows.apply(world);
    // An engine on which others' containers come and go is looked at again.
    for _ in 0..10 {
        if died || gallows.calls.load(Ordering::SeqCst) > 0 {
            break;
        }
        died = gallows.apply(world);
    }
    if !died {
        assert!(gallows.calls.load(Ordering::SeqCst) <= at, "{told}: not killed");
        whole(world, &told);
        return false;
    }
    // A lock of one that is dead would be waited for.
    drop(world.run(&["unlock", world.project()]));
    let ran = world.run(&[&["recover", "plan.json"][..], way].concat());
    assert_eq!(ran.code, 0, "{told}: {ran}");
    whole(world, &format!("{told}: {ran}"));
    true
}

/// How long the test goes on.
#[derive(Clone, Copy)]
enum Length {
    /// For a time.
    Bounded,
    /// Through every call on both sides.
    Once,
    /// Until there were so many kills.
    Kills(usize),
}

impl Length {
    fn asked() -> Self {
        match std::env::var("BAYPLAN_KILLS").ok().as_deref() {
            None => Self::Bounded,
            Some("all") => Self::Once,
            Some(number) => Self::Kills(number.parse().unwrap()),
        }
    }
}

/// The calls at which an apply is killed, one after the other, round after round.
struct Queue {
    length: Length,
    begun: Instant,
    /// The round, and the turn in it: each call has two sides.
    next: (usize, usize),
    /// The first call that is not there, before it and after it.
    beyond: [usize; 2],
    kills: usize,
}

impl Queue {
    /// The call, the side, and the round.
    fn next(&mut self) -> Option<(usize, bool, usize)> {
        loop {
            let (round, turn) = self.next;
            let (at, after) = (turn / 2, turn % 2);
            let over = self.beyond.iter().all(|beyond| at >= *beyond);
            let goes_on = match self.length {
                Length::Bounded => round == 0 && !over && self.begun.elapsed() < LONGEST,
                Length::Once => round == 0 && !over,
                Length::Kills(many) => self.kills < many,
            };
            if !goes_on {
                return None;
            }
            self.next = if over { (round + 1, 0) } else { (round, turn + 1) };
            if at < self.beyond[after] {
                return Some((at, after == 1, round));
            }
        }
    }

    fn ended(&mut self, at: usize, after: bool, killed: bool) {
        if killed {
            self.kills += 1;
        } else {
            let beyond = &mut self.beyond[usize::from(after)];
            *beyond = at.min(*beyond);
        }
    }
}

#[test]
fn an_apply_that_is_killed_at_any_call_is_recovered_at_once() {
    live!();
    if engine_socket().is_none() {
        return;
    }
    let begun = Instant::now();
    let ways: [&[&str]; 3] = [&[], &["--back"], &["--finish"]];
    let (length, next, beyond) = (Length::asked(), (0, 0), [usize::MAX; 2]);
    let queue = Mutex::new(Queue { length, begun, next, beyond, kills: 0 });
    let one_after_the_other = || {
        let world = World::new("kills");
        world.image("app");
        loop {
            let Some((at, after, round)) = queue.lock().unwrap().next() else { return };
            let way = ways[(at + usize::from(after) + round) % 3];
            let died = killed(&world, at, after, way);
            queue.lock().unwrap().ended(at, after, died);
        }
    };
    thread::scope(|scope| {
        for worker in (0..WORKERS).map(|_| scope.spawn(one_after_the_other)).collect::<Vec<_>>() {
            worker.join().unwrap();
        }
    });
    let kills = queue.into_inner().unwrap().kills;
    let seconds = begun.elapsed().as_secs_f64();
    let line = format!("kill -9 at changing calls: {kills} kills, 0 violations, {seconds:.1} s\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(kills >= 8, "only {kills}");
}
