//! Differences of networks and volumes, and their create bodies.

use serde_json::{Value as Json, json};

use super::*;
use crate::engine_model::Engine;
use crate::plan::show::reason_text;
use crate::spec::{Network, Spec, Volume, read};

fn spec(text: &str) -> Spec {
    let text = format!("project: shop\ncontainers: {{}}\n{text}");
    read::text(&text, &read::Files::new()).unwrap_or_else(|all| panic!("{all:#?}"))
}

fn network(text: &str) -> Network {
    let spec = spec(&format!("networks:\n  back: {text}\n"));
    spec.networks.values().next().unwrap().declared().unwrap().clone()
}

fn volume(text: &str) -> Volume {
    let spec = spec(&format!("volumes:\n  data: {text}\n"));
    spec.volumes.values().next().unwrap().declared().unwrap().clone()
}

fn told(differences: &Differences) -> String {
    let reasons: Vec<String> = differences.reasons.iter().map(reason_text::text).collect();
    let unknown = differences.unknown.iter().map(|key| format!("{key}: unknown"));
    reasons.into_iter().chain(unknown).collect::<Vec<_>>().join("\n")
}

fn differs(declared: &str, found: &Json, owned: bool) -> String {
    told(&network::differences(&network(declared), found, Terms { owned, public: None }))
}

/// The inspect data of Docker 28.5 for an empty declaration.
fn plain() -> Json {
    json!({"Name": "shop_back", "Id": "1", "Driver": "bridge", "EnableIPv4": true,
        "EnableIPv6": false, "Internal": false, "Attachable": false, "Options": {},
        "IPAM": {"Driver": "default", "Options": null,
            "Config": [{"Subnet": "172.20.0.0/16", "Gateway": "172.20.0.1"}]},
        "Labels": {"io.bayplan.project": "shop", "io.bayplan.network": "back"}})
}

#[test]
fn what_an_engine_chooses_is_no_difference() {
    for owned in [true, false] {
        assert_eq!(differs("{}", &plain(), owned), "");
        assert_eq!(
            differs("{driver: bridge, enable_ipv4: true, enable_ipv6: false}", &plain(), owned),
            ""
        );
        assert_eq!(differs("{ipam: {config: [{subnet: 172.20.0.0/16}]}}", &plain(), owned), "");
        // Docker 20.10 lacks this field.
        let mut old = plain();
        old.as_object_mut().unwrap().remove("EnableIPv4");
        assert_eq!(differs("{enable_ipv4: true}", &old, owned), "");
    }
}

