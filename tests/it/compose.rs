//! Compose files against what Compose makes of them.
//!
//! `compose/cases.txt` has small projects for every key, form and table row, and refusals;
//! `compose/expected.json` what the reference (Compose 2.40.3) printed for each. With
//! `BAYPLAN_COMPOSE` the reference is asked anew, and with `BAYPLAN_COMPOSE_UPDATE` its answers are
//! kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bayplan::compose::go::Go;
use bayplan::compose::{self, Project, Request, Source, Unread, resolved};
use bayplan::syntax::env_file::{EnvFile, Format, Unset};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json, json};

use crate::effort::Effort;

/// The folder of every project.
const FOLDER: &str = "/srv/proj";

/// One small project.
#[derive(Debug, Default, Clone)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    arguments: Vec<String>,
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/compose/cases.txt"),
    );
    let text = text.unwrap();
    let mut all: Vec<Case> = Vec::new();
    let mut file = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            all.push(Case { name: name.to_owned(), ..Case::default() });
            "compose.yaml".clone_into(&mut file);
            continue;
        }
        let Some(case) = all.last_mut() else { continue };
        if let Some(path) = line.strip_prefix("--- ") {
            path.clone_into(&mut file);
        } else if let Some((name, value)) =
            line.strip_prefix("+ ").and_then(|one| one.split_once('='))
        {
            case.variables.insert(name.to_owned(), value.to_owned());
        } else if let Some(arguments) = line.strip_prefix("> ") {
            case.arguments = arguments.split_whitespace().map(str::to_owned).collect();
        } else {
            let text = case.files.entry(file.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    for case in &mut all {
        if case.files.is_empty() {
            case.files.insert("compose.yaml".into(), String::new());
        }
    }
    all
}

/// Files in memory, at [`FOLDER`].
struct Memory {
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
}

impl Memory {
    fn env_file(&self, path: &str) -> Result<EnvFile, Unread> {
        let (path, format) = Format::of(path);
        let failed = |message: String| Unread { message, hint: None };
        let text = self.read(path)?;
        EnvFile::parse_as(&text, format).map_err(|faults| failed(faults[0].in_file(path)))
    }
}

impl Source for Memory {
    fn read(&self, path: &str) -> Result<String, Unread> {
        let known =
            path.strip_prefix(FOLDER).and_then(|path| self.files.get(path.trim_start_matches('/')));
        known.cloned().ok_or_else(|| Unread { message: format!("no file {path}"), hint: None })
    }

    fn is_file(&self, path: &str) -> bool {
        self.read(path).is_ok()
    }

    fn variables(&self, paths: &[String]) -> Result<BTreeMap<String, SecretString>, Unread> {
        let mut all: BTreeMap<String, SecretString> = BTreeMap::new();
        for path in paths {
            let lookup = |name: &str| {
                let own = || all.get(name).map(|value| value.expose_secret().to_owned());
                self.variables.get(name).cloned().or_else(own)
            };
            let file = self.env_file(path)?.resolve(Unset::Empty, lookup);
            all.extend(
                file.map_err(|fault| Unread { message: fault.in_file(path), hint: None })?.values,
            );
        }
        Ok(all)
    }

    fn labels(&self, path: &str) -> Result<BTreeMap<String, SecretString>, Unread> {
        let text = self.read(path)?;
        let labels = EnvFile::parse_labels(&text).and_then(|file| file.labels());
        labels.map_err(|faults| Unread { message: faults[0].in_file(path), hint: None })
    }

    fn variable(&self, name: &str) -> Option<SecretString> {
        self.variables.get(name).cloned().map(SecretString::from)
    }
}

impl Case {
    /// The option of both programs, every time it is given.
    fn said(&self, option: &str) -> Vec<String> {
        let pairs = self.arguments.windows(2).filter(|pair| pair[0] == option);
        pairs.map(|pair| pair[1].clone()).collect()
    }

    /// What the shell would make of the arguments; all variables may be shown.
    fn request(&self) -> (Memory, Request) {
        let folder = match self.said("--project-directory").pop() {
            Some(folder) => format!("{FOLDER}/{folder}"),
            None => FOLDER.to_owned(),
        };
        let mut memory = Memory { files: self.files.clone(), variables: self.variables.clone() };
        // A shell sets it, and the reference where none did.
        memory.variables.entry("PWD".to_owned()).or_insert_with(|| FOLDER.to_owned());
        let own = format!("{folder}/.env");
        let mut env_files: Vec<String> =
            self.said("--env-file").iter().map(|path| format!("{FOLDER}/{path}")).collect();
        if env_files.is_empty() && memory.is_file(&own) {
            env_files.push(own);
        }
        let more = memory.variables(&env_files).unwrap();
        for (name, value) in more {
            memory.variables.entry(name).or_insert_with(|| value.expose_secret().to_owned());
        }
        let mut files = self.said("-f");
        if files.is_empty() {
            files.push("compose.yaml".into());
            files
                .extend(self.files.keys().filter(|path| *path == "compose.override.yaml").cloned());
        }
        let name = self.said("-p").pop();
        let last = folder.rsplit('/').next().unwrap_or_default().to_owned();
        let request = Request {
            files: files.iter().map(|path| format!("{FOLDER}/{path}")).collect(),
            folder,
            name: name.or_else(|| memory.variables.get("COMPOSE_PROJECT_NAME").cloned()),
            fallback_name: compose::plain_name(&last),
            profiles: self.said("--profile").into_iter().collect(),
            home: Some("/home/somebody".into()),
            public: every_name(&self.files),
            strict: false,
            assume: false,
        };
        (memory, request)
    }

    /// The model with every value in it, and the hash of each service; or how it is refused.
    fn ours(&self) -> Result<(Json, Json), String> {
        let (memory, request) = self.request();
        let read = |request: &Request| {
            let (files, project) = compose::load(&memory, request);
            project.map_err(|problems| files.render(&problems))
        };
        // Variables are public where they must be, because templates mean the same.
        let secret = Request { public: BTreeSet::new(), ..request.clone() };
        let project = match read(&secret) {
            Err(error) if error.contains("--public") => read(&request),
            project => project,
        };
        let project = project?;
        let Go::Map(mut model) = project.model.clone() else { panic!("a project") };
        let mut hashes = Map::new();
        for (kind, all) in &mut model {
            let ("services", Go::Map(services)) = (kind.as_str(), all) else { continue };
            for (name, service) in services {
                *service = whole(&project, name, &memory)?;
                hashes.insert(name.clone(), json!(hash(service)));
            }
        }
        Ok((
            Go::Map(model).texts(&mut |text| unmarked(&text, &memory)).json(),
            Json::Object(hashes),
        ))
    }
}

fn whole(project: &Project, name: &str, memory: &Memory) -> Result<Go, String> {
    Ok(resolved::service(project, name, memory).map_err(|unread| unread.message)?.unwrap())
}

/// Marks that stand elsewhere than in services.
fn unmarked(text: &str, memory: &Memory) -> String {
    use bayplan::syntax::template::{Seen, Template};
    let Some(bayplan::base::ident::Reference::Template { text: template }) =
        bayplan::options::value::marked_reference(text)
    else {
        return text.to_owned();
    };
    let lookup = |name: &str| memory.variables.get(name).cloned();
    Template::parse(&template).unwrap().fill(&lookup, &mut Seen::default()).unwrap()
}

fn every_name(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let inside = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let words = files.values().flat_map(|text| text.split(inside));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The reference's hash of a service.
fn hash(service: &Go) -> String {
    let text = resolved::hashed(service);
    bayplan::cli::load_spec::digest(text.as_bytes()).replace("sha256:", "")
}

/// The reference, where one is named.
fn reference() -> Option<PathBuf> {
    std::env::var_os("BAYPLAN_COMPOSE").map(PathBuf::from)
}

/// What the reference makes of a case.
fn theirs(program: &Path, case: &Case) -> Option<(Json, Json)> {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("proj");
    for (path, text) in &case.files {
        let path = own.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let run = |more: &[&str]| {
        let output = Command::new(program)
            .args(&case.arguments)
            .args(more)
            .current_dir(&own)
            .env_clear()
            .env("HOME", "/home/somebody")
            .envs(&case.variables)
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    let text = run(&["config", "--format", "json"])?;
    let here = own.to_str().unwrap();
    let above = folder.path().to_str().unwrap();
    let text = text.replace(here, FOLDER).replace(above, "/srv").replace("$$", "$");
    // A hash covers paths: one of another folder tells nothing. And of files of variables it is
    // another one than that of containers.
    let told = !text.contains("/srv") && !case.files.values().any(|text| text.contains("env_file"));
    let hashes = run(&["config", "--hash", "*"]).filter(|_| told);
    let hashes = hashes.unwrap_or_default();
    let hashes = hashes.lines().filter_map(|line| line.split_once(' '));
    let hashes: Map<String, Json> =
        hashes.map(|(name, hash)| (name.to_owned(), json!(hash))).collect();
    Some((serde_json::from_str(&text).unwrap(), Json::Object(hashes)))
}

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/compose/expected.json")
}

/// Of every case the model and the hashes, or `null` where the reference refuses it.
fn expected() -> Map<String, Json> {
    let Some(program) = reference() else {
        return serde_json::from_str(&fs::read_to_string(kept()).unwrap()).unwrap();
    };
    let one = |case: &Case| {
        let value =
            theirs(&program, case).map(|(model, hashes)| json!({"model": model, "hashes": hashes}));
        (case.name.clone(), value.unwrap_or(Json::Null))
    };
    let all: Map<String, Json> = cases().iter().map(one).collect();
    if std::env::var_os("BAYPLAN_COMPOSE_UPDATE").is_some() {
        let lines: Vec<String> =
            all.iter().map(|(name, value)| format!("{}: {value}", json!(name))).collect();
        fs::write(kept(), format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
    }
    all
}

#[test]
fn a_project_is_what_it_is_to_the_reference() {
    let expected = expected();
    let mut wrong = Vec::new();
    let cases = cases();
    assert_eq!(cases.len(), expected.len(), "every case has an answer");
    for case in &cases {
        let theirs = &expected[&case.name];
        match (case.ours(), theirs.is_null()) {
            (Err(_), true) => {}
            (Err(error), false) => wrong.push(format!("{}: refused: {error}", case.name)),
            (Ok(_), true) => wrong.push(format!("{}: the reference refuses it", case.name)),
            (Ok((model, hashes)), false) => {
                if model != theirs["model"] {
                    let (ours, theirs) = (format!("{model:#}"), format!("{:#}", theirs["model"]));
                    let diff = similar::TextDiff::from_lines(&theirs, &ours);
                    wrong.push(format!(
                        "{}:\n{}",
                        case.name,
                        diff.unified_diff().context_radius(2)
                    ));
                }
                for (name, hash) in theirs["hashes"].as_object().unwrap() {
                    if hashes[name] != *hash {
                        wrong.push(format!("{}: another hash of `{name}`", case.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_refusal_names_a_place() {
    for case in cases() {
        let Err(error) = case.ours() else { continue };
        let line = error.lines().next().unwrap_or_default();
        let numbered = line.split(':').nth(1).is_some_and(|line| line.parse::<usize>().is_ok());
        assert!(numbered || line.contains("no file"), "{}: {error}", case.name);
    }
}

#[test]
fn what_explodes_is_refused_soon() {
    let levels = |one: &dyn Fn(usize) -> String| (1..10).map(one).collect::<String>();
    let lists = levels(&|at| {
        let items = vec![format!("*a{}", at - 1); 9].join(", ");
        format!("x-a{at}: &a{at} [{items}]\n")
    });
    let maps = levels(&|at| {
        let items: Vec<String> = (0..9).map(|key| format!("k{key}: *a{}", at - 1)).collect();
        format!("x-a{at}: &a{at} {{{}}}\n", items.join(", "))
    });
    let text = "x".repeat(1 << 16);
    let texts = format!(
        "x-a: &a {text}\nservices:\n  a: {{image: x, command: [{}]}}\n",
        vec!["*a"; 5_000].join(", ")
    );
    for (name, text) in [
        ("lists", format!("x-a0: &a0 [a]\n{lists}services: {{a: {{image: x, command: *a9}}}}\n")),
        ("maps", format!("x-a0: &a0 {{a: b}}\n{maps}services: {{a: {{image: x, labels: *a9}}}}\n")),
        ("texts", texts),
    ] {
        let case =
            Case { files: BTreeMap::from([("compose.yaml".into(), text)]), ..Case::default() };
        let start = Effort::begin();
        assert!(case.ours().is_err(), "{name}");
        // Without optimisation.
        assert!(start.spent() < Duration::from_secs(20), "{name}: {:?}", start.spent());
    }
}
