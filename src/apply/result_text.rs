//! The result of an apply as text.

use std::fmt::Write as _;

use super::record::{By, ChangeRecord, Ci, Command, Ended, RunRecord, Times};
use super::result::ResultDocument;
use super::{RecoveryReport, StepOutcome, StepStatus};
use crate::base::say::{lasted, safe, safe_lines};
use crate::plan::show::model::danger_words;

/// How many steps of a status the text names; the result document has all steps.
const NAMED: usize = 10;

/// The text of a stored result: its lines, the changes with reasons and times, and the run.
pub fn retold(document: &ResultDocument) -> String {
    let mut out = text(document);
    for change in &document.changes {
        let reasons = document.reasons(change).iter().map(|reason| safe(reason.as_str()));
        let reasons: Vec<String> = reasons.collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{:<7}  {}: {}{}",
            change.verb.word(),
            safe(change.id.as_str()),
            reasons.join("; "),
            course(change)
        );
        for danger in endangered(change) {
            let _ = writeln!(out, "         danger: {danger}");
        }
    }
    for step in document.steps.iter().filter(|step| !step.output.is_empty()) {
        let _ = writeln!(out, "{}{}", safe(step.id.as_str()), safe_lines(&step.output));
    }
    out.extend(document.run.iter().map(of_run));
    out
}

/// The dangers of a change with their values, one danger a line.
fn endangered(change: &ChangeRecord) -> impl Iterator<Item = String> {
    change.danger.iter().map(|danger| {
        let values = change.dangerous.get(danger).into_iter().flatten();
        let values: Vec<String> = values.map(|value| danger_words(*danger, value)).collect();
        let values =
            if values.is_empty() { String::new() } else { format!(": {}", values.join("; ")) };
        format!("{}{values}", danger.word())
    })
}

/// The times of a change, for the end of its line.
pub(super) fn course(change: &ChangeRecord) -> String {
    let Times { began_ms: _, took_ms, down_ms, still_down } = change.times;
    let ended = match change.ended {
        Ended::Done => "",
        Ended::AsBefore => "; as before",
        Ended::TakenBack => "; taken back",
        Ended::HalfDone => "; half done",
    };
    let took = if took_ms > 0 { format!("; {}", lasted(took_ms)) } else { String::new() };
    let down = match (down_ms, still_down) {
        (Some(_), true) => "; still down".to_owned(),
        (Some(down), false) => format!("; down for {}", lasted(down)),
        (None, _) => String::new(),
    };
    format!("{ended}{took}{down}")
}

/// The plan, the engine, the user and the time of a run.
fn of_run(run: &RunRecord) -> String {
    let RunRecord { command, plan, project, engine, simulated, began, took_ms, by, meta, tool } =
        run;
    let mut lines = Vec::new();
    let plan = plan.as_deref().unwrap_or("none");
    let project = project.as_ref().map(|project| format!(" of {project}")).unwrap_or_default();
    lines.push(("plan", format!("{plan}{project}")));
    let engine = engine.as_ref().map(|engine| {
        let version = Some(&engine.version).filter(|version| !version.is_empty());
        let version = version.map(|version| format!(" ({version})")).unwrap_or_default();
        format!("{}{version}", engine.name)
    });
    let engine = match (engine, simulated) {
        (Some(engine), true) => Some(format!("{engine}, simulated")),
        (None, true) => Some("simulated".to_owned()),
        (engine, false) => engine,
    };
    lines.extend(engine.map(|engine| ("engine", engine)));
    lines.push(("by", who(by)));
    let job = by.ci.as_ref();
    lines.extend(job.and_then(|job| job.url.clone()).map(|url| ("job", url)));
    lines.extend(job.and_then(|job| job.commit.clone()).map(|commit| ("commit", commit)));
    let command = match command {
        Command::Apply => "apply",
        Command::Recover => "recover",
    };
    let tool = format!("{} {}", tool.name, tool.version);
    lines.push(("when", format!("{began}, {}, {command} of {tool}", lasted(*took_ms))));
    lines.extend(meta.iter().map(|(key, value)| ("meta", format!("{key}={value}"))));
    let line = |(what, text): &(&str, String)| format!("{what:<7}  {}\n", safe(text));
    lines.iter().map(line).collect()
}

/// The user of a run: `ann (root) on harbour-1`, `ann in GitHub Actions`.
pub fn who(by: &By) -> String {
    let By { user, sudo_user, host, ci } = by;
    if let Some(Ci { system, actor, .. }) = ci {
        return format!("{} in {system}", actor.as_deref().unwrap_or(user));
    }
    match sudo_user {
        Some(person) => format!("{person} ({user}) on {host}"),
        None => format!("{user} on {host}"),
    }
}

