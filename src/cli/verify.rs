//! `bayplan verify`.

use serde_json::json;

use super::args::{Global, VerifyArgs};
use super::files::Files;
use super::load_plan::SpecPlace;
use super::report::{Exit, Failure, Result};
use super::{load_plan, load_spec, observe, output};
use crate::base::canonical;
use crate::plan::left;
use crate::stale::{Judgement, SetVerdict, judge};

/// Runs the command.
pub fn run(args: &VerifyArgs, global: &Global, files: &Files) -> Result {
    let place = SpecPlace {
        file: args.spec.as_deref(),
        without: args.without_spec,
        outside: &args.allow_outside,
    };
    let opened = load_plan::open(files, &args.plan, args.expect_digest.as_deref(), place)?;
    let spec = &opened.spec;
    let snapshot = if let Some(path) = &args.snapshot {
        // The snapshot already contains the result of comparing references.
        observe::from_file(files, path, spec, &load_spec::resolve(spec, &opened.named)?)?
    } else {
        needs_target(&opened.plan)?;
        let secrets = load_plan::secrets(&opened)?;
        observe::runtime()?.block_on(async {
            let reader = observe::connect(global).await?;
            observe::look(&reader, &load_plan::wanted(&opened), Some(spec), &secrets).await
        })?
    };
    let mut judgement = judge(&opened.plan, spec, &snapshot);
    load_plan::spec_moved(&opened, args.spec.is_some(), &mut judgement)?;
    if args.json {
        print_json(&judgement)?;
    }
    for note in &judgement.notes {
        output::note(&format!("note: {note}"));
    }
    if let Some(failure) = load_plan::verdict(&judgement) {
        return Err(failure);
    }
    if !judgement.half_done.is_empty() {
        let text = load_plan::describe(&judgement.half_done);
        let message = format!("an apply of this plan did not finish\n{text}");
        return Err(Failure::new(Exit::Stale, message));
    }
    if !args.json {
        output::told(&words(&judgement))?;
    }
    let differs = !judgement.is_done() || !judgement.left.is_empty() || judgement.is_moved();
    Ok(if differs && args.detailed_exitcode { Exit::Changes } else { Exit::Done })
}

/// A plan for a live engine must name its engine.
pub fn needs_target(plan: &crate::plan::Plan) -> std::result::Result<(), Failure> {
    if plan.target.is_some() {
        return Ok(());
    }
    let message = "the plan names no engine: it was made from a file without an engine's identity";
    Err(Failure::new(Exit::Refused, message)
        .hint("plan on the engine, or from a file that `bayplan snapshot` wrote there"))
}

fn words(judgement: &Judgement) -> String {
    let first = if judgement.is_done() {
        judgement.done_words()
    } else {
        let done = load_plan::sets_of(judgement, SetVerdict::Done);
        let done = if done.is_empty() { done } else { format!("; done already: {done}") };
        let left = left::count(&judgement.left).map(|left| format!("; {left}")).unwrap_or_default();
        let steps = crate::base::say::count(judgement.run.len(), "step");
        let moved = judgement.moved_words();
        format!("current: {steps} to run{done}{left}{moved}.")
    };
    let left = judgement.left.iter().map(|left| format!("  {}\n", left.text));
    format!("{first}\n{}", left.collect::<String>())
}

fn print_json(judgement: &Judgement) -> std::result::Result<(), Failure> {
    let document = json!({
        "current": judgement.is_current(),
        "done": judgement.is_done(),
        "sets": judgement.verdicts,
        "stale": judgement.stale,
        "tampered": judgement.tampered,
        "half_done": judgement.half_done,
        "left": judgement.left,
        "notes": judgement.notes,
        "steps": judgement.run,
    });
    let mut out = Vec::new();
    canonical::pretty(&mut out, &document, 0).map_err(|error| {
        Failure::new(Exit::Error, "the judgement cannot be written").caused_by(error)
    })?;
    out.push(b'\n');
    output::data(&String::from_utf8_lossy(&out))
}
