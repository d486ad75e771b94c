//! Mounts that no engine accepts.

use super::{Conflict, DeclaredOptions, MOST_TOLD};
use crate::base::say;
use crate::options::devices::{Device, Devices};
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

/// Files of `/proc` that a mount may cover, in some runtimes.
const COVERED: &[&str] = &[
    "cpuinfo",
    "diskstats",
    "loadavg",
    "meminfo",
    "net/dev",
    "slabinfo",
    "stat",
    "swaps",
    "sys/crypto/fips_enabled",
    "sys/kernel/ns_last_pid",
    "uptime",
];
/// Folders of `/proc` that a file system in memory may hide, in some runtimes.
const HIDDEN: &[&str] =
    &["acpi", "asound", "bus", "driver", "dynamic_debug", "fs", "irq", "scsi", "sys", "tty"];

pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    kernels(said, all);
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
        let printed = printed(path, options);
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

/// Refuses mounts and devices in file systems of the kernel: a runtime refuses the start. Another
/// runtime may accept them.
fn kernels(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    if said.printed("runtime").is_some() || said.is_broken("runtime") {
        return;
    }
    let volumes = said.get::<Volumes>("volumes").into_iter().flat_map(|volumes| &volumes.0);
    let wrong = volumes.filter(|(inside, mount)| no_place(inside, &mount.source));
    let wrong = wrong.map(|(inside, _)| ("volumes", inside.clone(), inside));
    all.extend(wrong.take(MOST_TOLD).map(of_the_kernel));
    let tmpfs = said.get::<Tmpfs>("tmpfs").into_iter().flat_map(|tmpfs| &tmpfs.0);
    let wrong = tmpfs.filter(|(inside, _)| no_place(inside, &Source::Memory { size: 0, mode: 0 }));
    let wrong = wrong.map(|(inside, options)| ("tmpfs", printed(inside, options), inside));
    all.extend(wrong.take(MOST_TOLD).map(of_the_kernel));
    let devices = said.get::<Devices>("devices").into_iter().flat_map(|devices| &devices.0);
    let wrong = devices.filter_map(|device| match device {
        Device::Path { inside, .. } if below("/proc", inside) || below("/sys", inside) => {
            Some(("devices", device.to_string(), inside))
        }
        _ => None,
    });
    all.extend(wrong.take(MOST_TOLD).map(of_the_kernel));
}

fn of_the_kernel((key, item, inside): (&'static str, String, &String)) -> Conflict {
    let found = say::short(inside);
    let message = format!("expected a path outside of the kernel's, but found `{found}`");
    Conflict::new(key, message).at(item).hint("the engine would fail to start the container")
}

fn below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether no mount of this kind can be at this path.
fn no_place(inside: &str, source: &Source) -> bool {
    let of_host = matches!(source, Source::Bind { .. });
    let memory = matches!(source, Source::Memory { .. });
    match inside {
        // The folder may be that of a host, with its devices or processes.
        "/dev" => memory || matches!(source, Source::Anonymous),
        "/proc" => match source {
            Source::Bind { path, .. } => !path.ends_with("/proc"),
            _ => true,
        },
        _ => inside.strip_prefix("/proc/").is_some_and(|rest| match source {
            _ if memory => !HIDDEN.contains(&rest.split('/').next().unwrap_or(rest)),
            _ => !(of_host && COVERED.contains(&rest)),
        }),
    }
}

fn printed(path: &str, options: &str) -> String {
    if options.is_empty() { path.to_owned() } else { format!("{path}:{options}") }
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
