//! The format of a plan file: a plan has exactly one valid text, and no other text is read.
//!
//! The file has one record a line and dangers first: a reviewer sees the important lines, and
//! similar plans differ in few lines. The meaning of a plan is checked in [`super::check`], not
//! here; reading the file from disk is done by the command line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::{
    Change, Danger, FORMAT, Facts, Plan, Planned, SetReport, SpecSource, Step, Summary, Target,
};
use super::{Tool, Warning};
use crate::base::canonical;
use crate::base::canonical::{NoCanonicalForm, Strict};
use crate::base::ident::{ChangeId, ProjectName, Reference, SetName};
use crate::base::kind::Kind;
use crate::base::say;

/// The largest plan file that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// The beginning of the digest line; the digest covers the file without this line.
const DIGEST_LINE: &str = "  \"digest\": \"";
/// The place of a digest.
const NO_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// The text of a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The whole text.
    pub text: String,
    /// The digest in line 3: `sha256:…`.
    pub digest: String,
}

/// A plan that was read, with its verified digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// `sha256:…`.
    pub digest: String,
}

/// Why a plan file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// The kind of fault.
    pub fault: Fault,
    /// A lowercase fragment, safe to print.
    pub message: String,
    /// A hint to the user.
    pub hint: Option<String>,
}

/// The kinds of faults that callers distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Larger than [`MAX_BYTES`].
    TooLarge,
    /// The text is not valid JSON, and does not begin as a plan does.
    Syntax,
    /// The text begins as a plan of this format does, but is not valid JSON, or is cut off.
    Broken,
    /// The file is not a plan.
    NotAPlan,
    /// A plan of a format that this version does not know.
    OtherFormat,
    /// The file has unknown fields, or fields of a wrong type.
    Shape,
    /// The file differs from the text that bayplan writes for this plan.
    NotCanonical,
    /// The digest in the file does not fit the text.
    Digest,
    /// The digest is not the digest that the user expects.
    Unexpected,
}

impl Fault {
    /// Whether a file that says to be a plan of this format is not as bayplan writes one: it was
    /// changed after it was written, whatever its digest says. Such a fault has exit code 4. A file
    /// that does not say so is another file, which has exit code 1.
    pub fn is_integrity(self) -> bool {
        match self {
            Self::Broken | Self::Shape | Self::NotCanonical | Self::Digest | Self::Unexpected => {
                true
            }
            Self::TooLarge | Self::Syntax | Self::NotAPlan | Self::OtherFormat => false,
        }
    }
}

const REGENERATE: &str = "make the plan again with `bayplan plan`; a plan file is never edited";

fn fault<T>(fault: Fault, message: impl Into<String>, hint: &str) -> Result<T, Unreadable> {
    Err(Unreadable { fault, message: message.into(), hint: Some(hint.to_owned()) })
}

/// The plan as the text of its file.
pub fn write(plan: &Plan) -> Result<Written, NoCanonicalForm> {
    let head = format!("{{\n  \"format\": {},\n", canonical::line(&FORMAT)?);
    // The digest comes last, into a place that is held free, because a plan may be large.
    let mut out = Lines::after(format!("{head}{DIGEST_LINE}{NO_DIGEST}\",\n"));
    out.field("project", &plan.project)?;
    out.field("target", &plan.target)?;
    out.field("summary", &plan.summary)?;
    out.list("dangers", '[', dangers(plan).iter().map(canonical::line))?;
    out.list("changes", '[', plan.changes.iter().map(change))?;
    out.list("warnings", '[', plan.warnings.iter().map(canonical::line))?;
    out.list("steps", '[', plan.steps.iter().map(canonical::line))?;
    out.list("sets", '{', plan.sets.iter().map(set))?;
    out.list("planned", '{', plan.planned.iter().map(planned))?;
    out.list("assumed", '[', plan.assumed.iter().map(canonical::line))?;
    out.text("declared", &declared(&plan.declared)?);
    out.text("facts", &facts(&plan.facts)?);
    out.field("spec", &plan.spec)?;
    out.field("tool", &plan.tool)?;
    let Lines { mut text, begin } = out;
    text.push_str("\n}\n");
    let mut hasher = Sha256::new();
    hasher.update(&head);
    hasher.update(text.get(begin..).unwrap_or_default());
    let digest = hex_digest(&hasher.finalize());
    let at = head.len() + DIGEST_LINE.len();
    text.replace_range(at..at + NO_DIGEST.len(), &digest);
    Ok(Written { text, digest })
}

fn hex_digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in bytes {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A danger with the changes that have the danger.
#[derive(Serialize)]
struct InDanger<'p> {
    danger: Danger,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'p str>,
    changes: Vec<&'p ChangeId>,
}

