//! Every spec that is shipped can be read, matches the schema, and is what its canonical form says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bayplan::spec::read::Files;
use bayplan::spec::{read, schema};
use bayplan::syntax::env_file::EnvFile;
use bayplan::syntax::node::Node;
use bayplan::syntax::{problems, yaml};

/// Every `*.yaml` and `*.yml` in the folders of examples and cases.
fn shipped() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["examples", "snapshots"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut open = vec![root];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
                    found.push(path);
                }
            }
        }
    }
    found.sort();
    found
}

/// What the shell does: reads the environment files that a spec names.
fn env_files(spec: &Path, node: &Node) -> Files {
    let mut files = BTreeMap::new();
    for file in read::env_files(node) {
        let text = std::fs::read_to_string(spec.with_file_name(&file.path));
        if let Ok(text) = text {
            files.insert(file.path, EnvFile::parse(&text).unwrap().names());
        }
    }
    files
}

#[test]
fn shipped_specs_are_right_and_match_the_schema() {
    let specs = shipped();
    assert!(specs.len() > 10, "found {} specs", specs.len());
    let validator = jsonschema::validator_for(&schema::spec()).unwrap();
    let mut complaints = String::new();
    for path in specs {
        let bytes = std::fs::read(&path).unwrap();
        let text = yaml::text(&bytes).unwrap();
        let name = path.display().to_string();
        let node = match yaml::parse(text) {
            Ok(node) => node,
            Err(wrong) => {
                complaints.push_str(&problems::render(&name, text, &wrong));
                continue;
            }
        };
        let refused = is_case_of_refusal(&path);
        for error in validator.iter_errors(&node.to_json()).filter(|_| !refused) {
            let _ = writeln!(complaints, "{name}: schema: {} {error}", error.instance_path());
        }
        let files = env_files(&path, &node);
        match read::spec(node, &files) {
            Ok(spec) => {
                let again = read::spec(Node::from_json(&spec.canonical()), &Files::new());
                assert_eq!(again.as_ref(), Ok(&spec), "{name}");
            }
            // Cases of specs that are refused for what is in them.
            Err(wrong) if refused => assert!(!wrong.is_empty()),
            Err(wrong) => complaints.push_str(&problems::render(&name, text, &wrong)),
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

/// Whether a folder tells the story of a spec that is refused.
fn is_case_of_refusal(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
    folder.is_some_and(|name| matches!(&*name, "depends-on-cycle" | "option-lxc-conf"))
}

#[test]
fn a_misspelt_key_does_not_match_the_schema() {
    let validator = jsonschema::validator_for(&schema::spec()).unwrap();
    let text = "project: shop\ncontainers:\n  db:\n    image: postgres\n    memroy: 512m\n";
    assert!(!validator.is_valid(&yaml::parse(text).unwrap().to_json()));
    assert!(validator.is_valid(&yaml::parse(&text.replace("memroy", "memory")).unwrap().to_json()));
}
