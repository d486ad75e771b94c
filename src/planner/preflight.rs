//! Refuses declared options that the engine cannot provide: processors, runtimes, logging drivers,
//! storage options and devices. The create, start or update would fail in the middle of the plan.
//!
//! The check covers sets whose containers are created, replaced or changed in place. It also covers
//! old containers that would not start again, because the host has less now. Options that no engine
//! accepts are [`crate::options::rules`]'s; options that this engine drops are
//! [`super::ignored_by_engine`]'s.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::PlanError;
use super::decide::{Choice, Disposition, Member};
use super::draft::Planner;
use crate::base::api::{self, Api};
use crate::base::ident::SetName;
use crate::base::say;
use crate::options::OptionValue as _;
use crate::options::devices::{Device, Devices};
use crate::options::namespaces::Assignments;
use crate::options::processors::{Cpus, Cpuset};
use crate::options::rules::{MOST_TOLD, sysctls};
use crate::spec::Set;

/// Billionths of a processor per processor.
const NANO: i64 = 1_000_000_000;

impl Planner<'_> {
    /// Refuses options that the engine cannot provide for new or updated containers.
    pub(super) fn refuse_unable(
        &mut self,
        key: &SetName,
        set: &Set,
        members: &[Member<'_>],
        choice: &Choice,
    ) {
        let Some(engine) = &self.snapshot.engine else { return };
        let replaced = choice.fates.iter().any(|fate| matches!(fate, Disposition::Replace(_)));
        let faults = if replaced || choice.create > 0 {
            faults(set, &engine.info, self.engine.api)
        } else {
            // An update sends the changed fields only, so other settings of the container may
            // exceed the host.
            let updated: BTreeSet<&str> = choice.fates.iter().flat_map(updates).collect();
            processors(set, &engine.info, |field| updated.contains(field))
        };
        let fates = members.iter().zip(&choice.fates);
        let lost =
            fates.flat_map(|(member, fate)| lost(member, fate, &engine.info, self.engine.api));
        let errors = faults
            .into_iter()
            .chain(lost)
            .map(|(message, hint)| PlanError::of(key, "unsupported", message, &hint));
        self.errors.extend(errors);
    }
}

/// The settings of a container that its engine cannot provide any more. A start is refused then,
/// and a restart stops the container and cannot start it again (both tried).
fn lost(member: &Member<'_>, fate: &Disposition, info: &Json, api: Api) -> Vec<(String, String)> {
    let Some(inspect) = &member.container.inspect else { return Vec::new() };
    let host = &inspect["HostConfig"];
    let mut all = Vec::new();
    if !matches!(fate, Disposition::Start(..) | Disposition::Restart(..)) {
        return all;
    }
    if let Some(name) = host["Runtime"].as_str()
        && let Some(known) = without_runtime(name, info, api)
    {
        let message = format!(
            "expected a runtime of the engine, but container `{}` has `{}`, and would not start",
            member.name,
            say::short(name)
        );
        let hint = format!("the engine has {known}; `state: reloaded` replaces the container");
        all.push((message, hint));
    }
    // Only a start checks the processors, and an update before the start may change them.
    let updated = updates(fate).any(|field| field == "NanoCpus");
    if matches!(fate, Disposition::Start(..))
        && !updated
        && let (Some(nano), Some(count)) = (host["NanoCpus"].as_i64(), info["NCPU"].as_i64())
        && nano > count.saturating_mul(NANO)
    {
        let message = format!(
            "expected at most {}, but container `{}` has {}, and would not start",
            say::count(count.try_into().unwrap_or(0), "processor"),
            member.name,
            shown(&Cpus(nano).print())
        );
        all.push((message, "declare fewer `cpus`: that is changed in place".to_owned()));
    }
    all
}

/// The declared options that the engine lacks, each with a remedy. Abilities that the engine does
/// not report are not judged.
fn faults(set: &Set, info: &Json, api: Api) -> Vec<(String, String)> {
    let mut all = Vec::new();
    all.extend(processors(set, info, |_| true));
    all.extend(runtime(set, info, api));
    all.extend(logging(set, info));
    all.extend(storage(set, info));
    all.extend(named_devices(set, info, api));
    all.extend(card_sysctls(set, api));
    all
}

