//! The rules across options: allowed pairs, refused pairs, and the option to blame.

use serde_json::{Value as Json, json};

use super::*;
use crate::options::row_by_word;
use crate::syntax::node::{Node, Problems};

fn told(options: &Json) -> Vec<Conflict> {
    let declared: Vec<Declared> = options
        .as_object()
        .unwrap()
        .iter()
        .map(|(word, value)| {
            let node = Node::from_json(value);
            row_by_word(word).unwrap().parse(&node, &mut Problems::default()).unwrap()
        })
        .collect();
    conflicts(&declared, &BTreeSet::new())
}

#[test]
fn what_goes_together_is_no_conflict() {
    for options in [
        json!({"restart_policy": "on-failure", "restart_policy_retry": 5}),
        json!({"restart_policy": "always", "restart_policy_retry": 0}),
        json!({"restart": "on-failure:5", "restart_policy_retry": 5}),
        json!({"restart": "no", "auto_remove": true}),
        json!({"network_mode": "host", "ports": [], "hostname": "a"}),
        json!({"network_mode": "bridge", "ports": [80]}),
        json!({"network_mode": "back", "networks": ["back", "front"]}),
        json!({"cpu_quota": 5000, "cpu_period": 10000}),
        json!({"cpu_quota": 0, "cpu_period": 0, "cpu_shares": 0}),
        json!({"cpu_quota": 1000, "cpu_period": 1_000_000, "cpu_shares": 2}),
        json!({"memswap_limit": -1}),
        json!({"memswap_limit": "1g", "mem_limit": "1g", "mem_reservation": "1g"}),
        json!({"mem_limit": "6m"}),
        json!({"cpus": 0.01, "hostname": "a".repeat(64), "domainname": "a".repeat(65)}),
        json!({"cpus": 0, "sysctls": ["net/core/somaxconn=1", "kernel.sem=1 1 1 1", "kernel.domainname=a"]}),
        json!({"runtime": "kata", "sysctls": ["vm.max_map_count=1", "net.core.rmem_max=1"]}),
        json!({"runtime": "kata", "volumes": ["/etc:/proc/foo"]}),
        json!({"sysctls": ["net.ipv4.tcp_rmem=1 2 3", "net.ipv4.conf.all.rp_filter=2", "net.ipv4.conf.eth0.rp_filter=2"]}),
        json!({"networks": ["a", "b"], "sysctls": ["net.ipv4.conf.eth1.rp_filter=2", "net.ipv4.conf.wg0.rp_filter=2"]}),
        json!({"network_mode": "container:a", "sysctls": ["net.ipv4.conf.eth7.rp_filter=2"]}),
        json!({"volumes": ["/proc:/proc", "/proc:/host/proc", "/dev:/dev", "/sys/kernel:/sys/kernel", "/p:/process"]}),
        json!({"volumes": ["/var/lib/lxcfs/proc/cpuinfo:/proc/cpuinfo"], "tmpfs": ["/dev/shm", "/sys", "/proc/acpi"]}),
        json!({"devices": ["/dev/null:/null"]}),
        json!({"cap_add": ["ALL", "cap_bpf"], "cap_drop": ["all", "CAP_NET_RAW"]}),
        json!({"security_opt": ["no-new-privileges", "no-new-privileges:1", "label:disable"]}),
        json!({"stop_signal": "RTMIN+3"}),
        json!({"stop_signal": 65}),
        json!({"network_mode": "none", "expose": [80], "sysctls": ["net.core.somaxconn=1"]}),
        json!({"network_mode": "host", "sysctls": ["kernel.shmmax=1"], "dns": "10.0.0.1", "expose": [1]}),
        json!({"network_mode": "container:a", "ports": [], "publish_all_ports": false, "links": []}),
        json!({"ipc": "private", "shm_size": "1m", "sysctls": ["kernel.shmmax=1", "fs.mqueue.msg_max=9"]}),
        json!({"privileged": true, "cap_add": ["NET_ADMIN"], "security_opt": ["no-new-privileges"]}),
        json!({"volumes": ["/d"], "tmpfs": ["/e"]}),
        json!({"tmpfs": ["/d:ro,size=50%,mode=1777,noexec,mpol=bind:0"]}),
        json!({"ports": ["38080:80", "38080:80/udp", "0.0.0.0:38081:80", "[::]:38081:80"]}),
        json!({"ports": ["0.0.0.0:38080:80", "[::1]:38080:81"]}),
        json!({"ports": ["127.0.0.1:38080:80", "127.0.0.2:38080:81", "38070-38090:82"]}),
        json!({"mac_address": "02:42:ac:11:00:09", "networks": {"a": {"mac_address": "02-42-AC-11-00-09"}}}),
        json!({"mac_address": "02:42:ac:11:00:09", "networks": {"a": null, "b": {"mac_address": "02:42:ac:11:00:08"}}}),
    ] {
        assert_eq!(told(&options), [], "{options}");
    }
}