#[test]
fn every_key_of_a_network_is_compared() {
    let declared = "{driver: macvlan, driver_opts: {parent: eth0}, internal: true, \
                    attachable: true, enable_ipv4: false, enable_ipv6: true, labels: {tier: a}, \
                    ipam: {driver: other, options: {a: b}, config: [{subnet: 10.0.0.0/24, \
                    gateway: 10.0.0.1}]}}";
    insta::assert_snapshot!(differs(declared, &plain(), false), @r#"
    driver (bridge => macvlan)
    driver_opts (added parent: eth0)
    ipam.driver (default => other)
    ipam.options (added a: b)
    ipam.config (added {gateway: 10.0.0.1, subnet: 10.0.0.0/24}; removed {gateway: 172.20.0.1, subnet: 172.20.0.0/16})
    internal (false => true)
    attachable (false => true)
    enable_ipv4 (true => false)
    enable_ipv6 (false => true)
    labels (added tier: a)
    "#);
}

#[test]
fn what_is_no_longer_declared_differs_on_one_that_bayplan_made() {
    let mut found = plain();
    found["Internal"] = json!(true);
    found["Options"] = json!({"com.docker.network.driver.mtu": "1400"});
    found["Labels"]["tier"] = json!("a");
    assert_eq!(differs("{}", &found, false), "");
    insta::assert_snapshot!(differs("{}", &found, true), @"
    driver_opts (removed com.docker.network.driver.mtu: 1400)
    internal (true => false)
    labels (removed tier: a)
    ");
}

#[test]
fn ranges_are_compared_by_what_they_mean() {
    let mut found = plain();
    found["IPAM"]["Config"] = json!([{"Subnet": "10.1.0.9/16"}, {"Subnet": "fd00::/64"}]);
    let fits = |text: &str| differs(&format!("{{ipam: {{config: {text}}}}}"), &found, true);
    assert_eq!(fits("[{subnet: 'FD00:0::/64'}, {subnet: 10.1.0.0/16}]"), "");
    assert_eq!(fits("[{subnet: 10.1.0.0/16}]"), "", "IPv6 is the engine's to choose");
    insta::assert_snapshot!(fits("[{subnet: 10.2.0.0/16}]"), @r#"ipam.config (added {subnet: 10.2.0.0/16}; removed {subnet: 10.1.0.9/16}, {subnet: fd00::/64})"#);
    insta::assert_snapshot!(fits("[{subnet: 10.1.0.0/16, ip_range: 10.1.2.0/24}]"), @r#"ipam.config (added {ip_range: 10.1.2.0/24, subnet: 10.1.0.0/16}; removed {subnet: 10.1.0.9/16}, {subnet: fd00::/64})"#);
}

#[test]
fn a_hidden_option_is_another_one_where_the_declared_one_is_public() {
    let declared = volume("{driver_opts: {o: 'addr=1.2.3.4', type: nfs}}");
    let found = json!({"Driver": "local", "Options": {"o": HIDDEN, "type": "nfs"}, "Labels": null});
    let compare = |place: &str| {
        let mut texts = Texts::default();
        texts.insert(place, "addr=1.2.3.4");
        let terms = Terms { owned: true, public: Some(&texts) };
        told(&volume::differences(&declared, &found, terms))
    };
    assert_eq!(compare("Options.type"), "driver_opts: unknown");
    assert_eq!(compare("Labels.o"), "driver_opts: unknown");
    insta::assert_snapshot!(compare("Options.o"), @"driver_opts (changed o: «hidden» => addr=1.2.3.4)");
}

#[test]
fn bodies_say_what_is_declared_and_whose_it_is() {
    let project = ProjectName::new("shop");
    let key = ObjectKey::new("back");
    let declared = network(
        "{enable_ipv4: false, ipam: {config: [{subnet: 10.0.0.0/24, aux_addresses: {a: 10.0.0.9}}]}}",
    );
    let mut old = Engine::newest();
    old.api = crate::base::api::OLDEST;
    let body = |engine: &Engine| {
        serde_json::to_string(network::body(&project, &key, "shop_back", &declared, engine).json())
            .unwrap()
    };
    insta::assert_snapshot!(body(&Engine::newest()), @r#"{"Driver":"bridge","EnableIPv4":false,"IPAM":{"Config":[{"AuxiliaryAddresses":{"a":"10.0.0.9"},"Subnet":"10.0.0.0/24"}],"Driver":"default"},"Labels":{"io.bayplan.network":"back","io.bayplan.project":"shop"},"Name":"shop_back"}"#);
    insta::assert_snapshot!(body(&old), @r#"{"CheckDuplicate":true,"Driver":"bridge","IPAM":{"Config":[{"AuxiliaryAddresses":{"a":"10.0.0.9"},"Subnet":"10.0.0.0/24"}],"Driver":"default"},"Labels":{"io.bayplan.network":"back","io.bayplan.project":"shop"},"Name":"shop_back"}"#);
    let declared = volume("{driver_opts: {type: none, o: bind, device: /srv, mtu: 9, x: true}}");
    insta::assert_snapshot!(volume::body(&project, &key, "shop_data", &declared).json(), @r#"{"Driver":"local","DriverOpts":{"device":"/srv","mtu":"9","o":"bind","type":"none","x":"true"},"Labels":{"io.bayplan.literals":"25323b3e57f13242,abfb603b0931f848,bbf5e9a05da355a3,e3b2b1b7b9391439,ffa9b7417fcb435e","io.bayplan.project":"shop","io.bayplan.volume":"back"},"Name":"shop_data"}"#);
    assert_eq!(volume::beyond(&declared).as_deref(), Some("bind:/srv"));
}