/// The dangers of all changes, worst first, so that a reviewer finds them at the top. The list
/// follows from the changes; it is written and never read.
fn dangers(plan: &Plan) -> Vec<InDanger<'_>> {
    let told = |((danger, value), changes)| InDanger { danger, value, changes };
    super::danger::gathered(&plan.changes).into_iter().map(told).collect()
}

/// The top-level fields, indented by two spaces and separated by commas.
struct Lines {
    text: String,
    /// Where the first field begins.
    begin: usize,
}

impl Lines {
    /// Fields that follow a text.
    fn after(text: String) -> Self {
        Self { begin: text.len(), text }
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > self.begin {
            self.text.push_str(",\n");
        }
        self.text.extend(["  \"", key, "\": "]);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.text.push_str(value);
    }

    fn field(&mut self, key: &str, value: &impl Serialize) -> Result<(), NoCanonicalForm> {
        self.text(key, &canonical::line(value)?);
        Ok(())
    }

    fn list(
        &mut self,
        key: &str,
        bracket: char,
        records: impl Iterator<Item = Result<String, NoCanonicalForm>>,
    ) -> Result<(), NoCanonicalForm> {
        self.key(key);
        write_block(&mut self.text, bracket, 2, records)
    }
}

/// A list or map, one record a line.
fn block(
    bracket: char,
    indent: usize,
    records: impl Iterator<Item = Result<String, NoCanonicalForm>>,
) -> Result<String, NoCanonicalForm> {
    let mut out = String::new();
    write_block(&mut out, bracket, indent, records)?;
    Ok(out)
}

fn write_block(
    out: &mut String,
    bracket: char,
    indent: usize,
    records: impl Iterator<Item = Result<String, NoCanonicalForm>>,
) -> Result<(), NoCanonicalForm> {
    let close = if bracket == '{' { '}' } else { ']' };
    let pad = " ".repeat(indent);
    out.push(bracket);
    let mut any = false;
    for record in records {
        out.push_str(if any { ",\n" } else { "\n" });
        out.push_str(&pad);
        out.push_str("  ");
        out.push_str(&record?);
        any = true;
    }
    if any {
        out.push('\n');
        out.push_str(&pad);
    }
    out.push(close);
    Ok(())
}

/// `"key": value`.
fn entry<K: Serialize, V: Serialize>(pair: (&K, &V)) -> Result<String, NoCanonicalForm> {
    Ok(format!("{}: {}", canonical::line(pair.0)?, canonical::line(pair.1)?))
}

/// A record whose last field is a list: the head is on one line, and each list item on its own line
/// below.
fn headed(
    head: &str,
    indent: usize,
    records: impl Iterator<Item = Result<String, NoCanonicalForm>>,
) -> Result<String, NoCanonicalForm> {
    // The head was written with an empty list, whose end is removed here.
    let mut out = head.strip_suffix("]}").unwrap_or(head).to_owned();
    let pad = " ".repeat(indent);
    for (index, record) in records.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&pad);
        out.push_str(&record?);
    }
    out.push_str("]}");
    Ok(out)
}

fn change(change: &Change) -> Result<String, NoCanonicalForm> {
    let head = Change { reasons: Vec::new(), ..change.clone() };
    headed(&canonical::line(&head)?, 6, change.reasons.iter().map(canonical::line))
}

fn set((name, report): (&SetName, &SetReport)) -> Result<String, NoCanonicalForm> {
    let head = SetReport { state: report.state, matched: Vec::new() };
    let head = format!("{}: {}", canonical::line(name)?, canonical::line(&head)?);
    let matched = report.matched.iter().map(|matched| {
        if matched.differences.is_empty() {
            return canonical::line(matched);
        }
        let bare = super::Matched { differences: Vec::new(), ..matched.clone() };
        let bare = canonical::line(&bare)?;
        let bare = bare.strip_suffix('}').unwrap_or(&bare);
        let head = format!("{bare}, \"differences\": []}}");
        headed(&head, 8, matched.differences.iter().map(canonical::line))
    });
    headed(&head, 6, matched)
}

