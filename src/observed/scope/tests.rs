//! Tests of the scope for a spec, and of the registry requests.

use serde_json::json;

use super::*;
use crate::spec::read;

fn spec(text: &str) -> Spec {
    read::text(text, &BTreeMap::new()).expect("a good spec")
}

/// A list entry whose ID is its name.
fn entry(name: &str, image: &str, more: &Json) -> Json {
    let mut entry = json!({"Id": name, "Names": [format!("/{name}")], "Image": image, "ImageID": "sha256:other"});
    for (key, value) in more.as_object().into_iter().flatten() {
        entry[key] = value.clone();
    }
    entry
}

/// The IDs that are inspected.
fn looked_at(spec_text: &str, references: &References, list: &[Json]) -> Vec<String> {
    let wanted =
        ObservationScope::of(&spec(spec_text)).containers(list, references, &BTreeSet::new());
    wanted.iter().map(|id| id.as_str().to_owned()).collect()
}

fn labels(project: &str, set: &str) -> Json {
    json!({"Labels": {"io.bayplan.project": project, "io.bayplan.set": set, "io.bayplan.name": "x"}})
}

#[test]
fn named_and_labelled_containers_are_looked_at_and_others_labels_are_not() {
    let list = [
        entry("db", "anything", &json!({})),
        entry("db2", "app:1", &json!({})),
        entry("ours", "anything", &labels("shop", "web")),
        entry("orphan", "anything", &labels("shop", "long-gone")),
        entry("theirs", "app:1", &labels("other", "web")),
    ];
    let named = "project: shop\ncontainers: {db: {name: db, image: 'app:1'}}\n";
    assert_eq!(looked_at(named, &References::new(), &list), ["db", "orphan", "ours"]);
    let owned = "project: shop\ncontainers: {web: {image: 'app:1', match: owned}}\n";
    assert_eq!(looked_at(owned, &References::new(), &list), ["orphan", "ours"]);
}

#[test]
fn images_are_told_by_text_by_id_and_not_at_all_once_a_tag_moved() {
    let spec = "project: shop\ncontainers: {web: {image: 'app:1'}}\n";
    let id = format!("sha256:{}", "1".repeat(64));
    let references = References::from([("app:1".to_owned(), Some(ImageId::new(&id)))]);
    let list = [
        entry("same", "app:1", &json!({})),
        entry("full", "docker.io/library/app:1", &json!({})),
        entry(
            "digest",
            "app@sha256:2222222222222222222222222222222222222222222222222222222222222222",
            &json!({}),
        ),
        entry("other-tag", "app:2", &json!({})),
        entry("other-name", "mine/app:1", &json!({})),
        entry("by-id", "other:9", &json!({"ImageID": id})),
        entry("moved", &format!("sha256:{}", "3".repeat(64)), &json!({})),
        entry("theirs", "app:1", &labels("other", "web")),
    ];
    let looked = looked_at(spec, &references, &list);
    assert_eq!(looked, ["by-id", "digest", "full", "moved", "same"]);
}

#[test]
fn who_holds_on_to_a_wanted_container_is_looked_at_too() {
    let spec = "project: shop\ncontainers: {db: {name: db, image: 'app:1'}}\n";
    let list = [
        json!({"Id": "db", "Names": ["/linker/alias", "/db"], "Image": "x"}),
        entry("linker", "x", &json!({})),
        entry("joiner", "x", &json!({"HostConfig": {"NetworkMode": "container:db"}})),
        entry("other", "x", &json!({"HostConfig": {"NetworkMode": "container:linker2"}})),
    ];
    assert_eq!(looked_at(spec, &References::new(), &list), ["db", "joiner", "linker"]);
}

