//! Snapshots of a hostile engine: values of other kinds than an engine gives.

use serde_json::json;

use super::judge;
use super::tests::{inspect, judged};
use crate::base::ident::NetworkId;
use crate::plan::facts::Attachment;
use crate::planner::tests::{add, db, plan, with_db};

#[test]
fn values_of_another_kind_end_no_judgement() {
    let declared = db("one", ", mem_limit: 64m, state: reloaded");
    let fresh = with_db("running");
    let mut exited = with_db("running");
    add(&mut exited, &declared, "db", "other", "exited");
    for world in [fresh, exited] {
        let mut reviewed = plan(&declared, &world).plan;
        // What is restored for the derivation: a digest of the image, and an attachment.
        for fact in &mut reviewed.facts.images {
            fact.digest = Some(format!("sha256:{}", "1".repeat(64)));
        }
        for fact in &mut reviewed.facts.containers {
            let attached = Attachment { id: Some(NetworkId::new("n")), ..Attachment::default() };
            fact.networks.insert("bridge".to_owned(), attached);
        }
        for strange in [json!(1), json!("x"), json!([]), json!(null), json!({})] {
            for place in [
                "/State",
                "/HostConfig",
                "/NetworkSettings",
                "/NetworkSettings/Networks",
                "/Config",
            ] {
                let mut now = world.clone();
                let whole = inspect(&mut now, "one");
                if let Some(value) = whole.pointer_mut(place) {
                    *value = strange.clone();
                }
                let _ = judge(&reviewed, &declared, &now);
            }
            let mut now = world.clone();
            let networks = &mut inspect(&mut now, "one")["NetworkSettings"]["Networks"];
            *networks = json!({"bridge": strange});
            now.images.values_mut().for_each(|image| *image = strange.clone());
            let _ = judged(&reviewed, &declared, &now);
        }
    }
}
