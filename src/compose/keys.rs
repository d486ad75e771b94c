//! The keys of Compose files and what may stand under them: the Compose Specification as one table.

use super::shape::Keys::{Any as AnyKey, Lower, Names};
use super::shape::Shape::{
    self, Any, AnyMap, Boolean, Closed, Either, Fits, Flag, List, Map, Maybe, Number, Object, Of,
    Open, Scalar, Text, TextOrNull, Unique, Whole, WholeOnly, Word,
};

const WHOLE: Shape = Whole(i64::MIN, i64::MAX);
const TEXTS: Shape = Unique(&Text);
const TEXT_OR_TEXTS: Shape = Either(&[Text, TEXTS]);
const PAIRS: Shape = Either(&[Map(AnyKey, &Scalar), TEXTS]);
const COMMAND: Shape = Maybe(&Either(&[Text, List(&Text)]));
const HOSTS: Shape = Either(&[Map(AnyKey, &Either(&[Text, List(&Text)])), TEXTS]);
const TEXT_OR_NUMBER: Shape = Either(&[Text, Number]);
const TEXT_OR_WHOLE: Shape = Either(&[Text, WholeOnly]);
const DRIVER_OPTS: Shape = Map(AnyKey, &TEXT_OR_NUMBER);

const FILE_MOUNTS: Shape = List(&Either(&[
    Text,
    Object(
        &[("source", Text), ("target", Text), ("uid", Text), ("gid", Text), ("mode", Number)],
        &[],
    ),
]));

const ULIMITS: Shape =
    Map(Lower, &Either(&[WHOLE, Object(&[("hard", WHOLE), ("soft", WHOLE)], &["soft", "hard"])]));

const HOOKS: Shape = List(&Object(
    &[
        ("command", COMMAND),
        ("user", Text),
        ("privileged", Flag),
        ("working_dir", Text),
        ("environment", PAIRS),
    ],
    &["command"],
));

const BUILD: Shape = Either(&[
    Text,
    Object(
        &[
            ("context", Text),
            ("dockerfile", Text),
            ("dockerfile_inline", Text),
            ("entitlements", List(&Text)),
            ("args", PAIRS),
            ("ssh", PAIRS),
            ("labels", PAIRS),
            ("cache_from", List(&Text)),
            ("cache_to", List(&Text)),
            ("no_cache", Flag),
            ("additional_contexts", PAIRS),
            ("network", Text),
            ("provenance", Flag),
            ("sbom", Flag),
            ("pull", Flag),
            ("target", Text),
            ("shm_size", WHOLE),
            ("extra_hosts", HOSTS),
            ("isolation", Text),
            ("privileged", Flag),
            ("secrets", FILE_MOUNTS),
            ("tags", List(&Text)),
            ("ulimits", ULIMITS),
            ("platforms", List(&Text)),
        ],
        &[],
    ),
]);

const BLKIO_LIMITS: Shape = List(&Closed(&[("path", Text), ("rate", WHOLE)], &[]));

const BLKIO: Shape = Closed(
    &[
        ("device_read_bps", BLKIO_LIMITS),
        ("device_read_iops", BLKIO_LIMITS),
        ("device_write_bps", BLKIO_LIMITS),
        ("device_write_iops", BLKIO_LIMITS),
        ("weight", WHOLE),
        ("weight_device", List(&Closed(&[("path", Text), ("weight", WHOLE)], &[]))),
    ],
    &[],
);

const DEPENDS_ON: Shape = Either(&[
    TEXTS,
    Map(
        Names,
        &Object(
            &[
                ("restart", Flag),
                ("required", Boolean),
                (
                    "condition",
                    Word(&["service_started", "service_healthy", "service_completed_successfully"]),
                ),
            ],
            &["condition"],
        ),
    ),
]);

const HEALTHCHECK: Shape = Object(
    &[
        ("disable", Flag),
        ("interval", Text),
        ("retries", Number),
        ("test", Either(&[Text, List(&Text)])),
        ("timeout", Text),
        ("start_period", Text),
        ("start_interval", Text),
    ],
    &[],
);

