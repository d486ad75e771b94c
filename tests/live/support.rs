//! What every live test needs: an engine, images made of a static busybox, a world of names of
//! its own that is cleaned up, and the program in a sealed environment.
//!
//! The engine is driven by its own client, as a person would: what is tested is never used to
//! look at what it did.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// What the container of every test image runs: it ends at once when it is asked to, which a bare
/// `sleep` as the first process of a container does not.
const APP: &str = "#!/bin/sh\ntrap 'exit 0' TERM\nsleep 100000 &\nwait\n";

/// The applets that tests use.
const APPLETS: &[&str] = &["sh", "sleep", "true", "false", "cat", "echo", "env", "touch", "ls"];

/// Ends a test at once where there is no engine; in CI that is a failure.
macro_rules! live {
    () => {
        if !$crate::support::engine_answers() {
            return;
        }
    };
}
pub(crate) use live;

/// Whether there is an engine. Says once, uncaptured, that tests are skipped.
pub(crate) fn engine_answers() -> bool {
    static ANSWERS: OnceLock<bool> = OnceLock::new();
    let answers = *ANSWERS.get_or_init(|| {
        let asked =
            Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output();
        let yes = asked.is_ok_and(|output| output.status.success());
        if !yes {
            // Past libtest's capture: who reads only the end of the output shall see it too.
            let note = "SKIPPED: no container engine answers, the live tests do nothing\n";
            let _ = std::io::stderr().write_all(note.as_bytes());
        }
        yes
    });
    let ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    assert!(answers || !ci, "no container engine answers, and CI is set: live tests must run");
    answers
}

/// A spec whose containers are watched for a second, where it does not say how long: tests need not wait
/// ten.
fn soon_proven(spec: &str) -> String {
    let said = spec.contains("prove_for") || spec.contains("defaults:");
    let block = spec.ends_with('\n') && spec.contains("\ncontainers:");
    if said || !block { spec.to_owned() } else { format!("{spec}defaults: {{prove_for: 1s}}\n") }
}

/// One test's own part of an engine.
pub(crate) struct World {
    project: String,
    dir: tempfile::TempDir,
    /// Processes to end with the world.
    children: RefCell<Vec<std::process::Child>>,
    /// Images it made, by ID: a tag that moved on leaves them without a name.
    images: RefCell<Vec<String>>,
}

impl World {
    /// A world with a project name of its own.
    pub(crate) fn new(story: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let project = format!("bplive-{}-{number}-{story}", std::process::id());
        let dir = tempfile::Builder::new().prefix("bplive-").tempdir().unwrap();
        Self { project, dir, children: RefCell::default(), images: RefCell::default() }
    }

    /// The project, and the beginning of every name in this world.
    pub(crate) fn project(&self) -> &str {
        &self.project
    }

