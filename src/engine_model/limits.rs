//! Resource limits: limits that follow from other limits, and limits that the host does not
//! support.
//!
//! An engine drops an unsupported limit with a warning in its answer to the create call. The model
//! drops the limit too, because the limit would otherwise differ forever.

use serde_json::Value as Json;

use super::Engine;
use super::json::{Object, number};
use crate::base::api;

/// Completes the limits of a `HostConfig`.
pub(super) fn limits(host: &mut Object, sent: &Json, engine: &Engine) {
    memory(host, engine);
    if engine.api < api::NO_KERNEL_MEMORY {
        for field in ["KernelMemory", "KernelMemoryTCP"] {
            let sent = sent[field].as_i64().filter(|_| !engine.cgroup2).unwrap_or(0);
            host.insert(field.to_owned(), sent.into());
        }
    }
    if number(host, "PidsLimit") <= 0 || !engine.pids_limit {
        host.insert("PidsLimit".to_owned(), Json::Null);
    }
    if !engine.oom_kill_disable {
        host.insert("OomKillDisable".to_owned(), Json::Null);
    } else if host.get("OomKillDisable").is_none_or(Json::is_null) {
        host.insert("OomKillDisable".to_owned(), false.into());
    }
    if number(host, "MemorySwappiness") == -1 || engine.cgroup2 {
        host.insert("MemorySwappiness".to_owned(), Json::Null);
    }
    let none = Json::from(0);
    let cannot = [
        (engine.blkio_weight, "BlkioWeight", none.clone()),
        (engine.blkio_weight, "BlkioWeightDevice", Json::Array(Vec::new())),
        (engine.cpu_shares, "CpuShares", none.clone()),
        (engine.cpu_quota, "CpuPeriod", none.clone()),
        (engine.cpu_quota, "CpuQuota", none),
        (engine.cpuset, "CpusetCpus", "".into()),
        (engine.cpuset, "CpusetMems", "".into()),
    ];
    for (can, field, nothing) in cannot {
        if !can && !host.get(field).is_none_or(super::json::is_empty) {
            host.insert(field.to_owned(), nothing);
        }
    }
}

/// A memory limit without a swap limit allows the same amount of swap. Without swap accounting,
/// swap is unlimited.
fn memory(host: &mut Object, engine: &Engine) {
    if !engine.memory_limit {
        for field in ["Memory", "MemorySwap", "MemoryReservation"] {
            host.insert(field.to_owned(), 0.into());
        }
        return;
    }
    let memory = number(host, "Memory");
    if memory <= 0 {
        return;
    }
    if !engine.swap_limit {
        host.insert("MemorySwap".to_owned(), (-1).into());
    } else if number(host, "MemorySwap") == 0 {
        host.insert("MemorySwap".to_owned(), memory.saturating_mul(2).into());
    }
}