const UPDATE: Shape = Object(
    &[
        ("parallelism", WHOLE),
        ("delay", Text),
        ("failure_action", Text),
        ("monitor", Text),
        ("max_failure_ratio", Number),
        ("order", Word(&["start-first", "stop-first"])),
    ],
    &[],
);

const DEVICE_REQUEST: &[(&str, Shape)] = &[
    ("capabilities", TEXTS),
    ("count", WHOLE),
    ("device_ids", TEXTS),
    ("driver", Text),
    ("options", PAIRS),
];

const DEPLOY: Shape = Maybe(&Object(
    &[
        ("mode", Text),
        ("endpoint_mode", Text),
        ("replicas", WHOLE),
        ("labels", PAIRS),
        ("rollback_config", UPDATE),
        ("update_config", UPDATE),
        (
            "resources",
            Object(
                &[
                    ("limits", Object(&[("cpus", Number), ("memory", Text), ("pids", WHOLE)], &[])),
                    (
                        "reservations",
                        Object(
                            &[
                                ("cpus", Number),
                                ("memory", Text),
                                ("generic_resources", GENERIC),
                                ("devices", List(&Object(DEVICE_REQUEST, &["capabilities"]))),
                            ],
                            &[],
                        ),
                    ),
                ],
                &[],
            ),
        ),
        (
            "restart_policy",
            Object(
                &[("condition", Text), ("delay", Text), ("max_attempts", WHOLE), ("window", Text)],
                &[],
            ),
        ),
        (
            "placement",
            Object(
                &[
                    ("constraints", List(&Text)),
                    ("preferences", List(&Object(&[("spread", Text)], &[]))),
                    ("max_replicas_per_node", WHOLE),
                ],
                &[],
            ),
        ),
    ],
    &[],
));

const GENERIC: Shape = List(&Object(
    &[("discrete_resource_spec", Object(&[("kind", Text), ("value", Number)], &[]))],
    &[],
));

const DEVELOP: Shape = Maybe(&Object(
    &[(
        "watch",
        List(&Object(
            &[
                ("ignore", TEXT_OR_TEXTS),
                ("include", TEXT_OR_TEXTS),
                ("path", Text),
                ("action", Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])),
                ("target", Text),
                ("exec", Any),
                ("initial_sync", Boolean),
            ],
            &["path", "action"],
        )),
    )],
    &[],
));

const ENV_FILE: Shape = Either(&[
    Text,
    List(&Either(&[
        Text,
        Closed(&[("path", Text), ("format", Text), ("required", Flag)], &["path"]),
    ])),
]);

const SERVICE_NETWORKS: Shape = Either(&[
    TEXTS,
    Map(
        Names,
        &Maybe(&Object(
            &[
                ("aliases", TEXTS),
                ("interface_name", Text),
                ("ipv4_address", Text),
                ("ipv6_address", Text),
                ("link_local_ips", TEXTS),
                ("mac_address", Text),
                ("driver_opts", DRIVER_OPTS),
                ("priority", Number),
                ("gw_priority", Number),
            ],
            &[],
        )),
    ),
]);

const PORTS: Shape = Unique(&Either(&[
    TEXT_OR_WHOLE,
    Object(
        &[
            ("name", Text),
            ("mode", Text),
            ("host_ip", Text),
            ("target", WHOLE),
            ("published", WHOLE),
            ("protocol", Text),
            ("app_protocol", Text),
        ],
        &[],
    ),
]));

const VOLUMES: Shape = Unique(&Either(&[
    Text,
    Object(
        &[
            ("type", Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])),
            ("source", Text),
            ("target", Text),
            ("read_only", Flag),
            ("consistency", Text),
            (
                "bind",
                Object(
                    &[
                        ("propagation", Text),
                        ("create_host_path", Flag),
                        ("recursive", Word(&["enabled", "disabled", "writable", "readonly"])),
                        ("selinux", Word(&["z", "Z"])),
                    ],
                    &[],
                ),
            ),
            ("volume", Object(&[("labels", PAIRS), ("nocopy", Flag), ("subpath", Text)], &[])),
            ("tmpfs", Object(&[("size", Whole(0, i64::MAX)), ("mode", Number)], &[])),
            ("image", Object(&[("subpath", Text)], &[])),
        ],
        &["type"],
    ),
]));

