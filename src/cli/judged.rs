//! From a plan file to a judgement: what `verify` and `apply` share.
//!
//! The file is read once; everything after works on what was read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::{self, Files};
use super::named_files::{self, NamedFiles};
use super::report::{Exit, Failure};
use super::{output, plan as planning, specs};
use crate::engine::secrets::Secrets;
use crate::ident::{Reference, SetName};
use crate::plan::{Plan, format};
use crate::spec::node::Node;
use crate::spec::{Spec, problems, read, yaml};
use crate::stale::{Judgement, SetVerdict, Staleness};
use crate::wanted::Wanted;

/// A plan file that holds together, and the spec in it.
pub struct Opened<'a> {
    /// What is read and written.
    pub files: &'a Files,
    /// The plan.
    pub plan: Plan,
    /// What it declares.
    pub spec: Spec,
    /// Its digest.
    pub digest: String,
    /// Where the spec was found, if it was.
    pub found: Option<PathBuf>,
    /// The files that the spec names.
    pub named: NamedFiles<'a>,
}

/// What judging a plan, and looking at what came of it, takes.
pub fn wanted(opened: &Opened<'_>) -> Wanted {
    let facts = &opened.plan.facts;
    let wanted = Wanted::of(&opened.spec).for_plan(facts.images.iter().map(|fact| &fact.reference));
    if opened.plan.ends_containers() { wanted.with_dependants() } else { wanted }
}

/// Reads and checks a plan file. `outside`: folders that the spec's files may be in as well.
pub fn open<'a>(
    files: &'a Files,
    path: &Path,
    expect_digest: Option<&str>,
    (spec_file, outside): (Option<&Path>, &[PathBuf]),
) -> Result<Opened<'a>, Failure> {
    let named = files::named(path);
    let bytes = files.read(path, format::MAX_BYTES)?;
    let loaded = format::read(&bytes).map_err(|error| Failure::from(error).within(&named))?;
    if let Some(expected) = expect_digest {
        loaded.expect_digest(expected).map_err(|error| Failure::from(error).within(&named))?;
    }
    let plan = loaded.plan;
    planning::sound(&plan).map_err(|failure| failure.within(&named))?;
    let spec =
        read::spec(Node::from_json(&plan.declared), &declared_files(&plan)).map_err(|all| {
            let shown = problems::render(&named, "", &all);
            Failure::new(
                Exit::Refused,
                format!("what the plan declares is no spec\n{}", shown.trim_end()),
            )
        })?;
    let (found, folder) = places(path, &plan, spec_file);
    let named = NamedFiles::new(files, &folder, outside)?;
    Ok(Opened { files, plan, spec, digest: loaded.digest, found, named })
}

/// Where the spec of a plan is, if it is there, and from which folder its files count. A plan must
/// not have us look for them outside its repository.
fn places(path: &Path, plan: &Plan, spec_file: Option<&Path>) -> (Option<PathBuf>, PathBuf) {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") && !files::is_standard(path) => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let said = plan.spec.as_ref().map(|source| source.path.as_str());
    let found = match spec_file {
        Some(path) => Some(path.to_owned()),
        None => said.and_then(|said| within_repository(&folder, said)),
    };
    let own =
        |path: &Path| path.parent().filter(|folder| *folder != Path::new("")).map(Path::to_owned);
    let (root, _) = named_files::root(&folder);
    let beside = said.and_then(|said| own(&folder.join(said)));
    let beside = beside
        .filter(|place| std::fs::canonicalize(place).is_ok_and(|real| real.starts_with(&root)));
    let named = found.as_deref().and_then(own).or(beside).unwrap_or(folder);
    (found, named)
}

/// The declared form names every variable itself; no environment file has to be read for it.
fn declared_files(_plan: &Plan) -> read::Files {
    read::Files::new()
}

/// A regular file inside the plan's repository, else inside its folder; a plan must not make us
/// read anything else.
fn within_repository(folder: &Path, relative: &str) -> Option<PathBuf> {
    let folder = std::fs::canonicalize(folder).ok()?;
    let path = std::fs::canonicalize(folder.join(relative)).ok()?;
    let (root, _) = named_files::root(&folder);
    let regular = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
    (regular && path.starts_with(root)).then_some(path)
}

