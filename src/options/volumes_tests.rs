//! Errors of the long form of a mount, and reading mounts back.

use serde_json::json;

use super::*;
use crate::syntax::yaml;

/// The problems of a mount in the long form.
fn fault(mount: &str) -> String {
    let node = yaml::parse(&format!("[{{{mount}, target: /x}}]")).unwrap();
    let mut problems = Problems::default();
    assert!(Volumes::parse(&node, &mut problems).is_none(), "{mount}");
    problems.all.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_an_engine_would_refuse_is_refused_with_the_way_out() {
    for (mount, message) in [
        (
            "type: npipe",
            "expected `type` to be `volume`, `bind`, `tmpfs` or `image`, but found `npipe`",
        ),
        (
            "type: tmpfs, tmpfs: {options: [noexec, uid=1000]}",
            "expected `exec` or `noexec`, but found `uid=1000`",
        ),
        ("type: image", "expected `source`, the image, but found none"),
        (
            "type: image, source: a, read_only: false",
            "expected `read_only: true` or nothing: no engine writes to images",
        ),
        (
            "type: bind, source: /a, bind: {create_host_path: false, recursive: no-way}",
            "expected `enabled`, `disabled`, `writable` or `readonly`, but found `no-way`",
        ),
        (
            "type: bind, source: /a, bind: {recursive: disabled}",
            "expected `create_host_path: false` beside `recursive: disabled`",
        ),
        (
            "type: bind, source: /a, bind: {create_host_path: false, recursive: writable}",
            "expected `read_only: true` beside `recursive: writable`",
        ),
        (
            "type: bind, source: /a, read_only: true, bind: {create_host_path: false, recursive: readonly}",
            "expected `propagation: rprivate` beside `recursive: readonly`",
        ),
        (
            "type: bind, source: '/a:b', bind: {selinux: Z}",
            "expected no `selinux: Z` beside a path with a colon",
        ),
    ] {
        assert_eq!(fault(mount), message, "{mount}");
    }
}

#[test]
fn each_kind_of_mount_is_read_as_a_mount_of_its_own() {
    let read = |json: Json| canonical(&volumes_long::read(&json).1);
    let text = |text: &str| Atom::Text(text.to_owned());
    let image = json!({"Type": "image", "Source": "a:1", "Target": "/i", "ReadOnly": true});
    assert_eq!(read(image), text("image a:1"));
    let part = json!({"Type": "image", "Source": "a:1", "ImageOptions": {"Subpath": "b"}});
    assert_eq!(read(part), text("image a:1/b"));
    let bind = json!({"Type": "bind", "Source": "/a", "BindOptions": {"NonRecursive": true}});
    assert_eq!(read(bind), text("/a (non-recursive)"));
    let memory = json!({"Type": "tmpfs", "TmpfsOptions": {"Options": [["noexec"], ["uid", "1"]]}});
    assert_eq!(read(memory), text("tmpfs (noexec,uid=1)"));
}

#[test]
fn paths_are_cleaned_as_go_does() {
    for (path, cleaned) in [
        ("/srv//lab/data/", "/srv/lab/data"),
        ("/a/./b/../c", "/a/c"),
        ("/..", "/"),
        ("../a/../b", "../b"),
        ("./a", "a"),
        ("", "."),
        ("a/../..", ".."),
    ] {
        assert_eq!(clean(path), cleaned, "{path}");
    }
}

#[test]
fn a_path_with_a_colon_is_no_short_form() {
    let printed = |text: &str| {
        let node = yaml::parse(text).unwrap();
        let mut problems = Problems::default();
        let volumes = Volumes::parse(&node, &mut problems);
        volumes.unwrap_or_else(|| panic!("{text}: {problems:?}"))
    };
    let cx = |base: &str| Context { base_dir: Some(base.to_owned()), ..Context::default() };
    let written = |volumes: &Volumes, base: &str| {
        let mut body = Body::new();
        VolumesRow.write(volumes, &mut body, &cx(base));
        body.into_json()["HostConfig"].take()
    };
    for (text, target) in [
        ("[{type: bind, source: '/a:b', target: /x}]", "/x"),
        ("[{type: bind, source: /a, target: '/x:y'}]", "/x:y"),
        ("[{type: volume, source: data, target: '/x:y'}]", "/x:y"),
        ("[{type: volume, target: '/x:y'}]", "/x:y"),
    ] {
        let volumes = printed(text);
        let again = Volumes::parse(&Node::from_json(&volumes.print()), &mut Problems::default());
        assert_eq!(again.as_ref(), Some(&volumes), "{text} prints {}", volumes.print());
        let host = written(&volumes, "/srv");
        assert_eq!((&host["Binds"], &host["Mounts"][0]["Target"]), (&Json::Null, &json!(target)));
    }
    // The engine is asked to create the folder, as for the short form.
    let host = written(&printed("[{type: bind, source: '/a:b', target: /x}]"), "/srv");
    assert_eq!(host["Mounts"][0]["BindOptions"], json!({"CreateMountpoint": true}));
    let host = written(&printed("['./a:/x:ro']"), "/srv/b:c");
    let expected = json!([{"Type": "bind", "Source": "/srv/b:c/a", "Target": "/x",
        "ReadOnly": true, "BindOptions": {"CreateMountpoint": true}}]);
    assert_eq!(host, json!({"Mounts": expected}));
}

/// A number is read as everywhere (`docker compose config` prints 1023 for `01777`). A text is
/// octal, and an unquoted `01777` is a text too.
#[test]
fn permissions_mean_the_same_in_every_spelling() {
    let read = |mode: &str| {
        let text = format!("[{{type: tmpfs, target: /t, tmpfs: {{mode: {mode}}}}}]");
        let mut problems = Problems::default();
        let said = Volumes::parse(&yaml::parse(&text).unwrap(), &mut problems);
        said.unwrap_or_else(|| panic!("{mode}: {problems:?}"))
    };
    for mode in ["1023", "01777", "0o1777", "0x3ff", "\"1777\"", "\"0o1777\""] {
        assert_eq!(read(mode), read("'1777'"), "{mode}");
        let again = Volumes::parse(&Node::from_json(&read(mode).print()), &mut Problems::default());
        assert_eq!(again, Some(read("'1777'")), "{mode}");
    }
    assert_ne!(read("1777"), read("'1777'"));
}
