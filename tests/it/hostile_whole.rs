//! Whole specs that ask for very much in few letters: each is refused, or planned quickly.
//!
//! What one option may say is `hostile_spec`'s; here sets, containers, files and Compose files
//! multiply.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bayplan::base::ident::ImageId;
use bayplan::observed::snapshot::{EngineRecord, Snapshot};
use bayplan::planner::{Built, Input, Pins, build};
use bayplan::spec::read;
use bayplan::syntax::problems;
use serde_json::json;

use crate::effort::Effort;
use crate::made::block;
use crate::program::{Ran, run};
use crate::row_walks;
use crate::row_walks::converge;

/// Of processor time, in debug mode; a release build needs less than a tenth of it.
const QUICKLY: Duration = Duration::from_secs(20);

/// One line for each number, after a head.
fn many(head: &str, numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for number in numbers {
        let _ = writeln!(text, "{}", line(number));
    }
    text
}

const HEAD: &str = "project: p\ncontainers:\n";

/// An engine that has the image `x` and nothing else.
fn engine() -> Snapshot {
    let id = ImageId::new(format!("sha256:{}", "1".repeat(64)));
    let image = json!({"Id": id, "RepoTags": ["x:latest"], "Os": "linux", "Architecture": "amd64",
        "Config": {"Cmd": ["serve"]}});
    Snapshot {
        engine: Some(EngineRecord {
            version: json!({"ApiVersion": "1.51", "Os": "linux", "Arch": "amd64"}),
            info: json!({"ID": "E", "Name": "n", "OSType": "linux"}),
        }),
        references: BTreeMap::from([("x".to_owned(), Some(id.clone()))]),
        images: BTreeMap::from([(id, image)]),
        whole: true,
        ..Snapshot::default()
    }
}

/// What becomes of a text: a plan or its errors, or what is wrong with it.
#[track_caller]
fn planned(text: &str) -> Result<Built, String> {
    let start = Effort::begin();
    let result = read::text(text, &read::Files::new())
        .map_err(|wrong| problems::render("spec.yaml", text, &wrong))
        .map(|spec| {
            build(&Input {
                spec: &spec,
                snapshot: &engine(),
                assume: false,
                pins: Pins::default(),
                source: None,
            })
        });
    assert!(start.spent() < QUICKLY, "{:?}", start.spent());
    result
}

#[track_caller]
fn refused(text: &str) -> String {
    planned(text).unwrap_err()
}

#[test]
fn too_many_sets_and_containers_are_refused() {
    let line = |n: usize| format!(" s{n}: {{image: x}}");
    let told = refused(&many(HEAD, 0..10_001, line));
    assert!(told.contains("expected at most 10000 container sets, but found 10001"), "{told}");
    for count in [2, 1000] {
        let line = |n: usize| format!(" s{n}: {{image: x, count: {count}}}");
        let told = refused(&many(HEAD, 0..10_001 / count + 1, line));
        assert!(told.contains("expected at most 10000 containers in all sets"), "{told}");
        assert_eq!(told.lines().filter(|line| line.starts_with("spec.yaml:")).count(), 1);
    }
    let long = "y".repeat(2000);
    for text in [
        format!("{HEAD} s: {{image: x, count: 10000, command: [{long}]}}\n"),
        format!("{HEAD} s: {{image: x, count: 5000, expose: ['1-1000']}}\n"),
        many(HEAD, 0..20, |n| format!(" s{n}: {{image: x, count: 500, command: [{long}]}}")),
    ] {
        let told = refused(&text);
        assert!(told.contains("bytes of options in all containers, but found more"), "{told}");
    }
}

#[test]
fn files_count_each_time_that_they_are_read_into_a_set() {
    let names: Vec<String> = (0..5_000).map(|n| format!("V{n}")).collect();
    let files = read::Files::from([("e.env".to_owned(), names)]);
    let start = Effort::begin();
    let list = "e.env, ".repeat(10_000);
    for text in [
        format!("{HEAD} s: {{image: x, env_file: [{list}]}}\n"),
        many(HEAD, 0..5_000, |n| format!(" s{n}: {{image: x, env_file: e.env}}")),
    ] {
        let wrong = read::text(&text, &files).unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].message.contains("entries from ranges and files"), "{wrong:?}");
    }
    assert!(start.spent() < QUICKLY, "{:?}", start.spent());
}

