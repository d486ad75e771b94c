//! Mounts that no engine accepts.

use super::{Conflict, DeclaredOptions, MOST_TOLD};
use crate::base::say;
use crate::options::files::Files;
use crate::options::storage::{Tmpfs, kernel_size};
use crate::options::volumes::{Mount, Source, Volumes};

/// The options of a `tmpfs` mount that have no value.
const FLAGS: &[&str] = &[
    "async",
    "atime",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "private",
    "relatime",
    "ro",
    "rprivate",
    "rshared",
    "rslave",
    "runbindable",
    "rw",
    "shared",
    "slave",
    "strictatime",
    "suid",
    "sync",
    "unbindable",
];
/// The options of a `tmpfs` mount that have a value.
const SETTINGS: &[&str] = &["gid", "mode", "mpol", "nr_blocks", "nr_inodes", "size", "uid"];

pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let volumes = said.get::<Volumes>("volumes");
    let sealed = volumes.into_iter().flat_map(|volumes| &volumes.0).filter(|(_, mount)| {
        let Mount { source, read_only, .. } = mount;
        *source == Source::Anonymous && *read_only
    });
    all.extend(sealed.take(MOST_TOLD).map(|(inside, _)| {
        let message = "expected a `source` beside `read_only: true`, but found none";
        let hint = "nobody could ever write into a volume that is made for this container";
        Conflict::new("volumes", message).at(inside).hint(hint)
    }));
    let sealed = said.get::<bool>("read_only") == Some(&true);
    if sealed && said.get::<Files>("files").is_some() {
        let message = "expected no `files` beside `read_only: true`, but found some";
        let hint = "an engine puts no files into what cannot be written: mount them with `volumes`";
        all.push(Conflict::new("files", message).hint(hint));
    }
    let before = all.len();
    for (path, options) in said.get::<Tmpfs>("tmpfs").into_iter().flat_map(|tmpfs| &tmpfs.0) {
        let printed = if options.is_empty() { path.clone() } else { format!("{path}:{options}") };
        // An engine refuses some of these mounts, and silently mounts the `tmpfs` over others.
        if volumes.is_some_and(|volumes| volumes.0.contains_key(path)) {
            let found = say::short(path);
            let message =
                format!("expected every path inside once, but found `{found}` in `volumes` too");
            all.push(Conflict::new("tmpfs", message).at(&printed));
        }
        if path == "/" {
            let message = "expected a path in the container's file system, but found `/`";
            all.push(Conflict::new("tmpfs", message).at(&printed));
        }
        let unfit = options.split(',').filter_map(misfit);
        all.extend(unfit.take(MOST_TOLD).map(|conflict| conflict.at(&printed)));
        let strange = options.split(',').filter(|option| !option.is_empty() && !is_known(option));
        all.extend(strange.take(MOST_TOLD).map(|option| unknown(option).at(&printed)));
        if all.len() - before >= MOST_TOLD {
            return;
        }
    }
}

/// A value that no kernel accepts: the engine fails at the start.
fn misfit(option: &str) -> Option<Conflict> {
    let (name, value) = option.split_once('=')?;
    let number = |text: &str| {
        let hex = text.strip_prefix("0x").map(|hex| u32::from_str_radix(hex, 16).is_ok());
        hex.unwrap_or_else(|| text.parse::<u32>().is_ok())
    };
    let share = |text: &str| text.strip_suffix('%').is_some_and(number);
    let (fits, wanted) = match name {
        "mode" => (u32::from_str_radix(value, 8).is_ok(), "octal permissions like `mode=1777`"),
        "size" => {
            let fits = value.is_empty() || kernel_size(value).is_some() || share(value);
            (fits, "a size like `size=64m`")
        }
        "nr_blocks" | "nr_inodes" => {
            (value.is_empty() || kernel_size(value).is_some(), "a number like `nr_inodes=4k`")
        }
        "uid" | "gid" => (number(value), "a number like `uid=1000`"),
        _ => return None,
    };
    (!fits).then(|| {
        let found = say::short(option);
        Conflict::new("tmpfs", format!("expected {wanted}, but found `{found}`"))
    })
}

fn unknown(option: &str) -> Conflict {
    let found = say::short(option);
    let message = format!(
        "expected an option of a file system in memory like `size=64m`, but found `{found}`"
    );
    let known = FLAGS.iter().chain(SETTINGS).copied();
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    let hint = match say::did_you_mean(name, known).filter(|close| *close != name) {
        Some(close) => format!("did you mean `{close}`?"),
        None => "`mode`, `size`, `uid` and the like take a value, flags none".to_owned(),
    };
    Conflict::new("tmpfs", message).hint(hint)
}

fn is_known(option: &str) -> bool {
    match option.split_once('=') {
        Some((name, _)) => SETTINGS.contains(&name),
        None => FLAGS.contains(&option),
    }
}
