//! A mounted image is a fact of the plan that creates the container.

use serde_json::json;

use super::tests::judged;
use crate::planner::tests::{add, image, plan, spec, world};

#[test]
fn an_image_that_is_to_be_mounted_is_the_one_that_was_reviewed() {
    let spec = spec(
        "project: p\ncontainers:\n  web: {image: 'app:1', state: reloaded, volumes: [{type: image, \
         source: 'assets:1', target: /a}]}\n",
    );
    let mut snapshot = world();
    let (id, assets) = image("assets:1", &json!({}));
    snapshot.images.insert(id.clone(), assets);
    snapshot.references.insert("assets:1".to_owned(), Some(id));
    let made = plan(&spec, &snapshot).plan;
    assert_eq!(judged(&made, &spec, &snapshot), ["web Run"]);
    let mut moved = snapshot.clone();
    let (other, assets) = image("other assets", &json!({}));
    moved.images.insert(other.clone(), assets);
    moved.references.insert("assets:1".to_owned(), Some(other));
    assert_eq!(judged(&made, &spec, &moved), ["web Stale", "image_moved"]);
    // An existing container keeps its mounted image, so the image is no fact.
    add(&mut snapshot, &spec, "web", "p-web-1", "running");
    let made = plan(&spec, &snapshot).plan;
    moved.containers = snapshot.containers.clone();
    assert_eq!(judged(&made, &spec, &moved), ["web Untouched"]);
}
