//! What every row makes of values that nobody writes on purpose: examples with one scalar, one list
//! or one map turned into something else.

use bayplan::options::ROWS;
use bayplan::syntax::node::{Kind, Node, Problem, Problems};

use crate::rows::node;

/// What stands in a value's place, as YAML.
const OTHERS: &[&str] = &[
    "",
    "~",
    "''",
    "' '",
    "true",
    "'false'",
    "no",
    "0",
    "-1",
    "1",
    "010",
    "0x1f",
    "1.5",
    "1e3",
    "99999999999999999999",
    "512m",
    "30s",
    "-30s",
    "1us",
    "/a",
    "/a/../b:ro",
    "a:b",
    "a:b:c",
    "=",
    "a=b",
    "NAME",
    "host",
    "container:db",
    "'service:'",
    "10.0.0.1",
    "169.254.1.1",
    "::1",
    "80/udp",
    "0-3",
    "\"«hidden»\"",
    "\"«from_env:A»\"",
    "'${A:-b}'",
    "[]",
    "[a, a]",
    "[[a]]",
    "[1, ~, true]",
    "{}",
    "{a: b}",
    "{a: }",
    "{soft: 2, hard: 1}",
    "{x-note: [1]}",
    "{from_env: A, env_file: b}",
    "{unset: false}",
    "{source: /a, target: b}",
];

/// Every tree in which one part is another.
fn changed(node: &Node, other: &Node) -> Vec<Node> {
    let mut all = vec![other.clone()];
    match &node.kind {
        Kind::List(items) => {
            for (place, item) in items.iter().enumerate() {
                for item in changed(item, other) {
                    let mut items = items.clone();
                    items[place] = item;
                    all.push(Node { kind: Kind::List(items), place: node.place });
                }
            }
        }
        Kind::Map(entries) => {
            for (place, entry) in entries.iter().enumerate() {
                for value in changed(&entry.value, other) {
                    let mut entries = entries.clone();
                    entries[place].value = value;
                    all.push(Node { kind: Kind::Map(entries), place: node.place });
                }
            }
        }
        _ => {}
    }
    all
}

/// A value is read, and then its canonical form is read alike; or what is wrong is told in words.
/// Either way the schema takes the canonical form.
#[test]
fn every_value_is_read_or_told_to_be_wrong() {
    let others: Vec<Node> = OTHERS.iter().map(|text| node(text)).collect();
    let (mut tried, mut taken) = (0, 0);
    let mut wrong = Vec::new();
    for row in ROWS {
        let schema = jsonschema::draft202012::new(&row.schema()).unwrap();
        let examples = row.def().examples.iter().map(|text| node(text));
        let values = examples.flat_map(|node| {
            others.iter().flat_map(move |other| changed(&node, other)).collect::<Vec<_>>()
        });
        for value in values {
            tried += 1;
            let told = format!("{}: {}", row.def().key, value.to_json());
            let mut problems = Problems::default();
            let Some(read) = row.parse(&value, &mut problems) else {
                let own = |problem: &Problem| problem.message.contains("a value of this option");
                if problems.all.is_empty() || problems.all.iter().any(own) {
                    wrong.push(format!("{told} is refused with {:?}", problems.all));
                }
                continue;
            };
            taken += 1;
            let printed = read.print();
            let again = row.parse(&Node::from_json(&printed), &mut problems);
            if !problems.all.is_empty() || again.as_ref() != Some(&read) {
                wrong.push(format!("{told} prints {printed}: {:?}", problems.all));
            }
            if !schema.is_valid(&printed) {
                wrong.push(format!("{told} prints {printed}, which the schema refuses"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 15_000 && taken > 1_000, "{tried} tried, {taken} taken");
}
