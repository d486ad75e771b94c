//! What holds for every row of the option table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bayplan::options::field::At;
use bayplan::options::inspect_view::InspectView;
use bayplan::options::platform;
use bayplan::options::value::Value;
use bayplan::options::{AnyRow, Body, Context, Declared, ROWS, row_by_word};
use bayplan::spec::read;
use bayplan::syntax::node::{Kind, Node, Problems};
use bayplan::syntax::yaml;
use serde_json::{Value as Json, json};

/// An example as the node that a spec would have it as.
fn node(text: &str) -> Node {
    let root = yaml::parse(&format!("it: {text}\n")).unwrap();
    let Kind::Map(mut entries) = root.kind else { panic!("{text} is no value of a map") };
    entries.remove(0).value
}

fn parse(row: &dyn AnyRow, node: &Node) -> Option<Declared> {
    let mut problems = Problems::default();
    let declared = row.parse(node, &mut problems);
    assert_eq!(declared.is_none(), !problems.all.is_empty(), "{node:?}: {problems:?}");
    declared
}

/// Every example of every row, parsed.
fn examples() -> impl Iterator<Item = (&'static dyn AnyRow, &'static str, Declared)> {
    ROWS.iter().copied().flat_map(|row| {
        row.def().examples.iter().map(move |text| {
            let declared = parse(row, &node(text));
            (row, *text, declared.unwrap_or_else(|| panic!("{}: {text}", row.def().key)))
        })
    })
}

fn context() -> Context {
    let containers = [("db", "shop-db"), ("data", "shop-data")];
    Context {
        containers: containers.map(|(word, name)| (word.into(), name.into())).into(),
        base_dir: Some("/srv/shop".into()),
        ..Context::default()
    }
}

fn body(declared: &[&Declared]) -> Body {
    let mut body = Body::new();
    for declared in declared {
        declared.write(&mut body, &context());
    }
    body
}

/// A body as inspect data would show it if an engine changed nothing.
fn look(body: &Body) -> InspectView {
    let json = body.json();
    let networks = &json["NetworkingConfig"]["EndpointsConfig"];
    InspectView::new(
        &json!({"Config": json, "HostConfig": json["HostConfig"],
            "NetworkSettings": {"Networks": networks},
            "ImageManifestDescriptor": platform::chosen(json, None)}),
        &BTreeMap::new(),
    )
}

/// What JSON a YAML value is for a schema.
fn json_of(node: &Node) -> Json {
    match &node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(value) => json!(value),
        Kind::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Kind::Text(text) => json!(text),
        Kind::List(items) => items.iter().map(json_of).collect(),
        Kind::Map(entries) => Json::Object(
            entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.value))).collect(),
        ),
    }
}

#[test]
fn every_example_is_printed_as_something_that_reads_alike() {
    for (row, text, declared) in examples() {
        let key = row.def().key;
        let again = parse(row, &Node::from_json(&declared.print()));
        let again = again.unwrap_or_else(|| panic!("{key}: {text} prints {}", declared.print()));
        assert_eq!(again, declared, "{key}: {text}");
        assert_eq!(body(&[&again]), body(&[&declared]), "{key}: {text}");
    }
}

#[test]
fn schemas_take_what_parsers_take_and_refuse_what_they_refuse() {
    for row in ROWS {
        let key = row.def().key;
        let schema = jsonschema::draft202012::new(&row.schema()).unwrap();
        for text in row.def().examples {
            let read = node(text);
            let printed = parse(*row, &read).unwrap().print();
            assert!(schema.is_valid(&json_of(&read)), "{key}: {text}");
            assert!(schema.is_valid(&printed), "{key}: {text} prints {printed}");
        }
        for wrong in ["{nothing: {like: this}}", "[[nested]]", "[true]", "{a: [[b]]}"] {
            let read = node(wrong);
            assert!(!schema.is_valid(&json_of(&read)), "{key}: {wrong}");
            assert!(parse(*row, &read).is_none(), "{key}: {wrong}");
        }
    }
}