/// The planned containers: the image on the first line, then one option a line.
fn planned((name, planned): (&SetName, &Planned)) -> Result<String, NoCanonicalForm> {
    let Planned { reference, image, containers, options, from_image } = planned;
    let head = format!(
        "{}: {{\"reference\": {}, \"image\": {}, \"containers\": ",
        canonical::line(name)?,
        canonical::line(reference)?,
        canonical::line(image)?
    );
    // Containers without options of their own share one line.
    let containers = if containers.values().all(BTreeMap::is_empty) {
        canonical::line(containers)?
    } else {
        block('{', 6, containers.iter().map(entry))?
    };
    let options = block('{', 6, options.iter().map(option))?;
    let from_image = match from_image {
        Some(all) => canonical::fitted(&serde_json::to_value(all).unwrap_or_default(), 6, 0)?,
        None => "null".to_owned(),
    };
    let fields = [
        format!("{containers},\n"),
        format!("      \"options\": {options},\n"),
        format!("      \"from_image\": {from_image}}}"),
    ];
    Ok(head + &fields.concat())
}

/// The spec, with one set or resource a line; reviewers read `planned` instead.
fn declared(declared: &Json) -> Result<String, NoCanonicalForm> {
    let fields = declared.as_object().into_iter().flatten().map(|(key, value)| {
        let value = match value {
            Json::Object(map) => block('{', 4, map.iter().map(entry))?,
            other => canonical::line(other)?,
        };
        Ok(format!("{}: {value}", canonical::line(key)?))
    });
    block('{', 2, fields)
}

/// An option; a long option has one entry a line.
fn option((key, value): (&String, &Json)) -> Result<String, NoCanonicalForm> {
    Ok(format!("{}: {}", canonical::line(key)?, canonical::fitted(value, 8, 0)?))
}

fn facts(facts: &Facts) -> Result<String, NoCanonicalForm> {
    let Facts { containers, images, members, names, networks, ports, volumes } = facts;
    let fields = [
        ("containers", block('[', 4, containers.iter().map(canonical::line))?),
        ("images", block('[', 4, images.iter().map(canonical::line))?),
        ("members", block('{', 4, members.iter().map(entry))?),
        ("names", canonical::line(names)?),
        ("networks", block('[', 4, networks.iter().map(canonical::line))?),
        ("ports", canonical::line(ports)?),
        ("volumes", block('[', 4, volumes.iter().map(canonical::line))?),
    ];
    let fields = fields.into_iter().map(|(key, text)| Ok(format!("\"{key}\": {text}")));
    block('{', 2, fields)
}

/// The fields of a plan file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "format")]
    _format: String,
    digest: String,
    project: ProjectName,
    target: Nullable<Target>,
    summary: Summary,
    #[serde(rename = "dangers")]
    _dangers: Vec<serde::de::IgnoredAny>,
    changes: Vec<Change>,
    warnings: Vec<Warning>,
    steps: Vec<Step>,
    sets: BTreeMap<SetName, SetReport>,
    planned: BTreeMap<SetName, Planned>,
    assumed: Vec<Reference>,
    declared: Strict,
    facts: Facts,
    spec: Nullable<SpecSource>,
    tool: Tool,
}

/// A field that must be present and may be null; a plain `Option` field may be missing.
#[derive(Deserialize)]
#[serde(transparent)]
struct Nullable<T>(Option<T>);

/// Reads a plan file. Checks size, syntax, shape, canonical form and digest; the meaning of the
/// plan is not checked.
pub fn read(bytes: &[u8]) -> Result<Loaded, Unreadable> {
    if bytes.len() > MAX_BYTES {
        let (most, found) = (MAX_BYTES >> 20, bytes.len() >> 20);
        let message = format!("expected a plan of at most {most} MiB, but found {found} MiB");
        return fault(Fault::TooLarge, message, "a plan is written by `bayplan plan`");
    }
    let text = text_of(bytes)?;
    let json: Strict = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(_) if Kind::of(text) == Some(Kind::Spec) => return another(Kind::Spec),
        Err(error) => return fault(no_json(bytes), canonical::complaint(&error), REGENERATE),
    };
    check_format(&json.0)?;
    drop(json);
    let file: File = serde_json::from_str(text).map_err(|error| Unreadable {
        fault: Fault::Shape,
        message: canonical::complaint(&error),
        hint: Some(REGENERATE.to_owned()),
    })?;
    let digest = file.digest.clone();
    let plan = file.into_plan();
    let written = write(&plan).map_err(|error| Unreadable {
        fault: Fault::Shape,
        message: say::safe(&error.to_string()),
        hint: Some(REGENERATE.to_owned()),
    })?;
    if written.text != text {
        return differs(&written.text, text);
    }
    Ok(Loaded { plan, digest })
}

impl File {
    fn into_plan(self) -> Plan {
        Plan {
            project: self.project,
            target: self.target.0,
            summary: self.summary,
            changes: self.changes,
            warnings: self.warnings,
            steps: self.steps,
            sets: self.sets,
            planned: self.planned,
            assumed: self.assumed,
            declared: self.declared.0,
            facts: self.facts,
            spec: self.spec.0,
            tool: self.tool,
        }
    }
}

