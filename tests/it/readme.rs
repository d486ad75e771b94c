//! What the README promises: its tables are the program's own, its example says what the program
//! says, and its commands work where there is no engine.

use std::path::Path;
use std::process::{Command, Output};

use bayplan::cli::exit_codes;
use bayplan::options::table;
use bayplan::stale::Code;
use serde_json::Value as Json;

use crate::golden;

/// The program, without the surroundings of whoever runs the test, and with no engine to reach.
fn bayplan(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bayplan"))
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("GIT_DIR", "none")
        .output()
        .unwrap()
}

#[track_caller]
fn printed(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A copy of the example, with a folder for its plan beside it as in the checkout.
pub(crate) fn shop() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("examples/shop");
    std::fs::create_dir_all(&folder).unwrap();
    // A checkout: a plan names its spec inside of its repository.
    std::fs::create_dir(root.path().join(".git")).unwrap();
    std::fs::create_dir_all(root.path().join("plans/shop")).unwrap();
    for file in ["spec.yaml", "snapshot.json"] {
        let from = golden::path("examples/shop").join(file);
        std::fs::copy(from, folder.join(file)).unwrap();
    }
    root
}

pub(crate) const PLAN: &[&str] = &[
    "plan",
    "examples/shop/spec.yaml",
    "--snapshot",
    "examples/shop/snapshot.json",
    "-o",
    "plans/shop/plan.json",
];

#[test]
fn the_options_are_those_of_the_table() {
    golden::section("README.md", table::BEGIN, table::END, &table::markdown());
}

#[test]
fn the_codes_of_staleness_are_those_of_the_program() {
    let rows = Code::ALL.iter().map(|(code, means)| format!("| `{code}` | {means} |\n"));
    let table = format!("| code | meaning |\n|---|---|\n{}", rows.collect::<String>());
    golden::section("README.md", "<!-- stale:begin -->", "<!-- stale:end -->", &table);
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let rows = exit_codes::EXIT_CODES.lines().skip(1).map(|line| {
        let (code, means) = line.trim().split_once("  ").unwrap();
        format!("| {code} | {means} |\n")
    });
    let table = format!("| code | meaning |\n|---|---|\n{}", rows.collect::<String>());
    golden::section("README.md", "<!-- exit-codes:begin -->", "<!-- exit-codes:end -->", &table);
}

#[test]
fn the_example_plans_as_it_is_shown() {
    let root = shop();
    let text = printed(bayplan(root.path(), PLAN));
    let shown = format!("```text\n{}\n```", text.trim_end());
    golden::section("README.md", "<!-- example:begin -->", "<!-- example:end -->", &shown);
    let plan = std::fs::read_to_string(root.path().join("plans/shop/plan.json")).unwrap();
    golden::file("plans/shop/plan.json", &plan);
}

#[test]
fn what_is_imported_is_as_it_is_shown_and_leaves_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let from = golden::path("examples/adopt/inspect.json");
    std::fs::copy(from, folder.path().join("inspect.json")).unwrap();
    let line = "import --project shop --snapshot inspect.json --literal command,entrypoint,MODE";
    let spec = printed(bayplan(folder.path(), &line.split(' ').collect::<Vec<_>>()));
    let shown = format!("```sh\nbayplan {line}\n```\n\n```yaml\n{}\n```", spec.trim_end());
    golden::section("README.md", "<!-- import:begin -->", "<!-- import:end -->", &shown);
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    let line = "plan spec.yaml --snapshot inspect.json --unresolved assume-same";
    let plan = printed(bayplan(folder.path(), &line.split(' ').collect::<Vec<_>>()));
    assert!(plan.contains("no action taken"), "{plan}");
}

#[test]
fn the_example_goes_the_whole_way_without_an_engine() {
    let root = shop();
    let run = |words: &[&str]| printed(bayplan(root.path(), words));
    run(PLAN);
    let world = ["--snapshot", "examples/shop/snapshot.json"];
    let steps = run(&["show", "plans/shop/plan.json", "--steps"]);
    assert!(steps.contains("shop-db/rename-old"), "{steps}");
    run(&["verify", "plans/shop/plan.json", world[0], world[1]]);
    let applied = run(&[
        "apply",
        "plans/shop/plan.json",
        "--simulate",
        world[0],
        world[1],
        "-o",
        "result.json",
    ]);
    insta::assert_snapshot!(applied, @"
    created 3 containers, started 3 containers, stopped 1 container, removed 1 container.
    left: shop-cache of cache differs and is left: the state is `started`; `state: reloaded` would change it
    ");
    let shown = run(&["show", "result.json"]);
    assert!(shown.starts_with(&applied), "{shown}");
    let result: Json =
        serde_json::from_slice(&std::fs::read(root.path().join("result.json")).unwrap()).unwrap();
    assert_eq!(result["changed"], Json::Bool(true));
    let schema: Json = serde_json::from_str(&run(&["schema", "result"])).unwrap();
    jsonschema::validate(&schema, &result).unwrap();
    assert_eq!(result["format"], schema["properties"]["format"]["const"]);
}

#[test]
fn every_shipped_plan_is_read_and_shown() {
    let mut plans = 0;
    for folder in std::fs::read_dir(golden::path("plans")).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            let text = printed(bayplan(&folder, &["show", "plan.json"]));
            assert!(text.starts_with("plan for "), "{text}");
            plans += 1;
        }
    }
    assert!(plans >= 4, "only {plans} plans are shipped");
}

/// Every test that the table of threats names is there, in the file that it names.
#[test]
fn every_threat_names_a_test_that_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, section) = readme.split_once("### Threats").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 15, "{}", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, _, named] = cells.as_slice() else { panic!("four cells: {row}") };
        let (file, name) = named.trim_matches('`').split_once("::").unwrap();
        let is_test = |path: &std::path::PathBuf| {
            let text = std::fs::read_to_string(path).unwrap();
            let Some(at) = text.find(&format!("fn {name}()")) else { return false };
            text[..at].trim_end_matches("async ").trim_end().ends_with("test]")
        };
        let mut found =
            files.iter().filter(|path| path.file_stem().is_some_and(|stem| stem == file));
        assert!(found.any(is_test), "{row}");
    }
}