/// Compose takes an empty text for nothing said; of an option that takes no text it is wrong, and
/// the empty command is one.
#[test]
fn an_empty_text_says_nothing_of_every_option_that_takes_texts() {
    let spec = |said: &str| {
        let text = format!("project: p\ncontainers: {{a: {{image: x{said}}}}}\n");
        let json = yaml::parse(&text).unwrap().to_json();
        (read::text(&text, &read::Files::new()), json)
    };
    let schema = jsonschema::validator_for(&bayplan::spec::schema::spec()).unwrap();
    let (nothing, _) = spec("");
    let nothing = nothing.unwrap();
    let mut values = Vec::new();
    for row in ROWS {
        let about = row.def();
        for word in [about.key].iter().chain(about.aliases) {
            let (read, json) = spec(&format!(", {word}: ''"));
            assert_eq!(read.is_ok(), schema.is_valid(&json), "{word}");
            let takes = row.takes_empty_for_nothing();
            match read {
                Ok(read) if takes => assert_eq!(read, nothing, "{word}"),
                Ok(_) => values.push(*word),
                Err(problems) => assert!(!takes, "{word}: {problems:?}"),
            }
        }
    }
    assert_eq!(values, ["command", "entrypoint"]);
    let keys = ["container_name", "scale", "state", "pull_policy", "recreate", "signal", "detach"];
    for key in keys.iter().chain(&["match", "on_stopped", "discard"]) {
        assert_eq!(spec(&format!(", {key}: ''")).0.as_ref(), Ok(&nothing), "{key}");
    }
    for inside in [
        "networks: [b]|networks: {b: {ipv4_address: '', mac_address: '', gw_priority: ''}}",
        "logging: {driver: '', options: {a: b}}|logging: {options: {a: b}}",
        "healthcheck: {retries: 2, interval: ''}|healthcheck: {retries: 2}",
        "blkio_config: {weight: 20}|blkio_config: {weight: 20, device_read_bps: }",
        "devices: [/dev/a]|devices: [{source: /dev/a, target: '', permissions: ''}]",
        "gpus: [{count: 2, driver: ''}]|gpus: [{count: 2}]",
        "ports: ['80']|ports: [{target: 80, published: '', host_ip: '', protocol: ''}]",
        "volumes: [/a]|volumes: [{type: volume, source: '', target: /a, read_only: ''}]",
        "volumes: ['/a:/a']|volumes: [{type: bind, source: /a, target: /a, bind: {selinux: ''}}]",
    ] {
        let (one, other) = inside.split_once('|').unwrap();
        let (one, _) = spec(&format!(", {one}"));
        let (other, json) = spec(&format!(", {other}"));
        assert_eq!(one.unwrap(), other.unwrap(), "{inside}");
        assert!(schema.is_valid(&json), "{inside}");
    }
}

/// Reviewed line by line against Docker's API: a mistake that writer and reader share is seen
/// nowhere else.
#[test]
fn create_bodies_are_as_reviewed() {
    let mut golden = String::new();
    for (row, text, declared) in examples() {
        let body = body(&[&declared]).into_json();
        writeln!(golden, "{}: {text}\n    {body}", row.def().key).unwrap();
    }
    insta::assert_snapshot!("create_bodies", golden);
}

#[test]
fn create_bodies_have_only_fields_that_docker_knows() {
    for (row, text, declared) in examples() {
        let mut body = body(&[&declared]).into_json();
        // The newest engine has it at an endpoint, where `adapt::fit` puts it.
        if row.def().key == "mac_address" {
            assert!(body.as_object_mut().unwrap().remove("MacAddress").is_some());
        }
        // They are uploaded.
        if row.def().key == "files" {
            assert!(body.as_object_mut().unwrap().remove("Files").is_some());
        }
        // A parameter of the call.
        if row.def().key == "platform" {
            assert!(body.as_object_mut().unwrap().remove("Platform").is_some());
        }
        let model: bollard::models::ContainerCreateBody =
            serde_json::from_value(body.clone()).unwrap();
        let back = serde_json::to_value(model).unwrap();
        assert_eq!(back, body, "{}: {text}", row.def().key);
    }
}

#[test]
fn what_is_written_is_read_alike_however_it_was_said() {
    for (row, text, declared) in examples() {
        let key = row.def().key;
        let once = look(&body(&[&declared]));
        let again = parse(row, &Node::from_json(&declared.print())).unwrap();
        assert_eq!(row.read(&once), row.read(&look(&body(&[&again]))), "{key}: {text}");
    }
}