/// The fields that an update of a member sends.
fn updates(fate: &Disposition) -> impl Iterator<Item = &str> {
    let settings = match fate {
        Disposition::Start(_, it) | Disposition::Update(_, it) | Disposition::Restart(_, it) => {
            Some(&it.settings)
        }
        _ => None,
    };
    settings.into_iter().flat_map(|settings| settings.0.keys().map(String::as_str))
}

/// Processor options that exceed the engine, limited to the fields that are sent.
fn processors(set: &Set, info: &Json, says: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let Some(count) = info["NCPU"].as_i64() else { return Vec::new() };
    let hint =
        || format!("the engine has {}", say::count(count.try_into().unwrap_or(0), "processor"));
    let mut all = Vec::new();
    if let Some(declared) = set.option("cpus").filter(|_| says("NanoCpus"))
        && let Some(Cpus(nano)) = declared.said()
        && *nano > count.saturating_mul(NANO)
    {
        let found = shown(&declared.print());
        all.push((format!("expected `cpus` of at most {count}, but found {found}"), hint()));
    }
    if let Some(declared) = set.option("cpuset").filter(|_| says("CpusetCpus"))
        && let Some(Cpuset(numbers)) = declared.said()
        && numbers.last().is_some_and(|last| i64::from(*last) >= count)
    {
        let (last, found) = (count.saturating_sub(1), shown(&declared.print()));
        let message =
            format!("expected `cpuset` with processors from 0 to {last}, but found {found}");
        all.push((message, hint()));
    }
    all
}

fn runtime(set: &Set, info: &Json, api: Api) -> Option<(String, String)> {
    let printed = set.option("runtime")?.print();
    let name = printed.as_str()?;
    let known = without_runtime(name, info, api)?;
    let message = format!("expected a `runtime` of the engine, but found `{}`", say::short(name));
    Some((message, format!("it has {known}")))
}

/// The runtimes of an engine that lacks this runtime. Newer engines find a runtime of containerd by
/// its name, even without configuration.
fn without_runtime(name: &str, info: &Json, api: Api) -> Option<String> {
    let known = info["Runtimes"].as_object().filter(|known| !known.is_empty())?;
    let own = api >= api::SHIMS && name.contains(['.', '/']);
    if own || name.is_empty() || known.contains_key(name) || info["DefaultRuntime"] == name {
        return None;
    }
    let known: Vec<&str> = known.keys().map(String::as_str).collect();
    Some(safe(&known))
}

/// `none` is no driver, and every engine accepts `none`. An engine may list a plugin without its
/// tag.
fn logging(set: &Set, info: &Json) -> Option<(String, String)> {
    let known: Vec<&str> =
        info["Plugins"]["Log"].as_array()?.iter().filter_map(Json::as_str).collect();
    let printed = set.option("logging")?.print();
    let name = printed["driver"].as_str().filter(|name| *name != "none" && !name.contains(':'))?;
    let is_it = |known: &&str| known.split(':').next() == Some(name);
    if known.is_empty() || known.iter().any(is_it) {
        return None;
    }
    let found = say::short(name);
    let message = format!("expected a logging driver of the engine, but found `{found}`");
    Some((message, format!("it has {}", safe(&known))))
}

/// Two drivers accept no options, and `overlay2` accepts options only on xfs. No engine reports
/// whether quotas are enabled, or which options other drivers accept.
fn storage(set: &Set, info: &Json) -> Option<(String, String)> {
    set.option("storage_opt")?;
    let driver = info["Driver"].as_str()?;
    let below = info["DriverStatus"].as_array().into_iter().flatten();
    let below =
        below.filter(|pair| pair[0] == "Backing Filesystem").find_map(|pair| pair[1].as_str());
    let lacks = match driver {
        "fuse-overlayfs" | "aufs" => true,
        "overlay2" => below.is_some_and(|below| !below.is_empty() && below != "xfs"),
        _ => false,
    };
    let on = below.map(|below| format!(" on {}", say::short(below))).unwrap_or_default();
    lacks.then(|| {
        let message = format!(
            "expected a storage driver that takes `storage_opt`, but found {}{on}",
            say::short(driver)
        );
        (message, "`overlay2` takes it on xfs that is mounted with `pquota`".to_owned())
    })
}

