//! What a reviewer reads of a plan: every dangerous value in every form, and screens of a terminal.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bayplan::plan::show::{About, markdown, text, told};
use bayplan::plan::{Danger, Plan};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value as Json, json};

use super::cases::{NAMES, made};
use super::{golden, html, readme};

/// A plan in every form, with room for every line.
fn forms(plan: &Plan) -> [(&'static str, String); 3] {
    let options = text::Options { width: 10_000, ..text::Options::default() };
    [
        ("text", text::text(plan, &About::default(), options)),
        ("markdown", markdown::markdown(&[(plan, About::default())], false)),
        ("html", html::read(&html::page(&[(plan, About::default())]))),
    ]
}

/// Whether each dangerous value of a plan is told, its class before it.
fn values_told(plan: &Plan) -> usize {
    let mut values = 0;
    for (form, shown) in forms(plan) {
        for change in &plan.changes {
            for danger in &change.danger {
                assert!(shown.contains(danger.word()), "{} in {form}:\n{shown}", danger.word());
            }
            for (danger, all) in &change.dangerous {
                for value in all {
                    let (class, value) = danger.classified(value);
                    let value = match danger {
                        Danger::Outage => value.to_owned(),
                        _ if value.is_empty() => String::new(),
                        _ => told::value(value, 400),
                    };
                    let words = match class {
                        Some(class) if value.is_empty() => class.to_owned(),
                        Some(class) => format!("{class}: {value}"),
                        None => value,
                    };
                    assert!(shown.contains(&words), "{words} in {form}:\n{shown}");
                    values += 1;
                }
            }
        }
    }
    values
}

#[test]
fn every_dangerous_value_of_every_case_is_read() {
    let plans = NAMES.iter().filter_map(|name| made(&name.replace('_', "-")));
    let values: usize = plans.map(|(_, _, plan)| values_told(&plan)).sum();
    assert!(values > 150, "only {values}");
}

#[test]
fn every_danger_is_read_with_its_values() {
    let (_, _, mut plan) = made("dangers").unwrap();
    let change = &mut plan.changes[0];
    change.danger = Danger::ALL.to_vec();
    for danger in Danger::ALL.into_iter().filter(|danger| danger.names_values()) {
        let classes = danger.classes().iter().map(|class| format!("{class}:of {class}"));
        let values = if danger.classes().is_empty() {
            vec![format!("of {}", danger.word())]
        } else {
            classes.collect()
        };
        change.dangerous.insert(danger, values);
    }
    assert!(values_told(&plan) > 60);
}

/// A terminal of a width, and what a run of the program leaves on it.
fn screen(columns: u16, folder: &Path, words: &[&str]) -> vt100::Parser {
    screen_with(columns, folder, words, &[])
}

fn screen_with(
    columns: u16,
    folder: &Path,
    words: &[&str],
    variables: &[(&str, &str)],
) -> vt100::Parser {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let size = Winsize { ws_row: 100, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).unwrap();
    let path = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bayplan"));
    command
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("TERM", "xterm-256color")
        // What is committed of a shipped plan is no earlier plan of it.
        .env("GIT_DIR", "none")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::from(theirs.try_clone().unwrap()))
        .stderr(Stdio::from(theirs));
    let mut child = command.spawn().unwrap();
    // The other end must be ours no more, or the screen never ends.
    drop(command);
    let mut bytes = Vec::new();
    // The terminal of a program that has ended is no more: that is its end.
    let _ = File::from(ours).read_to_end(&mut bytes);
    child.wait().unwrap();
    let mut parser = vt100::Parser::new(100, columns, 0);
    parser.process(&bytes);
    parser
}

