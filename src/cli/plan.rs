//! `bayplan plan`.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::args::{FailOn, Format, Global, PlanArgs, Unresolved};
use super::denied::Denied;
use super::files::{self, Files};
use super::report::{Exit, Failure, Result};
use super::{compose, fail_on, forms, load_spec, observe, output, project_folder, since};
use crate::base::ident::Reference;
use crate::base::say;
use crate::compose::Project;
use crate::engine::credentials::Registries;
use crate::engine::known;
use crate::engine::secrets::Secrets;
use crate::observed::file;
use crate::observed::off_network::locks;
use crate::observed::scope::ObservationScope;
use crate::observed::snapshot::Snapshot;
use crate::plan::cause::Causes;
use crate::plan::check::Violation;
use crate::plan::show::{About, html, markdown, mermaid, text};
use crate::plan::{Plan, SpecSource, format, left};
use crate::planner::undeclared;
use crate::planner::{Built, Input, Pins, PlanError, build_to_show};

/// The hint for unresolved references.
const UNSET: &str =
    "set it, or plan with `--unresolved assume-same` where secrets must not be known";

/// Runs the command.
pub fn run(args: &PlanArgs, global: &Global, files: &Files) -> Result {
    let since = args.since.is_some() && !args.fail_on.contains(&FailOn::Drift);
    let said = [("--steps", args.steps), ("--meta", !args.meta.is_empty()), ("--since", since)];
    forms::heeds(args.format, false, &said)?;
    let made = make(args, global, files);
    let piped = args.output.as_deref().is_some_and(files::is_standard);
    if let (Err(failure), Format::Markdown, false) = (&made, args.format, piped) {
        // Readers of the comment must learn that there is no plan.
        output::data(&markdown::lines("## There is no plan", &failure.to_string()))?;
    }
    let Made { plan, since, beyond } = made?;
    finish(args, (global, files), (&plan, since), beyond)
}

/// A plan, with additional data for its views.
struct Made {
    plan: Plan,
    /// An earlier plan of the project.
    since: Option<Arc<Plan>>,
    /// The undeclared options of containers, if the user asked for them.
    beyond: Option<String>,
}

fn make(args: &PlanArgs, global: &Global, files: &Files) -> std::result::Result<Made, Failure> {
    files.will_take("the spec", args.spec.iter().chain(&args.compose.files));
    files.will_take("the snapshot", &args.snapshot);
    observe::will_read(global, files);
    let (loaded, kept) = read(args, files);
    let mut loaded = loaded?;
    loaded.spec.prune |= args.prune;
    // Output paths are checked before the engine is asked.
    args.output.as_deref().map_or(Ok(()), |path| files.writable(path))?;
    let since = since::before(args, &loaded.spec.project, files)?.map(Arc::new);
    let secrets = load_spec::resolve(&loaded.spec, &loaded.named)?;
    let (snapshot, built) = if let Some(kept) = kept {
        let snapshot = observe::redacted(kept?, &loaded.spec, &secrets);
        let built = planned(args, &loaded, &snapshot, &secrets)?;
        (snapshot, built)
    } else {
        // Unresolved references are reported before the engine is asked.
        if args.unresolved == Unresolved::Error && !secrets.missing().is_empty() {
            return Err(load_spec::missing(
                secrets.missing(),
                (&loaded.spec, &secrets, &loaded.named),
                UNSET,
            ));
        }
        if let Some((start, _)) = &loaded.compose {
            project_folder::refuse_far(start, &loaded.spec, global)?;
        }
        observe::runtime()?.block_on(live(args, global, &loaded, &secrets))?
    };
    let spec = &loaded.spec;
    let Built { plan, mut errors, .. } = built;
    if let Some((_, project)) = &loaded.compose {
        how_to_build(&mut errors, project);
    }
    let beyond = args.explain_undeclared.then(|| undeclared::undeclared(spec, &snapshot));
    if let Some(digest) = locks(&snapshot).get(spec.project.as_str()) {
        let digest = say::safe(digest);
        output::note(&format!(
            "note: an apply of the plan with {digest} is under way, or it died: `bayplan recover` \
             tells which"
        ));
    }
    // The process ends soon, and freeing a large snapshot would take a tenth of its time.
    std::mem::forget(snapshot);
    if !errors.is_empty() {
        return Err(refused(&errors));
    }
    sound(&plan)?;
    Ok(Made { plan, since, beyond: beyond.as_deref().map(undeclared::text) })
}

/// The content of a file, or the failure.
type Read<T> = std::result::Result<T, Failure>;

