//! A rename in place that is done, half done, or impossible by now.

use serde_json::json;

use super::tests::{inspect, judged};
use crate::observed::snapshot::Snapshot;
use crate::planner::tests::{add, db, plan, with_db};

#[test]
fn a_rename_is_done_once_and_stale_where_the_name_moved() {
    let declared = db("two", ", mem_limit: 64m, state: reloaded");
    let reviewed = plan(&declared, &with_db("running")).plan;
    let now = |snapshot: &Snapshot| judged(&reviewed, &declared, snapshot);
    let called = |name: &str| {
        let mut snapshot = with_db("running");
        inspect(&mut snapshot, "one")["Name"] = json!(format!("/{name}"));
        snapshot
    };
    assert_eq!(now(&called("one")), ["db Run"]);
    assert_eq!(now(&called("three")), ["db Stale", "container_renamed"]);
    // The run ended after the rename, before the update.
    assert_eq!(now(&called("two")), ["db Run"]);
    let mut done = called("two");
    inspect(&mut done, "two")["HostConfig"]["Memory"] = json!(64 << 20);
    inspect(&mut done, "two")["HostConfig"]["MemorySwap"] = json!(128 << 20);
    assert_eq!(now(&done), ["db Done"]);
    // The container is renamed, but its replacement was never created.
    let replaced = db("two", ", tty: true, state: reloaded");
    let plan = plan(&replaced, &with_db("running")).plan;
    assert_eq!(judged(&plan, &replaced, &called("two")), ["db Run"]);
    // Another container has the new name now.
    let mut taken = called("one");
    add(&mut taken, &declared, "db", "two", "exited");
    inspect(&mut taken, "two")["Config"]["Labels"] = json!({});
    assert!(now(&taken).contains(&"name_taken".to_owned()), "{:?}", now(&taken));
}
