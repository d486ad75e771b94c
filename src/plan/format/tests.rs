//! The plan file, from its bytes: what is written, what is refused, and in which words.

use serde_json::json;

use super::*;
use crate::plan::sample;

fn file(plan: &Plan) -> String {
    write(plan).unwrap().text
}

fn refused(text: &str) -> String {
    let error = read(text.as_bytes()).unwrap_err();
    // Every change of the sample has another digest.
    let words = error.message.split(' ').map(|word| match word.split_once("sha256:") {
        Some((before, hex)) if hex.len() >= 64 => format!("{before}sha256:…{}", &hex[64..]),
        _ => word.to_owned(),
    });
    let message = words.collect::<Vec<_>>().join(" ");
    format!("{:?}: {message}\nhint: {}", error.fault, error.hint.unwrap_or_default())
}

#[test]
fn what_is_written_is_read_back() {
    for plan in [sample::empty(), sample::mixed(), sample::ten()] {
        let written = write(&plan).unwrap();
        let loaded = read(written.text.as_bytes()).unwrap();
        assert_eq!(loaded.plan, plan);
        assert_eq!(loaded.digest, written.digest);
        loaded.expect_digest(&written.digest).unwrap();
    }
}

#[test]
fn the_digest_is_that_of_the_file_without_its_line() {
    let written = write(&sample::mixed()).unwrap();
    let rest: String = written
        .text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("  \"digest\": "))
        .collect();
    assert_eq!(written.digest, hex_digest(&Sha256::digest(rest)));
    let third = written.text.lines().nth(2).unwrap();
    assert_eq!(third, format!("  \"digest\": \"{}\",", written.digest));
}

#[test]
fn the_file_is_made_for_reviewers() {
    insta::assert_snapshot!("mixed", file(&sample::mixed()));
    insta::assert_snapshot!("empty", file(&sample::empty()));
}

#[test]
fn ten_changes_are_short_and_dangers_come_first() {
    let text = file(&sample::ten());
    let lines = text.lines().count();
    assert!(lines < 250, "{lines} lines");
    let head: String = text.lines().take(30).collect();
    for change in sample::ten().changes {
        assert!(head.contains(change.id.as_str()), "{} is not in the head", change.id);
    }
}

#[test]
fn a_change_less_is_a_small_difference() {
    let whole = sample::ten();
    // The set is as declared now: its change, its steps and what only they needed go.
    let mut less = whole.clone();
    let gone = ChangeId::new("shop-db-1");
    less.changes.retain(|change| change.id != gone);
    less.steps.retain(|step| !step.id.as_str().starts_with("shop-db-1/"));
    less.facts.names.retain(|name| !name.as_str().starts_with("shop-db-1"));
    less.facts.volumes.retain(|volume| volume.name != "db-data");
    less.declared["containers"]["db"].as_object_mut().unwrap().remove("mem_limit");
    less.spec.as_mut().unwrap().digest = sample::hex("sha256:", 8);
    sample::settle(&mut less);
    let (whole, less) = (file(&whole), file(&less));
    let diff = similar::TextDiff::from_lines(&whole, &less);
    let changed =
        diff.iter_all_changes().filter(|line| line.tag() != similar::ChangeTag::Equal).count();
    assert!(changed < 40, "{changed} lines");
}

#[test]
fn what_was_edited_is_refused_with_the_line() {
    let text = file(&sample::mixed());
    insta::assert_snapshot!(refused(&text.replace("\"outage\"", "\"adopted\"")), @r#"
    NotCanonical: not as bayplan writes plans: line 9: expected `…"changes": ["legacy", "legacy"]},`, but found `…"changes": ["legacy"]},`
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    "#);
    insta::assert_snapshot!(refused(&text.replace("536870912", "536870913")), @"
    Digest: expected the digest sha256:… for what the plan says, but line 3 says sha256:…: it was changed
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("  \"steps\"", " \"steps\"")), @r#"
    NotCanonical: not as bayplan writes plans: line 29: expected `  "steps": [`, but found ` "steps": [`
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    "#);
    insta::assert_snapshot!(refused(text.trim_end()), @"
    NotCanonical: not as bayplan writes plans: expected exactly one line end after the last line, but found none or more
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace('\n', "\r\n")), @r"
    NotCanonical: not as bayplan writes plans: line 1: expected `{`, but found `{\u{d}`
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"assumed\": [", "\"assumed\": [ ")), @r#"
    NotCanonical: not as bayplan writes plans: line 76: expected `  "assumed": [`, but found `  "assumed": [ `
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    "#);
    insta::assert_snapshot!(refused(&format!("\u{feff}{text}")), @"
    NotCanonical: line 1: expected `{`, but found a byte order mark
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
}