#[test]
fn what_a_spec_refers_to_is_looked_at_by_name_or_id() {
    let id = "0123456789ab".repeat(5) + "0123";
    let spec = "project: shop\ncontainers:\n  web:\n    name: web\n    image: 'app:1'\n    depends_on: [queue]\n    links: ['cache:c']\n    volumes_from: [data]\n  side:\n    name: side\n    image: 'app:1'\n    network_mode: 'container:0123456789ab'\n";
    let mut list: Vec<Json> =
        ["queue", "cache", "data", "web", "not"].map(|name| entry(name, "x", &json!({}))).into();
    list.push(json!({"Id": id, "Names": ["/elsewhere"], "Image": "x"}));
    let looked = looked_at(spec, &References::new(), &list);
    assert_eq!(looked, [id.as_str(), "cache", "data", "queue", "web"]);
}

#[test]
fn leftovers_of_adopted_containers_are_looked_at() {
    let spec = "project: shop\ncontainers: {db: {name: db, image: 'app:1'}}\n";
    let list = [
        entry("db.bp-old", "x", &json!({})),
        entry("theirs.bp-new", "x", &labels("other", "web")),
        entry("ours.bp-failed", "x", &labels("shop", "web")),
    ];
    assert_eq!(looked_at(spec, &References::new(), &list), ["db.bp-old", "ours.bp-failed"]);
}

#[test]
fn without_a_spec_everything_is_looked_at_but_what_has_no_id() {
    let list = [entry("a", "x", &json!({})), json!({"Names": ["/nameless"]})];
    let looked =
        ObservationScope::everything().containers(&list, &References::new(), &BTreeSet::new());
    assert_eq!(looked, BTreeSet::from([ContainerId::new("a")]));
}

#[test]
fn a_registry_is_asked_only_where_a_step_may_need_it() {
    let text = "project: shop
containers:
  here: {image: 'here:1'}
  gone: {image: 'gone:1'}
  always: {image: 'always:1', pull: always}
  never: {image: 'never:1', pull: never}
  pinned: {image: 'pinned@sha256:1111111111111111111111111111111111111111111111111111111111111111', pull: always}
  none: {image: 'none:1', count: 0, pull: always}
  absent: {image: 'absent:1', name: aa, state: absent, pull: always}
  stopped: {image: 'stopped:1', name: ss, state: stopped}
";
    let spec = spec(text);
    let wanted = ObservationScope::of(&spec);
    assert_eq!(wanted.images().len(), 8);
    let pinned = format!("pinned@sha256:{}", "1".repeat(64));
    let mut here: BTreeMap<String, Option<Json>> =
        wanted.images().iter().map(|text| (text.clone(), None)).collect();
    for text in ["here:1", "always:1", &pinned] {
        here.insert(text.to_owned(), Some(json!({"Id": "sha256:1"})));
    }
    let asked: Vec<String> = wanted.registry(&here).into_iter().collect();
    assert_eq!(asked, ["always:1", "gone:1"]);
    here.insert(pinned.clone(), None);
    assert!(wanted.registry(&here).contains(&pinned), "a digest that is not here must be pulled");
    assert!(wanted.for_plan([], []).registry(&here).is_empty());
}

#[test]
fn a_registry_is_asked_for_what_is_here_for_another_platform() {
    let text = "project: shop
containers:
  ours: {image: 'app:1'}
  missing: {image: 'app:1', platform: linux/arm64}
  never: {image: 'app:2', platform: linux/arm64, pull: never}
  none: {image: 'app:3', platform: linux/arm64, count: 0}
  pinned: {image: 'app@sha256:1111111111111111111111111111111111111111111111111111111111111111', platform: linux/arm64, pull: always}
  alike: {image: 'app:4', platform: linux/amd64}
";
    let wanted = ObservationScope::of(&spec(text));
    let asked = |architecture: &str| -> Vec<String> {
        let image = json!({"Id": "sha256:1", "Os": "linux", "Architecture": architecture});
        let here = wanted.images().iter().map(|text| (text.clone(), Some(image.clone())));
        wanted.registry(&here.collect()).into_iter().collect()
    };
    let pinned = format!("app@sha256:{}", "1".repeat(64));
    assert_eq!(asked("amd64"), ["app:1", &pinned]);
    assert_eq!(asked("arm64"), ["app:4"]);
}