/// The text of a result, with a line end after the last line.
pub fn text(document: &ResultDocument) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", safe(&document.message));
    for entry in &document.stale {
        let set = entry.set.as_ref().map(ToString::to_string);
        let what = set.or_else(|| entry.step.as_ref().map(ToString::to_string));
        let text = entry.stale.to_string();
        let parts = what.iter().chain(&entry.object).chain(std::iter::once(&text));
        let parts: Vec<String> = parts.map(|part| safe(part)).collect();
        let _ = writeln!(out, "stale: {} [{}]", parts.join(": "), safe(&entry.stale.code));
        let _ = writeln!(out, "  hint: {}", safe(&entry.stale.hint));
    }
    for trouble in &document.troubles {
        told(&mut out, document, trouble);
    }
    if let Some(command) = &document.recover {
        let _ =
            writeln!(out, "to go back, or to finish what is nearer to its end: {}", safe(command));
    }
    for mismatch in &document.mismatches {
        let set = mismatch.set.as_ref().map(|set| safe(set.as_str()));
        let name = mismatch.container.as_ref().map(|name| format!("`{}`", safe(name.as_str())));
        let whose: Vec<String> = set.into_iter().chain(name).collect();
        let colon = if whose.is_empty() { "" } else { ": " };
        let _ = writeln!(
            out,
            "not as declared: {}{colon}{}: {}",
            whose.join(" "),
            safe(&mismatch.option),
            safe(&mismatch.message)
        );
    }
    let settled = document.troubles.iter().all(RecoveryReport::is_settled);
    if !document.mismatches.is_empty() && document.recover.is_none() && settled {
        let _ = writeln!(out, "hint: nothing is half done; make a new plan");
    }
    for left in &document.left {
        let _ = writeln!(out, "left: {}", safe(&left.text));
    }
    if document.interrupted.is_some() {
        let undone = steps(document, &StepStatus::Undone).map(|all| format!("; undone: {all}"));
        let left = steps(document, &StepStatus::NotReached);
        let left = left.map(|all| format!("; not reached: {all}"));
        let parts: String = undone.into_iter().chain(left).collect();
        let _ = writeln!(out, "interrupted{parts}");
    }
    out
}

/// The steps with a status, the first ones by their IDs; `None`: no step has the status.
fn steps(document: &ResultDocument, status: &StepStatus) -> Option<String> {
    let all = document.steps.iter().filter(|step| step.status == *status);
    let all: Vec<String> = all.map(|step| safe(step.id.as_str())).collect();
    let (named, more) = all.split_at(all.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!named.is_empty()).then(|| named.join(", ") + &more)
}

/// Describes a change that failed or was not finished.
fn told(out: &mut String, document: &ResultDocument, trouble: &RecoveryReport) {
    let _ = writeln!(
        out,
        "{}: {} at {}: {}",
        match () {
            () if document.exit_code == 0 => "went back",
            () if not_reached(document, trouble) && document.interrupted.is_some() => "interrupted",
            // Something else failed, and this change only went back.
            () if not_reached(document, trouble) && trouble.is_settled() => "went back",
            () => "failed",
        },
        safe(trouble.change.as_str()),
        safe(trouble.step.as_str()),
        safe_lines(&trouble.message)
    );
    // The state now matters more than the calls that led there.
    for now in &trouble.now {
        let _ = writeln!(out, "  now: {}", safe(now));
    }
    for other in &trouble.not_by_this_run {
        let _ = writeln!(out, "  not by this run: {}", safe(other));
    }
    let change = safe(trouble.change.as_str());
    let _ = match () {
        () if trouble.as_before => writeln!(out, "  {change} is as it was before"),
        () if trouble.taken_back => {
            writeln!(out, "  {change}: what this run did is taken back, what others did stays")
        }
        () => Ok(()),
    };
    for undone in &trouble.undone {
        let _ = match &undone.failed {
            None => writeln!(out, "  undone: {}", safe(&undone.what)),
            Some(why) => {
                writeln!(out, "  not undone: {}: {}", safe(&undone.what), safe_lines(why))
            }
        };
    }
    for stays in &trouble.stays {
        let _ = writeln!(out, "  not undone: {}", safe(stays));
    }
}