#[test]
fn references_of_many_sets_are_followed_quickly() {
    let first = |n: usize, more: &dyn Fn(usize) -> String| match n {
        0 => " s0: {image: x}".to_owned(),
        n => format!(" s{n}: {{image: x, {}}}", more(n)),
    };
    for more in [
        (&|n: usize| format!("depends_on: [s{}]", n - 1)) as &dyn Fn(usize) -> String,
        &|n: usize| format!("network_mode: 'container:s{}'", n - 1),
        &|_| "network_mode: 'container:s0'".to_owned(),
        &|n: usize| format!("volumes_from: [s{}]", n - 1),
    ] {
        let built = planned(&many(HEAD, 0..1_500, |n| first(n, more))).unwrap();
        assert_eq!(built.errors, []);
        assert_eq!(built.plan.changes.len(), 1_500);
    }
}

#[test]
fn ports_of_a_range_are_chosen_quickly() {
    let one = format!("{HEAD} s: {{image: x, count: 1500, ports: ['20000-60000:80']}}\n");
    let several =
        many(HEAD, 0..300, |n| format!(" s{n}: {{image: x, count: 5, ports: ['20000-60000:80']}}"));
    for text in [one, several] {
        let built = planned(&text).unwrap();
        assert_eq!(built.errors, []);
        let ports: std::collections::BTreeSet<String> = built
            .bodies
            .values()
            .map(|body| body.json()["HostConfig"]["PortBindings"].to_string())
            .collect();
        assert_eq!(ports.len(), 1_500, "each has one of its own");
    }
    // The last one finds none.
    let few = format!("{HEAD} s: {{image: x, count: 1001, ports: ['20001-21000:80']}}\n");
    let errors = planned(&few).unwrap().errors;
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), ["port_taken"]);
}

#[test]
fn addresses_are_given_quickly() {
    let head = "project: p\nnetworks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}\ncontainers:\n";
    let fixed = |n: usize| {
        format!(
            " s{n}: {{image: x, networks: {{n: {{ipv4_address: 10.1.{}.{}}}}}}}",
            n / 250,
            n % 250 + 1
        )
    };
    let any = |n: usize| format!(" t{n}: {{image: x, networks: [n]}}");
    let built = planned(&many(head, 0..1_500, fixed)).unwrap();
    assert_eq!(built.errors, []);
    // Each of those that take any address starts after each of the others.
    let built = planned(&many(&many(head, 0..200, fixed), 0..50, any)).unwrap();
    assert_eq!(built.errors, []);
    let start = built.plan.steps.iter().find(|step| step.id.as_str() == "p-t0-1/start").unwrap();
    assert_eq!(start.after.len(), 201);
    let errors = planned(&many(&many(head, 0..600, fixed), 0..600, any)).unwrap().errors;
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), ["address"]);
}

async fn compose(folder: &Path, text: &str) -> Ran {
    std::fs::write(folder.join("compose.yaml"), text).unwrap();
    std::fs::write(folder.join("look.json"), "[]").unwrap();
    let line = "plan -f compose.yaml --snapshot look.json";
    // What takes longer than half a minute is ended.
    let ran = run(folder, &[], &line.split(' ').collect::<Vec<_>>()).await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran
}