#[test]
fn who_shares_something_with_a_target_depends_on_it_and_so_does_who_shares_with_that_one() {
    let id = |digit: &str| ContainerId::new(digit.repeat(64));
    let one = |digit: &str, name: &str, host: Json| {
        (id(digit), json!({"Id": digit.repeat(64), "Name": format!("/{name}"), "HostConfig": host}))
    };
    let targets = BTreeMap::from([one("1", "db", json!({}))]);
    let others = BTreeMap::from([
        one("2", "by-pid", json!({"PidMode": format!("container:{}", "1".repeat(64))})),
        one("3", "by-ipc", json!({"IpcMode": format!("container:{}", "2".repeat(64))})),
        one("4", "by-volumes", json!({"VolumesFrom": ["db:ro"]})),
        one("5", "by-short-id", json!({"VolumesFrom": ["111111111111"]})),
        one("6", "stranger", json!({"PidMode": "host", "VolumesFrom": ["dbx"]})),
        one("7", "other", json!({"NetworkMode": format!("container:{}", "6".repeat(64))})),
    ]);
    let found = dependants(&others, &targets);
    assert_eq!(found, ["2", "3", "4", "5"].map(id).into());
}

/// The files to fetch from a container with this name, image and labels.
fn fetched(name: &str, image: &str, labels: &Json) -> Vec<String> {
    let text = "project: shop
moved: {front: web}
containers:
  web: {image: 'app:1', match: image, files: {/web: {content: a}}}
  db: {name: db, image: 'sql:1', files: {/db: {content: a}}}
  own: {image: 'app:1', match: owned, files: {/own: {content: a}}}
  job: {image: 'job:1'}
";
    let inspect = json!({"Id": name, "Name": format!("/{name}"),
        "Config": {"Image": image, "Labels": labels["Labels"]}});
    let wanted = ObservationScope::of(&spec(text)).files(Seen::inspected(&inspect));
    wanted.into_iter().flatten().collect()
}

#[test]
fn only_files_of_sets_that_a_container_may_be_of_are_fetched() {
    let none = json!({});
    let named = |name: &str, project: &str, set: &str| {
        let mut all = labels(project, set);
        all["Labels"]["io.bayplan.name"] = json!(name);
        all
    };
    assert_eq!(fetched("x", "app:1", &none), ["/web"]);
    assert_eq!(fetched("x", "docker.io/library/app:1", &none), ["/web"]);
    let moved = format!("sha256:{}", "1".repeat(64));
    assert_eq!(fetched("x", &moved, &none), ["/web"]);
    assert_eq!(fetched("x", "other:1", &none), [""; 0]);
    assert_eq!(fetched("db", "other:1", &none), ["/db"]);
    assert_eq!(fetched("db.bp-old", "other:1", &none), ["/db"]);
    for (set, paths) in
        [("web", vec!["/web"]), ("front", vec!["/web"]), ("own", vec!["/own"]), ("job", vec![])]
    {
        assert_eq!(fetched("x", "app:1", &named("x", "shop", set)), paths, "{set}");
        // The files of another project are never read.
        assert_eq!(fetched("x", "app:1", &named("x", "other", set)), [""; 0], "{set}");
    }
    let mut noted = named("x", "shop", "job");
    noted["Labels"]["io.bayplan.files"] = json!("[\"/was\"]");
    assert_eq!(fetched("x", "job:1", &noted), ["/was"]);
    noted["Labels"]["io.bayplan.project"] = json!("other");
    assert_eq!(fetched("x", "job:1", &noted), [""; 0]);
    // A label from an image names another container.
    assert_eq!(fetched("y", "app:1", &named("x", "other", "job")), ["/web"]);
}
