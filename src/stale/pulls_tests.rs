//! A pull for another platform than the local image's, judged at every point of a run.

use serde_json::{Value as Json, json};

use super::tests::judged;
use crate::base::ident::ImageId;
use crate::observed::snapshot::{RegistryAnswer, Snapshot};
use crate::planner::tests::{hex, image, plan, spec, world};
use crate::spec::Spec;

/// A set with `app:1` for another platform, and the digest of both platforms.
fn other_platform() -> (Spec, Snapshot, String) {
    let spec =
        spec("project: p\ncontainers:\n  web: {image: 'app:1', platform: linux/arm64, count: 2}\n");
    let digest = format!("sha256:{}", hex("index"));
    let mut snapshot = world();
    let answer = RegistryAnswer::Digest(digest.clone());
    snapshot.registry.insert("app:1".to_owned(), answer);
    let here = snapshot.images.values_mut().next().unwrap();
    here["RepoDigests"] = json!([format!("app@sha256:{}", hex("old"))]);
    here["Os"] = json!("linux");
    here["Architecture"] = json!("amd64");
    (spec, snapshot, digest)
}

fn actions(spec: &Spec, snapshot: &Snapshot) -> Vec<String> {
    let steps = plan(spec, snapshot).plan.steps;
    let word = |step| json!(step)["action"].as_str().unwrap_or_default().to_owned();
    steps.iter().map(word).take(3).collect()
}

#[test]
fn an_image_for_another_platform_is_pulled_once() {
    let (spec, mut snapshot, digest) = other_platform();
    assert_eq!(actions(&spec, &snapshot), ["pull", "tag", "create"]);
    let plan = plan(&spec, &snapshot).plan;
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"]);

    let old = snapshot.references["app:1"].clone().unwrap();
    let (id, mut pulled) = image("for arm64", &json!({"Cmd": ["serve"]}));
    pulled["RepoDigests"] = json!([format!("app@{digest}")]);
    pulled["Os"] = json!("linux");
    pulled["Architecture"] = json!("arm64");
    snapshot.images.insert(id.clone(), pulled);
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"], "pulled, not tagged");
    snapshot.references.insert("app:1".to_owned(), Some(id));
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"], "pulled and tagged");
    snapshot.images.remove(&old);
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"], "nobody refers to the old one");
    assert_eq!(actions(&spec, &snapshot)[0], "create", "a new plan pulls nothing");

    // Another image under the tag is not the pulled image.
    let (other, json) = image("a stranger", &json!({}));
    snapshot.images.insert(other.clone(), json);
    snapshot.references.insert("app:1".to_owned(), Some(other));
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Stale", "image_moved"]);
}

#[test]
fn an_index_that_gets_another_platform_is_the_image_that_it_was() {
    let (spec, mut snapshot, digest) = other_platform();
    let manifest = |name: &str| {
        json!({"Available": true, "Kind": "image",
            "ImageData": {"Platform": {"os": "linux", "architecture": name}}})
    };
    let index = |manifests: &[Json]| {
        json!({"Id": digest, "RepoDigests": [format!("app@{digest}")], "RepoTags": ["app:1"],
            "Os": "linux", "Architecture": "amd64", "Config": {"Cmd": ["serve"]},
            "Manifests": manifests})
    };
    snapshot.images.clear();
    let id = ImageId::new(&*digest);
    snapshot.images.insert(id.clone(), index(&[manifest("amd64")]));
    snapshot.references.insert("app:1".to_owned(), Some(id.clone()));
    assert_eq!(actions(&spec, &snapshot), ["pull", "tag", "create"]);
    let plan = plan(&spec, &snapshot).plan;
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"]);
    snapshot.images.insert(id, index(&[manifest("amd64"), manifest("arm64")]));
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"], "pulled");
    assert_eq!(actions(&spec, &snapshot)[0], "create", "a new plan pulls nothing");
}