#[test]
fn what_an_engine_would_refuse_is_told_at_the_option_to_blame() {
    let host = "found `always`";
    for (options, key, end) in [
        (json!({"restart": "always", "restart_policy_retry": 5}), "restart_policy_retry", host),
        (json!({"restart_policy_retry": 5}), "restart_policy_retry", "found none"),
        (
            json!({"restart": "on-failure:3", "restart_policy_retry": 5}),
            "restart_policy_retry",
            "found `on-failure:3`",
        ),
        (json!({"restart": "always", "auto_remove": true}), "restart", "found `always`"),
        (json!({"network_mode": "host", "ports": [80]}), "ports", "found `80/tcp`"),
        (json!({"network_mode": "host", "networks": ["a"]}), "network_mode", "found `host`"),
        (json!({"cpus": 1, "cpu_quota": 5000}), "cpu_quota", "found `5000`"),
        (json!({"cpus": 1, "cpu_period": "5ms"}), "cpu_period", "found `5000`"),
        (json!({"cpu_rt_period": 5, "cpu_rt_runtime": 6}), "cpu_rt_runtime", "found 6"),
        (json!({"memswap_limit": "8m", "mem_limit": "9m"}), "memswap_limit", "found 8388608"),
        (json!({"network_mode": "container:db", "links": ["a"]}), "links", "found `a:a`"),
        (json!({"network_mode": "container:db", "dns_search": ["b"]}), "dns_search", "found `b`"),
        (json!({"memswap_limit": "8m"}), "memswap_limit", "found none"),
        (json!({"mem_limit": "5m"}), "mem_limit", "found 5242880"),
        (json!({"mem_reservation": 1}), "mem_reservation", "found 1"),
        (json!({"mem_limit": "8m", "mem_reservation": "9m"}), "mem_reservation", "found 9437184"),
        (json!({"cpu_period": 999}), "cpu_period", "found 999"),
        (json!({"cpus": 0.009}), "cpus", "found 0.009"),
        (json!({"hostname": "a".repeat(65)}), "hostname", "found 65"),
        (json!({"sysctls": ["vm.max_map_count=262144"]}), "sysctls", "found `vm.max_map_count`"),
        (json!({"sysctls": ["kernel.shm_next_id=1"]}), "sysctls", "found `kernel.shm_next_id`"),
        (json!({"sysctls": ["kernel.hostname=a"]}), "sysctls", "found `kernel.hostname`"),
        (
            json!({"privileged": true, "sysctls": ["user.max_user_namespaces=1"]}),
            "sysctls",
            "found `user.max_user_namespaces`",
        ),
        (
            json!({"ipc": "host", "sysctls": ["fs.mqueue.msg_max=10"]}),
            "sysctls",
            "found `fs.mqueue.msg_max`",
        ),
        (
            json!({"uts": "host", "sysctls": ["kernel.domainname=a"]}),
            "sysctls",
            "found `kernel.domainname`",
        ),
        (json!({"cpu_period": 1_000_001}), "cpu_period", "found 1000001"),
        (json!({"cpu_quota": 999}), "cpu_quota", "found 999"),
        (json!({"cpu_shares": 1}), "cpu_shares", "found 1"),
        (json!({"cpu_shares": 262_145}), "cpu_shares", "found 262145"),
        (json!({"stop_signal": "TREM"}), "stop_signal", "found `SIGTREM`"),
        (json!({"stop_signal": 0}), "stop_signal", "found `0`"),
        (json!({"network_mode": "host", "links": ["a"]}), "links", "found `a:a`"),
        (
            json!({"network_mode": "service:a", "publish_all_ports": true}),
            "publish_all_ports",
            "found `true`",
        ),
        (json!({"uts": "host", "hostname": "a"}), "hostname", "found `a`"),
        (json!({"uts": "host", "domainname": "a"}), "domainname", "found `a`"),
        (
            json!({"mac_address": "02:42:ac:11:00:09", "networks": {"b": null, "a": {"mac_address": "02:42:ac:11:00:08"}}}),
            "mac_address",
            "found 02:42:ac:11:00:09",
        ),
    ] {
        let told = told(&options);
        assert_eq!(told.len(), 1, "{options}: {told:?}");
        assert_eq!(told[0].key, key);
        assert!(told[0].message.ends_with(end), "{told:?}");
    }
}

