//! An engine that dies, is frozen or is started again while an apply runs, and applies that run at once.
//!
//! The engine is one that the test starts for itself: nobody else's containers are there.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Ran, World, live, root_filesystem, wait_for};

/// What is applied: two containers, one after the other, each of which takes a moment.
fn spec(memory: u32) -> String {
    format!(
        "project: PROJECT\ndefaults: {{prove_for: 1s, state: reloaded, match: owned}}\ncontainers:\n\
         \x20 web: {{image: 'PROJECT/app:1', network_mode: none, restart: always, shm_size: {memory}m}}\n\
         \x20 side: {{image: 'PROJECT/app:1', network_mode: none, restart: always, shm_size: {memory}m, \
         depends_on: [web]}}\n"
    )
}

/// An engine of the test's own.
struct OwnEngine {
    dir: tempfile::TempDir,
    daemon: RefCell<Child>,
}

impl OwnEngine {
    /// Starts one; `None`, with a note: this machine gives none.
    fn start() -> Option<Self> {
        let able = Command::new("dockerd").arg("--version").output().is_ok();
        let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        if !able || !root {
            let note = "only root can start an engine, and only where `dockerd` is";
            assert!(std::env::var_os("CI").is_none(), "{note}");
            let _ = std::io::stderr().write_all(format!("SKIPPED: {note}\n").as_bytes());
            return None;
        }
        let dir = tempfile::Builder::new().prefix("bplive-engine-").tempdir().unwrap();
        std::fs::write(dir.path().join("daemon.json"), "{}").unwrap();
        let daemon = RefCell::new(Self::boot(&dir));
        let engine = Self { dir, daemon };
        engine.wait();
        Some(engine)
    }