fn is_container_name(text: &str) -> bool {
    // The Compose schema accepts these characters anywhere in the text; the engine is stricter.
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.chars()
        .zip(text.chars().skip(1))
        .any(|(first, second)| first.is_ascii_alphanumeric() && inside(second))
}

fn is_pull_policy(text: &str) -> bool {
    let words =
        ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
    words.iter().any(|word| text.contains(word))
        || text.strip_prefix("every_").is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit())
                && rest.contains(['w', 'd', 'h', 'm', 's'])
        })
}

/// The keys of a service, in the order of the specification.
pub(super) const SERVICE: &[(&str, Shape)] = &[
    ("annotations", PAIRS),
    ("attach", Flag),
    ("blkio_config", BLKIO),
    ("build", BUILD),
    ("cap_add", TEXTS),
    ("cap_drop", TEXTS),
    ("cgroup", Word(&["host", "private"])),
    ("cgroup_parent", Text),
    ("command", COMMAND),
    ("configs", FILE_MOUNTS),
    ("container_name", Fits("a name of letters, digits, `_`, `.` and `-`", is_container_name)),
    ("cpu_count", Whole(0, i64::MAX)),
    ("cpu_percent", Whole(0, 100)),
    ("cpu_period", Number),
    ("cpu_quota", Number),
    ("cpu_rt_period", Number),
    ("cpu_rt_runtime", Number),
    ("cpu_shares", Number),
    ("cpus", Number),
    ("cpuset", Text),
    ("credential_spec", Object(&[("config", Text), ("file", Text), ("registry", Text)], &[])),
    ("depends_on", DEPENDS_ON),
    ("deploy", DEPLOY),
    ("develop", DEVELOP),
    ("device_cgroup_rules", TEXTS),
    (
        "devices",
        List(&Either(&[
            Text,
            Object(&[("source", Text), ("target", Text), ("permissions", Text)], &["source"]),
        ])),
    ),
    ("dns", TEXT_OR_TEXTS),
    ("dns_opt", TEXTS),
    ("dns_search", TEXT_OR_TEXTS),
    ("domainname", Text),
    ("entrypoint", COMMAND),
    ("env_file", ENV_FILE),
    ("environment", PAIRS),
    ("expose", Unique(&TEXT_OR_WHOLE)),
    ("extends", Either(&[Text, Closed(&[("service", Text), ("file", Text)], &["service"])])),
    ("external_links", TEXTS),
    ("extra_hosts", HOSTS),
    ("gpus", Either(&[Word(&["all"]), List(&Open(DEVICE_REQUEST, &[]))])),
    ("group_add", Unique(&TEXT_OR_WHOLE)),
    ("healthcheck", HEALTHCHECK),
    ("hostname", Text),
    ("image", Text),
    ("init", Flag),
    ("ipc", Text),
    ("isolation", Text),
    ("label_file", Either(&[Text, List(&Text)])),
    ("labels", PAIRS),
    ("links", TEXTS),
    (
        "logging",
        Object(&[("driver", Text), ("options", Map(AnyKey, &Maybe(&TEXT_OR_NUMBER)))], &[]),
    ),
    ("mac_address", Text),
    ("mem_limit", Number),
    ("mem_reservation", WHOLE),
    ("mem_swappiness", WHOLE),
    ("memswap_limit", Number),
    (
        "models",
        Either(&[
            TEXTS,
            Map(Names, &Maybe(&Object(&[("endpoint_var", Text), ("model_var", Text)], &[]))),
        ]),
    ),
    ("network_mode", Text),
    ("networks", SERVICE_NETWORKS),
    ("oom_kill_disable", Flag),
    ("oom_score_adj", Whole(-1000, 1000)),
    ("pid", TextOrNull),
    ("pids_limit", Number),
    ("platform", Text),
    ("ports", PORTS),
    ("post_start", HOOKS),
    ("pre_stop", HOOKS),
    ("privileged", Flag),
    ("profiles", TEXTS),
    ("provider", Object(&[("type", Text), ("options", Map(AnyKey, &Any))], &["type"])),
    (
        "pull_policy",
        Fits(
            "`always`, `never`, `missing`, `if_not_present`, `build`, `refresh`, `daily`, `weekly` or `every_…`",
            is_pull_policy,
        ),
    ),
    ("pull_refresh_after", Text),
    ("read_only", Flag),
    ("restart", Text),
    ("runtime", Text),
    ("scale", WHOLE),
    ("secrets", FILE_MOUNTS),
    ("security_opt", TEXTS),
    ("shm_size", Number),
    ("stdin_open", Flag),
    ("stop_grace_period", Text),
    ("stop_signal", Text),
    ("storage_opt", AnyMap),
    ("sysctls", PAIRS),
    ("tmpfs", TEXT_OR_TEXTS),
    ("tty", Flag),
    ("ulimits", ULIMITS),
    ("use_api_socket", Boolean),
    ("user", Text),
    ("userns_mode", Text),
    ("uts", Text),
    ("volumes", VOLUMES),
    ("volumes_from", TEXTS),
    ("working_dir", Text),
];

