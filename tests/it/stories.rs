//! Options that an engine shows in another place, or that depend on one another: a container is made,
//! changed and imported on the simulated engine, and each step has exactly the reasons it should.

use std::collections::BTreeMap;

use bayplan::base::ident::ProjectName;
use bayplan::engine::observe;
use bayplan::import;
use bayplan::observed::pick::Pick;
use bayplan::observed::redact::{Literal, Redactor, Unredacted};
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::Snapshot;
use bayplan::plan::Verb;
use bayplan::planner::{Input, Pins, build};
use bayplan::spec::{Spec, read};

use crate::made::block;
use crate::row_walks::{converge, engine, plan};

/// A spec of a container `web` of which these lines are said, beside another one.
fn spec(web: &str) -> Spec {
    let web: Vec<String> = web.lines().map(|line| format!("    {}\n", line.trim())).collect();
    let web = web.concat();
    let text = format!(
        "project: shop\nnetworks: {{default: , a-front: {{name: a-front}}}}\ncontainers:\n  db: {{name: shop-db, image: 'app:1', ipc: shareable, \
         hostname: db1, domainname: example.com}}\n  web:\n    name: shop-web\n    \
         image: app:1\n    state: reloaded\n{web}"
    );
    let told = |problems: Vec<bayplan::syntax::node::Problem>| format!("{problems:?}\n{text}");
    read::text(&text, &read::Files::new()).map_err(told).unwrap()
}

/// Goes through what is said of `web` one after the other; each with the options whose differences
/// that makes. What is there after each is imported, and a plan of that is empty. Gives the last
/// import.
fn story(steps: &[(&str, &[&str])]) -> String {
    let engine = engine();
    let mut last = String::new();
    for (web, told) in steps {
        let (_, options) = block(converge(&engine, &spec(web))).unwrap();
        assert_eq!(options, *told, "{web}");
        let look = block(observe::observe(&engine, &ObservationScope::of(&spec(web)))).unwrap();
        last = imported(look);
    }
    last
}

/// What `import` writes of it.
fn imported(look: Unredacted) -> String {
    let literal = Literal { all: true, ..Literal::default() };
    let (snapshot, picked) = import::redact(look, &Pick::Project("shop".to_owned()), &literal);
    let imported = import::import(&snapshot, &picked, &ProjectName::new("shop")).unwrap();
    assert_eq!(imported.refused, [], "{}", imported.text);
    assert_eq!(planned(&imported.spec, &snapshot), "", "{}", imported.text);
    imported.text
}

/// What a plan would do.
fn planned(spec: &Spec, snapshot: &Snapshot) -> String {
    let pins = Pins::default();
    let built = build(&Input { spec, snapshot, assume: false, pins, source: None });
    assert_eq!(built.errors, []);
    let sets = built.plan.sets.values().flat_map(|set| &set.matched);
    let differences: Vec<_> = sets.flat_map(|matched| &matched.differences).collect();
    let changes = &built.plan.changes;
    if changes.is_empty() && differences.is_empty() {
        return String::new();
    }
    format!("{changes:?} {differences:?}")
}

/// The lines that an import has of `web`, beside those that every one has.
fn of_web(text: &str) -> Vec<&str> {
    let web = text.split("\n  web:\n").nth(1).unwrap_or_default();
    let usual = ["name:", "image:", "state:", "depends_on:", "match:"];
    web.lines()
        .map(str::trim)
        .filter(|line| !usual.iter().any(|key| line.starts_with(key)))
        .collect()
}

#[test]
fn names_that_come_with_anothers_network_are_no_difference() {
    let text = story(&[
        ("network_mode: service:db", &[]),
        ("network_mode: service:db\ninit: true", &["init"]),
        ("domainname: example.com", &["domainname", "network_mode", "init"]),
    ]);
    assert_eq!(of_web(&text), ["domainname: example.com"]);
}

#[test]
fn links_on_networks_that_users_made_are_compared_and_imported() {
    let text = story(&[
        ("networks: [back]\nlinks: [\"db:sql\"]", &[]),
        ("networks: [back]\nlinks: [\"db:base\"]", &["links"]),
        ("networks: [back]\nlinks: [\"db:base\", db]", &["links"]),
        ("networks: [back]", &["links"]),
        ("network_mode: back\nlinks: [db]", &["links"]),
        ("networks: [back, front]\nlinks: [db]", &["networks"]),
        ("networks: [front]\nlinks: [db]", &["networks"]),
        ("links: [db]", &["network_mode"]),
        ("networks: [back]\nlinks: [\"db:sql\"]", &["networks", "links"]),
    ]);
    assert_eq!(of_web(&text), ["networks: [back]", "links: [db:sql]"]);
}

