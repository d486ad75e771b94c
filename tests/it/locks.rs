//! The lock of a project, on the simulated engine.

use std::time::Duration;

use bayplan::apply::SimulatedClock;
use bayplan::apply::lock::{Lock, Owner, Taken, find, take};
use bayplan::engine::ErrorKind;
use bayplan::engine::Reader;
use bayplan::engine::simulated::{Faults, Simulated, When};
use serde_json::json;

use crate::made::{block, engine, found, replacement};

fn owner(host: &str) -> Owner {
    Owner { host: host.to_owned(), process: "7".to_owned(), job: None }
}

async fn taken(engine: &Simulated, host: &str, wait: u64) -> Taken {
    let (plan, clock) = (replacement().plan, SimulatedClock(engine));
    let wait = Duration::from_secs(wait);
    take(engine, &clock, &plan, ("sha256:d", &owner(host)), wait, |_| ()).await.unwrap()
}

fn ours(taken: Taken) -> Lock {
    match taken {
        Taken::Ours(lock) => lock,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_holds_it_and_gives_it_back() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let lock = ours(taken(&engine, "one", 0).await);
        let held = find(&engine, "shop").await.unwrap().unwrap();
        assert_eq!((held.owner, held.project.as_str()), (owner("one"), "shop"));
        let there = engine.inspect("shop.bp-lock").await.unwrap().unwrap();
        assert_eq!(there["State"]["Status"], "created");
        lock.release(&engine).await;
        assert_eq!(find(&engine, "shop").await.unwrap(), None);
        assert_eq!(engine.list().await.unwrap().len(), 1);
    });
}

#[test]
fn who_is_alive_is_not_disturbed_and_who_is_dead_is_not_waited_for() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let clock = SimulatedClock(&engine);
        let lock = ours(taken(&engine, "one", 0).await);
        let theirs = tokio::select! {
            error = lock.beats(&engine, &clock) => panic!("{error}"),
            theirs = taken(&engine, "two", 0) => theirs,
        };
        let Taken::Theirs(held) = theirs else { panic!("{theirs:?}") };
        assert_eq!(held.owner.host, "one");
        // Nobody beats any more: it is broken after its lease, and not before.
        let began = engine.elapsed();
        let second = ours(taken(&engine, "two", 0).await);
        let lasted = engine.elapsed().saturating_sub(began);
        assert!(
            lasted >= Duration::from_secs(15) && lasted < Duration::from_secs(30),
            "{lasted:?}"
        );
        assert_eq!(find(&engine, "shop").await.unwrap().unwrap().owner.host, "two");
        // Who was taken for dead sees that, and does not take the new one away.
        lock.beats(&engine, &clock).await;
        lock.release(&engine).await;
        assert_eq!(find(&engine, "shop").await.unwrap().unwrap().owner.host, "two");
        second.release(&engine).await;
    });
}

#[test]
fn what_is_no_lock_is_left_alone_and_nothing_depends_on_one() {
    block(async {
        let engine =
            engine(vec![found("a", "web", "running"), found("c", "shop.bp-lock", "exited")]);
        assert!(matches!(taken(&engine, "one", 0).await, Taken::None(_)));
        assert_eq!(engine.list().await.unwrap().len(), 2);
    });
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        engine.set_faults(Faults::every("create shop", When::Before, ErrorKind::Status(403)));
        assert!(matches!(taken(&engine, "one", 0).await, Taken::None(_)));
        // An image that would leave a volume behind makes no lock.
        let engine = crate::made::engine(vec![found("a", "web", "running")]);
        engine.set_faults(Faults::none());
        assert!(matches!(taken(&engine, "one", 0).await, Taken::Ours(_)));
        assert_eq!(engine.volumes().await.unwrap(), [json!(null); 0]);
    });
}
