//! The journal of an apply: on the disk before each call, for its owner alone, chained, without secrets; a
//! call that cannot be kept is not made.

use std::cell::{Cell, RefCell};
use std::os::unix::fs::PermissionsExt as _;

use bayplan::apply::journal::{Entry, Journal, read};
use bayplan::apply::record::Command;
use bayplan::engine::simulated::Simulated;

use super::program::run;
use crate::made::{Watcher, apply_keeping, block, engine, found, named, replacement};

const SPEC: &str = "project: p\ncontainers:\n  web: {image: 'app:1', environment: {KEY: {from_env: \
                    KEY}}}\n";

const INSPECT: &str = r#"[{"Id": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "RepoTags": ["app:1"], "RepoDigests": [], "Os": "linux", "Architecture": "amd64",
    "Config": {"Cmd": ["serve"]}}]"#;

#[tokio::test]
async fn a_run_is_on_the_disk_and_the_next_one_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.yaml"), SPEC).unwrap();
    std::fs::write(folder.path().join("look.json"), INSPECT).unwrap();
    let env = [("KEY", "hunter2hunter2")];
    let plan = ["plan", "spec.yaml", "--snapshot", "look.json", "-o", "p.json"];
    assert_eq!(run(folder.path(), &env, &plan).await.code, 0);
    let apply = ["apply", "p.json", "--simulate", "--snapshot", "look.json", "--journal", "j"];
    for runs in 1..=2 {
        let ran = run(folder.path(), &env, &apply).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        let bytes = std::fs::read(folder.path().join("j")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
        let kept = read(&bytes).unwrap();
        assert_eq!(kept.whole, bytes.len());
        let told: Vec<String> = kept
            .records
            .iter()
            .map(|record| match &record.entry {
                Entry::Begins { command, plan, simulated, .. } => {
                    assert_eq!((*command, *simulated), (Command::Apply, true));
                    format!("begins {}", &plan[..7])
                }
                Entry::Calls { step, back, .. } => format!("calls {step} {back}"),
                Entry::Answered { step, failed } => format!("answered {step} {failed:?}"),
                Entry::Ends { exit_code, .. } => format!("ends {exit_code}"),
            })
            .collect();
        let one = [
            "begins sha256:",
            "calls p-web-1/create false",
            "answered p-web-1/create None",
            "calls p-web-1/start false",
            "answered p-web-1/start None",
            "ends 0",
        ];
        assert_eq!(told, one.repeat(runs));
    }
    let mode = std::fs::metadata(folder.path().join("j")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // The writer of the last line died; then somebody changes a line.
    let bytes = std::fs::read(folder.path().join("j")).unwrap();
    std::fs::write(folder.path().join("j"), &bytes[..bytes.len() - 3]).unwrap();
    assert_eq!(run(folder.path(), &env, &apply).await.code, 0);
    let text = std::fs::read_to_string(folder.path().join("j")).unwrap();
    assert_eq!(read(text.as_bytes()).unwrap().records.len(), 2 * 6 - 1 + 6);
    let changed = text.replacen("p-web-1/start", "p-web-1/stop", 1);
    std::fs::write(folder.path().join("j"), changed).unwrap();
    let ran = run(folder.path(), &env, &apply).await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("a line was changed"), "{}", ran.err);
}