/// On an engine that names under `Config` what was asked for.
#[test]
fn an_address_of_a_network_card_is_told_once_where_it_was_said() {
    let said =
        |mac: &str| format!("networks: [back, front]\nmac_address: \"02:42:ac:11:00:{mac}\"");
    let there = |on: &str, mac: &str| {
        let one =
            |name: &str, mac: &str| format!("{name}: {{mac_address: \"02:42:ac:11:00:{mac}\"}}");
        format!("networks: {{back: , front: , {}}}", one(on, mac)).replace(&format!("{on}: , "), "")
    };
    let text = story(&[
        (&said("01"), &[]),
        (&said("02"), &["mac_address"]),
        ("networks: [back, front]", &["mac_address"]),
        (&there("back", "03"), &["networks"]),
        (&there("back", "04"), &["networks"]),
        ("networks: [back, front]", &["mac_address"]),
        // Of a network that it is not created in, an engine tells no wish.
        (&there("front", "05"), &["networks"]),
        (&there("front", "06"), &["networks"]),
        ("networks: [back, front]", &[]),
        (&said("07"), &["mac_address"]),
    ]);
    let expected = ["networks: [back, front]", "mac_address: \"02:42:ac:11:00:07\""];
    assert_eq!(of_web(&text), expected);
    // It is lost with its network, too, and both are told.
    let told = ["network_mode", "mac_address"];
    story(&[(&said("01"), &[]), ("init: true", &[&told[..], &["init"]].concat())]);
}

#[test]
fn labels_of_security_modules_are_missed_unless_an_engine_adds_them() {
    let text = story(&[
        ("security_opt: [\"label:type:shop_t\", \"label:level:s0:c100\"]", &[]),
        ("security_opt: [\"label:type:shop_t\"]", &["security_opt"]),
        ("init: true", &["security_opt", "init"]),
        ("security_opt: [\"label:disable\"]", &["security_opt", "init"]),
        ("privileged: true", &["privileged", "security_opt"]),
        ("pid: host", &["privileged", "pid"]),
        ("ipc: host\nsecurity_opt: [\"label:disable\"]", &["pid", "ipc"]),
        ("ipc: service:db", &["ipc"]),
        ("security_opt: [\"label:type:shop_t\"]", &["security_opt", "ipc"]),
    ]);
    assert_eq!(of_web(&text), ["security_opt: [label=type:shop_t]"]);
}

#[test]
fn requests_for_devices_have_the_capabilities_that_were_asked_for() {
    let deployed = |capabilities: &str| {
        format!(
            "deploy: {{resources: {{reservations: {{devices: [{{driver: acme, count: 1, \
             capabilities: {capabilities}}}]}}}}}}"
        )
    };
    let text = story(&[
        ("gpus: all", &[]),
        ("gpus: [{capabilities: [gpu]}]", &[]),
        ("gpus: [{driver: acme, count: 1, capabilities: [tpu]}]", &["gpus"]),
        (&deployed("[tpu, gpu]"), &[]),
        (&deployed("[tpu]"), &["gpus"]),
        ("gpus: [{driver: acme, count: 1, capabilities: [[tpu]]}]", &[]),
    ]);
    assert_eq!(of_web(&text), ["gpus: [{capabilities: [[tpu]], count: 1, driver: acme}]"]);
    assert_eq!(of_web(&story(&[("gpus: all", &[])])), ["gpus: all"]);
}

#[test]
fn words_of_compose_mean_what_they_do_there() {
    let text = story(&[
        ("networks: [default]\nexternal_links: [\"shop-db:sql\"]", &[]),
        ("networks: {shop_default: }\nlinks: [\"db:sql\"]", &[]),
        ("networks: [default]\nlinks: [\"db:sql\"]\ntmpfs: \"/t:size=1m\"", &["tmpfs"]),
        ("networks: [default]\nlinks: [\"db:sql\"]\ntmpfs: \"/t:size=1024k\"", &[]),
        ("networks: [default]\nlinks: [\"db:sql\"]\ncpu_quota: 5000", &["tmpfs", "cpu_quota"]),
        ("networks: [default]\nlinks: [\"db:sql\"]\ncpu_quota: -1", &["cpu_quota"]),
        ("networks: [default]\nlinks: [\"db:sql\"]\nmem_swappiness: -1\ncpu_quota: 0", &[]),
        ("networks: {default: {interface_name: eth9}}\nlinks: [\"db:sql\"]", &["networks"]),
    ]);
    let interface = "shop_default: {driver_opts: {com.docker.network.endpoint.ifname: eth9}}";
    assert_eq!(of_web(&text), ["networks:", interface, "links: [db:sql]"]);
}

#[test]
fn a_network_called_default_is_one_that_the_root_declares() {
    let text = "project: shop\ncontainers: {web: {image: 'app:1', networks: [default]}}";
    let spec = read::text(text, &read::Files::new()).unwrap();
    let errors = block(plan(&engine(), &spec)).errors;
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert_eq!(error.code, "network_missing");
    let hint = "declare it under `networks` at the root, or create it there";
    assert_eq!((error.message.contains("`default"), error.hint.as_str()), (true, hint));
}

