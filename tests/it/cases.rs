//! Every case under `snapshots/`: recorded inspect data and a spec in, a plan and what applying it
//! does out. One folder tells one story; the head of its spec says which.

mod chain;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use bayplan::observed::snapshot::Snapshot;
use bayplan::plan::show::{About, html, markdown, mermaid, text};
use bayplan::plan::{Plan, SpecSource, format};
use chain::After;
pub(crate) use chain::{Known, looked_at, offer, planned_bodies};
pub(crate) use world::Case;

use crate::golden;

/// The cases of which `plans/` has the plan file, and what is shown of it in every form.
const PLANS: &[&str] = &[
    "dangers",
    "hostile-text",
    "image-pull-missing-replaces",
    "in-place-and-not",
    "match-adopted-allowed",
    "networks-replaced",
    "one-shot-differing",
    "secrets-rotated",
    "six-sets-ten-changes",
    "stopped-comes-back",
];

/// Compares `plans/NAME/plan.json` with what `plan -o` of that path writes.
fn shipped(name: &str, mut plan: Plan, spec: &[u8]) {
    let path = format!("../../snapshots/{name}/spec.yaml");
    plan.spec =
        Some(SpecSource { path, digest: bayplan::cli::load_spec::digest(spec), compose: None });
    let written = format::write(&plan).unwrap();
    golden::file(&format!("plans/{name}/plan.json"), &written.text);
    let about = About {
        digest: Some(written.digest),
        next: Some("bayplan apply plan.json".to_owned()),
        meta: vec![("commit".to_owned(), "0a1b2c3".to_owned())],
        since: None,
    };
    let shown = text::text(&plan, &about, text::Options::default());
    golden::file(&format!("plans/{name}/plan.txt"), &shown);
    let shown = markdown::markdown(&[(&plan, about.clone())], false);
    golden::file(&format!("plans/{name}/plan.md"), &shown);
    let shown = html::html(&[(&plan, about)]).unwrap();
    golden::file(&format!("plans/{name}/plan.html"), &shown);
    let shown = mermaid::mermaid(&[&plan]);
    golden::file(&format!("plans/{name}/plan.mermaid.md"), &shown);
}

/// A case with the world that it is planned on, and its plan, where it has one.
pub(crate) fn made(name: &str) -> Option<(Case, Snapshot, Plan)> {
    let case = Case::load(name);
    let (world, plan) = chain::made(&case)?;
    Some((case, world, plan))
}

#[test]
fn a_run_that_ends_anywhere_is_gone_on_with() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for name in NAMES {
        let name = name.replace('_', "-");
        let Some((case, world, plan)) = made(&name) else { continue };
        for first in 1..plan.steps.len() {
            tried += 1;
            let all = chain::resumed(&case, &world, &plan, first);
            wrong.extend(all.into_iter().map(|text| format!("{name}: {text}")));
        }
    }
    assert!(tried > 300, "only {tried}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

fn tell(name: &str, after: After) {
    let case = world::Case::load(name);
    let told = chain::run(&case, after);
    if let Some(plan) = told.made.filter(|_| PLANS.contains(&name)) {
        shipped(name, plan, case.text.as_bytes());
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&case.folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("plan", told.plan);
        if let Some(apply) = told.apply {
            insta::assert_snapshot!("apply", apply);
        }
    });
}