    /// A name in this world.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.project)
    }

    /// The world's folder; the program runs in it.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// Writes a file of the world; `PROJECT` in it becomes the project's name.
    pub(crate) fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path(file);
        fs::write(&path, text.replace("PROJECT", &self.project)).unwrap();
        path
    }

    /// Reads a file of the world.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
    }

    /// Runs the engine's client and gives its output; a failure ends the test.
    #[expect(clippy::unused_self, reason = "what is done is done in a world")]
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        let output = docker(args);
        assert!(
            output.status.success(),
            "docker {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// An image of this world, `PROJECT/what:1`, with the given instructions of a Dockerfile
    /// beyond its command, which runs until it is told to stop.
    pub(crate) fn image_with(&self, what: &str, tag: &str, changes: &[&str]) -> String {
        let reference = format!("{}/{what}:{tag}", self.project);
        let mut import = Command::new("docker");
        import.arg("import");
        for change in ["CMD [\"app\"]", "ENV PATH=/bin"].iter().chain(changes) {
            import.args(["--change", change]);
        }
        let mut import = import
            .args(["-", &reference])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        import.stdin.take().unwrap().write_all(root_filesystem()).unwrap();
        let output = import.wait_with_output().unwrap();
        assert!(output.status.success(), "importing {reference}");
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        self.images.borrow_mut().push(id);
        reference
    }

    /// Removes an image with the world that came there otherwise.
    pub(crate) fn remove_image(&self, id: &str) {
        self.images.borrow_mut().push(id.to_owned());
    }

    /// The plain image of this world.
    pub(crate) fn image(&self, what: &str) -> String {
        self.image_with(what, "1", &[])
    }

    /// What inspect says of a container of this world; null: there is none.
    #[expect(clippy::unused_self, reason = "what is asked is asked in a world")]
    pub(crate) fn inspect(&self, container: &str) -> Json {
        let output = docker(&["container", "inspect", container]);
        if !output.status.success() {
            return Json::Null;
        }
        let mut all: Vec<Json> = serde_json::from_slice(&output.stdout).unwrap();
        all.pop().unwrap_or_default()
    }

    /// The ID of a container; empty: there is none.
    pub(crate) fn id(&self, container: &str) -> String {
        self.inspect(container)["Id"].as_str().unwrap_or_default().to_owned()
    }

    /// `running`, `exited`, …; empty: there is no such container.
    pub(crate) fn status(&self, container: &str) -> String {
        self.inspect(container)["State"]["Status"].as_str().unwrap_or_default().to_owned()
    }

    /// Every container of this world, `name status`, by name.
    pub(crate) fn containers(&self) -> Vec<String> {
        let filter = format!("name=^/{}", self.project);
        let format = "{{.Names}} {{.State}}";
        let listed = self.docker(&["ps", "-a", "--filter", &filter, "--format", format]);
        let own = |line: &&str| line.starts_with(&self.project);
        let mut lines: Vec<String> = listed
            .lines()
            .filter(own)
            .map(|line| line.replacen(&format!("{}-", self.project), "", 1))
            .collect();
        lines.sort();
        lines
    }

    /// Everything on the engine that belongs to this world, in enough detail to see any change.
    pub(crate) fn everything(&self) -> String {
        let mut text = String::new();
        for line in self.containers() {
            let name = self.name(line.split(' ').next().unwrap_or_default());
            let mut inspect = self.inspect(&name);
            // What an engine changes by itself.
            if let Some(state) = inspect.get_mut("State").and_then(Json::as_object_mut) {
                state.remove("Health");
            }
            // Newer engines tell them in any order.
            if let Some(mounts) = inspect.get_mut("Mounts").and_then(Json::as_array_mut) {
                mounts.sort_by_cached_key(|mount| mount["Destination"].to_string());
            }
            let _ = writeln!(text, "{inspect:#}");
        }
        text
    }

    /// The program in this world's folder, with nothing of the caller's environment but the way
    /// to the engine.
    pub(crate) fn bayplan(&self, args: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_bayplan"));
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .timeout(Duration::from_mins(2))
            .args(args);
        if let Ok(host) = std::env::var("DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(args, &Self::patiently(|| self.bayplan(args).output().unwrap()))
    }

    /// Runs what looks at the whole engine: others' containers that come and go meanwhile, those of
    /// other tests here, are a reason to try again.
    pub(crate) fn patiently(mut run: impl FnMut() -> Output) -> Output {
        for _ in 0..20 {
            let output = run();
            if !String::from_utf8_lossy(&output.stderr).contains("the engine is busy") {
                return output;
            }
        }
        run()
    }

    /// Writes `spec.yaml`, plans it into `plan.json`.
    pub(crate) fn plan(&self, spec: &str) -> Ran {
        self.plan_with(spec, &[])
    }

    /// Writes `spec.yaml`, plans it into `plan.json` with more arguments.
    pub(crate) fn plan_with(&self, spec: &str, more: &[&str]) -> Ran {
        self.write("spec.yaml", &soon_proven(spec));
        let mut args = vec!["plan", "spec.yaml", "-o", "plan.json"];
        args.extend(more);
        self.run(&args)
    }

    /// The plan file.
    pub(crate) fn plan_json(&self) -> Json {
        serde_json::from_str(&self.read("plan.json")).unwrap()
    }

    /// Applies `plan.json`.
    pub(crate) fn apply(&self) -> Ran {
        self.run(&["apply", "plan.json"])
    }

    /// Plans and applies, both without complaint.
    pub(crate) fn converge(&self, spec: &str) -> Ran {
        self.plan(spec).ok();
        self.apply().ok()
    }

    /// Plans again: nothing may be left to do.
    pub(crate) fn settled(&self, spec: &str) {
        self.write("again.yaml", &soon_proven(spec));
        let ran = self.run(&["plan", "again.yaml", "-o", "again.json", "--detailed-exitcode"]);
        assert_eq!(ran.code, 0, "expected nothing to do, but {ran}");
        assert!(ran.stdout.contains("no action taken"), "{ran}");
    }

    /// A registry where the engine reaches it and trusts it. Gives `host:port`.
    pub(crate) fn registry(&self) -> String {
        self.registry_with("")
    }

    /// The same with more lines of configuration.
    pub(crate) fn registry_with(&self, more: &str) -> String {
        let address = format!("{}:{}", registry_host().unwrap(), free_port());
        let config = self.write(
            "registry.yml",
            &format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
                 http: {{addr: \"{address}\"}}\nlog: {{level: warn}}\n{more}",
                self.path("registry").display()
            ),
        );
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry (Debian's package of that name) can be started");
        self.keep(child);
        wait_for("the registry", || std::net::TcpStream::connect(&address).is_ok());
        address
    }

    /// Ends a process with the world.
    pub(crate) fn keep(&self, child: std::process::Child) {
        self.children.borrow_mut().push(child);
    }

    /// Ends the registry, and whatever else the world started.
    pub(crate) fn end_children(&self) {
        for mut child in self.children.borrow_mut().drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end_children();
        let lines = |args: &[&str]| -> Vec<String> {
            let output = docker(args);
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .filter(|line| line.contains(&self.project))
                .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
                .collect()
        };
        let remove = |first: &[&str], what: Vec<String>| {
            if !what.is_empty() {
                let what: Vec<&str> = what.iter().map(String::as_str).collect();
                docker(&[first, &what].concat());
            }
        };
        let format = "{{.ID}}\t{{.Names}}\t{{.Labels}}\t{{.Image}}";
        let containers = lines(&["ps", "-a", "--no-trunc", "--format", format]);
        // An anonymous volume that was carried to a replacement outlives `rm -v`.
        let mounted = anonymous_volumes(&containers);
        remove(&["rm", "-f", "-v"], containers);
        remove(&["volume", "rm", "-f"], mounted);
        remove(&["volume", "rm", "-f"], lines(&["volume", "ls", "--format", "{{.Name}}"]));
        remove(&["network", "rm"], lines(&["network", "ls", "--format", "{{.ID}}\t{{.Name}}"]));
        // What was made from another image goes before it.
        for image in self.images.borrow_mut().drain(..).rev() {
            docker(&["rmi", "-f", &image]);
        }
    }
}

/// The anonymous volumes that containers mount.
fn anonymous_volumes(containers: &[String]) -> Vec<String> {
    if containers.is_empty() {
        return Vec::new();
    }
    let format = "{{range .Mounts}}{{println .Name}}{{end}}";
    let ids = containers.iter().map(String::as_str);
    let output = docker(&["inspect", "-f", format].into_iter().chain(ids).collect::<Vec<_>>());
    let is_anonymous =
        |name: &&str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    names.lines().filter(is_anonymous).map(str::to_owned).collect()
}

/// Runs the engine's client, whatever comes of it.
pub(crate) fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).stdin(Stdio::null()).output().unwrap()
}

/// What became of a run of the program.
pub(crate) struct Ran {
    /// What was run.
    pub(crate) args: Vec<String>,
    /// Its exit code; -1: ended by a signal.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it said beside that.
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(args: &[&str], output: &Output) -> Self {
        Self {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// It ended with 0.
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// It ended with this code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "expected exit code {code}, but {self}");
        self
    }

    /// It said this, on either stream.
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.all().contains(text), "expected `{text}`, but {self}");
        self
    }

    /// It did not say this, on either stream.
    pub(crate) fn never_says(self, text: &str) -> Self {
        assert!(!self.all().contains(text), "expected no `{text}`, but {self}");
        self
    }

    /// Both streams.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { args, code, stdout, stderr } = self;
        write!(
            f,
            "`bayplan {}` ended with {code}\n--- out\n{stdout}\n--- err\n{stderr}",
            args.join(" ")
        )
    }
}