const EXTERNAL: Shape = Either(&[Flag, Object(&[("name", Text)], &[])]);

const NETWORK: Shape = Maybe(&Object(
    &[
        ("name", Text),
        ("driver", Text),
        ("driver_opts", DRIVER_OPTS),
        (
            "ipam",
            Object(
                &[
                    ("driver", Text),
                    (
                        "config",
                        List(&Object(
                            &[
                                ("subnet", Text),
                                ("ip_range", Text),
                                ("gateway", Text),
                                ("aux_addresses", Map(AnyKey, &Text)),
                            ],
                            &[],
                        )),
                    ),
                    ("options", Map(AnyKey, &Text)),
                ],
                &[],
            ),
        ),
        ("external", EXTERNAL),
        ("internal", Flag),
        ("enable_ipv4", Flag),
        ("enable_ipv6", Flag),
        ("attachable", Flag),
        ("labels", PAIRS),
    ],
    &[],
));

const VOLUME: Shape = Maybe(&Object(
    &[
        ("name", Text),
        ("driver", Text),
        ("driver_opts", DRIVER_OPTS),
        ("external", EXTERNAL),
        ("labels", PAIRS),
    ],
    &[],
));

const OPEN_EXTERNAL: Shape = Either(&[Flag, Open(&[("name", Text)], &[])]);

const SECRET: Shape = Object(
    &[
        ("name", Text),
        ("environment", Text),
        ("file", Text),
        ("external", OPEN_EXTERNAL),
        ("labels", PAIRS),
        ("driver", Text),
        ("driver_opts", DRIVER_OPTS),
        ("template_driver", Text),
    ],
    &[],
);

const CONFIG: Shape = Object(
    &[
        ("name", Text),
        ("content", Text),
        ("environment", Text),
        ("file", Text),
        ("external", OPEN_EXTERNAL),
        ("labels", PAIRS),
        ("template_driver", Text),
    ],
    &[],
);

const MODEL: Shape = Object(
    &[("name", Text), ("model", Text), ("context_size", WholeOnly), ("runtime_flags", List(&Text))],
    &["model"],
);

const INCLUDE: Shape = List(&Either(&[
    Text,
    Closed(
        &[("path", TEXT_OR_TEXTS), ("env_file", TEXT_OR_TEXTS), ("project_directory", Text)],
        &[],
    ),
]));

const A_SERVICE: Shape = Object(SERVICE, &[]);

/// The shape of a whole file.
pub(super) const ROOT: Shape = Object(
    &[
        ("version", Text),
        ("name", Text),
        ("include", INCLUDE),
        ("services", Map(Names, &Of(&A_SERVICE))),
        ("models", Map(AnyKey, &MODEL)),
        ("networks", Map(AnyKey, &NETWORK)),
        ("volumes", Map(Names, &VOLUME)),
        ("secrets", Map(Names, &SECRET)),
        ("configs", Map(Names, &CONFIG)),
    ],
    &[],
);