/// Goes through what is said of `web` one after the other, each with the options whose differences
/// that makes and what is done about them.
fn done_about(steps: &[(&str, Option<Verb>, &[&str])]) {
    let engine = engine();
    for (web, verb, told) in steps {
        let (did, options) = block(converge(&engine, &spec(web))).unwrap();
        assert_eq!((did, options.as_slice()), (*verb, strings(told).as_slice()), "{web}");
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What bayplan itself created, where a set asks for a superset of what it declares.
#[test]
fn a_superset_ignores_what_is_more_and_misses_what_is_not_there() {
    for (key, more, less, other) in [
        ("ulimits", "{nofile: 64, core: -1}", "{nofile: 64}", "{nofile: 65}"),
        (
            "logging",
            "{driver: json-file, options: {max-size: 1m, max-file: 3}}",
            "{driver: json-file, options: {max-size: 1m}}",
            "{driver: json-file, options: {max-size: 2m}}",
        ),
        ("labels", "{a: b, c: d}", "{a: b}", "{a: c}"),
        ("environment", "{A: b, C: d}", "{A: b}", "{A: c}"),
        ("healthcheck", "{test: 'true', retries: 3}", "{test: 'true'}", "{disable: true}"),
        ("healthcheck", "{test: 'true', retries: 3}", "{retries: 3}", "{retries: 4}"),
        ("cap_add", "[NET_ADMIN, SYS_TIME]", "[SYS_TIME]", "[SYS_TIME, MKNOD]"),
        ("ports", "['80', '81']", "['80']", "['80', '82']"),
        ("tmpfs", "[/a, /b]", "[/a]", "['/a:size=1m']"),
        (
            "sysctls",
            "{net.core.somaxconn: 2, net.ipv4.ip_forward: 1}",
            "{net.core.somaxconn: 2}",
            "{net.core.somaxconn: 3}",
        ),
        ("extra_hosts", "['a:10.0.0.1', 'b:10.0.0.2']", "['a:10.0.0.1']", "['a:10.0.0.3']"),
        (
            "blkio_config",
            "{weight: 300, device_read_iops: [{path: /dev/sda, rate: 9}]}",
            "{device_read_iops: [{path: /dev/sda, rate: 9}]}",
            "{device_read_iops: [{path: /dev/sda, rate: 8}]}",
        ),
    ] {
        for compared in [key, "'*'"] {
            let said = |value: &str| format!("compare: {{{compared}: superset}}\n{key}: {value}");
            done_about(&[
                (&said(more), Some(Verb::Create), &[]),
                (&said(less), None, &[]),
                (&said(other), Some(Verb::Replace), &[key]),
            ]);
        }
    }
}

/// What nobody mentions of a network is more, and a network that is missing is connected.
#[test]
fn a_superset_of_networks_connects_and_never_takes_off() {
    let said = |networks: &str| format!("compare: {{networks: superset}}\nnetworks: {networks}");
    done_about(&[
        (&said("{back: {aliases: [db, sql]}}"), Some(Verb::Create), &[]),
        (&said("{back: {aliases: [db]}}"), None, &[]),
        (&said("{back: }"), None, &[]),
        // It stays on the network that it was created in, whichever is the first one now.
        (&said("{a-front: , back: {aliases: [sql]}}"), Some(Verb::Update), &["networks"]),
        (&said("[a-front]"), None, &[]),
        (&said("[default]"), Some(Verb::Update), &["networks"]),
        (&said("{back: {aliases: [db, other]}}"), Some(Verb::Replace), &["networks"]),
        (&said("{back: {ipv4_address: 10.9.0.7}}"), Some(Verb::Replace), &["networks"]),
    ]);
    // Of a container that was made on no such network the same is true.
    done_about(&[
        ("init: true", Some(Verb::Create), &[]),
        (&format!("init: true\n{}", said("[back]")), Some(Verb::Update), &["networks"]),
        ("init: true\nnetworks: [back]", Some(Verb::Replace), &["networks"]),
    ]);
}

/// What the host has of that which a container needs is known where it can be looked at; where it
/// cannot, an address is a warning.
#[test]
fn an_address_and_a_device_that_the_host_lacks_are_errors_before_anything_is_done() {
    let engine = engine();
    let spec = spec("ports: ['192.0.2.7:80:80']\ndevices: [/dev/nope]");
    let wanted = ObservationScope::of(&spec);
    let asked: Vec<&str> = wanted.sources().iter().map(String::as_str).collect();
    assert_eq!(asked, ["/dev/nope", "192.0.2.7"]);
    let look = block(observe::observe(&engine, &wanted)).unwrap();
    let mut snapshot = look.redact(&Redactor::new(Some(&spec), BTreeMap::new()));
    let codes = |snapshot: &Snapshot| {
        let pins = Pins::default();
        let built = build(&Input { spec: &spec, snapshot, assume: false, pins, source: None });
        let errors: Vec<&str> = built.errors.iter().map(|error| error.code).collect();
        let warnings: Vec<String> =
            built.plan.warnings.into_iter().map(|warning| warning.code).collect();
        (errors, warnings)
    };
    assert_eq!(codes(&snapshot), (vec![], vec!["host_address".to_owned()]));
    let mut known = |there: bool| {
        for what in &asked {
            snapshot.sources.insert((*what).to_owned(), there);
        }
        codes(&snapshot)
    };
    assert_eq!(known(true), (vec![], vec![]));
    assert_eq!(known(false), (vec!["device_missing", "host_address"], vec![]));
}