/// What the sets that a plan acts on have become in the spec since. `required`: `--spec` named it.
pub fn spec_moved(opened: &Opened<'_>, required: bool) -> Result<Vec<Staleness>, Failure> {
    let Some(path) = &opened.found else {
        let path = opened.plan.spec.as_ref().map_or("", |source| source.path.as_str());
        output::note(&format!(
            "warning: the spec `{}` is not found beside the plan: whether it still declares the \
             same is not checked\nhint: name it with `--spec FILE`",
            crate::say::safe(path)
        ));
        return Ok(Vec::new());
    };
    let moved = |set: Option<&SetName>, expected: &str, found: &str| Staleness {
        code: "spec_moved".to_owned(),
        set: set.cloned(),
        object: set.map_or_else(|| "the spec".to_owned(), |set| format!("set `{set}` in the spec")),
        expected: expected.to_owned(),
        found: found.to_owned(),
        hint: "the spec has moved on: plan again and have the new plan reviewed".to_owned(),
    };
    let now = match specs::read(opened.files, path, &opened.named) {
        Ok((spec, _)) => spec,
        Err(failure) if required => {
            // One that cannot be read at all is told as it is. Of the rest nothing is printed: it may
            // be any file that a plan names.
            opened.files.read(path, yaml::MOST_BYTES)?;
            let message = format!("expected a spec, but {} is none", files::named(path));
            return Err(Failure::new(failure.exit, message)
                .hint("`bayplan plan` of it says what is wrong with it"));
        }
        Err(_) => return Ok(vec![moved(None, "a spec", "a file that is none")]),
    };
    let acted: BTreeSet<&SetName> =
        opened.plan.changes.iter().filter_map(|change| change.set.as_ref()).collect();
    let mut all = Vec::new();
    let before = &opened.spec;
    let root = |spec: &Spec| (spec.project.clone(), spec.base_dir.clone(), spec.compat);
    if root(before) != root(&now) && !acted.is_empty() {
        all.push(moved(None, "the project and the rules of the plan", "others"));
    }
    for key in acted {
        let (old, new) = (before.sets.get(key), now.sets.get(key));
        let same = match (old, new) {
            (Some(old), Some(new)) => before.canonical_set(old) == now.canonical_set(new),
            _ => false,
        };
        if !same {
            let found = if new.is_some() { "something else" } else { "no such set" };
            all.push(moved(Some(key), "what the plan declares", found));
        }
    }
    // Which sets use them follows from names that may have changed, so all of them count.
    let objects = |spec: &Spec| {
        let spec = spec.canonical();
        (spec["networks"].clone(), spec["volumes"].clone())
    };
    if objects(before) != objects(&now) && !opened.plan.changes.is_empty() {
        all.push(moved(None, "the networks and volumes of the plan", "others"));
    }
    Ok(all)
}

/// Looks up what the sets that a plan acts on refer to.
pub fn secrets(opened: &Opened<'_>) -> Result<Secrets, Failure> {
    let secrets = specs::resolve(&opened.spec, &opened.named)?;
    let acted = opened.plan.changes.iter().filter_map(|change| change.set.as_ref());
    let mut needed: BTreeSet<Reference> = BTreeSet::new();
    for set in acted.filter_map(|key| opened.spec.sets.get(key)) {
        for declared in &set.options {
            declared.references(&mut needed);
        }
    }
    let missing: Vec<&Reference> =
        needed.iter().filter(|reference| secrets.missing().contains(*reference)).collect();
    if missing.is_empty() {
        return Ok(secrets);
    }
    let hint = "set it: what the plan's sets refer to must be known where the plan is judged";
    Err(specs::missing(missing, (&opened.spec, &secrets, &opened.named), hint))
}

/// What keeps a plan from being applied, in words: one line each, with the way out.
pub fn describe(all: &[Staleness]) -> String {
    let lines: Vec<String> = all
        .iter()
        .map(|staleness| {
            let set = staleness.set.as_ref().map(|set| format!("{set}: ")).unwrap_or_default();
            format!("  {set}{staleness}\n    hint: {}", crate::say::safe(&staleness.hint))
        })
        .collect();
    lines.join("\n")
}

/// How a judgement ends a command, if it does.
pub fn verdict(judgement: &Judgement) -> Option<Failure> {
    if !judgement.tampered.is_empty() {
        let text = describe(&judgement.tampered);
        return Some(Failure::new(
            Exit::Refused,
            format!("the plan does not follow from what it declares; nothing was changed\n{text}"),
        ));
    }
    if !judgement.stale.is_empty() {
        let count = crate::say::count(judgement.stale.len(), "thing");
        let text = describe(&judgement.stale);
        return Some(Failure::new(
            Exit::Stale,
            format!("the plan is stale: {count} it relied on moved; nothing was changed\n{text}"),
        ));
    }
    None
}

/// The sets of a verdict, as a list for people.
pub fn sets_of(judgement: &Judgement, verdict: SetVerdict) -> String {
    let sets = judgement.verdicts.iter().filter(|(_, found)| **found == verdict);
    let names: Vec<&str> = sets.map(|(set, _)| set.as_str()).collect();
    names.join(", ")
}
