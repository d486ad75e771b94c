//! Limits of memory and processors that no engine accepts.

use super::{Conflict, DeclaredOptions};
use crate::options::field::Bytes;
use crate::options::processors::{Count, Cpus, Micros, Realtime};
use crate::options::resources::Swap;

/// The minimal memory limit of an engine.
const LEAST_MEMORY: i64 = 6 << 20;
/// The shortest and the longest period of the kernel's scheduler, in microseconds.
const PERIODS: (i64, i64) = (1_000, 1_000_000);
/// The minimal share of a processor, in billionths: a hundredth, 1 ms of each 100 ms.
const LEAST_NANO: i64 = 10_000_000;
/// The minimal and the maximal weight of the kernel.
const SHARES: (i64, i64) = (2, 262_144);

pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    all.extend(least_cpus(said));
    all.extend(swap(said));
    memory(said, all);
    times(said, all);
}

/// An engine accepts a smaller share in the create, but the kernel refuses the start.
fn least_cpus(said: &DeclaredOptions<'_>) -> Option<Conflict> {
    let cpus = said.get::<Cpus>("cpus").filter(|cpus| (1..LEAST_NANO).contains(&cpus.0))?;
    let found = super::super::OptionValue::print(cpus);
    let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    let message = format!("expected `cpus` of at least 0.01, but found {found}");
    Some(Conflict::new("cpus", message).hint("0 is no limit"))
}

/// The limit of memory and swap together must not be below the memory limit.
fn swap(said: &DeclaredOptions<'_>) -> Option<Conflict> {
    let Swap(swap) = said.get("memswap_limit")?;
    if *swap <= 0 || said.is_broken("mem_limit") {
        return None;
    }
    let memory = said.get::<Bytes>("mem_limit").map_or(0, |memory| memory.0);
    if memory == 0 {
        let message = "expected `mem_limit` beside `memswap_limit`, but found none";
        let hint = "`memswap_limit` is memory and swap together; `mem_limit` is the part of memory";
        return Some(Conflict::new("memswap_limit", message).hint(hint));
    }
    (*swap < memory).then(|| {
        let message = format!(
            "expected `memswap_limit` to be at least the {memory} bytes of `mem_limit`, but found \
             {swap}"
        );
        Conflict::new("memswap_limit", message)
    })
}

fn memory(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let bytes = |key: &str| said.get::<Bytes>(key).map_or(0, |bytes| bytes.0);
    for key in ["mem_limit", "mem_reservation"] {
        let found = bytes(key);
        if (1..LEAST_MEMORY).contains(&found) {
            let message =
                format!("expected a `{key}` of at least {LEAST_MEMORY} bytes, but found {found}");
            all.push(Conflict::new(key, message).hint("engines take `6m` and more"));
        }
    }
    let (limit, reserved) = (bytes("mem_limit"), bytes("mem_reservation"));
    if limit > 0 && reserved > limit {
        let message = format!(
            "expected `mem_reservation` to be at most the {limit} bytes of `mem_limit`, but found \
             {reserved}"
        );
        all.push(Conflict::new("mem_reservation", message));
    }
}

/// The periods and quotas that the kernel's scheduler accepts; 0 means unset.
fn times(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let micros = |key: &str| said.get::<Micros>(key).map_or(0, |micros| micros.0);
    let (period, quota) = (micros("cpu_period"), micros("cpu_quota"));
    let (least, most) = PERIODS;
    if period != 0 && !(least..=most).contains(&period) {
        let message =
            format!("expected a period from {least} to {most} microseconds, but found {period}");
        all.push(Conflict::new("cpu_period", message).hint("write it as a duration, like `50ms`"));
    }
    if (1..least).contains(&quota) {
        let message =
            format!("expected a quota of at least {least} microseconds, but found {quota}");
        all.push(Conflict::new("cpu_quota", message).hint("write it as a duration, like `50ms`"));
    }
    let realtime = |key: &str| said.get::<Realtime>(key).map_or(0, |realtime| realtime.0.0);
    let (period, runtime) = (realtime("cpu_rt_period"), realtime("cpu_rt_runtime"));
    if period != 0 && runtime > period {
        let message = format!(
            "expected `cpu_rt_runtime` to be at most the {period} microseconds of \
             `cpu_rt_period`, but found {runtime}"
        );
        all.push(Conflict::new("cpu_rt_runtime", message));
    }
    let shares = said.get::<Count>("cpu_shares").map_or(0, |count| count.0);
    let (least, most) = SHARES;
    if shares != 0 && !(least..=most).contains(&shares) {
        let message = format!("expected a weight from {least} to {most}, but found {shares}");
        all.push(Conflict::new("cpu_shares", message).hint("1024 is the usual one"));
    }
}