#[test]
fn what_is_read_can_be_said_again() {
    for (row, text, declared) in examples() {
        let key = row.def().key;
        let found = look(&body(&[&declared]));
        if row.read(&found) == Value::Unset {
            continue;
        }
        let spelt = row.to_spec(&found);
        let again = parse(row, &Node::from_json(&spelt));
        let again = again.unwrap_or_else(|| panic!("{key}: {text} is spelt {spelt}"));
        let value = row.read(&look(&body(&[&again])));
        assert_eq!(value, row.read(&found), "{key}: {text} is spelt {spelt}");
    }
}

#[test]
fn what_is_many_is_a_set_or_a_map() {
    let mut wrong = Vec::new();
    for row in ROWS {
        let about = row.def();
        let many = about.examples.iter().any(|text| {
            let declared = parse(*row, &node(text)).unwrap();
            matches!(row.read(&look(&body(&[&declared]))), Value::Set(_) | Value::Map(_))
        });
        if many != about.many {
            wrong.push(about.key);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Examples that mean what an engine does anyway.
const NOTHING: &[(&str, &str)] = &[
    ("command", "[]"),
    ("entrypoint", "[]"),
    ("restart_policy_retry", "0"),
    ("pids_limit", "-1"),
    ("healthcheck", "{disable: true}"),
];

#[test]
fn another_value_is_another_reading_of_this_row_and_of_no_other() {
    for row in ROWS {
        let key = row.def().key;
        let nothing = row.read(&look(&Body::new()));
        let mut seen: Vec<(&str, Value)> = Vec::new();
        for text in row.def().examples {
            let declared = parse(*row, &node(text)).unwrap();
            let written = look(&body(&[&declared]));
            let value = row.read(&written);
            assert_eq!(value == Value::Unset, NOTHING.contains(&(key, *text)), "{key}: {text}");
            for (other, before) in &seen {
                assert_ne!(value, *before, "{key}: {text} and {other} read alike");
            }
            seen.push((text, value));
            for other in ROWS.iter().filter(|other| other.def().key != key) {
                // Nothing said reads the same as before, but for what is told by another's row.
                let (mut expected, mut found) =
                    (other.read(&look(&Body::new())), other.read(&written));
                other.normalize_pair(&mut expected, &mut found, (&look(&Body::new()), &written));
                let told = other.def().follows.contains(&key)
                    || (other.def().key, key) == ("restart", "restart_policy_retry");
                assert!(expected == found || told, "{key}: {text} is read by {}", other.def().key);
            }
        }
        assert!(
            seen.iter().any(|(_, value)| *value != nothing),
            "{key} has no example that says anything"
        );
    }
}

#[test]
fn all_options_fit_into_one_body() {
    let first = |row: &dyn AnyRow| parse(row, &node(row.def().examples[0])).unwrap();
    let all: Vec<Declared> = ROWS.iter().map(|row| first(*row)).collect();
    let together = look(&body(&all.iter().collect::<Vec<_>>()));
    for declared in &all {
        let row = declared.row();
        let key = row.def().key;
        if ["restart", "expose", "restart_policy_retry"].contains(&key) {
            continue; // joined with another's, on purpose
        }
        assert_eq!(row.read(&together), row.read(&look(&body(&[declared]))), "{key}");
    }
    let shared =
        row_by_word("restart").unwrap().read(&look(&body(&all.iter().collect::<Vec<_>>())));
    assert_ne!(shared, Value::Unset);
}

#[test]
fn every_word_means_one_row() {
    let mut words = BTreeSet::new();
    for row in ROWS {
        let about = row.def();
        for word in [about.key].iter().chain(about.aliases) {
            assert!(words.insert(*word), "`{word}` means two rows");
            assert_eq!(row_by_word(word).unwrap().def().key, about.key);
        }
        for other in about.follows.iter().chain(about.excludes) {
            assert!(row_by_word(other).is_some_and(|row| row.def().key == *other), "{other}");
        }
        assert!(!about.examples.is_empty(), "{}", about.key);
        let doc = about.doc;
        assert!(
            doc.starts_with(|first: char| !first.is_uppercase()) && !doc.ends_with('.'),
            "{doc}"
        );
    }
    let seeds = "env memory_limit net expose restart_policy restart_policy_retry stdin_open \
        publish_all_ports hostname domainname privileged dns tty volumes volumes_from links \
        command entrypoint ports labels stop_timeout";
    for word in seeds.split_whitespace() {
        assert!(words.contains(word), "the seed's `{word}` means nothing");
    }
}

/// The names of a model's fields, as its deserializer asks for them.
struct Fields<'a>(&'a std::cell::Cell<&'static [&'static str]>);

impl<'de> serde::Deserializer<'de> for Fields<'_> {
    type Error = serde_json::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("only names are asked for"))
    }

    fn deserialize_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(fields);
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<T: serde::de::DeserializeOwned>() -> &'static [&'static str] {
    let found = std::cell::Cell::new(&[][..]);
    assert!(T::deserialize(Fields(&found)).is_err());
    found.get()
}