/// Reads the spec and the snapshot. The snapshot may be large, so it is parsed in parallel.
fn read<'f>(
    args: &PlanArgs,
    files: &'f Files,
) -> (Read<load_spec::Loaded<'f>>, Option<Read<Snapshot>>) {
    let bytes = args.snapshot.as_ref().map(|path| {
        let bytes = files.read(path, file::MAX_BYTES);
        (path.as_path(), bytes)
    });
    let parse = || {
        let (path, bytes) = bytes.as_ref()?;
        Some(bytes.as_ref().map_err(Clone::clone).and_then(|bytes| observe::kept(path, bytes)))
    };
    thread::scope(|scope| {
        let parsing = bytes.is_some().then(|| thread::Builder::new().spawn_scoped(scope, parse));
        let loaded = load_spec::load(
            files,
            load_spec::Asked {
                path: args.spec.as_deref(),
                compose: &args.compose,
                outside: &args.allow_outside,
                assume: args.unresolved == Unresolved::AssumeSame,
            },
        );
        let kept = match parsing {
            Some(Ok(parsing)) => parsing.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // Without a second thread, the files are read one after the other.
            Some(Err(_)) => parse(),
            None => None,
        };
        (loaded, kept)
    })
}

/// Looks at an engine and builds the plan. If the plan ends a container, the dependants of all
/// containers are checked and the plan is built again.
async fn live(
    args: &PlanArgs,
    global: &Global,
    loaded: &load_spec::Loaded<'_>,
    secrets: &Secrets,
) -> std::result::Result<(Snapshot, Built), Failure> {
    let reader = observe::connect(global).await?.asking(Registries::only(&args.registries));
    let wanted = ObservationScope::of(&loaded.spec);
    let snapshot = observe::look(&reader, &wanted, Some(&loaded.spec), secrets).await?;
    let built = planned(args, loaded, &snapshot, secrets)?;
    let unasked = snapshot.containers.iter().any(|container| container.inspect.is_none());
    if !unasked || !built.plan.ends_containers() {
        return Ok((snapshot, built));
    }
    let wanted = wanted.with_dependants();
    let snapshot = observe::look(&reader, &wanted, Some(&loaded.spec), secrets).await?;
    let built = planned(args, loaded, &snapshot, secrets)?;
    Ok((snapshot, built))
}

fn planned(
    args: &PlanArgs,
    loaded: &load_spec::Loaded<'_>,
    snapshot: &Snapshot,
    secrets: &Secrets,
) -> std::result::Result<Built, Failure> {
    let spec = &loaded.spec;
    if let Some((start, _)) = &loaded.compose {
        project_folder::refuse_other(start, spec, snapshot)?;
    }
    let assume = args.unresolved == Unresolved::AssumeSame;
    let unknown = unresolved(&spec.references(), snapshot);
    if !assume && !unknown.is_empty() {
        let (missing, known): (Vec<_>, Vec<_>) =
            unknown.iter().partition(|reference| secrets.missing().contains(*reference));
        return Err(match missing.as_slice() {
            [] => load_spec::not_compared(known, spec),
            _ => load_spec::missing(missing, (spec, secrets, &loaded.named), UNSET),
        });
    }
    let source = SpecSource {
        path: relative(&loaded.path, args.output.as_deref()),
        digest: loaded.digest.clone(),
        compose: loaded.compose.as_ref().map(|(start, project)| {
            compose::source(start, &project.name, |path| relative(path, args.output.as_deref()))
        }),
    };
    let source = Some(source);
    Ok(build_to_show(&Input { spec, snapshot, assume, pins: Pins::default(), source }))
}

fn unresolved(
    references: &std::collections::BTreeSet<Reference>,
    snapshot: &Snapshot,
) -> Vec<Reference> {
    let known = |reference: &&Reference| snapshot.secrets.get(*reference) == Some(&true);
    references.iter().filter(|reference| !known(reference)).cloned().collect()
}

/// A missing image of a service with `build` gets a hint about `docker compose build`.
fn how_to_build(errors: &mut [PlanError], project: &Project) {
    for error in errors.iter_mut().filter(|error| error.code == "image_lacking") {
        let Some(service) = error.set.as_ref().filter(|set| project.builds(set.as_str())) else {
            continue;
        };
        error.hint = format!("build it: `docker compose build {service}`");
    }
}

/// All errors of a plan, each with its hint.
pub fn refused(errors: &[PlanError]) -> Failure {
    let lines = say::listed(errors, |error| {
        let set = error.set.as_ref().map(|set| format!("set `{set}`: ")).unwrap_or_default();
        let (message, code, hint) = (say::safe(&error.message), error.code, &error.hint);
        format!("  {set}{message} [{code}]\n    hint: {hint}")
    });
    let count = say::count(errors.len(), "error");
    Failure::new(Exit::Error, format!("there is no plan: {count}\n{lines}"))
}

