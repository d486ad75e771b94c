//! Limits of memory and processors that exclude each other.

use super::{Conflict, Said};
use crate::options::field::Bytes;
use crate::options::resources::{Cpus, Micros, Swap};

pub(super) fn check(said: &Said<'_>, all: &mut Vec<Conflict>) {
    all.extend(cpus(said));
    all.extend(swap(said));
}

/// An engine takes processor time in one way only.
fn cpus(said: &Said<'_>) -> Option<Conflict> {
    said.get::<Cpus>("cpus")?;
    let other = ["cpu_quota", "cpu_period"].into_iter();
    let key = other.into_iter().find(|key| said.get::<Micros>(key).is_some_and(|it| it.0 > 0))?;
    Some(Conflict::new(key, format!("expected `cpus` or `{key}`, but found both")))
}

/// Memory and swap together are no less than the memory.
fn swap(said: &Said<'_>) -> Option<Conflict> {
    let Swap(swap) = said.get("memswap_limit")?;
    if *swap <= 0 || said.is_broken("mem_limit") {
        return None;
    }
    let memory = said.get::<Bytes>("mem_limit").map_or(0, |memory| memory.0);
    (*swap < memory).then(|| {
        let message = format!(
            "expected `memswap_limit` to be at least the {memory} bytes of `mem_limit`, but found \
             {swap}"
        );
        Conflict::new("memswap_limit", message)
    })
}
