//! Compose and bayplan, turn about, with the same containers.
//!
//! `BAYPLAN_COMPOSE` names the program; without it `docker-compose` is taken where it is one of
//! version 2.40. `tests/live/engines.sh compose` fetches one.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::{World, live};
use crate::tap::Tap;

/// Services of many kinds. `IMAGE` ends at once when it is asked to.
const PROJECT: &str = "\
name: PROJECT
services:
  plain: {image: IMAGE}
  words: {image: IMAGE, command: sleep 100000, entrypoint: [], stop_signal: KILL}
  env: {image: IMAGE, environment: {URL: \"pg://u:${PW}@db\", MODE: prod, NOT_SET: }, env_file: a.env}
  ports: {image: IMAGE, ports: [\"127.0.0.1::80\", \"81/udp\"], expose: [90]}
  mounts: {image: IMAGE, volumes: [\"data:/data\", \"./conf:/conf:ro\", {type: tmpfs, target: /t, tmpfs: {size: 1m}}], tmpfs: /run}
  health: {image: IMAGE, healthcheck: {test: \"true\", interval: 1s, retries: 3}}
  nets: {image: IMAGE, networks: {front: {aliases: [www]}, default: }}
  host: {image: IMAGE, network_mode: host}
  limits: {image: IMAGE, mem_limit: 64m, cpus: 0.5, pids_limit: 100, ulimits: {nofile: {soft: 100, hard: 200}}, shm_size: 32m, init: true}
  restart: {image: IMAGE, restart: unless-stopped, logging: {options: {max-size: 1m}}}
  labels: {image: IMAGE, labels: {team: red, n: 1}}
  rights: {image: IMAGE, cap_add: [NET_ADMIN], cap_drop: [MKNOD], security_opt: [no-new-privileges:true], read_only: true}
  misc: {image: IMAGE, hostname: hh, domainname: dd, dns: 192.0.2.53, extra_hosts: [\"gw:192.0.2.1\"], working_dir: /bin, stop_grace_period: 3s, tty: true}
  scaled: {image: IMAGE, scale: 2, depends_on: [plain]}
  named: {image: IMAGE, container_name: PROJECT-by-name}
  files: {image: IMAGE, secrets: [s], configs: [{source: c, target: /etc/c}]}
  put: {image: IMAGE, secrets: [p], configs: [{source: t, target: /etc/t.conf, mode: 0440, uid: \"7\"}]}
  templates: {image: IMAGE, entrypoint: [sh, -c, \"sleep 100000; echo ${PW}\"], healthcheck: {test: \"true ${PW}\", interval: 1s}, labels: {tok: \"x${PW}\"}, logging: {options: {tag: \"t${PW}\"}}, stop_signal: KILL}
  linked: {image: IMAGE, links: [\"plain:p\"]}
  many: {image: IMAGE, scale: 2, links: [plain, \"scaled:sc\"]}
volumes: {data: }
networks: {front: {internal: true}}
secrets: {s: {file: ./s.txt}, p: {environment: PW}}
configs: {c: {file: ./s.txt}, t: {content: \"pw = ${PW}, $${kept}\"}}
";

/// Compose, where there is one. In CI there is.
fn reference() -> Option<PathBuf> {
    let named = std::env::var_os("BAYPLAN_COMPOSE").map(PathBuf::from);
    let program = named.unwrap_or_else(|| "docker-compose".into());
    let asked = Command::new(&program).args(["version", "--short"]).output().ok();
    let version = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let fits = version.is_some_and(|version| version.trim_start_matches('v').starts_with("2.40."));
    if fits {
        return Some(program);
    }
    let ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    assert!(!ci, "expected Compose 2.40 in CI: `tests/live/engines.sh compose` fetches it");
    // Past libtest's capture: who reads only the end of the output shall see it too.
    let note = "SKIPPED: there is no Compose 2.40; `tests/live/engines.sh compose` fetches it\n";
    let _ = std::io::stderr().write_all(note.as_bytes());
    None
}

struct Both {
    world: World,
    compose: PathBuf,
}

impl Both {
    fn new(story: &str, text: &str) -> Option<Self> {
        let compose = reference()?;
        let world = World::new(story);
        let image = world.image("app");
        world.write("s.txt", "not secret\n");
        world.write(".env", "PW=hunter2hunter2\n");
        world.write("a.env", "FROM_FILE=filefilefile\n");
        std::fs::create_dir(world.path("conf")).unwrap();
        world.write("compose.yaml", &text.replace("IMAGE", &image));
        Some(Self { world, compose })
    }

    /// Runs Compose and gives what it said.
    fn compose(&self, arguments: &[&str]) -> String {
        match self.try_compose(arguments) {
            Ok(told) => told,
            Err(told) => panic!("compose {arguments:?}: {told}"),
        }
    }

    fn try_compose(&self, arguments: &[&str]) -> Result<String, String> {
        self.compose_at(arguments, std::env::var("DOCKER_HOST").ok())
    }

    fn compose_at(&self, arguments: &[&str], host: Option<String>) -> Result<String, String> {
        let output = Command::new(&self.compose)
            .envs(host.map(|host| ("DOCKER_HOST", host)))
            .args(arguments)
            .current_dir(self.world.path(""))
            .env("HOME", self.world.path(""))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(text);
        }
        Ok(text + &String::from_utf8_lossy(&output.stdout))
    }

    /// Takes the project down with Compose.
    ///
    /// The engine can give up a removed container's endpoint later than the container, and
    /// Compose does not ask again. Docker 20.10 can lose an endpoint for good: then the network has
    /// "active endpoints" without a container. A network with a container is still a failure.
    fn down(&self) {
        for _ in 0..10 {
            match self.try_compose(&["down", "-v", "-t", "0"]) {
                Ok(_) => return assert_eq!(self.containers(), Vec::<String>::new()),
                Err(text) if text.contains("has active endpoints") => {}
                Err(text) => panic!("compose down: {text}"),
            }
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        assert_eq!(self.containers(), Vec::<String>::new());
        let project = format!("label=com.docker.compose.project={}", self.world.project());
        let networks = self.world.docker(&["network", "ls", "-q", "--filter", &project]);
        for network in networks.lines() {
            let form = ["network", "inspect", "--format", "{{len .Containers}}", network];
            assert_eq!(self.world.docker(&form), "0", "a container is on {network}");
        }
    }

    fn nothing_to_do(&self) {
        let ran = self.world.run(&["plan", "-o", "again.json", "--detailed-exitcode"]);
        assert_eq!(ran.code, 0, "expected nothing to do, but {ran}");
        let plan = self.world.read("again.json");
        for secret in ["hunter2hunter2", "filefilefile", "config-hash"] {
            assert!(!plan.contains(secret), "{secret} is in the plan");
        }
    }

    fn apply(&self) {
        let ran = self.world.run(&["plan", "-o", "plan.json"]).ok();
        assert!(!ran.all().contains("hunter2"), "{ran}");
        self.world.run(&["apply", "plan.json", "--parallelism", "32"]).ok();
    }

    /// IDs of the project's containers.
    fn containers(&self) -> Vec<String> {
        let filter = format!("label=com.docker.compose.project={}", self.world.project());
        let listed = self.world.docker(&["ps", "-aq", "--no-trunc", "--filter", &filter]);
        let mut all: Vec<String> = listed.lines().map(str::to_owned).collect();
        all.sort();
        all
    }
}

#[test]
fn what_compose_made_is_as_declared_and_what_bayplan_replaced_is_still_compose_s() {
    live!();
    let Some(both) = Both::new("adopt", PROJECT) else { return };
    both.compose(&["up", "-d"]);
    let made = both.containers();
    assert_eq!(made.len(), 22);
    both.nothing_to_do();
    // Every container is replaced; `x-bayplan` is nothing to Compose.
    let text = both.world.read("compose.yaml");
    let forced = format!("x-bayplan: {{recreate: always, prove_for: 1s}}\n{text}");
    both.world.write("compose.yaml", &forced);
    both.apply();
    let replaced = both.containers();
    assert!(replaced.len() == made.len() && replaced.iter().all(|id| !made.contains(id)));
    both.world.write("compose.yaml", &text);
    let told = both.compose(&["up", "-d", "--dry-run"]);
    assert!(!told.contains("Recreate") && !told.contains("Creat"), "{told}");
    both.compose(&["up", "-d"]);
    assert_eq!(both.containers(), replaced, "Compose left them as they were");
    both.nothing_to_do();
    assert!(both.compose(&["ps"]).contains("plain"));
    both.down();
}

#[test]
fn what_bayplan_made_first_is_compose_s_too() {
    live!();
    let text = PROJECT.replacen("name:", "x-bayplan: {prove_for: 1s}\nname:", 1);
    let Some(both) = Both::new("first", &text) else { return };
    both.apply();
    let made = both.containers();
    assert_eq!(made.len(), 22);
    both.compose(&["up", "-d"]);
    assert_eq!(both.containers(), made, "Compose left them as they were");
    both.nothing_to_do();
    both.down();
}

#[test]
fn links_reach_every_member_and_scaling_replaces_nothing_that_links() {
    live!();
    let text = "\
x-bayplan: {prove_for: 1s}
name: PROJECT
services:
  db: {image: IMAGE, scale: 2}
  web: {image: IMAGE, scale: 2, links: [\"db:sql\"]}
";
    let Some(both) = Both::new("scaled", text) else { return };
    let project = both.world.project();
    let web = |number: u8| both.world.id(&format!("{project}-web-{number}"));
    let scale = |count: u8| {
        let text = both.world.read("compose.yaml");
        let at = text.find("scale: ").unwrap() + "scale: ".len();
        let (before, rest) = (&text[..at], &text[at + 1..]);
        both.world.write("compose.yaml", &format!("{before}{count}{rest}"));
    };
    both.compose(&["up", "-d"]);
    both.nothing_to_do();
    let made = [web(1), web(2)];
    // Compose replaces no container because its target has more or fewer members, nor do we.
    for (count, by_us) in [(3, false), (1, false), (2, true), (4, true), (1, true)] {
        scale(count);
        if by_us {
            both.apply();
        } else {
            both.compose(&["up", "-d"]);
        }
        both.nothing_to_do();
        assert_eq!([web(1), web(2)], made, "{count}");
        assert_eq!(both.containers().len(), usize::from(count) + 2);
    }
    both.down();
}

#[test]
fn a_container_that_compose_made_is_replaced_where_it_differs() {
    live!();
    let Some(both) = Both::new("differs", PROJECT) else { return };
    both.compose(&["up", "-d", "plain", "env"]);
    let text = both.world.read("compose.yaml");
    let changed = format!("x-bayplan: {{prove_for: 1s}}\n{text}")
        .replace("MODE: prod", "MODE: test")
        .replace("  plain: {", "  plain: {init: true, ");
    both.world.write("compose.yaml", &changed);
    let ran = both.world.run(&["plan", "-o", "plan.json"]).ok();
    for said in ["environment ~ MODE", "init + true"] {
        assert!(ran.stdout.contains(said), "{said}: {ran}");
    }
    // What the new containers will be has every name; what changes has only those that differ.
    assert!(!ran.stdout.contains("~ URL"), "{ran}");
    // Another password is a difference, and neither of them is told.
    both.world.write(".env", "PW=other2other2\n");
    let ran = both.world.run(&["plan", "-o", "plan.json"]).ok();
    assert!(ran.stdout.contains("~ URL"), "{ran}");
    assert!(!ran.all().contains("other2") && !ran.all().contains("hunter2"), "{ran}");
    both.down();
}

#[test]
fn a_config_that_is_put_into_a_container_is_compared_and_put_again() {
    live!();
    let Some(both) = Both::new("put", PROJECT) else { return };
    let name = format!("{}-put-1", both.world.project());
    let shown = |path: &str| both.world.docker(&["exec", &name, "cat", path]);
    both.compose(&["up", "-d", "put"]);
    let text = both.world.read("compose.yaml");
    let only = |text: &str| {
        let begin = text.split("services:").next().unwrap_or_default();
        let put = text.lines().find(|line| line.starts_with("  put:")).unwrap_or_default();
        let rest =
            "secrets: {p: {environment: PW}}\nconfigs: {t: {content: \"pw = ${PW}, $${kept}\"}}\n";
        format!("x-bayplan: {{prove_for: 1s}}\n{begin}services:\n{put}\n{rest}")
    };
    both.world.write("compose.yaml", &only(&text));
    both.nothing_to_do();
    // Compose itself misses this.
    let changed = only(&text).replace("pw =", "password:");
    both.world.write("compose.yaml", &changed);
    let before = both.world.id(&name);
    both.apply();
    assert_ne!(both.world.id(&name), before);
    assert_eq!(shown("/etc/t.conf"), "password: hunter2hunter2, ${kept}");
    assert_eq!(shown("/run/secrets/p"), "hunter2hunter2");
    let owned = both.world.docker(&["exec", &name, "ls", "-ln", "/etc/t.conf"]);
    assert!(owned.starts_with("-r--r-----") && owned.contains(" 7 "), "{owned}");
    both.nothing_to_do();
    // So is what somebody wrote there, and a secret that was rotated.
    both.world.docker(&["exec", &name, "sh", "-c", "echo more >> /etc/t.conf"]);
    let ran = both.world.run(&["plan", "-o", "plan.json", "--detailed-exitcode"]);
    assert!(ran.code == 2 && ran.stdout.contains("/etc/t.conf"), "{ran}");
    both.world.write(".env", "PW=other2other2\n");
    let ran = both.world.run(&["plan", "-o", "plan.json"]).ok();
    assert!(
        ran.stdout.contains("secret_changed") && ran.stdout.contains("/run/secrets/p"),
        "{ran}"
    );
    assert!(!ran.all().contains("other2") && !ran.all().contains("hunter2"), "{ran}");
    both.down();
}

/// Spellings that every engine takes for the same.
fn plain(key: &str, json: Json) -> Json {
    let each = |text: &str| match key {
        "CapAdd" | "CapDrop" => text.trim_start_matches("CAP_").to_owned(),
        "SecurityOpt" => text.replacen(':', "=", 1),
        "Binds" => text.trim_end_matches(":rw").to_owned(),
        "StopSignal" => text.trim_start_matches("SIG").to_owned(),
        _ => text.to_owned(),
    };
    match json {
        Json::String(text) => each(&text).into(),
        Json::Array(items) => {
            let mut items: Vec<Json> = items.into_iter().map(|item| plain(key, item)).collect();
            let sets = ["Env", "CapAdd", "CapDrop", "Binds", "Links", "Aliases", "Mounts"];
            if sets.contains(&key) {
                items.sort_by_key(Json::to_string);
            }
            items.into()
        }
        Json::Object(map) => {
            let nothing = |json: &Json| match json {
                Json::Null | Json::Bool(false) => true,
                Json::String(text) => text.is_empty(),
                Json::Number(number) => number.as_f64() == Some(0.0),
                Json::Array(items) => items.iter().all(|item| item == 0),
                Json::Object(map) => map.is_empty(),
                Json::Bool(true) => false,
            };
            let own = map.into_iter().filter(|(key, _)| !key.starts_with("io.bayplan."));
            let own = own.map(|(key, json)| (key.clone(), plain(&key, json)));
            Json::Object(own.filter(|(_, json)| !nothing(json)).collect())
        }
        other => other,
    }
}

/// A create as both would send it, without what says nothing.
fn sent(kind: &str, body: Json) -> Json {
    let mut body = plain("", body);
    // On a network that users made an engine takes links at the attachment alone.
    let linked = body["NetworkingConfig"].to_string().contains("\"Links\"");
    if let Some(host) = body.get_mut("HostConfig").and_then(Json::as_object_mut) {
        if linked {
            host.remove("Links");
        }
        // A bind is one in either form.
        let mut binds =
            host.remove("Binds").and_then(|all| all.as_array().cloned()).unwrap_or_default();
        let mounts =
            host.remove("Mounts").and_then(|all| all.as_array().cloned()).unwrap_or_default();
        let mut rest = Vec::new();
        for mount in mounts {
            if mount["Type"] == "bind" && mount.get("BindOptions").is_none() {
                let ro = if mount["ReadOnly"] == true { ":ro" } else { "" };
                let text = |field: &str| mount[field].as_str().unwrap_or_default().to_owned();
                binds.push(format!("{}:{}{ro}", text("Source"), text("Target")).into());
            } else {
                rest.push(mount);
            }
        }
        binds.sort_by_key(Json::to_string);
        host.insert("Binds".into(), binds.into());
        host.insert("Mounts".into(), rest.into());
    }
    // Compose writes the dependencies in any order.
    if let Some(Json::String(all)) = body.pointer_mut("/Labels/com.docker.compose.depends_on") {
        let mut each: Vec<&str> = all.split(',').collect();
        each.sort_unstable();
        *all = each.join(",");
    }
    if kind != "containers" {
        // Compose would take a network of another hash down.
        if let Some(labels) = body.get_mut("Labels").and_then(Json::as_object_mut) {
            labels.remove("com.docker.compose.config-hash");
        }
        let usual = if kind == "networks" { "bridge" } else { "local" };
        if body.get("Driver").is_none() {
            body["Driver"] = usual.into();
        }
    }
    body
}

#[test]
fn what_is_created_is_what_compose_would_create() {
    live!();
    let Some(both) = Both::new("sent", PROJECT) else { return };
    let Some(tap) = Tap::new(&both.world.path("")) else { return };
    both.compose_at(&["up", "-d"], Some(tap.host())).unwrap();
    let theirs = tap.taken();
    assert_eq!(theirs.len(), 22 + 2 + 1, "{:?}", theirs.keys());
    both.down();
    let text = both.world.read("compose.yaml");
    both.world.write("compose.yaml", &format!("x-bayplan: {{prove_for: 1s}}\n{text}"));
    both.world.run(&["plan", "-o", "plan.json"]).ok();
    both.world.run(&["--host", &tap.host(), "apply", "plan.json", "--parallelism", "32"]).ok();
    let ours = tap.taken();
    let mut wrong = Vec::new();
    for (name, body) in theirs {
        let kind = name.split(' ').next().unwrap_or_default();
        let own = ours.get(&name).cloned().unwrap_or_default();
        let [theirs, ours] = [body, own].map(|body| format!("{:#}", sent(kind, body)));
        if theirs != ours {
            let diff = similar::TextDiff::from_lines(&theirs, &ours);
            wrong.push(format!("{name}\n{}", diff.unified_diff().context_radius(2)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    both.down();
}