#[test]
fn the_item_to_blame_is_named_as_the_option_prints_it() {
    for (options, key, item) in [
        (json!({"cap_add": ["NET_ADMIN", "cap_net_admn"]}), "cap_add", "NET_ADMN"),
        (json!({"cap_drop": ["FOO"]}), "cap_drop", "FOO"),
        (json!({"security_opt": ["label=disable", "apparmor"]}), "security_opt", "apparmor"),
        (
            json!({"security_opt": ["no-new-privileges:maybe"]}),
            "security_opt",
            "no-new-privileges=maybe",
        ),
        (
            json!({"network_mode": "host", "sysctls": {"net.core.somaxconn": 1}}),
            "sysctls",
            "net.core.somaxconn",
        ),
        (json!({"tmpfs": ["/d", "/e:foo,ro"]}), "tmpfs", "/e:foo,ro"),
        (json!({"tmpfs": ["/e:size"]}), "tmpfs", "/e:size"),
        (json!({"tmpfs": ["/e:noswap=1"]}), "tmpfs", "/e:noswap=1"),
        (json!({"tmpfs": ["/e"], "volumes": ["/srv:/e:ro"]}), "tmpfs", "/e"),
        (json!({"tmpfs": ["/e:ro"], "volumes": ["ab:/e"]}), "tmpfs", "/e:ro"),
        (json!({"tmpfs": ["/e:ro"], "volumes": ["/e"]}), "tmpfs", "/e:ro"),
        (json!({"tmpfs": ["/e"], "volumes": [{"type": "tmpfs", "target": "/e"}]}), "tmpfs", "/e"),
        (
            json!({"ipc": "host", "sysctls": {"kernel.shmmax": 1, "net.core.somaxconn": 1}}),
            "sysctls",
            "kernel.shmmax",
        ),
        (
            json!({"volumes": [{"type": "volume", "target": "/d", "read_only": true}]}),
            "volumes",
            "/d",
        ),
        (json!({"ports": ["38080:80", "127.0.0.1:38080:81"]}), "ports", "127.0.0.1:38080:81/tcp"),
        (json!({"ports": ["[::]:38080:80", "38080:81"]}), "ports", "38080:81/tcp"),
        (json!({"ports": ["38080:80", "127.0.0.1:38080:80"]}), "ports", "127.0.0.1:38080:80/tcp"),
    ] {
        let told = told(&options);
        assert_eq!(told.len(), 1, "{options}: {told:?}");
        assert_eq!((told[0].key, told[0].item.as_deref()), (key, Some(item)));
    }
}

#[test]
fn nothing_follows_from_what_could_not_be_read() {
    let declared = |word: &str, value: Json| {
        let node = Node::from_json(&value);
        row_by_word(word).unwrap().parse(&node, &mut Problems::default()).unwrap()
    };
    let options =
        [declared("restart_policy_retry", json!(5)), declared("memswap_limit", json!("1g"))];
    assert_eq!(conflicts(&options, &BTreeSet::from(["restart", "mem_limit"])), []);
    assert_eq!(conflicts(&options, &BTreeSet::new()).len(), 2);
}

