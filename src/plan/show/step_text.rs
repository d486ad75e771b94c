//! The action of a step in words.

use super::names::name;
use super::{besides, told};
use crate::plan::{Action, ImagePin, Step, Subject};

/// The longest sentence, in characters.
const SENTENCE: usize = 2_000;

/// The conditions before a step: dependencies, steps whose end is enough, and a delay.
pub(super) fn before(step: &Step) -> Vec<String> {
    let after = step.after.iter().map(|step| name(step.as_str()));
    let ends = step.after_end.iter().map(|step| format!("the end of {}", name(step.as_str())));
    let delay = (step.delay > 0).then(|| format!("{} s more", step.delay));
    after.chain(ends).chain(delay).collect()
}

/// The action of a step.
pub(super) fn text(step: &Step) -> String {
    let subject = |subject: &Subject| match subject {
        Subject::Container(id) => format!("container {}", name(id.short())),
        Subject::CreatedBy(step) => format!("the container of {}", name(step.as_str())),
    };
    let grace = |timeout: &Option<i64>| {
        timeout.map(|seconds| format!(", {seconds} s grace")).unwrap_or_default()
    };
    match &step.action {
        Action::Pull { image, platform } => match platform {
            Some(platform) => format!("pull {} for {}", name(image), name(platform)),
            None => format!("pull {}", name(image)),
        },
        Action::Tag { image, tag } => format!("tag {} as {}", name(image), name(tag)),
        Action::Create { name: called, set, image, .. } => {
            let image = match image {
                ImagePin::Id(id) => format!("image {}", name(&id.short())),
                ImagePin::Digest(digest) => format!("the pulled {}", name(digest)),
            };
            let (called, set) = (name(called.as_str()), name(set.as_str()));
            let besides = besides::words(&step.action);
            format!("create {called} of set {set} from {image}{besides}")
        }
        Action::PutFiles { container, files } => {
            let files: Vec<String> = files.iter().map(|path| name(path)).collect();
            format!("put {} into {}", files.join(", "), subject(container))
        }
        Action::Start { container, wait: false } => format!("start {}", subject(container)),
        Action::Start { container, wait: true } => {
            format!("start {} and wait for its end", subject(container))
        }
        Action::WaitReady { container, prove_for } => {
            format!("wait until {} is healthy, or runs {prove_for} s", subject(container))
        }
        Action::Fence { container } => {
            format!("set the restart policy of {} to no", subject(container))
        }
        Action::Stop { container, signal, timeout } => {
            let signal = signal.as_ref().map(|signal| format!(", {}", name(signal)));
            format!("stop {}{}{}", subject(container), signal.unwrap_or_default(), grace(timeout))
        }
        Action::Kill { container, signal } => {
            format!("kill {} with {}", subject(container), name(signal))
        }
        Action::Restart { container, timeout } => {
            format!("restart {}{}", subject(container), grace(timeout))
        }
        Action::Update { container, settings } => {
            format!("update {}: {}", subject(container), told::ends(&settings.words(), SENTENCE))
        }
        Action::Rename { container, from, to } => {
            let (from, to) = (name(from.as_str()), name(to.as_str()));
            format!("rename {}: {from} to {to}", subject(container))
        }
        Action::Remove { container } => format!("remove {}", subject(container)),
        Action::CreateNetwork { network, .. } => format!("create network {}", name(network)),
        Action::RemoveNetwork { network, which } => {
            format!("remove network {} ({})", name(network), name(which.short()))
        }
        Action::CreateVolume { volume, .. } => format!("create volume {}", name(volume)),
        Action::Connect { container, network, .. } => {
            format!("connect {} to {}", subject(container), name(network))
        }
        Action::Disconnect { container, network, .. } => {
            format!("disconnect {} from {}", subject(container), name(network))
        }
    }
}
