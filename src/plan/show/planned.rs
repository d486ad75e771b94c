//! The planned containers in words, by option and entry.
//!
//! Dangerous values are shown in full by the dangers, not here.

use serde_json::{Map, Value as Json};

use super::told::{self, Told};
use crate::base::notation;
use crate::options;
use crate::options::row::Unit;
use crate::plan::planned::{Options, Planned};
use crate::plan::{ImagePin, OptionDifference, Reason};

/// The option whose entries are maps.
const FILES: &str = "files";
/// The longest entry of a value, in characters.
const ENTRY: usize = 200;
/// The largest number of entries that are shown for a value; the plan file has all entries.
const MOST_ENTRIES: usize = 40;
/// The largest number of containers that are shown with their own options for a set.
const MOST_CONTAINERS: usize = 40;

/// The options that describe the command and the access of a container; these options come first.
const FIRST: &[&str] = &[
    "entrypoint",
    "command",
    "privileged",
    "ports",
    "volumes",
    "tmpfs",
    "environment",
    "network_mode",
    "networks",
];

/// The planned containers of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillBe {
    /// Whether the differences of an existing container are shown as well, so that only the other
    /// options are here.
    pub is_rest: bool,
    /// The image: `postgres:16.4, sha256:fc3d16b70360`; `None` if the differences show the image.
    pub image: Option<String>,
    /// The options that all containers have.
    pub options: Vec<Opt>,
    /// The options of single containers: name, options.
    pub own: Vec<(String, Vec<Opt>)>,
    /// The number of further containers with options of their own.
    pub more: usize,
    /// The options from the image; `None` if they are unknown before the pull.
    pub from_image: Option<Vec<Opt>>,
}

/// One option and its value, by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opt {
    /// The key of the option.
    pub key: String,
    /// The entries: `LANG=C.UTF-8`, `8080:80/tcp`; one entry if the value has no parts.
    pub entries: Vec<String>,
    /// The number of further entries, which the plan file has.
    pub more: usize,
}

impl Opt {
    /// The value in one line.
    pub fn words(&self) -> String {
        let more =
            (self.more > 0).then(|| format!("and {} more, which the plan file has", self.more));
        let all = self.entries.iter().cloned().chain(more);
        // The words of a command are one line, as a user would type the command.
        all.collect::<Vec<_>>().join(if told::is_typed(&self.key) { " " } else { ", " })
    }
}

/// Options in one line: `command serve; environment PATH`.
pub fn together(options: &[Opt]) -> String {
    let all: Vec<String> =
        options.iter().map(|option| format!("{} {}", option.key, option.words())).collect();
    all.join("; ")
}

/// The planned options of some containers of a set.
pub fn of(planned: &Planned, containers: &[&str]) -> WillBe {
    let mine = |name: &str| containers.contains(&name);
    let own =
        planned.containers.iter().filter(|(name, own)| mine(name.as_str()) && !own.is_empty());
    let all = own.clone().count();
    WillBe {
        is_rest: false,
        image: Some(image(planned)),
        options: options(&planned.options),
        own: own
            .take(MOST_CONTAINERS)
            .map(|(name, own)| (told::value(name.as_str(), ENTRY), options(own)))
            .collect(),
        more: all.saturating_sub(MOST_CONTAINERS),
        from_image: planned.from_image.as_ref().map(options),
    }
}

/// A network or a volume that is created, from its declaration; `driver` is the default driver.
pub fn resource(declared: &Json, driver: &str) -> WillBe {
    let mut all: Options =
        declared.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    // The name is the name of the change; whether it is made anew is what the change says.
    all.retain(|key, _| !matches!(key.as_str(), "name" | "recreate"));
    all.entry("driver".to_owned()).or_insert_with(|| driver.into());
    let mut options: Vec<Opt> = Vec::new();
    for (key, value) in all {
        let subnets = value["config"].as_array().filter(|_| key == "ipam");
        options.extend(subnets.map(|subnets| self::subnets(subnets)));
        match value {
            Json::Object(mut ipam) if key == "ipam" => {
                ipam.remove("config");
                options.extend((!ipam.is_empty()).then(|| option(&key, &ipam.into())));
            }
            value => options.push(option(&key, &value)),
        }
    }
    options.sort_by_key(|option| option.key != "driver");
    let (own, from_image) = (Vec::new(), Some(Vec::new()));
    WillBe { is_rest: false, image: None, options, own, more: 0, from_image }
}

