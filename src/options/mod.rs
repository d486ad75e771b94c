//! The option table: one row for each option of a spec.
//!
//! Parser, create body, reasons, JSON Schema, the README's table and the row tests derive from the
//! table. A new option needs one file of rows and its line here.

pub mod blkio;
pub mod carried;
pub mod declared;
pub mod devices;
pub mod environment;
pub mod expose;
pub mod field;
pub mod fields;
pub mod files;
pub mod gpus;
pub mod grammar;
pub mod health;
pub mod inspect_view;
pub mod ip;
pub mod labels;
pub mod lifecycle;
pub mod limits;
pub mod links;
pub mod literals;
pub mod logging;
pub mod mac;
pub mod namespaces;
pub mod network;
pub mod networks;
mod numbers;
pub mod platform;
pub mod ports;
pub mod process;
pub mod processors;
mod reference;
pub mod resources;
pub mod risk;
pub mod row;
pub mod rules;
pub mod security;
pub mod settings;
pub mod storage;
pub mod table;
pub mod value;
pub mod volumes;
mod volumes_long;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use declared::{AnyRow, Declared};
pub use row::{Body, Change, Context, Filled, Group, Mode, OptionDef, OptionValue, Row, Spelled};

/// Every row, in the order of the documentation and of create bodies.
pub static ROWS: &[&dyn AnyRow] = &[
    // Process.
    &process::COMMAND,
    &process::ENTRYPOINT,
    &environment::EnvironmentRow,
    &labels::LabelsRow,
    &process::USER,
    &process::GROUP_ADD,
    &process::WORKING_DIR,
    &process::TTY,
    &process::STDIN_OPEN,
    &process::STDIN_ONCE,
    &health::HEALTHCHECK,
    &logging::LoggingRow,
    &process::ANNOTATIONS,
    // Network.
    &ports::PortsRow,
    &expose::ExposeRow,
    &ports::PUBLISH_ALL_PORTS,
    &network::HostnameRow,
    &network::DOMAINNAME,
    &network::NetworkModeRow,
    &networks::NetworksRow,
    &mac::MacRow,
    &links::LinksRow,
    &network::DNS,
    &network::DNS_SEARCH,
    &network::DNS_OPT,
    &network::EXTRA_HOSTS,
    // Storage.
    &volumes::VolumesRow,
    &storage::VolumesFromRow,
    &storage::VOLUME_DRIVER,
    &storage::TMPFS,
    &storage::SHM_SIZE,
    &storage::STORAGE_OPT,
    &files::FilesRow,
    // Resources.
    &resources::MEM_LIMIT,
    &resources::MEMSWAP_LIMIT,
    &resources::MEM_RESERVATION,
    &resources::MEM_SWAPPINESS,
    &processors::CPUS,
    &processors::CPU_PERIOD,
    &processors::CPU_QUOTA,
    &processors::CPU_RT_PERIOD,
    &processors::CPU_RT_RUNTIME,
    &processors::CPU_SHARES,
    &processors::CPUSET,
    &processors::CPUSET_MEMS,
    &resources::PIDS_LIMIT,
    &blkio::BlkioRow,
    &limits::ULIMITS,
    &limits::OOM_SCORE_ADJ,
    &limits::OOM_KILL_DISABLE,
    // Security.
    &security::PRIVILEGED,
    &security::READ_ONLY,
    &security::CAP_ADD,
    &security::CAP_DROP,
    &security::SecurityOptRow,
    &devices::DevicesRow,
    &devices::DEVICE_CGROUP_RULES,
    &gpus::GpusRow,
    &namespaces::PID,
    &namespaces::IPC,
    &namespaces::UTS,
    &namespaces::USERNS_MODE,
    &namespaces::CGROUP,
    &namespaces::CGROUP_PARENT,
    &namespaces::RUNTIME,
    &namespaces::SYSCTLS,
    // Lifecycle.
    &platform::PlatformRow,
    &lifecycle::RestartRow,
    &lifecycle::RetriesRow,
    &lifecycle::AUTO_REMOVE,
    &lifecycle::INIT,
    &lifecycle::STOP_SIGNAL,
    &lifecycle::STOP_GRACE_PERIOD,
];

/// The position of the row with this key.
pub fn place(key: &str) -> Option<usize> {
    static PLACES: LazyLock<BTreeMap<&str, usize>> = LazyLock::new(|| {
        ROWS.iter().enumerate().map(|(place, row)| (row.def().key, place)).collect()
    });
    PLACES.get(key).copied()
}

/// The row with this key.
pub fn row(key: &str) -> Option<&'static dyn AnyRow> {
    ROWS.get(place(key)?).copied()
}

/// The row of a word in a spec: a key or an alias.
pub fn row_by_word(word: &str) -> Option<&'static dyn AnyRow> {
    static WORDS: LazyLock<BTreeMap<&str, &dyn AnyRow>> = LazyLock::new(|| {
        let words = |row: &&'static dyn AnyRow| {
            let about = row.def();
            let row = *row;
            std::iter::once(about.key)
                .chain(about.aliases.iter().copied())
                .map(move |word| (word, row))
        };
        ROWS.iter().flat_map(words).collect()
    });
    WORDS.get(word).copied()
}
