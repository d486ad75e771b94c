//! The effect of an update of a container: refusals, the new inspect data, and settings that do not
//! take effect. Tested on 20.10 and 28.5, with created and running containers, on cgroup v1.
//!
//! The planner checks here whether a difference can be updated in place, and the simulated engine
//! answers with the same code.

use serde_json::{Value as Json, json};

use super::Engine;
use super::json::{Object, number, text};
use crate::options::settings::{RESTART, Settings, UPDATABLE};

/// The smallest memory limit of an engine: 6 MiB.
const LEAST_MEMORY: i64 = 6 << 20;

/// Why an engine refuses an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status: 400 for an invalid body, 409 for a conflict with the container.
    pub status: u16,
    /// The message of the engine.
    pub message: String,
}

fn refused(status: u16, message: &str) -> Refused {
    Refused { status, message: message.to_owned() }
}

/// The `HostConfig` after an update, with warnings; or the reason for a refusal.
pub fn update(
    host: &Json,
    settings: &Settings,
    engine: &Engine,
) -> Result<(Json, Vec<String>), Refused> {
    let body = settings.body();
    let empty = Object::new();
    let now = host.as_object().unwrap_or(&empty);
    let (mut sent, warnings) = without_what_the_host_lacks(&body, engine);
    vet(&sent)?;
    conflicts(now, &sent)?;
    let mut after = now.clone();
    let policy =
        sent.remove(RESTART).filter(|policy| !policy["Name"].as_str().unwrap_or("").is_empty());
    for field in UPDATABLE {
        // A missing value stays unchanged. Only the limit of processes can be removed.
        let value = sent.get(*field).cloned().unwrap_or_default();
        if *field == "PidsLimit" && !value.is_null() {
            let limit = value.as_i64().unwrap_or(0).max(0);
            after.insert((*field).to_owned(), limit.into());
        } else if !super::json::is_empty(&value) {
            after.insert((*field).to_owned(), value);
        }
    }
    if let Some(policy) = policy {
        let retries = policy["MaximumRetryCount"].as_i64().unwrap_or(0);
        after.insert(
            RESTART.to_owned(),
            json!({"Name": policy["Name"], "MaximumRetryCount": retries}),
        );
    }
    Ok((Json::Object(after), warnings))
}

/// Whether an accepted update also takes effect in a running container. A swap limit cannot be
/// removed: the engine then shows -1, but the kernel keeps the old limit. The next memory update
/// then fails (tested on 20.10 and 28.5).
pub fn takes_effect(host: &Json, settings: &Settings) -> bool {
    let unlimited = settings.0.get("MemorySwap") == Some(&json!(-1));
    !(unlimited && host["MemorySwap"].as_i64().unwrap_or(0) > 0)
}

/// The body without limits that the host does not support, and a warning for each, as at a create.
fn without_what_the_host_lacks(body: &Json, engine: &Engine) -> (Object, Vec<String>) {
    let mut sent = body.as_object().cloned().unwrap_or_default();
    let mut warnings = Vec::new();
    let lacks = [
        (
            engine.blkio_weight,
            "BlkioWeight",
            "Block I/O weight or the cgroup is not mounted. Weight",
        ),
        (
            engine.pids_limit,
            "PidsLimit",
            "pids limit capabilities or the cgroup is not mounted. PIDs limit",
        ),
        (engine.cpu_shares, "CpuShares", "CPU shares or the cgroup is not mounted. Shares"),
        (engine.cpuset, "CpusetCpus", "cpuset or the cgroup is not mounted. Cpuset"),
        (engine.cpuset, "CpusetMems", "cpuset or the cgroup is not mounted. Cpuset"),
        (
            engine.memory_limit,
            "Memory",
            "memory limit capabilities or the cgroup is not mounted. Limitation",
        ),
        (
            engine.memory_limit,
            "MemoryReservation",
            "memory soft limit capabilities or the cgroup is not mounted. Limitation",
        ),
    ];
    for (can, field, what) in lacks {
        if !can && !sent.get(field).is_none_or(super::json::is_empty) {
            sent.remove(field);
            warnings.push(format!("Your kernel does not support {what} discarded."));
        }
    }
    if !engine.swap_limit && number(&sent, "MemorySwap") > 0 {
        sent.insert("MemorySwap".to_owned(), (-1).into());
        warnings.push(
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. \
             Memory limited without swap."
                .to_owned(),
        );
    }
    (sent, warnings)
}

/// Refuses a body that is invalid in itself.
fn vet(sent: &Object) -> Result<(), Refused> {
    let (memory, swap) = (number(sent, "Memory"), number(sent, "MemorySwap"));
    if memory != 0 && memory < LEAST_MEMORY {
        return Err(refused(400, "Minimum memory limit allowed is 6MB"));
    }
    if memory > 0 && swap > 0 && swap < memory {
        return Err(refused(
            400,
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ));
    }
    if number(sent, "NanoCpus") < 0 {
        return Err(refused(400, "range of CPUs is from 0.01 up"));
    }
    let policy = sent.get(RESTART).unwrap_or(&Json::Null);
    if policy["MaximumRetryCount"].as_i64().unwrap_or(0) > 0 && policy["Name"] != "on-failure" {
        return Err(refused(
            400,
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ));
    }
    Ok(())
}