/// The subnets of a network: `10.5.0.0/24 {gateway: 10.5.0.1}`.
fn subnets(all: &[Json]) -> Opt {
    let subnet = |config: &Json| {
        let mut more = config.as_object().cloned().unwrap_or_default();
        let subnet = more.remove("subnet");
        let subnet = subnet.as_ref().and_then(Json::as_str).map(|text| told::value(text, ENTRY));
        let more = (!more.is_empty()).then(|| one(SUBNET, &more.into()));
        subnet.into_iter().chain(more).collect::<Vec<_>>().join(" ")
    };
    let entries: Vec<String> = all.iter().take(MOST_ENTRIES).map(subnet).collect();
    Opt { key: SUBNET.to_owned(), more: all.len() - entries.len(), entries }
}

/// The key of the subnets of a network.
const SUBNET: &str = "subnet";

/// The planned options that the differences of an existing container do not show.
pub fn rest(planned: &Planned, containers: &[&str], reasons: &[Reason]) -> WillBe {
    let left = |options: &Options| -> Options {
        let left = options.iter().filter_map(|(key, value)| {
            let told = reasons.iter().find(|reason| topic(reason) == Some(key));
            Some((key.clone(), told.map_or_else(|| Some(value.clone()), |it| untold(value, it))?))
        });
        left.collect()
    };
    let own = planned.containers.iter().map(|(name, own)| (name.clone(), left(own))).collect();
    let told_image = reasons.iter().any(|reason| topic(reason) == Some("image"));
    let rest = Planned {
        reference: planned.reference.clone(),
        image: planned.image.clone(),
        containers: own,
        options: left(&planned.options),
        // Values that the new image adds are shown with the differences.
        from_image: planned.from_image.as_ref().map(|_| Options::new()),
    };
    let all = of(&rest, containers);
    WillBe { is_rest: true, image: all.image.filter(|_| !told_image), ..all }
}

/// The option of a reason.
fn topic(reason: &Reason) -> Option<&str> {
    match reason {
        Reason::Option(difference) => Some(&difference.option),
        Reason::Environment(difference) => Some(&difference.option),
        Reason::Because(_) => None,
    }
}

/// The part of a value that its difference does not show; `None` if the difference shows the whole
/// value.
fn untold(value: &Json, reason: &Reason) -> Option<Json> {
    match (value, reason) {
        (Json::Object(map), Reason::Environment(difference)) => {
            // A name alone tells no value, and no place that the value comes from.
            kept_of_map(map, |name| !difference.values.contains_key(name))
        }
        (value, Reason::Option(difference)) => {
            let OptionDifference { option, expected, found, .. } = difference;
            match (value, told::told(found, expected, told::is_ordered(option))) {
                (_, Told::Whole(..)) => None,
                (Json::Object(map), Told::Entries(_)) => {
                    kept_of_map(map, |name| found.get(name) == expected.get(name))
                }
                (Json::Array(items), Told::Entries(_)) if !told::is_ordered(option) => {
                    let has = |side: &Json, item: &Json| {
                        side.as_array().is_some_and(|items| items.contains(item))
                    };
                    let told = |item: &&Json| has(expected, item) && !has(found, item);
                    let kept: Vec<Json> =
                        items.iter().filter(|item| !told(item)).cloned().collect();
                    (!kept.is_empty()).then_some(Json::Array(kept))
                }
                // The order of a list shows only in the whole list.
                (value, Told::Entries(_)) => Some(value.clone()),
            }
        }
        (value, _) => Some(value.clone()),
    }
}