#[test]
fn syntax_and_shape_are_told_with_their_place() {
    let text = file(&sample::mixed());
    insta::assert_snapshot!(refused(&text[..text.len() / 2]), @"
    Broken: line 42, column 143: expected more, but the file ends here: it is cut off
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"created\": 4", "\"created\": \"4\"")), @r#"
    Shape: line 6, column 28: expected u32, but found string "4"
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    "#);
    insta::assert_snapshot!(refused(&text.replace("\"created\": 4", "\"created\": 4, \"created\": 5")), @"
    Broken: line 6, column 40: the key `created` comes twice
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"warnings\"", "\"warning\"")), @"
    Shape: line 26, column 11: expected one of `format`, `digest`, `project`, `target`, `summary`, `dangers`, `changes`, `warnings`, `steps`, `sets`, `planned`, `assumed`, `declared`, `facts`, `spec`, `tool`, but found `warning`, did you mean `warnings`?
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"action\": \"wait_ready\"", "\"action\": \"wait_ready\", \"force\": true")), @"
    Shape: line 35, column 64: expected one of `id`, `action`, `image`, `platform`, `tag`, `name`, `final_name`, `set`, `container`, `created_by`, `wait`, `signal`, `timeout`, `prove_for`, `from`, `to`, `network`, `volume`, `key`, `which`, `endpoint`, `settings`, `ports`, `volumes`, `anonymous`, `carried`, `files`, `after`, `after_end`, `delay`, but found `force`
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"action\": \"wait_ready\"", "\"action\": \"wait_ready\", \"tag\": \"x\"")), @"
    Shape: line 36, column 4: the action `wait_ready` has no field `tag`
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"action\": \"wait_ready\"", "\"action\": \"purge\"")), @"
    Shape: line 36, column 4: expected an action that this version knows, but found `purge`
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"expected\": 1073741824", "\"expected\": 0.5")), @"
    Shape: expected a whole number, but found 0.5
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("\"origin\": \"declared\", \"expected\"", "\"origin\": \"fate\", \"expected\"")), @"
    Shape: line 18, column 6: expected one of `declared`, `image`, `unknown`, but found `fate`
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&text.replace("  \"target\": ", "  \"targets\": ")), @"
    Shape: line 5, column 11: expected one of `format`, `digest`, `project`, `target`, `summary`, `dangers`, `changes`, `warnings`, `steps`, `sets`, `planned`, `assumed`, `declared`, `facts`, `spec`, `tool`, but found `targets`, did you mean `target`?
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
}

/// Whoever edits a plan and writes a digest that fits gets no other exit code for an edit that
/// leaves no plan.
#[test]
fn what_says_to_be_a_plan_and_is_none_was_changed() {
    let text = file(&sample::mixed());
    let mut bytes = text.clone().into_bytes();
    let middle = bytes.len() / 2;
    bytes[middle] = 0xFF;
    for (changed, fault) in [
        (text.replace("\"created\": 4", "\"created\": \"4\"").into_bytes(), Fault::Shape),
        (
            text.replace("\"action\": \"wait_ready\"", "\"action\": \"purge\"").into_bytes(),
            Fault::Shape,
        ),
        (text.replace("  \"tool\": ", "  \"more\": 1,\n  \"tool\": ").into_bytes(), Fault::Shape),
        (text.replace("  \"target\": ", "  \"targets\": ").into_bytes(), Fault::Shape),
        (text.replace("\"expected\": 1073741824", "\"expected\": 0.5").into_bytes(), Fault::Shape),
        (
            text.replace("\"created\": 4", "\"created\": 4, \"created\": 4").into_bytes(),
            Fault::Broken,
        ),
        (text.as_bytes()[..middle].to_vec(), Fault::Broken),
        (bytes, Fault::Broken),
    ] {
        assert_ne!(changed, text.as_bytes());
        let found = read(&changed).unwrap_err().fault;
        assert_eq!(found, fault);
        assert!(found.is_integrity(), "{found:?}");
    }
    for other in ["", "{}", "project: shop\n", "{\"format\": \"bayplan/plan/2\"}"] {
        assert!(!read(other.as_bytes()).unwrap_err().fault.is_integrity(), "{other}");
    }
}

