//! What an engine takes at the create and refuses at the start: each is an error before anything is
//! done, and the engine, asked for it by its own client, does refuse it.

use crate::support::{World, docker, live, own_engine};

/// What is said, as a line of a spec and as arguments of the engine's client.
const REFUSED: &[(&str, &[&str])] = &[
    ("tmpfs: ['/x:mode=99']", &["--tmpfs", "/x:mode=99"]),
    ("tmpfs: ['/x:size=abc']", &["--tmpfs", "/x:size=abc"]),
    ("tmpfs: ['/x:nr_inodes=x']", &["--tmpfs", "/x:nr_inodes=x"]),
    ("tmpfs: ['/x:uid=root']", &["--tmpfs", "/x:uid=root"]),
    ("tmpfs: ['/:size=1m']", &["--tmpfs", "/:size=1m"]),
    ("shm_size: -1", &["--shm-size", "-1"]),
    ("user: '-1'", &["--user", "-1"]),
    ("user: '99999999999'", &["--user", "99999999999"]),
    ("group_add: ['-1']", &["--group-add", "-1"]),
    ("sysctls: {net.core.somaxconn: many}", &["--sysctl", "net.core.somaxconn=many"]),
    ("sysctls: {kernel.shmmax: x}", &["--sysctl", "kernel.shmmax=x"]),
    ("sysctls: {vm.swappiness: 1}", &["--sysctl", "vm.swappiness=1"]),
    ("sysctls: {net.core.rmem_max: 99999}", &["--sysctl", "net.core.rmem_max=99999"]),
    ("sysctls: {net.ipv4.udp_mem: 1 2 3}", &["--sysctl", "net.ipv4.udp_mem=1 2 3"]),
    (
        "sysctls: {net.ipv4.neigh.default.gc_thresh1: 9}",
        &["--sysctl", "net.ipv4.neigh.default.gc_thresh1=9"],
    ),
    (
        "sysctls: {net.netfilter.nf_conntrack_max: 9}",
        &["--sysctl", "net.netfilter.nf_conntrack_max=9"],
    ),
    ("sysctls: {net.ipv4.conf.eth1.rp_filter: 2}", &["--sysctl", "net.ipv4.conf.eth1.rp_filter=2"]),
    ("volumes: ['/etc:/proc']", &["--volume", "/etc:/proc"]),
    ("volumes: ['/etc:/proc/x']", &["--volume", "/etc:/proc/x"]),
    ("volumes: [/proc/sys]", &["--volume", "/proc/sys"]),
    ("tmpfs: [/proc]", &["--tmpfs", "/proc"]),
    ("tmpfs: [/proc/x]", &["--tmpfs", "/proc/x"]),
    ("tmpfs: [/dev]", &["--tmpfs", "/dev"]),
    ("devices: ['/dev/null:/proc/x']", &["--device", "/dev/null:/proc/x"]),
    ("devices: ['/dev/null:/sys/x']", &["--device", "/dev/null:/sys/x"]),
    ("security_opt: ['systempaths=all']", &["--security-opt", "systempaths=all"]),
    ("command: ['']", &[]),
    ("ports: ['[fe80::1]::80']", &["--publish", "[fe80::1]::80"]),
    ("logging: {driver: json-file, options: {max-size: abc}}", &["--log-opt", "max-size=abc"]),
    ("logging: {driver: json-file, options: {max-file: '0'}}", &["--log-opt", "max-file=0"]),
    ("logging: {driver: json-file, options: {compress: x}}", &["--log-opt", "compress=x"]),
    ("logging: {driver: json-file, options: {whatever: a}}", &["--log-opt", "whatever=a"]),
    ("logging: {driver: json-file, options: {tag: '{{'}}", &["--log-opt", "tag={{"]),
    ("logging: {driver: json-file, options: {mode: foo}}", &["--log-opt", "mode=foo"]),
    (
        "logging: {driver: json-file, options: {max-buffer-size: 4m}}",
        &["--log-opt", "max-buffer-size=4m"],
    ),
    (
        "logging: {driver: local, options: {tag: a}}",
        &["--log-driver", "local", "--log-opt", "tag=a"],
    ),
    (
        "logging: {driver: syslog, options: {syslog-facility: foo}}",
        &["--log-driver", "syslog", "--log-opt", "syslog-facility=foo"],
    ),
];

#[test]
fn what_an_engine_would_refuse_is_refused_before_it_is_asked() {
    live!();
    let world = World::new("refused");
    let image = world.image("app");
    let mut wrong = Vec::new();
    for (said, arguments) in REFUSED {
        let spec = format!(
            "project: PROJECT\ncontainers:\n  a:\n    name: PROJECT-a\n    image: PROJECT/app:1\n    {said}\n"
        );
        let ran = world.plan(&spec);
        if ran.code != 1 {
            wrong.push(format!("{said}: {ran}"));
        }
        let name = world.name("b");
        let log: &[&str] =
            if said.contains("json-file") { &["--log-driver", "json-file"] } else { &[] };
        let command: &[&str] = if said.starts_with("command") { &[""] } else { &[] };
        let run = [&["run", "-d", "--name", &name], log, arguments, &[&image], command].concat();
        if docker(&run).status.success() {
            wrong.push(format!("{said}: the engine takes it"));
        }
        docker(&["rm", "-f", "-v", &name]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.containers(), Vec::<String>::new());
}

/// Whoever plans beside the engine knows what its host has; of another host the engine does not tell.
#[test]
fn what_the_host_lacks_is_told_before_a_container_is_stopped() {
    live!();
    let world = World::new("hostlacks");
    world.image("app");
    let spec = |more: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  a: {{name: PROJECT-a, image: 'PROJECT/app:1', state: \
             reloaded{more}}}\n"
        )
    };
    world.converge(&spec(""));
    let port = crate::support::free_port();
    let address = spec(&format!(", ports: ['192.0.2.7:{port}:80']"));
    if own_engine() {
        drop(world.plan(&address).exits(1).says("192.0.2.7, which is no address of the host"));
        let device = spec(", devices: [/dev/no-such-device]");
        drop(world.plan(&device).exits(1).says("no device `/dev/no-such-device`"));
    } else {
        drop(world.plan(&address).ok().says("does not have that address"));
    }
    let fine = spec(&format!(", ports: ['127.0.0.1:{port}:80'], devices: [/dev/null]"));
    world.converge(&fine);
    world.settled(&fine);
}