fn rows(parser: &vt100::Parser) -> Vec<String> {
    let screen = parser.screen();
    let rows: Vec<String> = screen.rows(0, screen.size().1).collect();
    rows.into_iter().map(|row| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
}

/// Whether a word on the screen is painted.
fn is_painted(parser: &vt100::Parser, word: &str) -> bool {
    let screen = parser.screen();
    let (height, width) = screen.size();
    let at =
        screen.rows(0, width).enumerate().find_map(|(row, text)| Some((row, text.find(word)?)));
    let (row, column) = at.unwrap_or_else(|| panic!("{word} is not on the screen"));
    assert!(row < usize::from(height));
    let cell = screen.cell(row.try_into().unwrap(), column.try_into().unwrap()).unwrap();
    cell.bold() || cell.fgcolor() != vt100::Color::Default
}

#[test]
fn a_plan_fits_a_terminal_of_any_width() {
    let folder = golden::path("plans/shop");
    for columns in [40, 80, 120] {
        let parser = screen(columns, &folder, &["show", "plan.json"]);
        let rows = rows(&parser);
        insta::assert_snapshot!(format!("shop-{columns}"), rows.join("\n"));
        for word in ["DANGER", "CHANGES", "host_access", "replace shop-db", "create  shop-web-3"] {
            assert!(is_painted(&parser, word), "{word} at {columns}");
        }
    }
}

const SHOP: &str = "plans/shop/plan.json";
const LOOK: [&str; 2] = ["--snapshot", "examples/shop/snapshot.json"];

/// A result of the example in which nothing depends on who runs it, or when.
fn shop_applied(root: &Path) {
    screen(100, root, &[&["apply", SHOP, "--simulate", "-o", "result.json"], &LOOK[..]].concat());
    let path = root.join("result.json");
    let mut result: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let run = &mut result["run"];
    run["by"] = json!({"user": "root", "sudo_user": "ann", "host": "harbour-1"});
    run["began"] = json!("2026-11-24T00:06:10Z");
    run["took_ms"] = json!(21_400);
    run["meta"] = json!({"TICKET": "SHOP-42"});
    for change in result["changes"].as_array_mut().unwrap() {
        for key in ["began_ms", "took_ms", "down_ms"] {
            if change.get(key).is_some_and(Json::is_number) {
                change[key] = json!(11_000);
            }
        }
    }
    std::fs::write(path, result.to_string()).unwrap();
}

#[test]
fn what_was_done_and_what_is_still_current_fit_a_terminal() {
    let root = readme::shop();
    let root = root.path();
    screen(100, root, readme::PLAN);
    shop_applied(root);
    // Somebody stopped a container after the look that the plan was made from.
    let look = std::fs::read_to_string(root.join(LOOK[1])).unwrap();
    let stale =
        look.replace("\"Running\": true", "\"Running\": false").replace("running", "exited");
    std::fs::write(root.join("stale.json"), stale).unwrap();
    let verify = ["verify", SHOP, "--snapshot"];
    for columns in [80, 120] {
        for (name, words, painted, plain) in [
            (
                "result",
                &["show", "result.json"][..],
                &["replace", "left", "when", "by "][..],
                "created",
            ),
            ("current", &[&verify[..], &LOOK[1..]].concat(), &["current"], "steps to run"),
            ("history", &["history", "result.json"], &["replace"], "applied by"),
            ("stale", &[&verify[..], &["stale.json"]].concat(), &["error", "hint"], "expected"),
        ] {
            let parser = screen(columns, root, words);
            insta::assert_snapshot!(format!("shop-{name}-{columns}"), rows(&parser).join("\n"));
            for word in painted {
                assert!(is_painted(&parser, word), "{name}: {word} at {columns}");
            }
            assert!(!is_painted(&parser, plain), "{name}: {plain} at {columns}");
        }
    }
    // In a pipe, with NO_COLOR and in a file it is the same text without a colour.
    let mut command = Command::new(env!("CARGO_BIN_EXE_bayplan"));
    let piped =
        command.args(["show", "result.json"]).current_dir(root).env_clear().output().unwrap();
    assert!(!piped.stdout.contains(&0x1b), "{piped:?}");
    let parser = screen_with(120, root, &["show", "result.json"], &[("NO_COLOR", "1")]);
    assert!(!is_painted(&parser, "replace"));
    screen(120, root, &["show", "result.json", "-o", "result.txt"]);
    assert_eq!(std::fs::read(root.join("result.txt")).unwrap(), piped.stdout);
}

#[test]
fn errors_are_painted_on_a_terminal() {
    let parser = screen(80, &golden::path("plans/shop"), &["show", "none.json"]);
    assert!(is_painted(&parser, "error"), "{:?}", rows(&parser));
    assert!(!is_painted(&parser, "reading"), "{:?}", rows(&parser));
}

/// The program without a terminal, in the folder of the example.
fn run(words: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_bayplan"))
        .args(words)
        .current_dir(golden::path("plans/shop"))
        .env_clear()
        .env("TERM", "xterm-256color")
        .env("GIT_DIR", "none")
        .output()
        .unwrap()
}

#[test]
fn where_there_is_no_plan_the_comment_says_why() {
    let words = ["plan", "none.yaml", "--snapshot", "none.json", "--format", "markdown"];
    let output = run(&words);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @"
    <!-- bayplan -->
    ## There is no plan

    - `error: reading none.yaml`
    - `caused by: No such file or directory (os error 2)`
    ");
}

#[test]
fn several_plans_are_one_comment() {
    let shown = run(&["show", "plan.json", "../dangers/plan.json", "--format", "markdown"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(text.matches("<!-- bayplan -->").count(), 1, "{text}");
    assert_eq!(text.matches("## Plan for `shop`").count(), 2, "{text}");
    let json = run(&["show", "plan.json", "../dangers/plan.json", "--format", "json"]);
    assert_eq!(json.status.code(), Some(64));
}

#[test]
fn a_page_and_a_chart_are_shown_or_written_and_never_over_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let plan = at("plan.json");
    std::fs::copy(golden::path("plans/shop/plan.json"), &plan).unwrap();
    let written = run(&["show", &plan, "--format", "html", "-o", &at("plan.html")]);
    assert!(written.status.success() && written.stdout.is_empty(), "{written:?}");
    let page = std::fs::read_to_string(at("plan.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    let shown = run(&["show", &plan, &plan, "--format", "html"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("<title>2 plans</title>"));
    let chart = run(&["show", &plan, "--format", "mermaid"]);
    assert!(chart.stdout.starts_with(b"```mermaid\ngantt\n"), "{chart:?}");
    let before = std::fs::read(&plan).unwrap();
    let over = run(&["show", &plan, "--format", "html", "-o", &plan]);
    assert!(!over.status.success() && std::fs::read(&plan).unwrap() == before, "{over:?}");
}

#[test]
fn an_earlier_plan_tells_who_caused_what_differs() {
    let shown = |words: &[&str]| {
        let output = run(&[&["show", "plan.json"], words].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!shown(&[]).contains("(not applied since)"));
    let since = shown(&["--since", "plan.json"]);
    assert!(since.contains("mem_limit 512m → 1g (not applied since)"), "{since}");
    let since = shown(&["--since", "plan.json", "--format", "html"]);
    assert!(since.contains("(not applied since)"), "{since}");
}

/// What stands on a screen as a picture: its words in their colours.
fn picture(parser: &vt100::Parser) -> String {
    use std::fmt::Write as _;
    let screen = parser.screen();
    let width = screen.size().1;
    let last = screen.rows(0, width).enumerate().filter(|(_, row)| !row.trim().is_empty());
    let height = last.map(|(row, _)| row + 1).last().unwrap_or(0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" \
         font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"14\" fill=\"#d4d4d4\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#1e1e1e\"/>\n",
        f64::from(width) * 8.5 + 24.0,
        height * 19 + 28
    );
    for row in 0..height {
        let mut runs: Vec<(u16, String, String)> = Vec::new();
        for column in 0..width {
            let cell = screen.cell(u16::try_from(row).unwrap(), column).unwrap();
            let colour = match cell.fgcolor() {
                vt100::Color::Idx(1) => " fill=\"#f14c4c\"",
                vt100::Color::Idx(2) => " fill=\"#23d18b\"",
                vt100::Color::Idx(3) => " fill=\"#e5c07b\"",
                vt100::Color::Idx(6) => " fill=\"#29b8db\"",
                _ => "",
            };
            let bold = if cell.bold() { " font-weight=\"bold\"" } else { "" };
            let dim = if cell.dim() { " opacity=\"0.6\"" } else { "" };
            let style = format!("{colour}{bold}{dim}");
            let text = if cell.has_contents() { cell.contents() } else { " " };
            match runs.last_mut() {
                Some((_, last, run)) if *last == style => run.push_str(text),
                _ => runs.push((column, style, text.to_owned())),
            }
        }
        for (column, style, run) in runs.iter().filter(|(_, _, run)| !run.trim().is_empty()) {
            let blanks = run.len() - run.trim_start().len();
            let x = (f64::from(*column) + f64::from(u16::try_from(blanks).unwrap())) * 8.5 + 12.0;
            let text = run.trim().replace('&', "&amp;").replace('<', "&lt;");
            let length = f64::from(u16::try_from(run.trim().chars().count()).unwrap()) * 8.5;
            writeln!(
                out,
                "<text x=\"{x}\" y=\"{}\" textLength=\"{length}\" xml:space=\"preserve\"{style}>{text}</text>",
                row * 19 + 30
            )
            .unwrap();
        }
    }
    out + "</svg>\n"
}

#[test]
fn the_picture_of_the_readme_is_what_a_terminal_shows() {
    let parser = screen(100, &golden::path("plans/shop"), &["show", "plan.json"]);
    golden::file("examples/shop/plan.svg", &picture(&parser));
}

#[test]
fn nothing_is_painted_in_a_pipe() {
    for words in [["show", "plan.json"], ["show", "none.json"]] {
        let output = run(&words);
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
    }
}
