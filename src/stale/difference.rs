//! Puts a difference between an expected and a found cell into words: code, object, expected value
//! and found value. Judging the difference is the caller's.

use super::code::Code;
use crate::base::ident::short_digest;
use crate::base::say;
use crate::options::settings::Settings;
use crate::plan::world::{Cell, Value, World};
use crate::plan::{NetworkRef, Subject};

/// A difference, for people and machines. The caller knows the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The kind of the difference.
    pub code: Code,
    /// The object: a container, an image reference, a name.
    pub object: String,
    /// The expected value.
    pub expected: String,
    /// The found value.
    pub found: String,
}

impl Difference {
    /// The expected value as a fragment that names the object.
    pub fn expectation(&self) -> String {
        let Self { code, object, expected, .. } = self;
        match (expected.strip_prefix("it "), code) {
            (Some(how), _) => format!("{object} {how}"),
            (None, Code::ContainerStarted) => format!("{object} {expected}"),
            (None, Code::ContainerImage) => format!("{object} made from {expected}"),
            (None, Code::ContainerGone) => object.clone(),
            (None, _) => format!("{object} with {expected}"),
        }
    }
}

/// Describes a moved cell. `expected` is the expected world, `now` the observed world.
pub fn difference(cell: &Cell, expected: &World, now: &World) -> Difference {
    let should = expected.get(cell).unwrap_or(&Value::Absent);
    let is = now.get(cell).unwrap_or(&Value::Absent);
    let code = code(cell, should, is);
    let object = match cell {
        Cell::Holder(name) => format!("name `{}`", say::short(name.as_str())),
        Cell::Reference(reference) => format!("image `{}`", say::short(reference)),
        Cell::Network(name) => format!("network `{}`", say::short(name)),
        Cell::Volume(name) => format!("volume `{}`", say::short(name)),
        _ => cell.container().map(|subject| called(subject, expected, now)).unwrap_or_default(),
    };
    Difference { code, object, expected: words(cell, should), found: words(cell, is) }
}

/// The expected name of a container, or else its current name.
pub fn called(subject: &Subject, expected: &World, now: &World) -> String {
    let cell = Cell::Name(subject.clone());
    let name = [expected.get(&cell), now.get(&cell)].into_iter().flatten().find_map(|value| {
        if let Value::Name(name) = value { Some(say::short(name.as_str())) } else { None }
    });
    match (name, subject) {
        (Some(name), _) => format!("container `{name}`"),
        (None, Subject::Container(id)) => format!("container {}", id.short()),
        (None, Subject::CreatedBy(step)) => format!("the container of `{step}`"),
    }
}

fn code(cell: &Cell, should: &Value, is: &Value) -> Code {
    match cell {
        Cell::Name(_) if *is == Value::Absent => Code::ContainerGone,
        Cell::Name(Subject::CreatedBy(_)) => Code::Leftover,
        Cell::Name(_) => Code::ContainerRenamed,
        Cell::Image(_) => Code::ContainerImage,
        Cell::Run(_) => Code::ContainerRun,
        Cell::Exit(_) => Code::ContainerExit,
        Cell::Start(_) => Code::ContainerStarted,
        Cell::Settings(_) => Code::ContainerSettings,
        Cell::Attached(..) => Code::ContainerNetworks,
        Cell::Holder(_) => Code::NameTaken,
        Cell::Reference(_) if *is == Value::Absent => Code::ImageGone,
        Cell::Reference(_) => Code::ImageMoved,
        Cell::Network(_) if *should == Value::Absent => Code::NetworkTaken,
        Cell::Network(_) => Code::Network,
        Cell::Volume(_) if *should == Value::Absent => Code::VolumeTaken,
        Cell::Volume(_) => Code::Volume,
    }
}

fn words(cell: &Cell, value: &Value) -> String {
    match value {
        Value::Absent => match cell {
            Cell::Name(_) => "no such container".to_owned(),
            Cell::Holder(_) => "it to be free".to_owned(),
            Cell::Reference(_) => "not on the engine".to_owned(),
            Cell::Network(_) => "no such network".to_owned(),
            Cell::Volume(_) => "no such volume".to_owned(),
            Cell::Attached(_, network) => format!("it off network `{}`", say::short(network)),
            Cell::Exit(_) => "it never to have run".to_owned(),
            _ => "none".to_owned(),
        },
        Value::Name(name) => format!("the name `{}`", say::short(name.as_str())),
        Value::Image(id) => id.short(),
        Value::Pulled => "the pulled image".to_owned(),
        Value::SameImage(image) => format!("the image `{}`", say::short(&short_reference(image))),
        Value::Run(run) => format!("it {}", run.word()),
        Value::Exit(code) => format!("exit code {code}"),
        Value::StartedAt(at) => format!("started at {}", say::short(at)),
        Value::StartedAgain(at) => format!("a start after {}", say::short(at)),
        Value::Settings(settings) => limits(settings),
        Value::Attached(which, _) => {
            let network = if let Cell::Attached(_, network) = cell { network.as_str() } else { "" };
            let which = match which {
                Some(NetworkRef::Id(id)) => format!(" ({})", id.short()),
                Some(NetworkRef::CreatedBy(_)) | None => String::new(),
            };
            format!("it on network `{}`{which}", say::short(network))
        }
        Value::Holder(Subject::Container(id)) => format!("container {} under it", id.short()),
        Value::Holder(Subject::CreatedBy(step)) => format!("the container of `{step}`"),
        Value::Network(NetworkRef::Id(id)) => id.short().to_owned(),
        Value::Network(NetworkRef::CreatedBy(step)) => format!("the network of `{step}`"),
        Value::Several(number) => format!("{number} of that name"),
        Value::Volume { driver, created_at } => match created_at {
            Some(at) => format!("driver {}, made at {}", say::short(driver), say::short(at)),
            None => format!("driver {}", say::short(driver)),
        },
        Value::CreatedVolume(step) => format!("the volume of `{step}`"),
        Value::WithContainer => "a volume that came with a container".to_owned(),
    }
}

/// A reference with a short digest: `repository@sha256:` and twelve digits.
fn short_reference(image: &str) -> String {
    match image.rsplit_once('@') {
        Some((repository, digest)) => format!("{repository}@{}", short_digest(digest)),
        None => image.to_owned(),
    }
}

fn limits(settings: &Settings) -> String {
    if settings.is_empty() { "no limits".to_owned() } else { say::safe(&settings.words()) }
}