impl Loaded {
    /// Checks that this is the approved plan: `expected` is the whole digest, with or without
    /// `sha256:`.
    pub fn expect_digest(&self, expected: &str) -> Result<(), Unreadable> {
        let bare = |text: &str| text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
        if bare(expected) == bare(&self.digest) {
            return Ok(());
        }
        let message = format!(
            "expected the plan with the digest {}, but found {}",
            say::short(expected),
            self.digest,
        );
        fault(Fault::Unexpected, message, "review this plan, or fetch the one that was approved")
    }
}

/// The file as text; encodings that other programs write get their own errors.
fn text_of(bytes: &[u8]) -> Result<&str, Unreadable> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let message = "expected UTF-8, but found UTF-16: a shell has rewritten the file";
        return fault(Fault::Syntax, message, "write plans with `-o FILE` instead of `>`");
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        let message = "line 1: expected `{`, but found a byte order mark";
        return fault(Fault::NotCanonical, message, REGENERATE);
    }
    std::str::from_utf8(bytes).or_else(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        let message = format!("line {line}: expected UTF-8, but found other bytes");
        fault(no_json(bytes), message, REGENERATE)
    })
}

/// The fault of a file that is no JSON.
fn no_json(bytes: &[u8]) -> Fault {
    let head = format!("{{\n  \"format\": \"{FORMAT}\",\n");
    if bytes.starts_with(head.as_bytes()) { Fault::Broken } else { Fault::Syntax }
}

fn check_format(json: &Json) -> Result<(), Unreadable> {
    let hint = "a plan is written by `bayplan plan SPEC -o FILE`";
    match Kind::of_json(json) {
        Some(Kind::Plan) => {}
        Some(other) => return another(other),
        None => {
            let message = match json["format"].as_str() {
                Some(format) => {
                    format!("expected the format {FORMAT}, but found {}", say::short(format))
                }
                None => "expected a plan, but found something without a `format`".to_owned(),
            };
            return fault(Fault::NotAPlan, message, hint);
        }
    }
    let format = json["format"].as_str().unwrap_or_default();
    if format == FORMAT {
        return Ok(());
    }
    let message = format!("expected the format {FORMAT}, but found {}", say::short(format));
    let hint = "another version of bayplan wrote it: use that one, or make the plan again";
    fault(Fault::OtherFormat, message, hint)
}

/// The error for another kind of bayplan file.
fn another<T>(kind: Kind) -> Result<T, Unreadable> {
    fault(Fault::NotAPlan, format!("expected a plan, but found {}", kind.words()), kind.hint())
}

/// The error for a file that differs from its canonical text.
fn differs<T>(expected: &str, found: &str) -> Result<T, Unreadable> {
    let is_digest = |line: &str| line.starts_with(DIGEST_LINE);
    let mut lines = expected.split('\n').zip(found.split('\n')).enumerate();
    let without = |text: &str| {
        text.split('\n').filter(|line| !is_digest(line)).collect::<Vec<_>>().join("\n")
    };
    if expected.split('\n').zip(found.split('\n')).nth(2).is_some_and(|(a, b)| a != b)
        && without(expected) == without(found)
    {
        let digest = |text: &str| {
            let line = text.split('\n').find(|line| is_digest(line)).unwrap_or_default();
            say::safe(line.trim_start_matches(DIGEST_LINE).trim_end_matches("\","))
        };
        let message = format!(
            "expected the digest {} for what the plan says, but line 3 says {}: it was changed",
            digest(expected),
            digest(found),
        );
        return fault(Fault::Digest, message, REGENERATE);
    }
    let first = lines.find(|(_, (expected, found))| !is_digest(found) && expected != found);
    let message = match first {
        Some((index, (expected, found))) => {
            let (expected, found) = around_difference(expected, found);
            format!("line {}: expected `{expected}`, but found `{found}`", index + 1)
        }
        None => {
            "expected exactly one line end after the last line, but found none or more".to_owned()
        }
    };
    fault(Fault::NotCanonical, format!("not as bayplan writes plans: {message}"), REGENERATE)
}

/// Two lines, cut around their first difference.
fn around_difference(expected: &str, found: &str) -> (String, String) {
    const BEFORE: usize = 20;
    let same = expected.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    let skip = if same > 2 * BEFORE { same - BEFORE } else { 0 };
    let cut = |line: &str| {
        let rest: String = line.chars().skip(skip).collect();
        let dots = if skip > 0 { "…" } else { "" };
        format!("{dots}{}", say::short(&rest))
    };
    (cut(expected), cut(found))
}

#[cfg(test)]
mod tests;
