//! Every option of the table's first part: create, nothing left to do, change, exactly that
//! reason, replace, nothing left to do.

use serde_json::Value as Json;

use crate::support::{World, live};

/// The spec of one container with these options.
pub(crate) fn spec(image: &str, options: &str) -> String {
    let options = options.lines().fold(String::new(), |all, line| all + "    " + line + "\n");
    format!(
        "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/{image}\n    \
         state: reloaded\n    match: owned\n    discard: true\n{options}"
    )
}

/// Goes the whole way with two sets of options of which one option differs; a new container comes
/// of it.
pub(crate) fn walk(world: &World, image: &str, option: &str, first: &str, second: &str) {
    let (old, new) = go(world, image, option, ("replace", first, second));
    assert_ne!(new, old);
}

/// The same, and the container stays.
fn in_place(world: &World, image: &str, option: &str, first: &str, second: &str) {
    let (old, new) = go(world, image, option, ("update", first, second));
    assert_eq!(new, old);
}

fn go(
    world: &World,
    image: &str,
    option: &str,
    (verb, first, second): (&str, &str, &str),
) -> (String, String) {
    world.converge(&spec(image, first));
    world.settled(&spec(image, first));
    crate::import::of_project(world);
    let old = world.id(&world.name("web-1"));

    world.plan(&spec(image, second)).ok();
    let plan = world.plan_json();
    let changes = changes_of(&plan, verb);
    assert_eq!(changes.len(), 1, "{plan:#}");
    let reasons = changes[0]["reasons"].as_array().unwrap();
    let told: Vec<&str> = reasons.iter().filter_map(|reason| reason["option"].as_str()).collect();
    assert_eq!(told, [option], "exactly one reason: {reasons:#?}");

    world.apply().ok();
    world.settled(&spec(image, second));
    (old, world.id(&world.name("web-1")))
}

pub(crate) fn changes_of<'a>(plan: &'a Json, verb: &str) -> Vec<&'a Json> {
    plan["changes"].as_array().unwrap().iter().filter(|change| change["do"] == verb).collect()
}

/// One test an option: the option's key, options before, options after.
macro_rules! options {
    ($how:ident: $($name:ident: $option:literal, $first:literal => $second:literal;)*) => {$(
        #[test]
        fn $name() {
            live!();
            let world = World::new(stringify!($name));
            world.image("app");
            $how(&world, "app:1", $option, $first, $second);
        }
    )*};
}

options! { in_place:
    mem_limit: "mem_limit", "mem_limit: 64m" => "memory_limit: 96m";
    mem_limit_lowered: "mem_limit", "mem_limit: 96m" => "mem_limit: 64m";
    mem_limit_put_in: "mem_limit", "" => "mem_limit: 64m";
    mem_limit_from_unlimited_swap: "memswap_limit", "mem_limit: 64m\nmemswap_limit: -1" => "mem_limit: 64m\nmemswap_limit: 96m";
    mem_reservation: "mem_reservation", "mem_limit: 64m" => "mem_limit: 64m\nmem_reservation: 32m";
    cpus: "cpus", "cpus: 0.5" => "cpus: 1";
    cpu_shares: "cpu_shares", "cpu_shares: 512" => "cpu_shares: 2048";
    cpu_quota: "cpu_quota", "cpu_quota: 50ms" => "cpu_quota: 60000";
    cpu_period: "cpu_period", "cpu_quota: 50000" => "cpu_quota: 50000\ncpu_period: 50ms";
    cpuset: "cpuset", "" => "cpuset: \"0\"";
    cpuset_mems: "cpuset_mems", "" => "cpuset_mems: \"0\"";
    pids_limit: "pids_limit", "pids_limit: 100" => "pids_limit: 50";
    pids_limit_taken_out: "pids_limit", "pids_limit: 100" => "";
    restart: "restart", "restart: \"on-failure:3\"" => "restart: always";
    restart_taken_out: "restart", "restart: always" => "";
    restart_retries: "restart", "restart: \"on-failure:3\"" => "restart_policy: on-failure\nrestart_policy_retry: 5";
}

