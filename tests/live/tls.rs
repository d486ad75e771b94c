//! A real engine over TCP with TLS, reached as people do: by a context that Docker's own client
//! wrote.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::gate::Authority;
use crate::support::{Ran, World, engine_socket, live};

/// Somebody who is refused shall not wait for it.
const QUICK: Duration = Duration::from_secs(10);

/// A gate in front of the engine, open as long as this is kept.
struct Gate {
    port: u16,
    _open: oneshot::Sender<()>,
}

impl Gate {
    fn open(authority: Authority, socket: &Path) -> Self {
        let (tell, told) = mpsc::channel();
        let (open, closed) = oneshot::channel::<()>();
        let socket = socket.to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tell.send(authority.open_gate(socket).await).unwrap();
                let _ = closed.await;
            });
        });
        Self { port: told.recv().unwrap(), _open: open }
    }
}

/// A configuration folder of Docker's client, and certificates beside it.
struct Contexts<'a> {
    world: &'a World,
    gate: Gate,
}

impl Contexts<'_> {
    /// Runs Docker's client with the folder.
    fn docker(&self, args: &[&str]) {
        let config = self.world.path("config").display().to_string();
        self.world.docker(&[&["--config", &config], args].concat());
    }

    /// Makes a context with these files, each `KIND=FOLDER/FILE`.
    fn create(&self, name: &str, files: &[&str]) {
        let mut told = format!("host=tcp://localhost:{}", self.gate.port);
        for file in files {
            let (kind, file) = file.split_once('=').unwrap();
            let _ = write!(told, ",{kind}={}", self.world.path(file).display());
        }
        self.docker(&["context", "create", name, "--docker", &told]);
    }

    fn run(&self, args: &[&str]) -> Ran {
        through(self.world, args)
    }
}

/// Runs the program with the folder alone to find the engine by.
fn through(world: &World, args: &[&str]) -> Ran {
    let mut command = world.bayplan(args);
    let command = command.env_remove("DOCKER_HOST").env("DOCKER_CONFIG", world.path("config"));
    Ran::of(args, &command.output().unwrap())
}

const SPEC: &str = "project: PROJECT\ncontainers:\n  web: {image: 'PROJECT/app:1', count: 3, match: owned}\n  \
     once: {image: 'PROJECT/app:1', match: owned, detach: false, command: [sh, -c, 'sleep 1; echo done']}\n";

#[test]
fn an_engine_is_planned_and_changed_through_a_context_with_certificates() {
    live!();
    let Some(socket) = engine_socket() else { return };
    let world = World::new("context");
    world.image("app");
    let authority = Authority::new("harbour");
    authority.write(&world.path("certs"));
    Authority::new("pirates").write(&world.path("other"));
    let contexts = Contexts { world: &world, gate: Gate::open(authority, &socket) };
    contexts.create("bay", &["ca=certs/ca.pem", "cert=certs/cert.pem", "key=certs/key.pem"]);
    contexts.create("false", &["ca=other/ca.pem", "cert=certs/cert.pem", "key=certs/key.pem"]);
    contexts.create("nobody", &["ca=certs/ca.pem"]);
    contexts.create("stranger", &["ca=certs/ca.pem", "cert=other/cert.pem", "key=other/key.pem"]);

    world.write("spec.yaml", SPEC);
    contexts.run(&["plan", "spec.yaml", "-o", "plan.json", "--context", "bay"]).ok();
    for (context, says) in [
        ("false", "the engine's certificate cannot be trusted"),
        ("nobody", "the engine wants a client certificate that it trusts"),
        ("stranger", "the engine wants a client certificate that it trusts"),
    ] {
        for args in [&["plan", "spec.yaml"][..], &["apply", "plan.json"], &["verify", "plan.json"]]
        {
            let began = Instant::now();
            let ran = contexts.run(&[args, &["--context", context]].concat()).exits(8).says(says);
            assert!(began.elapsed() < QUICK, "{:?}", began.elapsed());
            assert_eq!(ran.stderr.matches("error:").count(), 1, "{ran}");
        }
    }
    assert_eq!(world.containers(), [""; 0]);

    contexts.run(&["apply", "plan.json", "--context", "bay"]).ok();
    let made = ["once-1 exited", "web-1 running", "web-2 running", "web-3 running"];
    assert_eq!(world.containers(), made);
    contexts.run(&["verify", "plan.json", "--context", "bay"]).ok();

    contexts.docker(&["context", "use", "bay"]);
    contexts.run(&["plan", "spec.yaml", "--detailed-exitcode"]).ok();
    contexts.run(&["apply", "plan.json"]).ok().says("already as declared");
    // It was this way that all of that went, and no other.
    drop(contexts);
    for more in [&[][..], &["--context", "bay"]] {
        let ran = through(&world, &[&["plan", "spec.yaml"], more].concat());
        ran.exits(8).says("the connection was refused");
    }
}