/// A port that nothing listens on.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether the engine is this machine's own, so that loopback is the same for both.
pub(crate) fn own_engine() -> bool {
    let own = std::env::var("DOCKER_HOST")
        .map_or(true, |host| host.is_empty() || host.ends_with("/run/docker.sock"));
    if !own {
        let note = "note: an engine elsewhere does not reach a registry on this loopback\n";
        let _ = std::io::stderr().write_all(note.as_bytes());
    }
    own
}

/// This machine's address for the engines of `engines.sh`, which trust what they find there.
const LAB_HOST: &str = "10.213.0.1";

/// Where a registry of this machine is reached by the engine; `None`, with a note: nowhere.
pub(crate) fn registry_host() -> Option<&'static str> {
    let lab = std::env::var("DOCKER_HOST").is_ok_and(|host| host.ends_with("/engine.sock"));
    if lab && std::net::TcpListener::bind((LAB_HOST, 0)).is_ok() {
        return Some(LAB_HOST);
    }
    own_engine().then_some("127.0.0.1")
}

/// The engine's socket; `None`, with a note: it is reached in another way.
pub(crate) fn engine_socket() -> Option<PathBuf> {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let Some(host) = host else { return Some("/var/run/docker.sock".into()) };
    let socket = host.strip_prefix("unix://").map(PathBuf::from);
    if socket.is_none() {
        let note = "note: there is another way to the engine than a socket\n";
        let _ = std::io::stderr().write_all(note.as_bytes());
    }
    socket
}

/// Waits until something is so, for a bounded time.
pub(crate) fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The tar of a file system with a static busybox in it.
pub(crate) fn root_filesystem() -> &'static [u8] {
    static TAR: OnceLock<Vec<u8>> = OnceLock::new();
    TAR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for folder in ["bin", "tmp", "etc", "data"] {
            fs::create_dir(root.join(folder)).unwrap();
        }
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("a static busybox (Debian's package busybox-static)");
        fs::copy(busybox, root.join("bin/busybox")).unwrap();
        for applet in APPLETS {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        let app = root.join("bin/app");
        fs::write(&app, APP).unwrap();
        fs::set_permissions(&app, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
        let packed = Command::new("tar").arg("-C").arg(root).args(["-c", "."]).output().unwrap();
        assert!(packed.status.success(), "tar: {}", String::from_utf8_lossy(&packed.stderr));
        packed.stdout
    })
}