options! { walk:
    memswap_limit_unlimited: "memswap_limit", "mem_limit: 64m" => "mem_limit: 64m\nmemswap_limit: -1";
    mem_reservation_taken_out: "mem_reservation", "mem_reservation: 64m" => "";
    mem_swappiness: "mem_swappiness", "mem_swappiness: 10" => "mem_swappiness: 0";
    cpu_quota_taken_out: "cpu_quota", "cpu_quota: 50000" => "";
    cpus_taken_out: "cpus", "cpus: 0.5" => "";
    cpu_shares_taken_out: "cpu_shares", "cpu_shares: 512" => "";
    cpuset_taken_out: "cpuset", "cpuset: \"0\"" => "";
    command: "command", "command: [app, --port, \"1\"]" => "command: app --port '2 3'";
    entrypoint: "entrypoint", "entrypoint: [app]\ncommand: [x]" => "entrypoint: [sh, /bin/app]\ncommand: [x]";
    expose: "expose", "expose: [\"9000\"]" => "expose: [\"9000\", \"9001/udp\"]";
    publish_all_ports: "publish_all_ports", "expose: [\"9000\"]" => "expose: [\"9000\"]\npublish_all_ports: true";
    volumes: "volumes", "volumes: [\"PROJECT-v:/data\"]" => "volumes: [\"PROJECT-v:/data:ro\"]";
    volumes_bind: "volumes", "volumes: [\"/tmp:/host:ro\"]" => "volumes: [\"/tmp:/host\"]";
    volumes_anonymous: "volumes", "volumes: [\"/data\"]" => "volumes: [\"/data\", \"/more\"]";
    mem_limit_taken_out: "mem_limit", "mem_limit: 64m" => "";
    environment: "environment", "environment: {A: \"1\", B: \"1\"}" => "env: {A: \"2\", C: \"1\"}";
    environment_taken_out: "environment", "environment: {A: \"1\"}" => "";
    hostname: "hostname", "hostname: one" => "hostname: two";
    hostname_taken_out: "hostname", "hostname: one" => "";
    domainname: "domainname", "domainname: a.example" => "domainname: b.example";
    stdin_open: "stdin_open", "" => "stdin_open: true";
    tty: "tty", "tty: true" => "tty: false";
    network_mode: "network_mode", "network_mode: bridge" => "net: none";
    dns: "dns", "dns: 10.0.0.53" => "dns: [10.0.0.53, 10.0.0.54]";
    healthcheck: "healthcheck", "healthcheck: {test: [CMD, 'true'], interval: 1s}" => "healthcheck: {test: 'true', interval: 1s, retries: 2}";
    healthcheck_taken_out: "healthcheck", "healthcheck: {test: [CMD, 'true'], interval: 1s}" => "";
    logging: "logging", "logging: {options: {max-size: 1m}}" => "logging: {driver: json-file, options: {max-size: 2m}}";
    logging_taken_out: "logging", "logging: {driver: none}" => "";
    stdin_once: "stdin_once", "stdin_open: true" => "stdin_open: true\nstdin_once: true";
    ulimits: "ulimits", "ulimits: {nofile: 1024}" => "ulimits: {nofile: {soft: 512, hard: 1024}, core: 0}";
    oom_score_adj: "oom_score_adj", "oom_score_adj: 500" => "";
    oom_kill_disable: "oom_kill_disable", "mem_limit: 64m" => "mem_limit: 64m\noom_kill_disable: true";
    devices: "devices", "devices: ['/dev/null:/dev/zilch']" => "devices: ['/dev/null:/dev/zilch:r']";
    devices_taken_out: "devices", "devices: [/dev/fuse]" => "";
    device_cgroup_rules: "device_cgroup_rules", "" => "device_cgroup_rules: ['c 1:3 rm']";
    sysctls: "sysctls", "sysctls: {net.core.somaxconn: 512}" => "sysctls: [net.core.somaxconn=1024]";
    sysctls_taken_out: "sysctls", "sysctls: {net.core.somaxconn: 512}" => "";
    pid: "pid", "" => "pid: host";
    ipc: "ipc", "ipc: shareable" => "ipc: private";
    ipc_taken_out: "ipc", "ipc: host" => "";
    uts: "uts", "uts: host" => "";
    userns_mode: "userns_mode", "" => "userns_mode: host";
    cgroup: "cgroup", "cgroup: host" => "cgroup: private";
    cgroup_parent: "cgroup_parent", "" => "cgroup_parent: /bplive";
    security_opt_paths: "security_opt", "" => "security_opt: [systempaths=unconfined]";
    deploy: "ulimits", "deploy: {resources: {limits: {memory: 64m}}}" => "mem_limit: 64m\nulimits: {core: 0}";
    blkio_config: "blkio_config", "blkio_config: {device_read_bps: [{path: /dev/vda, rate: 12mb}]}" => "blkio_config: {device_write_iops: [{path: /dev/vda, rate: 300}]}";
    read_only: "read_only", "read_only: true" => "";
    cap_add: "cap_add", "cap_add: [NET_ADMIN]" => "cap_add: [cap_net_admin, SYS_TIME]";
    cap_drop: "cap_drop", "" => "cap_drop: [ALL]";
    dns_search: "dns_search", "dns_search: a.example" => "dns_search: [b.example, a.example]";
    dns_opt: "dns_opt", "dns_opt: [\"ndots:2\"]" => "";
    extra_hosts: "extra_hosts", "extra_hosts: {db: 10.0.0.5}" => "extra_hosts: [\"db:10.0.0.6\"]";
    user: "user", "user: 0" => "user: \"1000:1000\"";
    group_add: "group_add", "" => "group_add: [999]";
    working_dir: "working_dir", "working_dir: /bin" => "working_dir: /srv/app";
    volume_driver: "volume_driver", "volumes: [/data]" => "volumes: [/data]\nvolume_driver: local";
    shm_size: "shm_size", "shm_size: 32m" => "";
    tmpfs: "tmpfs", "tmpfs: [\"/tmp:size=8m\"]" => "tmpfs: [/run, \"/tmp:size=8m\"]";
    init: "init", "" => "init: true";
    stop_signal: "stop_signal", "stop_signal: int" => "stop_signal: TERM";
    runtime: "runtime", "" => "runtime: io.containerd.runc.v2";
    labels: "labels", "labels: {tier: front}" => "labels: [tier=back, team=red]";
}

