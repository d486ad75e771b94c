//! The structs of the Compose implementation: all fields in order, with types. The hash of a
//! service depends on both.

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Text,
    /// Omitted if `false`.
    Flag,
    /// Present even if `false`.
    MaybeFlag,
    Whole,
    MaybeWhole,
    Float,
    Bytes,
    /// A duration; omitted if zero.
    Duration,
    MaybeDuration,
    Texts,
    /// Words; `null` if missing.
    Command,
    Test,
    /// A map of keys to texts; a missing value is an empty text.
    Pairs,
    /// A map of keys to texts or null.
    Environment,
    Hosts,
    /// A map of keys to lists of texts.
    Repeated,
    Struct(&'static [Field]),
    /// Present even if missing in the file.
    Always(&'static [Field]),
    Structs(&'static [Field]),
    /// A map of keys to structs or null.
    Named(&'static [Field]),
    Ulimits,
    EnvFiles,
    Mode,
    Count,
    Needed,
}

pub(super) type Field = (&'static str, Type);

const FILE: &[Field] = &[
    ("source", Type::Text),
    ("target", Type::Text),
    ("uid", Type::Text),
    ("gid", Type::Text),
    ("mode", Type::Mode),
];
const WEIGHTS: &[Field] = &[("Path", Type::Needed), ("Weight", Type::Needed)];
const RATES: &[Field] = &[("Path", Type::Needed), ("Rate", Type::Bytes)];
const BLKIO: &[Field] = &[
    ("weight", Type::Whole),
    ("weight_device", Type::Structs(WEIGHTS)),
    ("device_read_bps", Type::Structs(RATES)),
    ("device_read_iops", Type::Structs(RATES)),
    ("device_write_bps", Type::Structs(RATES)),
    ("device_write_iops", Type::Structs(RATES)),
];
const DEPENDENCY: &[Field] =
    &[("condition", Type::Text), ("restart", Type::Flag), ("required", Type::Needed)];
const UPDATE: &[Field] = &[
    ("parallelism", Type::MaybeWhole),
    ("delay", Type::Duration),
    ("failure_action", Type::Text),
    ("monitor", Type::Duration),
    ("max_failure_ratio", Type::Float),
    ("order", Type::Text),
];
const REQUEST: &[Field] = &[
    ("capabilities", Type::Texts),
    ("driver", Type::Text),
    ("count", Type::Count),
    ("device_ids", Type::Texts),
    ("options", Type::Pairs),
];
const RESOURCE: &[Field] = &[
    ("cpus", Type::Float),
    ("memory", Type::Bytes),
    ("pids", Type::Whole),
    ("devices", Type::Structs(REQUEST)),
    (
        "generic_resources",
        Type::Structs(&[(
            "discrete_resource_spec",
            Type::Struct(&[("kind", Type::Needed), ("value", Type::Needed)]),
        )]),
    ),
];
const DEPLOY: &[Field] = &[
    ("mode", Type::Text),
    ("replicas", Type::MaybeWhole),
    ("labels", Type::Pairs),
    ("update_config", Type::Struct(UPDATE)),
    ("rollback_config", Type::Struct(UPDATE)),
    (
        "resources",
        Type::Always(&[
            ("limits", Type::Struct(RESOURCE)),
            ("reservations", Type::Struct(RESOURCE)),
        ]),
    ),
    (
        "restart_policy",
        Type::Struct(&[
            ("condition", Type::Text),
            ("delay", Type::MaybeDuration),
            ("max_attempts", Type::MaybeWhole),
            ("window", Type::MaybeDuration),
        ]),
    ),
    (
        "placement",
        Type::Always(&[
            ("constraints", Type::Texts),
            ("preferences", Type::Structs(&[("spread", Type::Text)])),
            ("max_replicas_per_node", Type::Whole),
        ]),
    ),
    ("endpoint_mode", Type::Text),
];
const BUILD: &[Field] = &[
    ("context", Type::Text),
    ("dockerfile", Type::Text),
    ("dockerfile_inline", Type::Text),
    ("entitlements", Type::Texts),
    ("args", Type::Environment),
    ("ssh", Type::Texts),
    ("provenance", Type::Text),
    ("sbom", Type::Text),
    ("labels", Type::Pairs),
    ("cache_from", Type::Texts),
    ("cache_to", Type::Texts),
    ("no_cache", Type::Flag),
    ("additional_contexts", Type::Pairs),
    ("pull", Type::Flag),
    ("extra_hosts", Type::Hosts),
    ("isolation", Type::Text),
    ("network", Type::Text),
    ("target", Type::Text),
    ("secrets", Type::Structs(FILE)),
    ("shm_size", Type::Bytes),
    ("tags", Type::Texts),
    ("ulimits", Type::Ulimits),
    ("platforms", Type::Texts),
    ("privileged", Type::Flag),
];
const NETWORK_OF_SERVICE: &[Field] = &[
    ("aliases", Type::Texts),
    ("driver_opts", Type::Pairs),
    ("gw_priority", Type::Whole),
    ("interface_name", Type::Text),
    ("ipv4_address", Type::Text),
    ("ipv6_address", Type::Text),
    ("link_local_ips", Type::Texts),
    ("mac_address", Type::Text),
    ("priority", Type::Whole),
];
const PORT: &[Field] = &[
    ("name", Type::Text),
    ("mode", Type::Text),
    ("host_ip", Type::Text),
    ("target", Type::Whole),
    ("published", Type::Text),
    ("protocol", Type::Text),
    ("app_protocol", Type::Text),
];
const MOUNT: &[Field] = &[
    ("type", Type::Text),
    ("source", Type::Text),
    ("target", Type::Text),
    ("read_only", Type::Flag),
    ("consistency", Type::Text),
    (
        "bind",
        Type::Struct(&[
            ("selinux", Type::Text),
            ("propagation", Type::Text),
            ("create_host_path", Type::Flag),
            ("recursive", Type::Text),
        ]),
    ),
    (
        "volume",
        Type::Struct(&[("labels", Type::Pairs), ("nocopy", Type::Flag), ("subpath", Type::Text)]),
    ),
    ("tmpfs", Type::Struct(&[("size", Type::Bytes), ("mode", Type::Whole)])),
    ("image", Type::Struct(&[("subpath", Type::Text)])),
];
const HOOK: &[Field] = &[
    ("command", Type::Command),
    ("user", Type::Text),
    ("privileged", Type::Flag),
    ("working_dir", Type::Text),
    ("environment", Type::Environment),
];

pub(super) const SERVICE: &[Field] = &[
    ("profiles", Type::Texts),
    ("annotations", Type::Pairs),
    ("attach", Type::MaybeFlag),
    ("build", Type::Struct(BUILD)),
    (
        "develop",
        Type::Struct(&[(
            "watch",
            Type::Structs(&[
                ("path", Type::Text),
                ("action", Type::Text),
                ("target", Type::Text),
                ("exec", Type::Always(HOOK)),
                ("include", Type::Texts),
                ("ignore", Type::Texts),
                ("initial_sync", Type::Flag),
            ]),
        )]),
    ),
    ("blkio_config", Type::Struct(BLKIO)),
    ("cap_add", Type::Texts),
    ("cap_drop", Type::Texts),
    ("cgroup_parent", Type::Text),
    ("cgroup", Type::Text),
    ("cpu_count", Type::Whole),
    ("cpu_percent", Type::Float),
    ("cpu_period", Type::Whole),
    ("cpu_quota", Type::Whole),
    ("cpu_rt_period", Type::Whole),
    ("cpu_rt_runtime", Type::Whole),
    ("cpus", Type::Float),
    ("cpuset", Type::Text),
    ("cpu_shares", Type::Whole),
    ("command", Type::Command),
    ("configs", Type::Structs(FILE)),
    ("container_name", Type::Text),
    (
        "credential_spec",
        Type::Struct(&[("config", Type::Text), ("file", Type::Text), ("registry", Type::Text)]),
    ),
    ("depends_on", Type::Named(DEPENDENCY)),
    ("deploy", Type::Struct(DEPLOY)),
    ("device_cgroup_rules", Type::Texts),
    (
        "devices",
        Type::Structs(&[
            ("source", Type::Text),
            ("target", Type::Text),
            ("permissions", Type::Text),
        ]),
    ),
    ("dns", Type::Texts),
    ("dns_opt", Type::Texts),
    ("dns_search", Type::Texts),
    ("domainname", Type::Text),
    ("entrypoint", Type::Command),
    ("provider", Type::Struct(&[("type", Type::Text), ("options", Type::Repeated)])),
    ("environment", Type::Environment),
    ("env_file", Type::EnvFiles),
    ("expose", Type::Texts),
    ("external_links", Type::Texts),
    ("extra_hosts", Type::Hosts),
    ("group_add", Type::Texts),
    ("gpus", Type::Structs(REQUEST)),
    ("hostname", Type::Text),
    (
        "healthcheck",
        Type::Struct(&[
            ("test", Type::Test),
            ("timeout", Type::MaybeDuration),
            ("interval", Type::MaybeDuration),
            ("retries", Type::MaybeWhole),
            ("start_period", Type::MaybeDuration),
            ("start_interval", Type::MaybeDuration),
            ("disable", Type::Flag),
        ]),
    ),
    ("image", Type::Text),
    ("init", Type::MaybeFlag),
    ("ipc", Type::Text),
    ("isolation", Type::Text),
    ("labels", Type::Pairs),
    ("label_file", Type::Texts),
    ("links", Type::Texts),
    ("logging", Type::Struct(&[("driver", Type::Text), ("options", Type::Pairs)])),
    ("mem_limit", Type::Bytes),
    ("mem_reservation", Type::Bytes),
    ("memswap_limit", Type::Bytes),
    ("mem_swappiness", Type::Bytes),
    ("mac_address", Type::Text),
    ("models", Type::Named(&[("endpoint_var", Type::Text), ("model_var", Type::Text)])),
    ("network_mode", Type::Text),
    ("networks", Type::Named(NETWORK_OF_SERVICE)),
    ("oom_kill_disable", Type::Flag),
    ("oom_score_adj", Type::Whole),
    ("pid", Type::Text),
    ("pids_limit", Type::Whole),
    ("platform", Type::Text),
    ("ports", Type::Structs(PORT)),
    ("privileged", Type::Flag),
    ("pull_policy", Type::Text),
    ("read_only", Type::Flag),
    ("restart", Type::Text),
    ("runtime", Type::Text),
    ("scale", Type::MaybeWhole),
    ("secrets", Type::Structs(FILE)),
    ("security_opt", Type::Texts),
    ("shm_size", Type::Bytes),
    ("stdin_open", Type::Flag),
    ("stop_grace_period", Type::MaybeDuration),
    ("stop_signal", Type::Text),
    ("storage_opt", Type::Pairs),
    ("sysctls", Type::Pairs),
    ("tmpfs", Type::Texts),
    ("tty", Type::Flag),
    ("ulimits", Type::Ulimits),
    ("use_api_socket", Type::Flag),
    ("user", Type::Text),
    ("userns_mode", Type::Text),
    ("uts", Type::Text),
    ("volumes", Type::Structs(MOUNT)),
    ("volumes_from", Type::Texts),
    ("working_dir", Type::Text),
    ("post_start", Type::Structs(HOOK)),
    ("pre_stop", Type::Structs(HOOK)),
];

const NETWORK: &[Field] = &[
    ("name", Type::Text),
    ("driver", Type::Text),
    ("driver_opts", Type::Pairs),
    (
        "ipam",
        Type::Always(&[
            ("driver", Type::Text),
            (
                "config",
                Type::Structs(&[
                    ("subnet", Type::Text),
                    ("gateway", Type::Text),
                    ("ip_range", Type::Text),
                    ("aux_addresses", Type::Pairs),
                ]),
            ),
        ]),
    ),
    ("external", Type::Flag),
    ("internal", Type::Flag),
    ("attachable", Type::Flag),
    ("labels", Type::Pairs),
    ("enable_ipv4", Type::MaybeFlag),
    ("enable_ipv6", Type::MaybeFlag),
];

const VOLUME: &[Field] = &[
    ("name", Type::Text),
    ("driver", Type::Text),
    ("driver_opts", Type::Pairs),
    ("external", Type::Flag),
    ("labels", Type::Pairs),
];

const FILE_OBJECT: &[Field] = &[
    ("name", Type::Text),
    ("file", Type::Text),
    ("environment", Type::Text),
    ("content", Type::Text),
    ("external", Type::Flag),
    ("labels", Type::Pairs),
    ("driver", Type::Text),
    ("driver_opts", Type::Pairs),
    ("template_driver", Type::Text),
];

pub(super) const KINDS: [(&str, &[Field]); 5] = [
    ("services", SERVICE),
    ("networks", NETWORK),
    ("volumes", VOLUME),
    ("secrets", FILE_OBJECT),
    ("configs", FILE_OBJECT),
];