/// What a row says of its fields is what others know of them: how a snapshot keeps them, what an
/// engine shows where nothing is said.
#[test]
fn every_row_names_the_fields_that_it_writes() {
    for row in ROWS {
        let key = row.def().key;
        let mut written: BTreeSet<(bool, String)> = BTreeSet::new();
        for (_, _, declared) in examples().filter(|(other, ..)| other.def().key == key) {
            let json = body(&[&declared]).into_json();
            for (part, host) in [(&json, false), (&json["HostConfig"], true)] {
                let fields = part.as_object().into_iter().flatten().map(|(field, _)| field);
                // Those of objects of their own, and what stands beside the body.
                let nested = ["HostConfig", "NetworkingConfig", "Platform"];
                let fields = fields.filter(|field| !nested.contains(&field.as_str()));
                written.extend(fields.map(|field| (host, field.clone())));
            }
        }
        let named = row.fields().into_iter().map(|owned| match owned.at {
            At::Config(field) => (false, field.to_owned()),
            At::Host(field) => (true, field.to_owned()),
        });
        assert_eq!(named.collect::<BTreeSet<_>>(), written, "{key}");
    }
}

/// Fields of the API that no row writes, and why.
const NOT_WRITTEN: &[(&str, &str)] = &[
    ("ArgsEscaped", "Windows"),
    ("AttachStderr", "how a client was attached"),
    ("AttachStdin", "how a client was attached"),
    ("AttachStdout", "how a client was attached"),
    ("Cgroup", "nothing since the days of linked control groups"),
    ("ConsoleSize", "how large a client's window was"),
    ("ContainerIDFile", "a file of the client's"),
    ("CpuCount", "Windows"),
    ("CpuPercent", "Windows"),
    ("DNSNames", "an answer"),
    ("EndpointID", "an answer"),
    ("Gateway", "an answer"),
    ("GlobalIPv6Address", "an answer"),
    ("GlobalIPv6PrefixLen", "an answer"),
    ("IOMaximumBandwidth", "Windows"),
    ("IOMaximumIOps", "Windows"),
    ("IPAddress", "an answer"),
    ("IPPrefixLen", "an answer"),
    ("IPv6Gateway", "an answer"),
    ("Image", "a key of the planner"),
    ("Isolation", "Windows"),
    ("NetworkDisabled", "gone from the API; `network_mode: none`"),
    ("NetworkID", "an answer"),
    ("OnBuild", "for builds"),
    ("Shell", "for builds"),
];

#[test]
fn every_field_of_the_api_has_a_row_or_a_reason() {
    let mut written: BTreeSet<String> = BTreeSet::new();
    for (_, _, declared) in examples() {
        let body = body(&[&declared]).into_json();
        let endpoints = body["NetworkingConfig"]["EndpointsConfig"].as_object();
        let endpoints = endpoints.into_iter().flatten().map(|(_, endpoint)| endpoint);
        for part in [&body, &body["HostConfig"]].into_iter().chain(endpoints) {
            written.extend(part.as_object().into_iter().flatten().map(|(key, _)| key.clone()));
        }
    }
    let known = [
        fields::<bollard::models::ContainerCreateBody>(),
        fields::<bollard::models::HostConfig>(),
        fields::<bollard::models::EndpointSettings>(),
    ];
    assert!(known.iter().all(|fields| !fields.is_empty()));
    let excused: BTreeSet<&str> = NOT_WRITTEN.iter().map(|(field, _)| *field).collect();
    let known: BTreeSet<&str> = known.into_iter().flatten().copied().collect();
    let missing: Vec<&&str> = known
        .iter()
        .filter(|field| !written.contains(**field) && !excused.contains(*field))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let stale: Vec<&&str> = excused
        .iter()
        .filter(|field| written.contains(**field) || !known.contains(*field))
        .collect();
    assert!(stale.is_empty(), "no longer excused: {stale:?}");
}