/// A journal takes records alone: what is something else is neither cut nor written to.
#[tokio::test]
async fn nothing_else_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("spec.yaml"), SPEC).unwrap();
    std::fs::write(at("look.json"), INSPECT).unwrap();
    let env = [("KEY", "hunter2hunter2")];
    let plan = ["plan", "spec.yaml", "--snapshot", "look.json", "-o", "p.json"];
    assert_eq!(run(folder.path(), &env, &plan).await.code, 0);
    for (name, text) in [("notes", "no line end"), ("lines", "one\ntwo\n"), ("torn", "{\"a\":")] {
        std::fs::write(at(name), text).unwrap();
    }
    let apply = ["apply", "p.json", "--simulate", "--snapshot", "look.json", "-o", "r.json"];
    let cases: [(&str, i32, &str); 9] = [
        ("notes", 1, "line 1: expected a record"),
        ("lines", 1, "line 1: expected a record"),
        ("torn", 1, "line 1: expected a record"),
        ("p.json", 64, "p.json is the plan itself"),
        ("spec.yaml", 64, "spec.yaml is"),
        ("look.json", 64, "look.json is"),
        ("./r.json", 64, "is the result"),
        ("-", 64, "found standard output"),
        ("no/such", 1, "there is no folder"),
    ];
    let all = || -> Vec<(String, Vec<u8>)> {
        let names = ["notes", "lines", "torn", "p.json", "spec.yaml", "look.json"];
        names.map(|name| (name.to_owned(), std::fs::read(at(name)).unwrap())).into()
    };
    let before = all();
    for (name, code, told) in cases {
        let ran = run(folder.path(), &env, &[&apply[..], &["--journal", name]].concat()).await;
        assert_eq!(ran.code, code, "{name}: {}", ran.err);
        assert!(ran.err.contains(told), "{name}: {}", ran.err);
        assert!(all() == before, "{name}");
    }
    // A journal that others could read is closed to them.
    std::fs::write(at("empty"), "").unwrap();
    std::fs::set_permissions(at("empty"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = run(folder.path(), &env, &[&apply[..], &["--journal", "empty"]].concat()).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(std::fs::metadata(at("empty")).unwrap().permissions().mode() & 0o777, 0o600);
    // A folder that is not there gets no file of its name.
    let apply = ["apply", "p.json", "--simulate", "--snapshot", "look.json", "-o", "results/"];
    let ran = run(folder.path(), &env, &apply).await;
    assert!(ran.code == 64 && ran.err.contains("there is no results/"), "{}", ran.err);
}

/// Keeps entries until so many were kept; then its disk is full.
struct Full {
    room: Cell<usize>,
    entries: RefCell<Vec<Entry>>,
}

impl Journal for Full {
    fn note(&self, entry: Entry) -> Result<(), String> {
        let Some(room) = self.room.get().checked_sub(1) else {
            return Err("no space left on the device".to_owned());
        };
        self.room.set(room);
        self.entries.borrow_mut().push(entry);
        Ok(())
    }
}

fn changing(engine: &Simulated) -> usize {
    engine.changing().len()
}

/// Whatever record cannot be written: no call is made without one, but those that go back.
#[test]
fn what_cannot_be_kept_is_not_called_and_all_goes_back() {
    let mut ended = Vec::new();
    for room in 0..20 {
        let engine = engine(vec![found("a", "web", "running")]);
        let journal = Full { room: Cell::new(room), entries: RefCell::default() };
        let outcome = block(apply_keeping(&engine, &replacement(), &Watcher::new(None), &journal));
        let calls = journal.entries.borrow();
        let forward = calls.iter().filter(|it| matches!(it, Entry::Calls { back: false, .. }));
        let undone: usize = outcome.troubles.iter().map(|trouble| trouble.undone.len()).sum();
        assert_eq!(changing(&engine), forward.count() + undone, "{room}");
        let code = outcome.exit_code();
        ended.push(code);
        let web = block(named(&engine, "web")).unwrap();
        assert_eq!(web["State"]["Running"], true, "{room}: {code}");
        let old = web["Id"] == "a".repeat(64);
        assert_eq!(old, code == 5, "{room}");
        assert!(block(named(&engine, "web.bp-new")).is_none(), "{room}");
    }
    // Six calls, two records each; the last call's answer and its removal harm nothing.
    let done = ended.iter().position(|code| *code == 0);
    assert!(done == Some(11) && ended[11..].iter().all(|code| *code == 0), "{ended:?}");
}
