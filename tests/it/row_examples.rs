//! What tests that go through the examples of every row know of them, on the simulated engine and on
//! real ones.

/// What an option needs beside it.
pub(crate) const BESIDE: &[(&str, &str)] = &[
    ("memswap_limit", "mem_limit: 16m"),
    ("mem_reservation", "mem_limit: 8g"),
    ("restart_policy_retry", "restart_policy: on-failure"),
    ("cpu_period", "cpu_quota: 5000"),
    ("mac_address", "network_mode: back"),
];

/// What means no more than nothing does, where an engine says it alike.
pub(crate) const NOTHING: &[(&str, &str)] = &[
    ("command", "[]"),
    ("entrypoint", "[]"),
    ("tty", "false"),
    ("stdin_open", "false"),
    ("stdin_once", "false"),
    ("healthcheck", "{disable: true}"),
    ("publish_all_ports", "false"),
    ("pids_limit", "-1"),
    ("oom_kill_disable", "false"),
    ("privileged", "false"),
    ("read_only", "false"),
    ("auto_remove", "false"),
    ("restart", "\"no\""),
    ("restart_policy_retry", "0"),
];
