//! Files that a run put into a container, and files of the image at the same paths.

use serde_json::{Value as Json, json};

use super::judge;
use super::tests::{create, inspect};
use crate::planner::tests::{plan, spec, world};

/// The open steps after a run created the container, with these files in the snapshot.
fn left(state: &str, files: &Json) -> Vec<String> {
    let text = "project: p\ncontainers: {web: {image: 'app:1', state: STATE, files: {/etc/a: {content: ours}}}}";
    let spec = spec(&text.replace("STATE", state));
    let mut snapshot = world();
    let plan = plan(&spec, &snapshot).plan;
    create(&mut snapshot, &plan, &spec, "web", "p-web-1");
    let found = inspect(&mut snapshot, "p-web-1");
    found["State"] = json!({"Status": "created", "StartedAt": "0001-01-01T00:00:00Z"});
    found["Config"]["Files"] = files.clone();
    let judgement = judge(&plan, &spec, &snapshot);
    assert_eq!((&judgement.stale, &judgement.tampered), (&Vec::new(), &Vec::new()));
    judgement.run.iter().map(|step| step.as_str().to_owned()).collect()
}

#[test]
fn files_of_the_image_are_not_the_ones_that_a_step_puts() {
    let of = |content: &str, mode| json!({"/etc/a": {"Content": content, "Mode": mode}});
    for other in [of("the image's", 0o444), of("ours", 0o644), json!({"/etc/a": null}), Json::Null]
    {
        assert_eq!(left("present", &other), ["p-web-1/put_files"], "{other}");
        assert_eq!(left("started", &other)[..2], ["p-web-1/put_files", "p-web-1/start"], "{other}");
    }
    let ours = of("ours", 0o444);
    assert_eq!(left("present", &ours), [""; 0]);
    assert_eq!(left("started", &ours)[0], "p-web-1/start");
}