    fn boot(dir: &tempfile::TempDir) -> Child {
        let at = |what: &str| dir.path().join(what).display().to_string();
        // Those of one that was killed.
        for file in ["pid", "exec/containerd/containerd.pid"] {
            let _ = std::fs::remove_file(at(file));
        }
        let log = File::options().create(true).append(true).open(at("log")).unwrap();
        // An engine without a bridge removes `docker0`, whosever it is: this one has a network namespace
        // of its own. `unshare` becomes the engine, so that signals reach it.
        Command::new("unshare")
            .args(["--net", "dockerd", "--config-file", &at("daemon.json")])
            .args(["--data-root", &at("data")])
            .args(["--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--host", &format!("unix://{}", at("engine.sock")), "--log-level", "warn"])
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn host(&self) -> String {
        format!("unix://{}", self.dir.path().join("engine.sock").display())
    }

    fn docker(&self, args: &[&str]) -> Output {
        Command::new("docker")
            .args(["--host", &self.host()])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn wait(&self) {
        wait_for("an engine of our own", || self.docker(&["version"]).status.success());
    }

    /// Sends it a signal.
    fn signal(&self, name: &str) {
        let pid = self.daemon.borrow().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Kills it as a crash would, and starts it again after so long.
    fn crashes_for(&self, away: Duration) {
        self.daemon.borrow_mut().kill().unwrap();
        self.daemon.borrow_mut().wait().unwrap();
        thread::sleep(away);
        *self.daemon.borrow_mut() = Self::boot(&self.dir);
    }

    /// Gives it the world's image.
    fn image(&self, world: &World) {
        let name = format!("{}/app:1", world.project());
        let mut import = Command::new("docker")
            .args(["--host", &self.host(), "import", "--change", "CMD [\"app\"]"])
            .args(["--change", "ENV PATH=/bin", "-", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        import.stdin.take().unwrap().write_all(root_filesystem()).unwrap();
        assert!(import.wait().unwrap().success());
    }

    /// Runs the program.
    fn run(&self, world: &World, args: &[&str]) -> Ran {
        Ran::of(args, &world.bayplan(args).env("DOCKER_HOST", self.host()).output().unwrap())
    }

    /// Begins to apply the plan; what it says goes to a file.
    fn begin(&self, world: &World, more: &[&str]) -> Running {
        Running::begin(world, &self.host(), more)
    }

    /// Containers, `name status memory`.
    fn containers(&self, world: &World) -> Vec<String> {
        let listed = self.docker(&["ps", "-aq"]);
        let ids = String::from_utf8(listed.stdout).unwrap();
        let format = "{{.Name}} {{.State.Status}} {{.HostConfig.ShmSize}}";
        let args: Vec<&str> =
            ["inspect", "--format", format].into_iter().chain(ids.split_whitespace()).collect();
        let text = String::from_utf8(self.docker(&args).stdout).unwrap();
        let begin = format!("/{}-", world.project());
        let mut lines: Vec<String> =
            text.lines().map(|line| line.replacen(&begin, "", 1)).collect();
        lines.sort();
        lines
    }

    /// Ends what its deaths left: processes that name its folder, and mounts in there.
    fn sweep(&self) {
        let folder = self.dir.path().display().to_string();
        let own = std::process::id().to_string();
        for entry in std::fs::read_dir("/proc").unwrap().map_while(Result::ok) {
            let pid = entry.file_name().to_string_lossy().into_owned();
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if pid != own && String::from_utf8_lossy(&words).contains(&folder) {
                let _ = Command::new("kill").args(["-s", "KILL", &pid]).status();
            }
        }
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if mount.starts_with(&folder) {
                let _ = Command::new("umount").args(["--lazy", mount]).status();
            }
        }
    }

    /// Whether something of the apply is under way: a new container is there.
    fn is_under_way(&self) -> bool {
        let names = self.docker(&["ps", "-a", "--format", "{{.Names}}"]).stdout;
        String::from_utf8_lossy(&names).contains(".bp-new")
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let listed = self.docker(&["ps", "-aq"]);
        let ids = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ids: Vec<&str> = ids.split_whitespace().collect();
        if !ids.is_empty() {
            self.docker(&[&["rm", "-f"], &ids[..]].concat());
        }
        self.signal("TERM");
        let _ = self.daemon.borrow_mut().wait();
        self.sweep();
    }
}

/// A program under way.
struct Running {
    child: Child,
    said: PathBuf,
}

impl Running {
    fn begin(world: &World, host: &str, more: &[&str]) -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let said = world.path(&format!("said-{number}"));
        let file = File::create(&said).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_bayplan"))
            .args(["apply", "plan.json"])
            .args(more)
            .current_dir(world.path("."))
            .env("HOME", world.path("."))
            .env("DOCKER_HOST", host)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, said }
    }

    /// What it said so far.
    fn said(&self) -> String {
        let mut text = String::new();
        File::open(&self.said).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Its exit code and what it said.
    fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, self.said())
    }
}

/// All is the old world or the new one.
fn whole(engine: &OwnEngine, world: &World, told: &str) {
    let found = engine.containers(world);
    let all = |memory: u64| {
        ["side-1", "web-1"].map(|name| format!("{name} running {}", memory << 20)).to_vec()
    };
    // Each container for itself.
    let fine = found.len() == 2
        && found
            .iter()
            .zip(all(64).iter().zip(&all(96)))
            .all(|(is, (old, new))| is == old || is == new);
    assert!(fine, "{told}: {found:?}");
}

#[test]
fn an_engine_that_crashes_during_an_apply_is_waited_for() {
    live!();
    let Some(engine) = OwnEngine::start() else { return };
    let world = World::new("crash");
    engine.image(&world);
    let begun = Instant::now();
    let mut crashes = 0;
    for (turn, after) in [0_u64, 150, 300, 600, 900, 1200, 1600, 2000].into_iter().enumerate() {
        if begun.elapsed() > Duration::from_secs(35) {
            break;
        }
        let (from, to) = if turn % 2 == 0 { (64, 96) } else { (96, 64) };
        if turn == 0 {
            world.write("spec.yaml", &spec(from));
            engine.run(&world, &["plan", "spec.yaml", "-o", "plan.json"]).ok();
            engine.run(&world, &["apply", "plan.json"]).ok();
        }
        world.write("spec.yaml", &spec(to));
        let ran = engine.run(&world, &["plan", "spec.yaml", "-o", "plan.json"]).ok();
        let mut apply = engine.begin(&world, &["--wait", "30s"]);
        while !engine.is_under_way() && !apply.has_ended() {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_millis(after));
        let over = apply.has_ended();
        engine.crashes_for(Duration::from_millis(1500));
        crashes += usize::from(!over);
        let (code, said) = apply.end();
        engine.wait();
        let told = format!("after {after} ms, ended with {code}: {said}\n{ran}");
        assert!(over || [0, 5, 7].contains(&code), "{told}");
        if code == 7 {
            let ran = engine.run(&world, &["recover", "plan.json", "--finish"]);
            assert_eq!(ran.code, 0, "{told}\n{ran}");
        }
        whole(&engine, &world, &told);
        if code != 0 {
            engine.run(&world, &["apply", "plan.json", "--wait", "30s"]).ok();
        }
        assert!(over || said.contains("waiting for the engine") || code != 0, "{told}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    let line = format!("engine killed during applies: {crashes}, 0 violations, {seconds:.1} s\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(crashes >= 2, "only {crashes}");
}

#[test]
fn an_engine_that_freezes_is_told_of_within_half_a_minute_and_waited_for() {
    live!();
    let Some(engine) = OwnEngine::start() else { return };
    let world = World::new("freeze");
    engine.image(&world);
    world.write("spec.yaml", &spec(64));
    engine.run(&world, &["plan", "spec.yaml", "-o", "plan.json"]).ok();
    let mut apply = engine.begin(&world, &[]);
    while !engine.is_under_way() && !apply.has_ended() && engine.containers(&world).is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    engine.signal("STOP");
    let frozen = Instant::now();
    let told = |apply: &Running| apply.said().contains("the engine does not answer");
    while !told(&apply) && frozen.elapsed() < Duration::from_secs(30) && !apply.has_ended() {
        thread::sleep(Duration::from_millis(100));
    }
    let (within, silent) = (frozen.elapsed(), told(&apply));
    engine.signal("CONT");
    let (code, said) = apply.end();
    assert!(silent, "not told within {within:?}, ended with {code}: {said}");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the engine answers again") || !said.contains("killed"), "{said}");
    whole(&engine, &world, &said);
}

#[test]
fn of_three_applies_at_once_one_wins_and_the_others_name_it() {
    live!();
    let Some(engine) = OwnEngine::start() else { return };
    let world = World::new("three");
    engine.image(&world);
    // The lock is made from an image of the plan.
    for (memory, more) in [(64, &[][..]), (96, &["--wait", "40s"])] {
        // Longer than it takes to see that the holder is alive.
        world.write("spec.yaml", &spec(memory).replace("prove_for: 1s", "prove_for: 5s"));
        engine.run(&world, &["plan", "spec.yaml", "-o", "plan.json"]).ok();
        let three = [(); 3].map(|()| engine.begin(&world, more));
        let ids = three.each_ref().map(|one| one.child.id().to_string());
        let ended = three.map(Running::end);
        let codes: Vec<i32> = ended.iter().map(|(code, _)| *code).collect();
        let told = format!("{ended:#?}");
        assert!(codes.contains(&0), "{told}");
        for (code, said) in &ended {
            assert!(*code == 0 || (*code == 6 && more.is_empty()), "{told}");
            for advice in ["docker rm", "docker stop", "a person", "recover"] {
                assert!(!said.contains(advice), "{advice}: {told}");
            }
            let names = ids.iter().any(|id| said.contains(&format!("process {id} on ")));
            assert!(*code == 0 || names, "{told}");
        }
        whole(&engine, &world, &told);
        if more.is_empty() {
            assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{told}");
        }
    }
}