fn kept_of_map(map: &Map<String, Json>, keep: impl Fn(&String) -> bool) -> Option<Json> {
    let kept: Map<String, Json> = map
        .iter()
        .filter(|(name, _)| keep(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!kept.is_empty()).then_some(Json::Object(kept))
}

pub(super) fn image(planned: &Planned) -> String {
    let reference = told::value(&planned.reference, ENTRY);
    match &planned.image {
        ImagePin::Id(id) if planned.reference.starts_with("sha256:") => id.short(),
        ImagePin::Id(id) => format!("{reference}, {}", id.short()),
        ImagePin::Digest(digest) => {
            format!(
                "{reference}, {}, once it is pulled",
                told::short_ids(&told::ends(digest, ENTRY))
            )
        }
    }
}

fn options(options: &Options) -> Vec<Opt> {
    let place = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut all: Vec<(&String, &Json)> = options.iter().collect();
    all.sort_by_key(|(key, _)| place(key));
    all.into_iter().map(|(key, value)| option(key, value)).collect()
}

pub(super) fn option(key: &str, value: &Json) -> Opt {
    let (entries, all): (Vec<String>, usize) = match value {
        Json::Array(items) => {
            let shown = items.iter().take(MOST_ENTRIES).map(|item| one(key, item));
            (shown.collect(), items.len())
        }
        Json::Object(map) if reference(value).is_none() => {
            let shown = map.iter().take(MOST_ENTRIES);
            let shown = shown.map(|(name, value)| entry(key, name, value));
            (shown.collect(), map.len())
        }
        other => (vec![one(key, other)], 1),
    };
    Opt { key: told::ends(key, ENTRY), more: all - entries.len(), entries }
}

pub(super) fn entry(key: &str, name: &str, value: &Json) -> String {
    let name = told::value(name, ENTRY);
    match value {
        Json::Null => name,
        Json::Object(map) if map.is_empty() => name,
        // A file: its content, and who may read the file.
        Json::Object(map) if key == FILES => {
            let own = map.iter().map(|(field, value)| match field.as_str() {
                "content" => one(key, value),
                field => format!("({field} {})", one(key, value)),
            });
            std::iter::once(name).chain(own).collect::<Vec<_>>().join(" ")
        }
        value => match reference(value) {
            Some(reference) => format!("{name} {reference}"),
            None if value.is_object() => format!("{name} {}", one(key, value)),
            None => format!("{name}={}", one(key, &sizes(value, name.ends_with("_bps")))),
        },
    }
}

/// The reference in place of a value that the plan file does not have: `from_env:DB_PASSWORD`,
/// `env_file:web.env`.
pub(super) fn reference(value: &Json) -> Option<String> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (kind, name) = map.iter().next()?;
    let is_one = kind.starts_with("from_") || matches!(kind.as_str(), "env_file" | "template");
    let kind = Some(kind).filter(|_| is_one)?;
    Some(format!("{kind}:{}", told::value(name.as_str()?, ENTRY)))
}

/// A value in which the sizes of mounts and the rates in bytes are spelt.
fn sizes(value: &Json, bytes: bool) -> Json {
    match value {
        Json::Array(items) => items.iter().map(|item| sizes(item, bytes)).collect(),
        Json::Object(map) => {
            let is_size = |key: &str| key == "size" || bytes && key == "rate";
            let one = |(key, value): (&String, &Json)| {
                let spelt = value.as_i64().filter(|_| is_size(key));
                let spelt = spelt.and_then(|number| Unit::Bytes.spelt(number));
                (key.clone(), spelt.map_or_else(|| sizes(value, bytes), Json::String))
            };
            map.iter().map(one).collect()
        }
        other => other.clone(),
    }
}