/// Names the cases; `Again` marks those that do the same every time they are planned.
macro_rules! cases {
    ($($name:ident$(: $after:ident)?;)*) => {
        $(
            #[test]
            fn $name() {
                let after = [$(After::$after,)? After::Empty][0];
                tell(&stringify!($name).replace('_', "-"), after);
            }
        )*

        /// The names of all cases.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

cases! {
    present_alike;
    present_differing;
    present_too_few;
    present_too_many;
    present_count_zero;
    started_alike;
    started_differing;
    started_idle_alike;
    started_idle_differing;
    started_too_few;
    started_nothing_there;
    started_too_many;
    started_count_zero;
    started_named_idle;
    started_on_stopped_replace;
    reloaded_alike;
    reloaded_differing;
    reloaded_three_in_turn;
    reloaded_fenced;
    reloaded_too_few;
    reloaded_too_many;
    reloaded_count_zero;
    update_config_pairs;
    update_config_rollback;
    update_config_continue;
    update_config_start_first;
    update_config_start_first_refused;
    reloaded_idle_differing_stays;
    restarted_alike: Again;
    restarted_differing: Again;
    restarted_too_few: Again;
    restarted_too_many: Again;
    restarted_idle: Again;
    restarted_count_zero;
    stopped_live;
    stopped_already;
    stopped_differing;
    stopped_missing;
    stopped_comes_back;
    stopped_with_signal_and_grace;
    killed_live;
    killed_with_signal;
    killed_already;
    killed_missing;
    killed_named_without_image;
    absent_all;
    absent_already;
    absent_named_without_image;
    absent_keeps_volumes;
    paused_stays;
    paused_reloaded;
    restarting_counts_as_live;
    restarting_is_replaced;
    created_is_idle;
    compose_old_names;
    files_put;
    files_alike;
    files_differ;
    files_gone;
    dead_named;
    dead_left;
    recreate_always: Again;
    recreate_never;
    match_by_name;
    match_by_label;
    match_owned;
    match_adopted_counts;
    match_adopted_refused;
    match_adopted_allowed;
    match_adopted_named;
    match_command;
    seed_20_command_ends_with;
    seed_21_tag_moved;
    match_tag_counts;
    match_name_of_other_project;
    match_name_of_other_set;
    match_two_sets;
    match_compose_and_swarm_ignored;
    match_commit_copies_labels;
    match_renamed_by_hand;
    seed_36_alias_names;
    orphan;
    prune;
    moved_set;
    seed_22_absent_by_image_alone;
    depends_on_order;
    depends_on_restart;
    depends_on_conditions;
    dependants_links;
    dependants_network;
    dependants_volumes_from;
    dependants_unmanaged;
    depends_on_cycle;
    image_rebuilt;
    seed_06_image_missing_never_removes;
    image_pull_missing;
    image_pull_missing_replaces;
    image_pull_shared;
    image_pull_never;
    image_pull_never_not_needed;
    image_always_here;
    image_always_same;
    image_always_moved;
    image_always_silent;
    image_by_digest;
    image_other_platform;
    image_other_platform_by_digest;
    image_other_platform_index;
    image_other_platform_in_use;
    image_other_platform_never;
    image_two_platforms;
    one_shot_first;
    one_shot_done;
    one_shot_failed;
    one_shot_differing;
    compat_idle_replaced;
    compat_superset;
    compat_one_shot_always_runs: Again;
    volumes_named_kept;
    volumes_anonymous_carried;
    volumes_anonymous_refused;
    volumes_anonymous_discarded;
    auto_remove_refused;
    networks_created;
    networks_external_missing;
    volumes_which_is_meant;
    networks_subnet_taken;
    networks_unsupported;
    volumes_unsupported;
    networks_ambiguous;
    networks_replaced;
    networks_differ;
    networks_fixed_address;
    networks_hostname;
    addresses_swapped;
    addresses_refused;
    addresses_not_told;
    ports_of_a_range;
    ports_of_a_range_more;
    link_made_again;
    adopted_log_options;
    match_other_tools;
    starts_refused;
    volume_nobody_planned;
    recreate_always_present: Again;
    depends_on_nothing;
    option_networks;
    compare_superset;
    compare_ignore;
    compare_star;
    seed_04_all_reasons;
    seed_05_idle_compared;
    seed_02_who_goes_first;
    secrets_by_reference;
    secrets_rotated;
    secrets_missing;
    dangers;
    hostile_text;
    ports_freed_by_this_plan;
    ports_taken_by_stranger;
    six_sets_ten_changes;
    option_lxc_conf;
    option_image_caused;
    option_image_unknown_origin;
    option_command;
    option_entrypoint;
    option_expose;
    option_ports;
    option_ports_random;
    option_publish_all;
    option_volumes;
    option_seed_08_same_path;
    option_volumes_from;
    option_links;
    option_memory;
    option_environment;
    option_env_file;
    option_hostname;
    option_stdin_tty;
    option_privileged;
    option_network_mode;
    option_dns;
    option_restart;
    option_labels;
    in_place_one_call;
    rename_in_place;
    rename_and_update;
    rename_and_replace;
    rename_between_two;
    rename_beside_a_network;
    rename_not_of_a_commit;
    rename_happened;
    rename_happened_alike;
    in_place_networks;
    in_place_networks_idle;
    in_place_and_not;
    in_place_cannot_unset;
    in_place_swap_unlimited;
    in_place_always_replaced: Again;
    in_place_idle_is_started;
    in_place_auto_remove;
    in_place_adopted_refused;
    trap_01_image_by_id;
    trap_02_tag_moved_adopted;
    trap_03_containerd_store;
    trap_04_index_written_anew;
    trap_05_image_handed_down;
    trap_06_container_config;
    trap_07_null_and_empty;
    trap_08_undeclared_ignored;
    trap_09_removed_is_seen;
    trap_10_environment_twice;
    trap_11_proxy_variables;
    trap_12_not_a_string;
    trap_13_entrypoint_drops_command;
    trap_14_command_string;
    trap_15_hostname_default;
    trap_16_network_mode_default;
    trap_17_network_by_id;
    trap_18_short_id_alias;
    trap_19_assigned_address;
    trap_20_mac_address;
    trap_21_host_addresses;
    trap_22_random_ports;
    trap_23_port_forms;
    trap_24_empty_binding_list;
    trap_25_exposed_ports;
    trap_26_links;
    trap_27_dns_order;
    trap_28_bind_forms;
    trap_29_one_path_twice;
    trap_30_bind_or_mount;
    trap_31_anonymous_volumes;
    trap_32_volume_differs;
    trap_33_tmpfs_options;
    trap_34_swap_follows_memory;
    trap_35_dropped_by_the_engine;
    trap_36_filled_in;
    trap_37_ulimits_of_the_daemon;
    trap_38_log_options_of_the_daemon;
    trap_39_security_options;
    trap_40_capabilities;
    trap_41_devices;
    trap_42_gpus;
    trap_43_platform;
    trap_43_platform_not_here;
    trap_43_platform_pulled;
    trap_44_health_checks;
    trap_45_stop_grace;
    trap_46_one_value_many_spellings;
    trap_47_config_hash;
    trap_48_typed_options;
    trap_49_networks_before_1_44;
    trap_50_podman_refused;
    trap_51_leftovers_of_a_dead_run;
    trap_52_seven_states;
    trap_52_being_removed;
}

#[test]
fn no_forgotten_cases() {
    let folders: BTreeSet<String> = fs::read_dir(world::root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("worlds"))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = NAMES.iter().map(|name| name.replace('_', "-")).collect();
    assert_eq!(folders, listed, "folders on the left, cases on the right");
    assert!(listed.len() >= 60, "fewer cases than promised");
}

#[test]
fn every_shared_file_is_shared() {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for name in NAMES {
        for file in world::Case::load(&name.replace('_', "-")).shared.files() {
            *named.entry(file).or_default() += 1;
        }
    }
    let mut there = BTreeMap::new();
    for kind in ["engines", "images", "networks"] {
        for entry in fs::read_dir(world::root().join("worlds").join(kind)).unwrap() {
            let file = format!("{kind}/{}", entry.unwrap().file_name().to_string_lossy());
            let cases = named.get(&file).copied().unwrap_or_default();
            there.insert(file, cases);
        }
    }
    assert_eq!(there, named, "files under snapshots/worlds on the left, named ones on the right");
    there.retain(|_, cases| *cases < 2);
    assert!(there.is_empty(), "what one case has alone lies in its folder: {there:?}");
}

#[test]
fn every_trap_is_a_case() {
    let of = |number: usize| format!("trap_{number:02}_");
    let without = |number: &usize| !NAMES.iter().any(|name| name.starts_with(&of(*number)));
    assert_eq!((1..=52).filter(without).collect::<Vec<_>>(), [0; 0]);
}

#[test]
fn every_case_says_what_it_is_for() {
    for name in NAMES {
        let case = world::Case::load(&name.replace('_', "-"));
        let head = case.text.lines().next().unwrap_or_default();
        assert!(head.starts_with("# ") && head.len() > 20, "{name}: `{head}`");
    }
}
