//! Engines that never rest: whom a spec does not mean holds up no look, whatever it does.

use bayplan::base::ident::ContainerName;
use bayplan::engine::simulated::{Deed, Faults, Simulated};
use bayplan::engine::{ErrorKind, observe};
use bayplan::observed::scope::ObservationScope;
use bayplan::spec::{Spec, read};

use crate::made::block;
use crate::row_walks::{converge, engine, plan};

/// A set that counts whatever was made of its image with its command.
fn spec() -> Spec {
    let text = "project: shop\ncontainers:\n  web: {image: 'app:1', match: image, count: 2, command: work}\n  \
         db: {name: shop-db, image: 'app:1'}\n";
    read::text(text, &read::Files::new()).unwrap()
}

fn name(text: &str) -> ContainerName {
    ContainerName::new(text)
}

/// Has these deeds done before each list, one group after the other.
fn restless(engine: &Simulated, deeds: &[&[Deed]]) {
    let at_lists = deeds.iter().map(|group| group.to_vec()).collect();
    engine.set_faults(Faults { at_lists, ..Faults::none() });
}

/// An engine on which all is as declared, beside a stranger made of the same image.
fn settled() -> Simulated {
    let engine = engine();
    restless(&engine, &[&[Deed::Runs(name("job"), "app:1".to_owned())]]);
    block(converge(&engine, &spec())).unwrap();
    engine
}

#[test]
fn strangers_that_change_at_every_look_hold_up_none() {
    let runs = |text: &str| Deed::Runs(name(text), "app:1".to_owned());
    let renames = |from: &str, to: &str| Deed::Renames(name(from), name(to));
    let kinds: [&[&[Deed]]; 4] = [
        &[&[Deed::Stops(name("job"))], &[Deed::Starts(name("job"))]],
        &[&[renames("job", "task")], &[renames("task", "job")]],
        &[&[Deed::Removes(name("job"))], &[runs("job")]],
        &[
            &[runs("a"), Deed::Removes(name("d"))],
            &[runs("b"), Deed::Removes(name("a"))],
            &[runs("c"), Deed::Removes(name("b"))],
            &[runs("d"), Deed::Removes(name("c"))],
        ],
    ];
    for (number, deeds) in kinds.into_iter().enumerate() {
        for scope in
            [ObservationScope::of(&spec()), ObservationScope::of(&spec()).with_dependants()]
        {
            let engine = settled();
            restless(&engine, deeds);
            for _ in 0..4 {
                let look = block(observe::observe(&engine, &scope));
                assert!(look.is_ok(), "{number}: {:?}", look.err());
            }
            let built = block(plan(&engine, &spec()));
            assert_eq!((built.errors, built.plan.changes), (vec![], vec![]), "{number}");
        }
    }
}

#[test]
fn what_a_spec_means_and_what_may_count_for_it_must_rest() {
    let engine = settled();
    let db = name("shop-db");
    restless(&engine, &[&[Deed::Stops(db.clone())], &[Deed::Starts(db)]]);
    let error = block(observe::observe(&engine, &ObservationScope::of(&spec()))).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Busy);
}

#[test]
fn without_a_spec_little_is_known_of_what_never_rests() {
    let engine = settled();
    let job = name("job");
    restless(&engine, &[&[Deed::Stops(job.clone())], &[Deed::Starts(job)]]);
    let look = block(observe::observe(&engine, &ObservationScope::everything())).unwrap();
    let look = look.redact(&bayplan::observed::redact::Redactor::default());
    let known = |name: &str| look.by_name(name).unwrap().inspect.is_some();
    assert!(known("shop-db") && !known("job"));
}
