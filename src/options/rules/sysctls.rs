//! Kernel settings that no container can have: settings of the whole host, values that no kernel
//! reads, and settings of a network card that the container lacks. An engine accepts the create and
//! fails at the start. Limits of a single engine are the planner's.

use super::{Conflict, DeclaredOptions, MOST_TOLD};
use crate::base::say;
use crate::options::namespaces::Assignments;
use crate::options::network::NetworkMode;
use crate::options::networks::Networks;

/// The kernel settings of the IPC namespace, beside `fs.mqueue.*`.
const IPC_SETTINGS: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// The settings below `net.` that belong to the whole host: absent or read-only in the network
/// namespace of a container. A name that ends in a dot or `_` stands for all names that begin so.
/// Read off Linux 6.18; a setting that is missing here may still be one of the host's.
const OF_THE_HOST: &[&str] = &[
    "net.core.bpf_jit_",
    "net.core.busy_poll",
    "net.core.busy_read",
    "net.core.default_qdisc",
    "net.core.dev_weight",
    "net.core.dev_weight_",
    "net.core.devconf_inherit_init_net",
    "net.core.fb_tunnels_only_for_init_net",
    "net.core.flow_limit_",
    "net.core.gro_normal_batch",
    "net.core.high_order_alloc_disable",
    "net.core.max_skb_frags",
    "net.core.mem_pcpu_rsv",
    "net.core.message_",
    "net.core.netdev_",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.rps_sock_flow_entries",
    "net.core.skb_defer_max",
    "net.core.warnings",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "net.ipv4.cipso_",
    "net.ipv4.fib_sync_mem",
    "net.ipv4.inet_peer_",
    "net.ipv4.ipfrag_secret_interval",
    "net.ipv4.neigh.default.",
    "net.ipv4.route.error_",
    "net.ipv4.route.gc_",
    "net.ipv4.route.max_size",
    "net.ipv4.route.redirect_",
    "net.ipv4.tcp_allowed_congestion_control",
    "net.ipv4.tcp_available_",
    "net.ipv4.tcp_low_latency",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_mem",
    "net.ipv4.udp_mem",
    "net.ipv6.calipso_",
    "net.ipv6.ip6frag_secret_interval",
    "net.ipv6.mld_",
    "net.ipv6.neigh.default.",
    "net.netfilter.nf_log_all_netns",
    "net.nf_conntrack_max",
];

/// The counters and sizes of `net.netfilter` that a container can only read.
const ONLY_READ: &[&str] = &[
    "net.netfilter.nf_conntrack_buckets",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_expect_max",
    "net.netfilter.nf_conntrack_max",
];

/// Refuses kernel settings, even of a privileged container. Another runtime may accept them.
pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let Some(Assignments(settings)) = said.get("sysctls") else { return };
    if said.printed("runtime").is_some() || said.is_broken("runtime") {
        return;
    }
    let cards = cards(said);
    let wrong = settings.iter().filter_map(|(name, value)| conflict(name, value, cards));
    all.extend(wrong.take(MOST_TOLD));
}

/// The conflict of one setting.
fn conflict(name: &str, value: &str, cards: Option<usize>) -> Option<Conflict> {
    let dotted = name.replace('/', ".");
    let begins = |begin: &str| dotted.starts_with(begin);
    let of_ipc = IPC_SETTINGS.contains(&dotted.as_str()) || begins("fs.mqueue.");
    let found = || format!("but found `{}`", say::short(name));
    let tell =
        |message: String, hint: &str| Some(Conflict::new("sysctls", message).at(name).hint(hint));
    if dotted == "kernel.hostname" {
        return tell(format!("expected `hostname` for the name, {}", found()), "say `hostname: …`");
    }
    if (of_ipc || dotted == "net.core.somaxconn") && !are_numbers(value) {
        let found = say::short(value);
        let message = format!("expected numbers as `{dotted}`, but found `{found}`");
        return tell(message, "the kernel takes nothing else there");
    }
    let own = of_ipc || dotted == "kernel.domainname" || begins("net.");
    if !own {
        let message = format!("expected a setting that each container has, {}", found());
        let hint = "those are `net.*`, `fs.mqueue.*`, `kernel.msg*`, `kernel.sem`, `kernel.shm*` \
                    and `kernel.domainname`; set others on the host";
        return tell(message, hint);
    }
    if OF_THE_HOST.iter().any(|host| is_it(host, &dotted)) || ONLY_READ.contains(&&*dotted) {
        let message = format!("expected a setting that each container has, {}", found());
        return tell(message, "this setting is the whole host's: set it there");
    }
    let card = card(&dotted)?.strip_prefix("eth")?.parse::<usize>().ok()?;
    let has = cards.filter(|has| card >= *has)?;
    let has = match has {
        0 => "no network card".to_owned(),
        1 => "`eth0` only".to_owned(),
        has => format!("`eth0` to `eth{}`", has - 1),
    };
    let message = format!("expected a network card of the container, {}", found());
    tell(message, &format!("it has {has}: a card for each network"))
}

/// Whether a name is the named setting, or begins with an unfinished name.
fn is_it(listed: &str, name: &str) -> bool {
    if listed.ends_with(['.', '_']) { name.starts_with(listed) } else { name == listed }
}

/// The network card of a setting of a single card: `eth0` of `net.ipv4.conf.eth0.rp_filter`.
pub fn card(setting: &str) -> Option<&str> {
    let mut parts = setting.split('.');
    let of_cards = parts.next() == Some("net")
        && matches!(parts.next(), Some("ipv4" | "ipv6" | "mpls"))
        && matches!(parts.next(), Some("conf" | "neigh"));
    let card = parts.next().filter(|_| of_cards)?;
    (parts.next().is_some() && !matches!(card, "all" | "default" | "lo")).then_some(card)
}

/// The number of network cards that the container has; `None` if another container has them.
fn cards(said: &DeclaredOptions<'_>) -> Option<usize> {
    if said.is_broken("network_mode") || said.is_broken("networks") {
        return None;
    }
    match said.get("network_mode") {
        Some(NetworkMode::None) => Some(0),
        Some(NetworkMode::Host | NetworkMode::Container(_)) => None,
        _ => Some(said.get::<Networks>("networks").map_or(1, |all| all.0.len().max(1))),
    }
}

/// Whether a kernel can read a value as numbers; an empty text counts.
fn are_numbers(text: &str) -> bool {
    text.split_whitespace().all(|word| {
        let digits = word.strip_prefix('-').unwrap_or(word);
        let hex = digits.strip_prefix("0x").is_some_and(|hex| u64::from_str_radix(hex, 16).is_ok());
        hex || digits.parse::<u64>().is_ok()
    })
}