/// Whether a change only stopped early: the run was asked to stop, or something else failed.
fn not_reached(document: &ResultDocument, trouble: &RecoveryReport) -> bool {
    let step = document.steps.iter().find(|step| step.id == trouble.step);
    let ended =
        |step: &StepOutcome| matches!(step.status, StepStatus::NotReached | StepStatus::Undone);
    step.is_some_and(ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::postcheck::Mismatch;
    use crate::apply::result::StaleEntry;
    use crate::apply::{Signal, Stale, StepOutcome, Undone};
    use crate::base::ident::{ChangeId, StepId};

    #[test]
    fn a_report_has_a_line_for_each_thing_and_says_what_was_only_interrupted() {
        let mut document = ResultDocument::refused("no action taken.", 7, Vec::new());
        document.stale.push(StaleEntry {
            set: None,
            step: None,
            object: Some("network `net`".to_owned()),
            stale: Stale {
                code: "network".to_owned(),
                expected: "one".to_owned(),
                found: "another".to_owned(),
                hint: "plan again".to_owned(),
            },
        });
        for (change, message) in [("web", "it ended; its last output:\n  | one\u{1b}"), ("db", "…")]
        {
            document.troubles.push(RecoveryReport {
                change: ChangeId::new(change),
                step: StepId::new(format!("{change}/start")),
                message: message.to_owned(),
                as_before: false,
                taken_back: false,
                not_by_this_run: Vec::new(),
                now: Vec::new(),
                undone: vec![
                    Undone {
                        step: StepId::new(format!("{change}/undo-stop")),
                        what: "start `web`".to_owned(),
                        failed: None,
                    },
                    Undone {
                        step: StepId::new(format!("{change}/undo-create")),
                        what: "remove `web.bp-new`".to_owned(),
                        failed: Some("busy".to_owned()),
                    },
                ],
                stays: vec!["what was paused runs".to_owned()],
            });
        }
        document.recover = Some("bayplan recover plan.json".to_owned());
        document.interrupted = Some(Signal::Interrupt);
        for (id, status) in
            [("db/start", StepStatus::NotReached), ("db/create", StepStatus::Undone)]
        {
            let (id, container, output) = (StepId::new(id), None, String::new());
            document.steps.push(StepOutcome { id, status, container, output });
        }
        insta::assert_snapshot!(text(&document), @r"
        no action taken.
        stale: network `net`: expected one, but found another [network]
          hint: plan again
        failed: web at web/start: it ended; its last output:
          | one\u{1b}
          undone: start `web`
          not undone: remove `web.bp-new`: busy
          not undone: what was paused runs
        interrupted: db at db/start: …
          undone: start `web`
          not undone: remove `web.bp-new`: busy
          not undone: what was paused runs
        to go back, or to finish what is nearer to its end: bayplan recover plan.json
        interrupted; undone: db/create; not reached: db/start
        ");
        // What is where now stands before the calls that led there.
        let mut now = document.clone();
        now.troubles[0].now.push("the old container is `web`, running".to_owned());
        let told = text(&now);
        assert!(told.find("  now: ") < told.find("  undone: "), "{told}");
        // A change that stopped because another failed did not fail itself.
        let mut other = document.clone();
        other.interrupted = None;
        other.troubles[1].as_before = true;
        let told = text(&other);
        assert!(told.contains("failed: web at") && told.contains("went back: db at"), "{told}");
    }

    #[test]
    fn what_is_not_as_declared_and_not_half_done_has_a_way_out() {
        let mut document = ResultDocument::refused("created 1 container.", 7, Vec::new());
        document.mismatches.push(Mismatch {
            set: None,
            container: None,
            option: "count".to_owned(),
            message: "expected 1 running containers, but found 0".to_owned(),
        });
        assert!(text(&document).ends_with("hint: nothing is half done; make a new plan\n"));
        document.recover = Some("bayplan recover plan.json".to_owned());
        assert!(!text(&document).contains("new plan"));
    }

    #[test]
    fn a_long_plan_does_not_list_every_step() {
        let mut document = ResultDocument::refused("no action taken.", 7, Vec::new());
        document.interrupted = Some(Signal::Interrupt);
        for number in 1..=30 {
            let (id, status) = (StepId::new(format!("db-{number}/start")), StepStatus::NotReached);
            document.steps.push(StepOutcome { id, status, container: None, output: String::new() });
        }
        let last = text(&document).lines().last().unwrap_or_default().to_owned();
        assert!(last.ends_with("db-9/start, db-10/start and 20 more"), "{last}");
    }
}