/// Checks a plan with the checker, which must accept every plan.
pub fn sound(plan: &Plan) -> std::result::Result<(), Failure> {
    let violations = crate::plan::check::check(plan);
    if violations.is_empty() {
        return Ok(());
    }
    let line = |violation: &Violation| format!("  {}", say::safe(&violation.to_string()));
    let lines = say::listed(&violations, line);
    Err(Failure::new(Exit::Refused, format!("the plan does not hold together\n{lines}")))
}

fn finish(
    args: &PlanArgs,
    (global, files): (&Global, &Files),
    (plan, since): (&Plan, Option<Arc<Plan>>),
    undeclared: Option<String>,
) -> Result {
    let written = match &args.output {
        Some(path) => {
            let written = format::write(plan)?;
            files.write(path, written.text.as_bytes())?;
            Some((path, written))
        }
        None => None,
    };
    // With the plan on stdout, all other output goes to stderr.
    let piped = args.output.as_deref().is_some_and(files::is_standard);
    let denied = denied(&args.deny, plan);
    let named = args.output.as_deref().filter(|_| !piped).map(files::named_output);
    let about = About {
        digest: written.as_ref().map(|(_, written)| written.digest.clone()),
        next: named.filter(|_| denied.is_ok()).map(|named| format!("bayplan apply {named}")),
        meta: args.meta.iter().map(|(key, value)| (key.clone(), known::struck(value))).collect(),
        since: since.clone(),
    };
    let shown = match args.format {
        Format::Text => text::text(plan, &about, output::text(global, args.steps)),
        Format::Markdown => markdown::markdown(&[(plan, about)], args.steps),
        Format::Html => html::html(&[(plan, about)])?,
        Format::Mermaid => mermaid::mermaid(&[plan]),
        Format::Json => match &written {
            Some((_, written)) => written.text.clone(),
            None => format::write(plan)?.text,
        },
    };
    match args.format {
        Format::Json if piped => {}
        _ if piped => output::note(shown.trim_end()),
        _ => output::data(&shown)?,
    }
    match (undeclared, args.format) {
        (Some(text), Format::Text) if !piped => output::data(&text)?,
        // The data on stdout stays unchanged, so this text goes to stderr.
        (Some(text), _) => output::note(&text),
        (None, _) => {}
    }
    if let Some((path, written)) = written {
        let named = files::named_output(path);
        output::note(&match args.format {
            Format::Json => format!("\nwritten to {named} ({})", written.digest),
            _ => format!("\nwritten to {named}"),
        });
    } else if args.format == Format::Text && !plan.changes.is_empty() && output::is_watched() {
        output::note("\nhint: `-o plan.json` writes the plan, `bayplan apply plan.json` does it");
    }
    denied?;
    let differs = !plan.changes.is_empty() || !left::of(plan).is_empty();
    let fails = fail_on::fails(&args.fail_on, &Causes::new(plan, since.as_deref()), plan);
    for line in &fails {
        output::note(line);
    }
    let changes = differs && args.detailed_exitcode || !fails.is_empty();
    Ok(if changes { Exit::Changes } else { Exit::Done })
}

fn denied(deny: &[Denied], plan: &Plan) -> std::result::Result<(), Failure> {
    let hits: Vec<String> = plan
        .changes
        .iter()
        .filter_map(|change| {
            let hits: BTreeSet<String> = deny.iter().flat_map(|deny| deny.hits(change)).collect();
            let words: Vec<String> = hits.into_iter().collect();
            (!words.is_empty()).then(|| format!("`{}` ({})", change.id, words.join(", ")))
        })
        .collect();
    if hits.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, format!("the plan has denied dangers: {}", hits.join(", ")))
        .hint("change the spec, or have the danger allowed by who runs this command"))
}

/// The path of the spec relative to the plan file's folder, with `/` between parts.
fn relative(spec: &Path, output: Option<&Path>) -> String {
    let absolute = |path: &Path| {
        std::fs::canonicalize(path)
            .or_else(|_| std::path::absolute(path))
            .unwrap_or_else(|_| path.to_owned())
    };
    let folder = output.and_then(Path::parent).filter(|folder| *folder != Path::new(""));
    let from = absolute(folder.unwrap_or(Path::new(".")));
    let to = absolute(spec);
    let from: Vec<Component<'_>> = from.components().collect();
    let to: Vec<Component<'_>> = to.components().collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(Component::ParentDir, from.len() - common);
    let path: PathBuf = up.chain(to[common..].iter().copied()).collect();
    let parts: Vec<String> =
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}