/// Refuses a body that conflicts with the current settings.
fn conflicts(now: &Object, sent: &Object) -> Result<(), Refused> {
    let conflict = |what: &str| Err(refused(409, &format!("Conflicting options: {what}")));
    let has = |object: &Object, field: &str| number(object, field) != 0;
    for (field, name) in [("CpuPeriod", "CPU Period"), ("CpuQuota", "CPU Quota")] {
        if has(now, "NanoCpus") && has(sent, field) {
            return conflict(&format!("{name} cannot be updated as NanoCPUs has already been set"));
        }
        if has(now, field) && has(sent, "NanoCpus") {
            return conflict(&format!(
                "Nano CPUs cannot be updated as {name} has already been set"
            ));
        }
    }
    let memory = number(sent, "Memory");
    // -1 means no limit, but the engine compares -1 as a number.
    if memory != 0 && number(sent, "MemorySwap") == 0 && memory > number(now, "MemorySwap") {
        return Err(refused(
            409,
            "Memory limit should be smaller than already set memoryswap limit, update the \
             memoryswap at the same time",
        ));
    }
    let policy = sent.get(RESTART).and_then(Json::as_object);
    let restarts = policy.is_some_and(|policy| !matches!(text(policy, "Name"), "" | "no"));
    if restarts && now.get("AutoRemove") == Some(&Json::Bool(true)) {
        return Err(refused(
            409,
            "Restart policy cannot be updated because AutoRemove is enabled for the container",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(host: &Json, body: &[(&str, Json)]) -> Result<Json, u16> {
        let body = body.iter().map(|(field, value)| ((*field).to_owned(), value.clone()));
        let engine = Engine { cgroup2: false, blkio_weight: false, ..Engine::newest() };
        update(host, &Settings(body.collect()), &engine)
            .map(|(host, _)| host)
            .map_err(|refused| refused.status)
    }

    const M: i64 = 1 << 20;

    #[test]
    fn memory_and_swap_go_together() {
        let both = json!({"Memory": 64 * M, "MemorySwap": 128 * M});
        for (host, body, answer) in [
            (json!({"Memory": 0, "MemorySwap": 0}), vec![("Memory", json!(64 * M))], Err(409)),
            (both.clone(), vec![("Memory", json!(256 * M))], Err(409)),
            (
                json!({"Memory": 64 * M, "MemorySwap": -1}),
                vec![("Memory", json!(32 * M))],
                Err(409),
            ),
            (both.clone(), vec![("Memory", json!(-1))], Err(400)),
            (both.clone(), vec![("Memory", json!(M))], Err(400)),
            (both.clone(), vec![("Memory", json!(64 * M)), ("MemorySwap", json!(M))], Err(400)),
            (
                both.clone(),
                vec![("Memory", json!(32 * M))],
                Ok(json!({"Memory": 32 * M, "MemorySwap": 128 * M})),
            ),
            (
                both.clone(),
                vec![("Memory", json!(256 * M)), ("MemorySwap", json!(512 * M))],
                Ok(json!({"Memory": 256 * M, "MemorySwap": 512 * M})),
            ),
            (both.clone(), vec![("Memory", json!(0))], Ok(both.clone())),
        ] {
            assert_eq!(told(&host, &body), answer, "{host} {body:?}");
        }
    }

    #[test]
    fn processors_are_said_in_one_way() {
        let (nano, quota) = (json!({"NanoCpus": 5}), json!({"CpuQuota": 5000}));
        assert_eq!(told(&nano, &[("CpuQuota", json!(5000))]), Err(409));
        assert_eq!(told(&quota, &[("NanoCpus", json!(5))]), Err(409));
        assert_eq!(told(&nano, &[("NanoCpus", json!(7))]), Ok(json!({"NanoCpus": 7})));
        assert_eq!(told(&nano, &[("NanoCpus", json!(0))]), Ok(nano));
    }

    #[test]
    fn what_the_host_lacks_is_dropped_with_a_warning() {
        assert_eq!(
            told(&json!({"BlkioWeight": 0}), &[("BlkioWeight", json!(200))]),
            Ok(json!({"BlkioWeight": 0}))
        );
    }

    #[test]
    fn no_limit_of_swap_is_shown_and_not_so() {
        let swap = |limit: i64| Settings([("MemorySwap".to_owned(), limit.into())].into());
        assert!(!takes_effect(&json!({"MemorySwap": 128 * M}), &swap(-1)));
        assert!(takes_effect(&json!({"MemorySwap": 0}), &swap(-1)));
        assert!(takes_effect(&json!({"MemorySwap": -1}), &swap(-1)));
        assert!(takes_effect(&json!({"MemorySwap": -1}), &swap(128 * M)));
    }

    #[test]
    fn what_removes_itself_gets_no_policy() {
        let host = json!({"AutoRemove": true});
        assert_eq!(told(&host, &[(RESTART, json!("always"))]), Err(409));
        assert!(told(&host, &[(RESTART, json!("no"))]).is_ok());
        assert_eq!(told(&json!({}), &[(RESTART, json!("always:3"))]), Err(400));
    }
}
