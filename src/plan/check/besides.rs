//! Checks what a create step brings along: ports from the declared ranges, no port twice, and no
//! volume that another step creates. Also checks that the digest of the spec is a digest.

use std::collections::BTreeSet;

use super::{Violations, named};
use crate::plan::{Action, Plan};

pub(super) fn check(plan: &Plan, violations: &mut Violations) {
    if let Some(spec) = &plan.spec {
        let hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let digits = spec.digest.strip_prefix("sha256:");
        let fine = digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(hex));
        violations.unless(fine, "spec", || {
            let found = named(&spec.digest);
            format!("expected `sha256:` and 64 digits as the digest of the spec, but found {found}")
        });
    }
    let (mut ports, mut volumes) = (BTreeSet::new(), BTreeSet::new());
    for step in &plan.steps {
        if let Action::CreateVolume { volume, .. } = &step.action {
            volumes.insert(volume);
        }
    }
    for step in &plan.steps {
        let Action::Create { set, ports: own, volumes: made, .. } = &step.action else { continue };
        let declared = plan.declared["containers"][set.as_str()]["ports"].as_array();
        let declared: Vec<Bound<'_>> =
            declared.into_iter().flatten().filter_map(|text| Bound::read(text.as_str()?)).collect();
        for text in own {
            let bound = Bound::read(text).filter(|bound| bound.first == bound.last);
            let fine = bound.as_ref().is_some_and(|one| declared.iter().any(|all| all.has(one)));
            violations.unless(fine, "ports", || {
                format!(
                    "expected {} to have ports of the ranges of its set, but found {}",
                    named(&step.id),
                    named(text)
                )
            });
            // Two containers may use the same container port.
            let outside = bound.map(|bound| (bound.address, bound.first, bound.protocol()));
            let free = outside.is_none_or(|outside| {
                let outside = (outside.0.to_owned(), outside.1, outside.2.to_owned());
                ports.insert(outside)
            });
            violations.unless(free, "ports", || {
                format!("expected every port of the host once, but found {} again", named(text))
            });
        }
        for volume in made {
            violations.unless(volumes.insert(volume), "volumes", || {
                format!("expected one step to make the volume {}, but found two", named(volume))
            });
        }
    }
}

/// A port mapping such as `127.0.0.1:8080-8082:80/tcp`.
struct Bound<'a> {
    address: &'a str,
    first: u16,
    last: u16,
    inside: &'a str,
}

impl<'a> Bound<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (outside, inside) = text.rsplit_once(':')?;
        let (address, range) = outside.rsplit_once(':').unwrap_or(("", outside));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(Self { address, first: first.parse().ok()?, last: last.parse().ok()?, inside })
    }

    fn protocol(&self) -> &'a str {
        self.inside.split_once('/').map_or("tcp", |(_, protocol)| protocol)
    }

    /// Whether another port mapping lies within this range.
    fn has(&self, one: &Self) -> bool {
        self.address == one.address
            && self.inside == one.inside
            && (self.first..=self.last).contains(&one.first)
    }
}