/// CDI devices: an engine accepts the create and fails at the start. An engine reports its CDI
/// folders, and newer engines also report the devices.
fn named_devices(set: &Set, info: &Json, api: Api) -> Vec<(String, String)> {
    let Some(Devices(declared)) = set.option("devices").and_then(|declared| declared.said()) else {
        return Vec::new();
    };
    let names = declared.iter().filter_map(|device| match device {
        Device::Cdi(name) => Some(name.as_str()),
        Device::Path { .. } => None,
    });
    let folders = info.get("CDISpecDirs");
    let off = folders.map_or(api < api::CDI, |said| said.as_array().is_none_or(Vec::is_empty));
    // An engine without devices omits the field.
    let known: Option<Vec<&str>> = (api >= api::CDI_DEVICES && folders.is_some()).then(|| {
        let all = info["DiscoveredDevices"].as_array().into_iter().flatten();
        all.filter(|one| one["Source"] == "cdi").filter_map(|one| one["ID"].as_str()).collect()
    });
    names
        .filter_map(|name| {
            let found = say::short(name);
            if off {
                let message = format!(
                    "expected an engine with the Container Device Interface, for device \
                     `{found}`, but it is not there or turned off"
                );
                let hint = "Docker 28.2 has it, Docker 25 with `features: {cdi: true}`";
                return Some((message, hint.to_owned()));
            }
            let known = known.as_ref().filter(|known| !known.contains(&name))?;
            let message = format!("expected a device of the engine, but found `{found}`");
            let hint = match known.as_slice() {
                [] => "no device is described in the folders where it looks".to_owned(),
                known => format!("it has {}", safe(known)),
            };
            Some((message, hint))
        })
        .collect()
}

/// Kernel settings of a network card. The card exists after the kernel settings are made, so newer
/// engines take such a setting at the endpoint only.
fn card_sysctls(set: &Set, api: Api) -> Vec<(String, String)> {
    let Some(Assignments(settings)) =
        set.option("sysctls").filter(|_| api >= api::CARD_SYSCTLS).and_then(|it| it.said())
    else {
        return Vec::new();
    };
    let settings = settings.iter().filter_map(|(name, value)| {
        let dotted = name.replace('/', ".");
        let card = sysctls::card(&dotted)?;
        let message = format!(
            "expected a kernel setting that this engine takes, but found `{}`: that is a setting \
             of the network card",
            say::short(name)
        );
        let there = dotted.replacen(card, "IFNAME", 1);
        let hint = format!(
            "say it at the network: `driver_opts: {{com.docker.network.endpoint.sysctls: \"{}={}\"}}`",
            say::short(&there),
            say::short(value)
        );
        Some((message, hint))
    });
    settings.take(MOST_TOLD).collect()
}

fn shown(printed: &Json) -> String {
    printed.as_str().map_or_else(|| printed.to_string(), str::to_owned)
}

