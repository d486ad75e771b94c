//! Unknown kernel words, and unknown options of security modules. Dangerous values are the
//! planner's.

use super::{Conflict, DeclaredOptions, MOST_TOLD};
use crate::base::{say, signal};
use crate::options::field::Text;
use crate::options::lifecycle::Signal;
use crate::options::network::TextSet;
use crate::options::security::{Capabilities, SecurityOptions};

/// The capabilities of Linux, without `CAP_`.
const CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// The texts that an engine accepts as a boolean.
pub(super) const BOOLEANS: &[&str] =
    &["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];

pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    for key in ["cap_add", "cap_drop"] {
        let names = said.get::<Capabilities>(key).into_iter().flat_map(|names| &names.0);
        let strange = |name: &&String| *name != "ALL" && !CAPABILITIES.contains(&name.as_str());
        all.extend(names.filter(strange).take(MOST_TOLD).map(|name| capability(key, name)));
    }
    who(said, all);
    let options = said.get::<SecurityOptions>("security_opt").into_iter();
    let options = options.flat_map(|options| &options.0).filter_map(|text| option(text));
    all.extend(options.take(MOST_TOLD));
    all.extend(said.get::<Signal>("stop_signal").and_then(signal));
}

fn capability(key: &'static str, name: &str) -> Conflict {
    let message = format!("expected a capability of Linux, but found `{}`", say::short(name));
    let conflict = Conflict::new(key, message).at(name);
    match say::did_you_mean(name, CAPABILITIES.iter().copied()) {
        Some(close) => conflict.hint(format!("did you mean `{close}`?")),
        None => conflict.hint("capabilities(7) lists them; `ALL` is all of them"),
    }
}

fn option(text: &str) -> Option<Conflict> {
    let found = say::short(text);
    let Some((name, value)) = text.split_once('=') else {
        let message = format!("expected an option like `label=disable`, but found `{found}`");
        return Some(Conflict::new("security_opt", message).at(text));
    };
    if name == "systempaths" && value != "unconfined" {
        let message = format!("expected `systempaths=unconfined`, but found `{found}`");
        return Some(Conflict::new("security_opt", message).at(text));
    }
    (name == "no-new-privileges" && !BOOLEANS.contains(&value)).then(|| {
        let message =
            format!("expected `no-new-privileges` to be `true` or `false`, but found `{found}`");
        Conflict::new("security_opt", message).at(text)
    })
}

/// Signal numbers beyond the known signals are accepted, because some engines accept them.
fn signal(signal: &Signal) -> Option<Conflict> {
    let Signal(text) = signal;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let fine = if digits { text.parse() != Ok(0_u32) } else { signal::number(text).is_some() };
    (!fine).then(|| {
        let found = say::short(text);
        let message = format!("expected a signal like `SIGTERM`, but found `{found}`");
        let name = signal::bare(text);
        let conflict = Conflict::new("stop_signal", message);
        match say::did_you_mean(&name, signal::NAMES.iter().copied()) {
            Some(close) => conflict.hint(format!("did you mean `SIG{close}`?")),
            None => conflict,
        }
    })
}

/// The largest user or group ID of an engine.
const LARGEST_ID: i64 = 2_147_483_647;

/// Checks numeric users and groups; the names are known to the image only.
fn who(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let no_id = |text: &str| text.parse::<i64>().is_ok_and(|id| !(0..=LARGEST_ID).contains(&id));
    if let Some(Text(user)) = said.get("user") {
        let mut parts = user.split(':');
        let number = parts.clone().find(|part| no_id(part));
        if let Some(number) = number {
            let message =
                format!("expected a `user` between 0 and {LARGEST_ID}, but found {number}");
            all.push(Conflict::new("user", message));
        } else if parts.nth(2).is_some() {
            let message = format!("expected `USER:GROUP`, but found `{}`", say::short(user));
            all.push(Conflict::new("user", message));
        }
    }
    let groups = said.get::<TextSet>("group_add");
    let groups = groups.into_iter().flat_map(|groups| &groups.0).filter(|group| no_id(group));
    all.extend(groups.take(MOST_TOLD).map(|group| {
        let message = format!("expected a group between 0 and {LARGEST_ID}, but found {group}");
        Conflict::new("group_add", message).at(group)
    }));
}