#[test]
fn several_options_are_one_update_of_the_running_container() {
    live!();
    let world = World::new("one-update");
    world.image("app");
    let first = spec("app:1", "mem_limit: 64m\ncpus: 0.5\nrestart: always");
    let second = spec("app:1", "mem_limit: 96m\ncpus: 1\nrestart: \"no\"\npids_limit: 50");
    world.converge(&first);
    let before = world.inspect(&world.name("web-1"));
    world.plan(&second).ok().says("1 to update").says("changed in place");
    world.apply().ok().says("updated 1 container.");
    let after = world.inspect(&world.name("web-1"));
    for field in ["Id", "State"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(after["HostConfig"]["MemorySwap"], 192 << 20, "twice the memory");
    world.settled(&second);
    // The same plan again: at its goal.
    world.apply().ok().says("already as declared");
}

#[test]
fn an_update_that_the_engine_refuses_is_refused_by_the_plan() {
    live!();
    let world = World::new("update-refused");
    world.image("app");
    world.converge(&spec("app:1", "cpus: 0.5"));
    let name = world.name("web-1");
    let beyond = crate::support::docker(&["update", "--cpus", "4096", &name]);
    assert!(!beyond.status.success(), "the engine takes it");
    for (options, told) in
        [("cpus: 4096", "expected `cpus` of at most"), ("cpuset: \"4096\"", "from 0 to")]
    {
        let ran = world.plan(&spec("app:1", options)).exits(1).says(told);
        drop(ran.says("the engine has"));
    }
}

#[test]
fn a_limit_that_moves_between_plan_and_apply_is_stale() {
    live!();
    let world = World::new("update-stale");
    world.image("app");
    world.converge(&spec("app:1", "mem_limit: 64m"));
    let second = spec("app:1", "mem_limit: 96m");
    world.plan(&second).ok();
    let name = world.name("web-1");
    world.docker(&["update", "--memory", "80m", "--memory-swap", "160m", &name]);
    drop(world.apply().exits(3).says("[container_settings]").says("nothing was changed"));
    // Somebody did what the plan is for: nothing is left to do.
    world.docker(&["update", "--memory", "96m", "--memory-swap", "192m", &name]);
    world.apply().ok().says("already as declared");
    world.settled(&second);
}

#[test]
fn ports() {
    live!();
    let world = World::new("ports");
    world.image("app");
    let port = crate::support::free_port();
    let bound = |address: &str| format!("ports: [\"{address}{port}:80\", \"81\"]");
    walk(&world, "app:1", "ports", &bound("127.0.0.1:"), &bound(""));
    // A random port that the engine chose is no difference, whichever it is after a restart.
    world.docker(&["restart", &world.name("web-1")]);
    world.settled(&spec("app:1", &bound("")));
}

#[test]
fn env_file() {
    live!();
    let world = World::new("env-file");
    world.image("app");
    world.write("app.env", "LEVEL=info\nTOKEN=one\n");
    world.converge(&spec("app:1", "env_file: app.env"));
    world.settled(&spec("app:1", "env_file: app.env"));
    world.write("app.env", "LEVEL=info\nTOKEN=two\n");
    let ran = world.plan(&spec("app:1", "env_file: app.env")).ok().says("TOKEN");
    drop(ran.never_says("two"));
    world.apply().ok();
    world.settled(&spec("app:1", "env_file: app.env"));
    let env = world.inspect(&world.name("web-1"))["Config"]["Env"].to_string();
    assert!(env.contains("TOKEN=two"), "{env}");
}

#[test]
fn image_by_id_and_what_it_hands_down() {
    live!();
    let world = World::new("image");
    let changes = ["ENV MODE=one", "EXPOSE 8080", "VOLUME /cache", "LABEL vendor=acme"];
    world.image_with("app", "1", &changes);
    let declared = spec("app:1", "environment: {A: \"1\"}\nlabels: {tier: front}");
    world.converge(&declared);
    world.settled(&declared);

    // The tag means another image now; what it hands down changes with it.
    world.image_with("app", "1", &["ENV MODE=two", "EXPOSE 9090", "VOLUME /cache"]);
    world.plan(&declared).ok();
    let plan = world.plan_json();
    let reasons = changes_of(&plan, "replace")[0]["reasons"].as_array().unwrap().clone();
    let of = |option: &str| reasons.iter().find(|reason| reason["option"] == option);
    assert!(of("image").is_some(), "{reasons:#?}");
    assert_eq!(of("environment").unwrap()["origin"], "image", "{reasons:#?}");
    world.apply().ok();
    world.settled(&declared);
    let env = world.inspect(&world.name("web-1"))["Config"]["Env"].to_string();
    assert!(env.contains("MODE=two") && env.contains("A=1"), "{env}");
}

#[test]
fn links_and_volumes_from() {
    live!();
    let world = World::new("relations");
    world.image("app");
    world.image("store");
    let with = |relations: &str| {
        format!(
            "{}  store:\n    image: PROJECT/store:1\n    match: owned\n    volumes: [\"PROJECT-s:/shared\"]\n    discard: true\n",
            spec("app:1", relations)
        )
    };
    let first = with("links: [\"store:one\"]");
    world.converge(&first);
    world.settled(&first);
    for (option, options) in [
        ("links", "links: [\"store:two\"]"),
        ("volumes_from", "links: [\"store:two\"]\nvolumes_from: [store]"),
    ] {
        let next = with(options);
        world.plan(&next).ok();
        let plan = world.plan_json();
        let reasons = &changes_of(&plan, "replace")[0]["reasons"];
        assert_eq!(reasons[0]["option"], option, "{plan:#}");
        assert_eq!(reasons.as_array().map(Vec::len), Some(1), "{reasons:#}");
        world.apply().ok();
        world.settled(&next);
    }
}

#[test]
fn privileged_is_compared_and_dangerous() {
    live!();
    let world = World::new("privileged");
    world.image("app");
    // Created only: an old engine on a new kernel cannot start such a container.
    let declared = |value: bool| {
        spec("app:1", &format!("privileged: {value}")).replace("state: reloaded", "state: present")
    };
    world.plan(&declared(true)).ok().says("privileged");
    let plan = world.plan_json();
    assert_eq!(plan["changes"][0]["danger"][0], "privileged", "{plan:#}");
    world.apply().ok();
    world.settled(&declared(true));
    world.plan(&declared(false)).ok();
    let plan = world.plan_json();
    let differences = &plan["sets"]["web"]["matched"][0]["differences"];
    assert_eq!(differences[0]["option"], "privileged", "{plan:#}");
}

#[test]
fn lxc_conf_is_refused_with_the_reason() {
    let world = World::new("lxc");
    let ran = world.plan(&spec("app:1", "lxc_conf: {a: b}"));
    drop(ran.exits(1).says("lxc_conf").says("LXC driver"));
}