fn safe(words: &[&str]) -> String {
    say::safe(&say::joined(words, "and"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::tests::{add, codes, spec, world};
    use super::super::{Input, Pins, build};
    use crate::observed::snapshot::EngineRecord;

    fn told(lines: &str, there: bool) -> Vec<(String, String)> {
        let info = json!({
            "NCPU": 2, "Runtimes": {"runc": {}, "io.containerd.runc.v2": {}},
            "Plugins": {"Log": ["json-file", "fancy:latest"]}, "OSType": "linux",
            "CDISpecDirs": ["/etc/cdi"],
            "DiscoveredDevices": [{"Source": "cdi", "ID": "lab.example/thing=one"}],
            "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]],
        });
        told_by(&info, "1.51", lines, there)
    }

    fn told_by(info: &Json, api: &str, lines: &str, there: bool) -> Vec<(String, String)> {
        let spec = spec(&format!(
            "project: p\ncontainers:\n  a: {{name: web, image: 'app:1', {lines}}}\n"
        ));
        let mut snapshot = world();
        let version = json!({"ApiVersion": api, "MinAPIVersion": "1.24", "Os": "linux"});
        snapshot.engine = Some(EngineRecord { version, info: info.clone() });
        if there {
            add(&mut snapshot, &spec, "a", "web", "running");
        }
        let built = build(&Input {
            spec: &spec,
            snapshot: &snapshot,
            assume: false,
            pins: Pins::default(),
            source: None,
        });
        let errors = built.errors.into_iter().filter(|error| error.code == "unsupported");
        errors.map(|error| (error.message, error.hint)).collect()
    }

    #[test]
    fn what_the_engine_does_not_have_is_refused_where_a_container_is_created() {
        let processors = "the engine has 2 processors";
        for (lines, message, hint) in [
            ("cpus: 2.5", "expected `cpus` of at most 2, but found 2.5", processors),
            (
                "cpuset: 0-2",
                "expected `cpuset` with processors from 0 to 1, but found 0-2",
                processors,
            ),
            (
                "runtime: kata",
                "expected a `runtime` of the engine, but found `kata`",
                "it has `io.containerd.runc.v2` and `runc`",
            ),
            (
                "logging: {driver: syslog}",
                "expected a logging driver of the engine, but found `syslog`",
                "it has `json-file` and `fancy:latest`",
            ),
            (
                "storage_opt: {size: 1g}",
                "expected a storage driver that takes `storage_opt`, but found overlay2 on extfs",
                "`overlay2` takes it on xfs that is mounted with `pquota`",
            ),
            (
                "sysctls: {net/ipv4/conf/eth0/rp_filter: 2}",
                "expected a kernel setting that this engine takes, but found \
                 `net/ipv4/conf/eth0/rp_filter`: that is a setting of the network card",
                "say it at the network: `driver_opts: {com.docker.network.endpoint.sysctls: \
                 \"net.ipv4.conf.IFNAME.rp_filter=2\"}`",
            ),
            (
                "devices: ['lab.example/thing=two']",
                "expected a device of the engine, but found `lab.example/thing=two`",
                "it has `lab.example/thing=one`",
            ),
        ] {
            assert_eq!(told(lines, false), [(message.to_owned(), hint.to_owned())]);
            assert_eq!(told(lines, true), [], "{lines}: it is there and alike");
        }
        for lines in [
            "cpus: 2, cpuset: 0-1",
            "runtime: runc",
            "runtime: io.containerd.kata.v2",
            "logging: {driver: none}",
            "logging: {driver: fancy}",
            "logging: {driver: 'other:1'}",
            "devices: ['lab.example/thing=one', /dev/null]",
            "cpus: 9, state: absent",
            "sysctls: {net.ipv4.conf.all.rp_filter: 2, net.ipv4.tcp_rmem: 4096 87380 6291456}",
        ] {
            assert_eq!(told(lines, false), [], "{lines}");
        }
    }

    #[test]
    fn what_depends_on_the_engine_s_age_or_its_storage_is_told_where_it_is_known() {
        let kata = "runtime: io.containerd.kata.v2";
        let card = "sysctls: {net.ipv4.conf.eth0.rp_filter: 2}";
        assert_eq!(told_by(&json!({}), "1.45", card, false), []);
        assert_eq!(told_by(&json!({}), "1.46", card, false).len(), 1);
        let known = json!({"Runtimes": {"runc": {}}});
        assert_eq!(told_by(&known, "1.42", kata, false), []);
        let message = "expected a `runtime` of the engine, but found `io.containerd.kata.v2`";
        assert_eq!(told_by(&known, "1.41", kata, false)[0].0, message);
        let lines = "storage_opt: {size: 1g}";
        for (driver, below, refused) in [
            ("fuse-overlayfs", json!(null), true),
            ("overlay2", json!([["Backing Filesystem", "xfs"]]), false),
            ("overlay2", json!(null), false),
            ("zfs", json!([["Backing Filesystem", "zfs"]]), false),
        ] {
            let info = json!({"Driver": driver, "DriverStatus": below});
            assert_eq!(told_by(&info, "1.51", lines, false).len(), usize::from(refused), "{info}");
        }
    }

    #[test]
    fn devices_by_name_need_an_engine_that_looks_for_them() {
        let lines = "devices: ['lab.example/thing=one']";
        let off = "expected an engine with the Container Device Interface, for device \
                   `lab.example/thing=one`, but it is not there or turned off";
        let none = "expected a device of the engine, but found `lab.example/thing=one`";
        let folders = json!(["/etc/cdi"]);
        for (info, api, message) in [
            (json!({}), "1.41", Some(off)),
            (json!({"CDISpecDirs": []}), "1.45", Some(off)),
            (json!({"CDISpecDirs": null}), "1.45", Some(off)),
            (json!({"CDISpecDirs": folders}), "1.45", None),
            (json!({"CDISpecDirs": folders}), "1.51", Some(none)),
            (json!({}), "1.51", None),
        ] {
            let told = told_by(&info, api, lines, false);
            let messages: Vec<&str> = told.iter().map(|(message, _)| message.as_str()).collect();
            assert_eq!(messages, Vec::from_iter(message), "{info} {api}");
        }
    }

    #[test]
    fn what_an_update_would_say_is_refused_and_what_it_leaves_alone_is_not() {
        let text = |lines: &str, state: &str| {
            spec(&format!(
                "project: p\ncontainers:\n  a: {{name: web, image: 'app:1', state: {state}, {lines}}}\n"
            ))
        };
        let told = |was: &str, lines: &str, state: &str, run: &str| {
            let mut snapshot = world();
            let version = json!({"ApiVersion": "1.51", "Os": "linux"});
            let info = json!({"NCPU": 2});
            snapshot.engine = Some(EngineRecord { version, info });
            add(&mut snapshot, &text(was, state), "a", "web", run);
            codes(&text(lines, state), &snapshot)
        };
        for (was, lines, expected) in [
            ("cpus: 1", "cpus: 2.5", &["unsupported"][..]),
            ("cpuset: '0'", "cpuset: 0-2", &["unsupported"]),
            ("cpus: 1", "cpus: 2", &[]),
        ] {
            assert_eq!(told(was, lines, "reloaded", "running"), expected, "{was} => {lines}");
            assert_eq!(told(was, lines, "started", "exited"), expected, "{was} => {lines}");
            // Only a report, so nothing can fail.
            assert_eq!(told(was, lines, "started", "running"), [""; 0], "{was} => {lines}");
        }
        // The container was created on a bigger host. An update of another option works, but a
        // start fails.
        let (was, lines) = ("cpus: 8", "cpus: 8, pids_limit: 50");
        assert_eq!(told(was, lines, "reloaded", "running"), [""; 0]);
        assert_eq!(told(was, lines, "started", "exited"), ["unsupported"]);
    }

    /// The containers were created on a bigger host: a start is refused, and a restarted container
    /// would stay down.
    #[test]
    fn what_would_not_come_up_again_is_refused_before_it_is_touched() {
        let told = |lines: &str, state: &str, run: &str| {
            let text = format!(
                "project: p\ncontainers:\n  a: {{name: web, image: 'app:1', state: {state}, \
                 compare: {{runtime: ignore, cpus: ignore}}}}\n"
            );
            let was = spec(&text.replace(", compare:", &format!(", {lines}, compare:")));
            let mut snapshot = world();
            let version = json!({"ApiVersion": "1.51", "Os": "linux"});
            let info = json!({"NCPU": 2, "Runtimes": {"runc": {}}});
            snapshot.engine = Some(EngineRecord { version, info });
            add(&mut snapshot, &was, "a", "web", run);
            let built = build(&Input {
                spec: &spec(&text),
                snapshot: &snapshot,
                assume: false,
                pins: Pins::default(),
                source: None,
            });
            built.errors.into_iter().map(|error| error.message).collect::<Vec<_>>()
        };
        let runtime = "expected a runtime of the engine, but container `web` has `kata`, and would \
                       not start";
        let processors =
            "expected at most 2 processors, but container `web` has 4, and would not start";
        for (lines, state, run, expected) in [
            ("runtime: kata", "started", "exited", &[runtime][..]),
            ("runtime: kata", "restarted", "running", &[runtime]),
            ("cpus: 4", "started", "exited", &[processors]),
            // A restart does not check the processors.
            ("cpus: 4", "restarted", "running", &[]),
            ("cpus: 2, runtime: runc", "started", "exited", &[]),
            // The plan leaves the container alone.
            ("cpus: 4, runtime: kata", "started", "running", &[]),
            ("cpus: 4, runtime: kata", "stopped", "running", &[]),
        ] {
            assert_eq!(told(lines, state, run), expected, "{lines} {state} {run}");
        }
    }
}