/// Every pair of the table is reported for each of its keys, at the place of the key and with the
/// reason. Each key alone is accepted.
#[test]
fn every_pair_of_the_table_is_a_conflict() {
    use super::pairs::{PAIRS, Part};
    let value = |key: &str, part: Part| match part {
        Part::Word(word) => json!(word),
        Part::OfContainer => json!("container:db"),
        Part::Entries(all) if key == "sysctls" => {
            let whole = |begin: &&str| match *begin {
                "kernel.msg" => "kernel.msgmax=1".to_owned(),
                "kernel.shm" => "kernel.shmmax=1".to_owned(),
                begin if begin.ends_with('.') => format!("{begin}x=1"),
                name => format!("{name}=1"),
            };
            json!(all.iter().map(whole).collect::<Vec<_>>())
        }
        Part::Entries(all) => json!(all),
        Part::Something | Part::But(_) => {
            let examples = row_by_word(key).unwrap().def().examples;
            crate::syntax::yaml::parse(examples[0]).unwrap().to_json()
        }
    };
    for pair in PAIRS {
        for key in pair.keys {
            let (what, that) = (value(key, pair.what), value(pair.beside, pair.that));
            let both = told(&json!({*key: what, pair.beside: that}));
            let many = what.as_array().filter(|_| matches!(pair.what, Part::Entries(_)));
            assert_eq!(
                both.len(),
                many.map_or(1, Vec::len),
                "{key} {what} {}: {that}",
                pair.beside
            );
            for conflict in &both {
                assert_eq!((conflict.key, conflict.hint.as_deref()), (*key, Some(pair.why)));
                assert_eq!(conflict.item.is_some(), many.is_some());
            }
            assert_eq!(told(&json!({*key: what})), [], "{key}");
            assert_eq!(told(&json!({pair.beside: that})), [], "{}", pair.beside);
        }
    }
}

/// The options that each log driver accepted or refused on Docker 20.10 and 28.5.
#[test]
fn options_of_log_drivers_are_those_that_they_take() {
    let conflict = |driver: Option<&str>, options: &Json| {
        let logging = match driver {
            Some(driver) => json!({"driver": driver, "options": options}),
            None => json!({"options": options}),
        };
        told(&json!({"logging": logging})).pop().map(|conflict| conflict.message)
    };
    for (driver, options) in [
        (Some("json-file"), json!({"max-size": "1.5 MiB", "max-file": 3, "compress": "true"})),
        (Some("json-file"), json!({"compress": "true"})),
        (Some("json-file"), json!({"max-size": "-1", "tag": "{{.Name}}", "compress": "F"})),
        (Some("json-file"), json!({"mode": "non-blocking", "max-buffer-size": "4m"})),
        (Some("json-file"), json!({"cache-disabled": "true", "labels-regex": "^a", "env": "A,B"})),
        (Some("local"), json!({"max-size": "10m", "max-file": "1", "compress": "false"})),
        (Some("syslog"), json!({"syslog-address": "udp://192.0.2.1", "syslog-facility": "local7"})),
        (Some("syslog"), json!({"syslog-facility": "23"})),
        (Some("none"), json!({"max-size": "x"})),
        (Some("elsewhere/plugin:1"), json!({"max-size": "x", "whatever": "y"})),
        (None, json!({"max-size": "x", "mode": "blocking"})),
    ] {
        assert_eq!(conflict(driver, &options), None, "{driver:?} {options}");
    }
    for (driver, options, end) in [
        (Some("json-file"), json!({"max-size": "abc"}), "as `max-size`, but found `abc`"),
        (Some("json-file"), json!({"max-size": "-2"}), "found `-2`"),
        (Some("json-file"), json!({"max-file": "0"}), "found `0`"),
        (Some("json-file"), json!({"compress": "x"}), "as `compress`, but found `x`"),
        (Some("json-file"), json!({"max-sise": "1m"}), "but found `max-sise`"),
        (Some("json-file"), json!({"tag": "{{"}), "as `tag`, but found `{{`"),
        (Some("local"), json!({"tag": "a"}), "an option of `local`, but found `tag`"),
        (Some("local"), json!({"max-size": "abc"}), "found `abc`"),
        (Some("syslog"), json!({"syslog-facility": "foo"}), "found `foo`"),
        (Some("syslog"), json!({"syslog-address": "foo"}), "found `foo`"),
        (Some("gelf"), json!({"mode": "foo"}), "as `mode`, but found `foo`"),
        (None, json!({"max-buffer-size": "4m"}), "beside `max-buffer-size`, but found none"),
        (None, json!({"mode": "non-blocking", "max-buffer-size": "x"}), "found `x`"),
    ] {
        let told = conflict(driver, &options).unwrap_or_default();
        assert!(told.ends_with(end), "{driver:?} {options}: {told}");
    }
}