pub(super) fn one(key: &str, value: &Json) -> String {
    match value {
        Json::String(_) if told::is_typed(key) => told::ends(&told::typed(key, value), ENTRY),
        Json::String(text) => told::value(text, ENTRY),
        Json::Number(number) => {
            let unit = options::row(key).map(|row| row.def().unit);
            let spelt = unit.zip(number.as_i64()).and_then(|(unit, number)| unit.spelt(number));
            spelt.unwrap_or_else(|| number.to_string())
        }
        other => match reference(other) {
            Some(reference) => reference,
            None => told::ends(&notation::of(&sizes(other, false)), ENTRY),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;
    use crate::base::ident::ImageId;
    use crate::plan::{EnvironmentDifference, Origin, Values};
    use crate::syntax::node::Problems;

    fn planned(options: Json) -> Planned {
        let options = serde_json::from_value(options).unwrap();
        let image = ImagePin::Id(ImageId::new("sha256:00"));
        Planned { reference: "a:1".into(), image, containers: [].into(), options, from_image: None }
    }

    fn rest_of(option: &str, found: Json, expected: &Json) -> String {
        let reason = Reason::Option(OptionDifference {
            option: option.into(),
            origin: Origin::Declared,
            expected: expected.clone(),
            found,
            in_place: false,
            references: None,
        });
        let mut options = json!({});
        options[option] = expected.clone();
        together(&rest(&planned(options), &[], &[reason]).options)
    }

    #[test]
    fn the_rest_of_a_list_in_order_is_all_of_it_and_nothing_is_told_twice() {
        let argv = |last: &str| {
            let words = (0..30).map(|word| format!("--option-{word}"));
            Json::from(words.chain([last.to_owned()]).collect::<Vec<_>>())
        };
        let rest = rest_of("command", argv("--old"), &argv("--new"));
        assert!(rest.starts_with("command --option-0 --option-1 "), "{rest}");
        assert!(rest.ends_with(" --option-29 --new"), "{rest}");
        // A short value was shown in full.
        assert_eq!(rest_of("command", json!(["a"]), &json!(["b", "c"])), "");
        assert_eq!(rest_of("command", Json::Null, &json!(["b", "c"])), "");
        assert_eq!(rest_of("mem_limit", json!(1), &json!(2)), "");
    }

    #[test]
    fn the_rest_of_a_set_or_a_map_is_what_both_sides_have() {
        let ports = json!(["80:80/tcp", "81:81/tcp"]);
        assert_eq!(rest_of("ports", json!(["80:80/tcp"]), &ports), "ports 80:80/tcp");
        assert_eq!(rest_of("ports", json!([]), &ports), "");
        let labels = json!({"a": "1", "b": "2"});
        assert_eq!(rest_of("labels", json!({"a": "1", "c": "3"}), &labels), "labels a=1");
        let reason = Reason::Environment(EnvironmentDifference {
            option: "environment".into(),
            origin: Origin::Declared,
            added: vec!["A".into()],
            changed: vec!["B".into()],
            removed: vec!["C".into()],
            values: [("B".to_owned(), Values::default())].into(),
        });
        let options = json!({"environment": {"A": "1", "B": "2", "C": "3"}});
        let rest = rest(&planned(options), &[], &[reason]);
        // The difference names `A` and tells no value of it.
        assert_eq!(together(&rest.options), "environment A=1, C=3");
    }

    #[test]
    fn of_a_network_that_is_created_all_is_told() {
        let network = json!({
            "name": "back", "internal": true, "labels": {"tier": "back"},
            "driver_opts": {"com.docker.network.bridge.enable_icc": "true"},
            "ipam": {"driver": "own", "config": [
                {"subnet": "10.77.0.0/24", "gateway": "10.77.0.1"}, {"subnet": "10.78.0.0/24"}]},
        });
        insta::assert_snapshot!(together(&resource(&network, "bridge").options), @"driver bridge; driver_opts com.docker.network.bridge.enable_icc=true; internal true; subnet 10.77.0.0/24 {gateway: 10.77.0.1}, 10.78.0.0/24; ipam driver=own; labels tier=back");
        assert_eq!(together(&resource(&Json::Null, "local").options), "driver local");
    }

    #[test]
    fn of_many_entries_that_are_left_the_number_is_said() {
        let ports: Vec<String> = (0..60).map(|port| format!("{port}:80/tcp")).collect();
        let rest = rest_of("ports", json!(ports[..59]), &json!(ports));
        assert!(rest.ends_with("and 19 more, which the plan file has"), "{rest}");
    }

    /// A new option has its line here: its author reads how people will.
    #[test]
    fn every_option_reads_as_a_spec_has_it() {
        let mut all = String::new();
        for row in options::ROWS {
            for example in row.def().examples {
                let root = crate::syntax::yaml::parse(&format!("it: {example}\n")).unwrap();
                let declared =
                    row.parse(&root.entries()[0].value, &mut Problems::default()).unwrap();
                let words = option(row.def().key, &declared.print()).words();
                writeln!(all, "{} {words}", row.def().key).unwrap();
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn no_value_reads_like_two() {
        let words = |key: &str, value: Json| option(key, &value).words();
        assert_eq!(words("ports", json!(["a, b"])), r#""a, b""#);
        assert_eq!(words("ports", json!([r#"a", "b"#, "c"])), r#""a\", \"b", c"#);
        assert_eq!(words("labels", json!({"a": "1, b=2", "x, y": ""})), r#"a="1, b=2", "x, y"="""#);
        assert_eq!(words("labels", json!({"a": "1\nb"})), r#"a="1\u{a}b""#);
        assert_eq!(words("labels", json!({"a": r"1\u{a}b"})), r#"a="1\\u{a}b""#);
        assert_eq!(words("command", json!(["sh", "-c", "a b"])), r#"sh -c "a b""#);
    }
}
