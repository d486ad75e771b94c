//! A real engine through a real `sshd` on loopback, with keys of its own.
//!
//! OpenSSH looks for a user's configuration where the system's list of users says and not at
//! `HOME`; so a word before the real `ssh` names the one that is meant.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ran, World, engine_socket, free_port, live, wait_for};

const SPEC: &str = "project: PROJECT\ncontainers:\n  web: {image: 'PROJECT/app:1', count: 3, match: owned}\n  \
     once: {image: 'PROJECT/app:1', match: owned, detach: false, command: [sh, -c, 'sleep 1; echo done']}\n";

/// Makes a key without a passphrase.
fn key(world: &World, name: &str) -> String {
    let path = world.path(name);
    let mut made = Command::new("ssh-keygen");
    made.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path);
    assert!(made.status().expect("ssh-keygen (Debian's package openssh-client)").success());
    fs::read_to_string(path.with_extension("pub")).unwrap()
}

/// Starts a server that lets in whom it knows; gives its port.
fn server(world: &World) -> u16 {
    let port = free_port();
    let path = |file: &str| world.path(file).display().to_string();
    let public = key(world, "host");
    let own = key(world, "mine");
    key(world, "other");
    let known: Vec<&str> = public.split(' ').take(2).collect();
    world.write("known_hosts", &format!("[127.0.0.1]:{port} {}\n", known.join(" ")));
    world.write("authorized_keys", &own);
    let config = world.write(
        "sshd_config",
        &format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n",
            path("host"),
            path("authorized_keys"),
        ),
    );
    // A server that root starts wants this folder, which a service's unit else makes.
    let _ = fs::create_dir_all("/run/sshd");
    let mut sshd = Command::new("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f"]).arg(config).stdin(Stdio::null()).stdout(Stdio::null());
    let log = fs::File::create(world.path("sshd.log")).unwrap();
    let child = sshd.stderr(log).spawn();
    world.keep(child.expect("sshd (Debian's package openssh-server) can be started"));
    wait_for("sshd", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    port
}

/// Writes a configuration of ssh by which `bay` is that server.
fn client(world: &World, port: u16) {
    let path = |file: &str| world.path(file).display().to_string();
    let own = format!("IdentitiesOnly yes\nUserKnownHostsFile {}\n", path("known_hosts"));
    let place = format!("HostName 127.0.0.1\nPort {port}\n");
    world.write(
        "ssh_config",
        &format!(
            "Host bay\n{place}IdentityFile {mine}\nHost stranger\n{place}IdentityFile {other}\n\
             Host unknown\n{place}UserKnownHostsFile /dev/null\nIdentityFile {mine}\n\
             Host 127.0.0.1\nIdentityFile {mine}\nHost *\n{own}",
            mine = path("mine"),
            other = path("other"),
        ),
    );
    fs::create_dir(world.path("bin")).unwrap();
    let config = path("ssh_config");
    let ssh = world.write("bin/ssh", &format!("#!/bin/sh\nexec /usr/bin/ssh -F {config} \"$@\"\n"));
    fs::set_permissions(ssh, fs::Permissions::from_mode(0o755)).unwrap();
}

fn through(world: &World, host: &str, args: &[&str]) -> Ran {
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", world.path("bin").display());
    let args = [args, &["--host", host]].concat();
    let mut command = world.bayplan(&args);
    Ran::of(&args, &command.env("PATH", path).env_remove("DOCKER_HOST").output().unwrap())
}

#[test]
fn an_engine_is_planned_and_changed_through_ssh() {
    live!();
    let Some(socket) = engine_socket() else { return };
    let world = World::new("ssh");
    world.image("app");
    let port = server(&world);
    client(&world, port);
    world.write("spec.yaml", SPEC);

    let socket = socket.display();
    let bay = format!("ssh://bay{socket}");
    through(&world, &bay, &["plan", "spec.yaml", "-o", "plan.json"]).ok();
    for (host, says) in
        [("stranger", "Permission denied"), ("unknown", "Host key verification failed")]
    {
        let host = format!("ssh://{host}{socket}");
        let began = Instant::now();
        for args in [&["plan", "spec.yaml"][..], &["apply", "plan.json"]] {
            let ran = through(&world, &host, args).exits(8).says(says);
            assert_eq!(ran.stderr.matches(says).count(), 1, "{ran}");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
    let nobody = format!("ssh://bay{socket}.none");
    through(&world, &nobody, &["plan", "spec.yaml"]).exits(8).says("ssh said: ");
    assert_eq!(world.containers(), [""; 0]);

    through(&world, &bay, &["apply", "plan.json"]).ok();
    let made = ["once-1 exited", "web-1 running", "web-2 running", "web-3 running"];
    assert_eq!(world.containers(), made);
    // The same place, in so many words.
    let user = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
    let said = format!("ssh://{user}@127.0.0.1:{port}{socket}");
    through(&world, &said, &["verify", "plan.json"]).ok();
    through(&world, &said, &["plan", "spec.yaml", "--detailed-exitcode"]).ok();
    // It was this way that all of that went, and no other.
    world.end_children();
    through(&world, &bay, &["plan", "spec.yaml"]).exits(8).says("Connection refused");
}