/// Values that people write, and whether they are taken: by the parser, which decides, and by the
/// schema, which an editor shows.
const WRITTEN: &[(&str, &str, bool)] = &[
    ("ulimits", "{nofile: \"1024\"}", true),
    ("ulimits", "{nofile: {soft: \"1024\", hard: 2048.0, x-why: [1]}}", true),
    ("ulimits", "{nofile: \"many\"}", false),
    ("oom_score_adj", "\"100\"", true),
    ("oom_score_adj", "\"-100\"", true),
    ("oom_score_adj", "1001", false),
    ("healthcheck", "{retries: \"3\", x-why: it}", true),
    ("healthcheck", "{retries: -3}", false),
    ("healthcheck", "{test: , disable: \"true\"}", true),
    ("blkio_config", "{weight: \"300\", x-why: it}", true),
    ("blkio_config", "{weight: 5}", false),
    ("blkio_config", "{device_read_iops: [{path: /dev/sda, rate: \"30\"}]}", true),
    ("blkio_config", "{device_read_bps: [{path: /dev/sda, rate: 1mb, x-why: it}]}", true),
    ("blkio_config", "{device_read_bps: [{path: /dev/sda, rate: fast}]}", false),
    ("gpus", "[{count: \"2\", x-why: it}]", true),
    ("gpus", "[{count: \"-1\"}]", true),
    ("gpus", "[{count: 0}]", false),
    ("devices", "[{source: /dev/fuse, x-why: it}]", true),
    ("volumes", "[{type: tmpfs, target: /x, tmpfs: , consistency: cached, x-why: it}]", true),
    (
        "volumes",
        "[{type: bind, source: /a, target: /x, read_only: \"true\", bind: {x-a: 1}}]",
        true,
    ),
    ("volumes", "[{type: bind, source: /a, target: /x, read_only: \"yes\"}]", false),
    ("volumes", "[{type: tmpfs, target: /x, tmpfs: {size: large}}]", false),
    ("volumes", "[\"a b:/x\"]", false),
    ("volumes", "[\"./a b:/x\"]", true),
    ("cpu_shares", "512.0", true),
    ("cpu_shares", "512.5", false),
    ("pids_limit", "100.0", true),
    ("cpuset", "1.0", true),
    ("cpu_quota", "-1", true),
    ("cpu_quota", "\"-1\"", true),
    ("cpu_quota", "-2", false),
    ("cpu_rt_runtime", "-1", false),
    ("mem_swappiness", "-1", true),
    ("mem_swappiness", "-2", false),
    ("restart_policy_retry", "\"5\"", true),
    ("stop_signal", "10.0", true),
    ("init", "\"true\"", true),
    ("init", "\"yes\"", false),
    ("read_only", "\"false\"", true),
    ("privileged", "\"true\"", true),
    ("tty", "\"true\"", true),
    ("tty", "1", false),
    ("ports", "[{target: 80, mode: host, name: web, app_protocol: http, x-why: it}]", true),
    ("ports", "[{target: 80, mode: ingress, published: }]", true),
    ("ports", "[{target: 80, mode: mesh}]", false),
    ("ports", "[{target: many}]", false),
    ("ports", "[80.0]", true),
    ("networks", "{back: {interface_name: eth9, x-why: it, priority: \"5\"}}", true),
    ("networks", "{back: {interface_name: a/b}}", false),
    ("networks", "[default]", true),
    ("logging", "{driver: local, options: , x-why: it}", true),
    ("logging", "{driver: local, options: {max-size: }}", false),
    ("logging", "{driver: local, options: [max-size]}", false),
];

#[test]
fn parsers_and_schemas_agree_on_what_people_write() {
    let mut wrong = Vec::new();
    for (key, text, taken) in WRITTEN {
        let row = row_by_word(key).unwrap();
        let read = node(text);
        let schema = jsonschema::draft202012::new(&row.schema()).unwrap();
        let declared = parse(row, &read);
        if declared.is_some() != *taken || schema.is_valid(&json_of(&read)) != *taken {
            let schema = schema.is_valid(&json_of(&read));
            wrong.push(format!("{key}: {text}: {:?}, by the schema {schema}", declared.is_some()));
        }
        let Some(declared) = declared else { continue };
        let again = parse(row, &Node::from_json(&declared.print()));
        if again.as_ref() != Some(&declared) {
            wrong.push(format!("{key}: {text} prints {}", declared.print()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