#[tokio::test]
async fn compose_files_that_multiply_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let head = "name: p\nservices:\n";
    let mut laughs = "name: p\nx-a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (one, another) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        let _ = writeln!(
            laughs,
            "x-{another}: &{another} [{}]",
            vec![format!("*{one}"); 10].join(", ")
        );
    }
    let whole = |n: usize| (n + 1) % 1_000;
    let grown = |n: usize| match n {
        0 => " s0: {image: x}".to_owned(),
        n => format!(" s{n}: {{extends: s{}, environment: {{V{n}: a}}}}", n - 1),
    };
    for (text, wrong) in [
        (format!("{laughs}services: {{s: {{image: x, command: *j}}}}\n"), "of reasonable size"),
        (many(head, 0..1_000, |n| format!(" s{n}: {{extends: s{}}}", whole(n))), "extend"),
        (many(head, 0..1_000, grown), "of reasonable size"),
        (
            many(head, 0..1_000, |n| format!(" s{n}: {{image: x, depends_on: [s{}]}}", whole(n))),
            "do not wait for each other",
        ),
        (
            many(head, 0..1_000, |n| {
                format!(" s{n}: {{extends: {{file: compose.yaml, service: s{}}}}}", n + 1)
            }) + " s1000: {image: x}\n",
            "extend",
        ),
        (
            many(head, 0..100, |n| format!(" s{n}: {{image: x, deploy: {{replicas: 1000}}}}")),
            "containers in all sets",
        ),
    ] {
        let ran = compose(folder.path(), &text).await;
        assert!(ran.err.contains(wrong), "{wrong}: {}", ran.err);
        assert!(ran.err.len() < 100_000, "{}", ran.err.len());
    }
    // Files that include two files each.
    for n in 0..24 {
        let next = n + 1;
        let text =
            format!("include: [b{next}.yaml, ./b{next}.yaml]\nservices: {{t{n}: {{image: x}}}}\n");
        std::fs::write(folder.path().join(format!("b{n}.yaml")), text).unwrap();
    }
    std::fs::write(folder.path().join("b24.yaml"), "services: {t: {image: x}}\n").unwrap();
    let ran = compose(folder.path(), "name: p\ninclude: [b0.yaml]\n").await;
    assert!(ran.err.contains("included or extended"), "{}", ran.err);
}

#[test]
fn what_is_dangerous_of_one_set_is_told_quickly() {
    let ports = (1..20_000).map(|n| format!("'{n}:{n}', ")).collect::<Vec<_>>().concat();
    let devices = (1..20_000).map(|n| format!("/dev/a{n}, ")).collect::<Vec<_>>().concat();
    for option in [format!("ports: [{ports}]"), format!("devices: [{devices}]")] {
        let built = planned(&format!("{HEAD} s: {{image: x, {option}}}\n")).unwrap();
        let told: usize = built.plan.changes[0].dangerous.values().map(Vec::len).sum();
        assert_eq!(told, 19_999);
    }
}

#[test]
fn a_simulated_apply_costs_as_much_as_its_plan_is_long() {
    let start = Effort::begin();
    // A loaded machine was seen to need four times the processor time of an idle one.
    let volumes =
        many("project: p\ndefaults: {prove_for: 0}\nvolumes:\n", 0..800, |n| format!(" v{n}:"));
    let text = volumes + "containers:\n s: {image: 'app:1', count: 800}\n";
    let spec = read::text(&text, &read::Files::new()).unwrap();
    block(converge(&row_walks::engine(), &spec)).unwrap();
    assert!(start.spent() < 2 * QUICKLY, "{:?}", start.spent());
}

#[tokio::test]
async fn results_and_journals_that_nobody_wrote_are_refused_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let keys = (0..70_000).map(|n| format!("\"k{n}\":1,")).collect::<Vec<_>>().concat();
    let line = "{\"seq\":1,\"at\":\"\",\"record\":\"ends\",\"exit_code\":0,\"message\":\"\",\"prev\":\"\"}\n";
    for text in [
        "[".repeat(1 << 20),
        "{\"seq\":1,\"a\":".repeat(70_000) + "\n",
        format!("{{{keys}\"format\":\"bayplan/result/1\"}}"),
        format!("{{\"seq\":1,{keys}\"record\":\"ends\"}}\n"),
        line.repeat(10_000),
        "\0".repeat(1 << 20),
    ] {
        std::fs::write(folder.path().join("file"), text).unwrap();
        for command in [&["show", "file"][..], &["history", "--without-git", "file"]] {
            // What takes longer than half a minute is ended.
            let ran = run(folder.path(), &[], command).await;
            assert!(
                ran.code == 1 && ran.err.len() < 10_000,
                "{command:?}: {} {}",
                ran.code,
                ran.err
            );
        }
    }
}

#[test]
fn a_text_of_many_variables_is_read_in_one_go() {
    let start = Effort::begin();
    let text = "${A:-b}".repeat(140_000);
    let template = bayplan::syntax::template::Template::parse(&text).unwrap();
    assert_eq!(template.names().len(), 140_000);
    assert!(start.spent() < QUICKLY, "{:?}", start.spent());
}
