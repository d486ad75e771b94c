//! Refuses overlapping subnets of new networks. An engine reports an overlap only when it creates
//! the second network. A network that is replaced would already be removed then.
//!
//! Subnets that the engine chooses are not checked.

use super::draft::Planner;
use crate::base::ident::ChangeTarget;
use crate::planner::resources::network;
use crate::spec::resources::Cidr;

impl Planner<'_> {
    /// Refuses subnets that overlap the subnets of another network.
    pub(super) fn refuse_taken_subnets(&mut self) {
        let wanted = self.wanted_subnets();
        let mut errors = Vec::new();
        for (place, (name, range)) in wanted.iter().enumerate() {
            let others = self.snapshot.networks.iter().filter(|found| found["Name"] != **name);
            let there = others.flat_map(|found| {
                let name = found["Name"].as_str().unwrap_or_default();
                network::subnets(found).map(move |range| (name, range, "has"))
            });
            let before = wanted[..place].iter();
            let before = before.map(|(name, range)| (name.as_str(), *range, "is to have"));
            let taken = there.chain(before).find(|(_, other, _)| other.overlaps(range));
            errors.extend(taken.map(|(other, taken, has)| {
                let who = match crate::base::say::short(other) {
                    other if other == *name => "it".to_owned(),
                    other => format!("`{other}`"),
                };
                format!("network `{name}` is to have {range}, but {who} {has} {taken}")
            }));
        }
        for message in errors {
            let hint = "declare another `subnet`, or free this one first";
            self.object_error("subnet_taken", message, hint);
        }
    }

    /// The declared subnets of the networks that this plan creates.
    fn wanted_subnets(&self) -> Vec<(String, Cidr)> {
        let named = self.spec.networks.iter().filter_map(|(key, network)| {
            let name = self.spec.network_name(key)?;
            self.jobs_of(&ChangeTarget::Network(&name).id()).next()?;
            Some((name, network.declared()?))
        });
        let sharing = named.filter(|(_, network)| network::shares_addresses(network));
        let ranges = sharing.flat_map(|(name, network)| {
            let ranges = network.ipam.config.iter().filter_map(|pool| pool.subnet);
            ranges.map(|range| (name.clone(), range)).collect::<Vec<_>>()
        });
        ranges.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::spec;
    use super::super::{Input, Pins, build};
    use crate::observed::snapshot::Snapshot;

    /// The errors for the networks of a spec. Network `old` has 10.9.0.0/16, and `p_mine` belongs
    /// to the spec.
    fn told(networks: &str) -> String {
        let spec = spec(&format!("project: p\nnetworks: {networks}\ncontainers: {{}}\n"));
        let found = |name: &str, driver: &str, subnet: &str| {
            json!({"Name": name, "Id": name, "Driver": driver, "Scope": "local",
                "Labels": {"io.bayplan.project": "p", "io.bayplan.network": &name[2..]},
                "IPAM": {"Driver": "default", "Config": [{"Subnet": subnet}]}})
        };
        let networks = vec![
            found("old", "bridge", "10.9.0.0/16"),
            found("p_mine", "bridge", "10.8.0.0/24"),
            found("wire", "macvlan", "10.7.0.9/24"),
            found("cloud", "overlay", "10.6.0.0/24"),
        ];
        let snapshot = Snapshot { networks, whole: true, ..Snapshot::default() };
        let pins = Pins::default();
        let input = Input { spec: &spec, snapshot: &snapshot, assume: false, pins, source: None };
        let errors = build(&input).errors.into_iter();
        let told: Vec<String> =
            errors.map(|error| format!("{}: {}", error.code, error.message)).collect();
        told.join("\n")
    }

    /// A network with these subnets.
    fn with(ranges: &[&str]) -> String {
        let pools: Vec<String> = ranges.iter().map(|one| format!("{{subnet: '{one}'}}")).collect();
        format!("ipam: {{config: [{}]}}", pools.join(", "))
    }

    #[test]
    fn a_range_that_another_network_has_is_an_error() {
        for range in ["10.9.0.0/16", "10.9.7.0/24", "10.0.0.0/8"] {
            let told = told(&format!("{{new: {{{}}}}}", with(&[range])));
            let want = format!(
                "subnet_taken: network `p_new` is to have {range}, but `old` has 10.9.0.0/16"
            );
            assert_eq!(told, want);
        }
        assert_eq!(told(&format!("{{new: {{{}}}}}", with(&["10.10.0.0/16", "fd00::/64"]))), "");
        assert_eq!(told("{new: {}}"), "");
        // `bridge`, `ipvlan` and `macvlan` share one address store. An engine may report any
        // address of the subnet.
        assert_eq!(
            told(&format!("{{new: {{{}}}}}", with(&["10.7.0.0/24"]))),
            "subnet_taken: network `p_new` is to have 10.7.0.0/24, but `wire` has 10.7.0.0/24"
        );
        assert!(
            !told(&format!("{{new: {{driver: ipvlan, {}}}}}", with(&["10.9.0.0/16"]))).is_empty()
        );
    }

    #[test]
    fn two_of_one_plan_cannot_have_it_either() {
        let two =
            format!("{{a: {{{}}}, b: {{{}}}}}", with(&["10.1.0.0/16"]), with(&["10.1.2.0/24"]));
        assert_eq!(
            told(&two),
            "subnet_taken: network `p_b` is to have 10.1.2.0/24, but `p_a` is to have 10.1.0.0/16"
        );
        let twice = format!("{{a: {{{}}}}}", with(&["10.1.0.0/16", "10.1.2.0/24"]));
        assert_eq!(
            told(&twice),
            "subnet_taken: network `p_a` is to have 10.1.2.0/24, but it is to have 10.1.0.0/16"
        );
    }

    #[test]
    fn one_that_is_replaced_gives_up_its_own_and_gets_no_other_s() {
        let mine = |range: &str| told(&format!("{{mine: {{recreate: auto, {}}}}}", with(&[range])));
        assert_eq!(mine("10.8.0.0/16"), "");
        assert_eq!(
            mine("10.9.1.0/24"),
            "subnet_taken: network `p_mine` is to have 10.9.1.0/24, but `old` has 10.9.0.0/16"
        );
        // A network that is left unchanged takes no subnet.
        assert_eq!(told(&format!("{{mine: {{{}}}}}", with(&["10.9.1.0/24"]))), "");
    }

    #[test]
    fn networks_whose_addresses_are_nobody_s_concern_are_left_alone() {
        assert_eq!(told(&format!("{{new: {{{}}}}}", with(&["10.6.0.0/24"]))), "");
        let other = format!("{{new: {{driver: overlay, {}}}}}", with(&["10.9.0.0/16"]));
        assert_eq!(told(&other), "");
        let own = "{new: {ipam: {driver: own, config: [{subnet: 10.9.0.0/16}]}}}";
        assert_eq!(told(own), "");
    }
}