#[test]
fn other_files_are_told_apart() {
    insta::assert_snapshot!(refused("{\"format\": \"bayplan/plan/2\"}"), @"
    OtherFormat: expected the format bayplan/plan/1, but found bayplan/plan/2
    hint: another version of bayplan wrote it: use that one, or make the plan again
    ");
    insta::assert_snapshot!(refused("{\"format\": \"bayplan/snapshot/1\"}"), @"
    NotAPlan: expected a plan, but found a snapshot
    hint: give it to `bayplan plan SPEC --snapshot FILE`
    ");
    insta::assert_snapshot!(refused("[]"), @"
    NotAPlan: expected a plan, but found a list, as `docker inspect` prints it
    hint: give it to `bayplan plan SPEC --snapshot FILE`
    ");
    insta::assert_snapshot!(refused("{\"format\": \"\u{1b}\"}"), @"
    Syntax: line 1, column 13: expected a string, but found a control character in it
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused("{\"format\": \"\\u001b[2J\"}"), @r"
    NotAPlan: expected the format bayplan/plan/1, but found \u{1b}[2J
    hint: a plan is written by `bayplan plan SPEC -o FILE`
    ");
    insta::assert_snapshot!(refused("{\"project\": \"shop\"}"), @"
    NotAPlan: expected a plan, but found something without a `format`
    hint: a plan is written by `bayplan plan SPEC -o FILE`
    ");
    insta::assert_snapshot!(refused("project: shop\ncontainers:\n"), @"
    NotAPlan: expected a plan, but found a spec
    hint: make a plan of it with `bayplan plan SPEC -o PLAN`
    ");
    insta::assert_snapshot!(refused("project: shop\n"), @"
    Syntax: line 1, column 1: expected JSON, but found something else
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(""), @"
    Syntax: line 1, column 0: expected more, but the file ends here: it is cut off
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    insta::assert_snapshot!(refused(&"[".repeat(100_000)), @"
    Syntax: line 1, column 128: expected at most 127 levels, but found more
    hint: make the plan again with `bayplan plan`; a plan file is never edited
    ");
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("{}".bytes().flat_map(|byte| [byte, 0])).collect();
    assert_eq!(read(&utf16).unwrap_err().fault, Fault::Syntax);
    assert_eq!(read(&vec![b' '; MAX_BYTES + 1]).unwrap_err().fault, Fault::TooLarge);
    assert_eq!(read(b"{\"a\": \"\xff\"}").unwrap_err().fault, Fault::Syntax);
}

#[test]
fn another_digest_than_the_approved_one_is_refused() {
    let written = write(&sample::mixed()).unwrap();
    let loaded = read(written.text.as_bytes()).unwrap();
    loaded.expect_digest(written.digest.trim_start_matches("sha256:")).unwrap();
    for wrong in ["", "sha256:", &written.digest[..20], "sha256:0"] {
        assert_eq!(loaded.expect_digest(wrong).unwrap_err().fault, Fault::Unexpected);
    }
}

#[test]
fn hostile_text_is_escaped_and_comes_back() {
    let mut plan = sample::mixed();
    let hostile = "\u{1b}[2J\u{202e}\u{200b}\u{2028}\r\n\"\\`|<b>@all\u{e0041}é漢";
    plan.warnings[0].text = hostile.into();
    plan.changes[0].impact.drops = vec![hostile.into(); 3];
    plan.declared["containers"][hostile] = json!({hostile: hostile});
    let text = file(&plan);
    assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)));
    assert_eq!(read(text.as_bytes()).unwrap().plan, plan);
}

#[test]
fn every_single_byte_that_changes_is_noticed() {
    let text = file(&sample::mixed()).into_bytes();
    for at in (0..text.len()).step_by(37) {
        let mut changed = text.clone();
        changed[at] ^= 1;
        assert!(read(&changed).is_err(), "byte {at} was changed and nobody noticed");
    }
}

#[test]
fn a_fraction_in_a_plan_is_not_written() {
    let mut plan = sample::mixed();
    plan.declared["containers"]["db"] = json!({"cpus": 0.5});
    write(&plan).unwrap_err();
}