/// An engine accepts these values in the create, and refuses the start.
#[test]
fn values_that_a_kernel_does_not_take_are_told_at_the_option_to_blame() {
    for (options, key, end) in [
        (json!({"tmpfs": ["/d:mode=99"]}), "tmpfs", "found `mode=99`"),
        (json!({"tmpfs": ["/d:size=-1"]}), "tmpfs", "found `size=-1`"),
        (json!({"tmpfs": ["/d:nr_inodes=x"]}), "tmpfs", "found `nr_inodes=x`"),
        (json!({"tmpfs": ["/d:uid=root"]}), "tmpfs", "found `uid=root`"),
        (json!({"tmpfs": ["/"]}), "tmpfs", "found `/`"),
        (json!({"sysctls": {"net.core.somaxconn": "many"}}), "sysctls", "found `many`"),
        (json!({"sysctls": {"kernel.sem": "1 x"}}), "sysctls", "found `1 x`"),
        (json!({"sysctls": ["net.core.rmem_max=9"]}), "sysctls", "found `net.core.rmem_max`"),
        (
            json!({"sysctls": ["net/core/netdev_budget=9"]}),
            "sysctls",
            "found `net/core/netdev_budget`",
        ),
        (json!({"sysctls": ["net.ipv4.tcp_mem=1 2 3"]}), "sysctls", "found `net.ipv4.tcp_mem`"),
        (
            json!({"sysctls": ["net.netfilter.nf_conntrack_max=9"]}),
            "sysctls",
            "found `net.netfilter.nf_conntrack_max`",
        ),
        (
            json!({"sysctls": ["net.ipv4.conf.eth1.rp_filter=2"]}),
            "sysctls",
            "found `net.ipv4.conf.eth1.rp_filter`",
        ),
        (
            json!({"network_mode": "none", "sysctls": ["net.ipv6.conf.eth0.forwarding=1"]}),
            "sysctls",
            "found `net.ipv6.conf.eth0.forwarding`",
        ),
        (json!({"volumes": ["/etc:/proc"]}), "volumes", "found `/proc`"),
        (json!({"volumes": ["/etc:/proc/foo"]}), "volumes", "found `/proc/foo`"),
        (json!({"volumes": ["/etc:/etc/../proc/1"]}), "volumes", "found `/proc/1`"),
        (json!({"volumes": ["data:/proc/meminfo"]}), "volumes", "found `/proc/meminfo`"),
        (json!({"volumes": ["/proc/sys"]}), "volumes", "found `/proc/sys`"),
        (json!({"volumes": [{"type": "tmpfs", "target": "/dev"}]}), "volumes", "found `/dev`"),
        (json!({"tmpfs": ["/proc:size=1m"]}), "tmpfs", "found `/proc`"),
        (json!({"tmpfs": ["/proc/x"]}), "tmpfs", "found `/proc/x`"),
        (json!({"tmpfs": ["/dev"]}), "tmpfs", "found `/dev`"),
        (json!({"devices": ["/dev/null:/proc/nul"]}), "devices", "found `/proc/nul`"),
        (json!({"devices": ["/dev/null:/sys/null"]}), "devices", "found `/sys/null`"),
        (json!({"user": "-1"}), "user", "found -1"),
        (json!({"user": "0:99999999999"}), "user", "found 99999999999"),
        (json!({"user": "0:0:0"}), "user", "found `0:0:0`"),
        (json!({"group_add": [2_147_483_648_i64]}), "group_add", "found 2147483648"),
        (json!({"security_opt": ["systempaths=all"]}), "security_opt", "found `systempaths=all`"),
        (json!({"ports": ["[fe80::1]:38080:80"]}), "ports", "found `[fe80::1]:38080:80/tcp`"),
    ] {
        let told = told(&options);
        assert_eq!(told.len(), 1, "{options}: {told:?}");
        assert_eq!(told[0].key, key);
        assert!(told[0].message.ends_with(end), "{told:?}");
    }
}
