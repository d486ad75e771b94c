//! Specs that nobody means well with: each ends quickly and in an error, never in a panic.

use std::fmt::Write as _;
use std::time::Duration;

use bayplan::spec::read::Files;
use bayplan::spec::{Spec, read};
use bayplan::syntax::node::Problem;
use bayplan::syntax::{problems, yaml};

use crate::effort::Effort;

/// The design's example, with something of everything.
const EXAMPLE: &str = "\
# A shop.
project: shop
x-common: &common
  restart: unless-stopped
  labels: {team: \"žluť 🐳\", tier: 'a''b'}
containers:
  db:
    <<: *common
    name: shop-db
    image: postgres:16.4
    state: reloaded
    mem_limit: 512m
    volumes: [\"pgdata:/var/lib/postgresql/data\"]
    environment:
      POSTGRES_USER: shop
      POSTGRES_PASSWORD: {from_env: DB_PASSWORD}
  web:
    <<: *common
    image: ghcr.io/acme/web:2.3
    count: 3
    command: >-
      serve
      --port 8080
    ports: [\"127.0.0.1:8080-8082:8080\"]
    depends_on: [db]
";

/// Of processor time, in debug mode.
const QUICKLY: Duration = Duration::from_secs(20);

/// The door that everything comes through: bytes, text, tree, spec.
fn door(bytes: &[u8]) -> Result<Spec, Vec<Problem>> {
    let text = yaml::text(bytes).map_err(|problem| vec![problem])?;
    read::text(text, &Files::new())
}

/// Reads and, where it is wrong, renders: no part of the way may panic.
#[track_caller]
fn shown(bytes: &[u8]) -> Result<Spec, String> {
    let start = Effort::begin();
    let result = door(bytes).map_err(|wrong| {
        assert!(!wrong.is_empty());
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 16)]);
        let told = problems::render("spec.yaml", &text, &wrong);
        assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{told:?}");
        told
    });
    assert!(start.spent() < QUICKLY, "{:?}", start.spent());
    result
}

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    shown(bytes).unwrap_err()
}

#[test]
fn the_example_is_right() {
    let spec = shown(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(spec.sets.len(), 2);
    let crlf = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(shown(crlf.as_bytes()).as_ref(), Ok(&spec));
}

#[test]
fn truncated_at_every_byte() {
    let whole = shown(EXAMPLE.as_bytes()).unwrap();
    for length in 0..EXAMPLE.len() {
        // What is left may be a spec, but never the same one.
        if let Ok(spec) = shown(&EXAMPLE.as_bytes()[..length]) {
            assert!(spec != whole || EXAMPLE[length..].trim().is_empty(), "{length}");
        }
    }
}

#[test]
fn every_byte_replaced() {
    for strange in [b'\0', b'\t', b'"', b'[', b'{', b':', b'*', b'!', b'\xff'] {
        for at in (0..EXAMPLE.len()).step_by(3) {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            bytes[at] = strange;
            let _ = shown(&bytes);
        }
    }
}

#[test]
fn a_hundred_megabytes() {
    let start = Effort::begin();
    for byte in [b'a', b'[', b' ', b'\n'] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused(&vec![byte; 100 << 20]), @"
            spec.yaml: expected at most 5242880 bytes, but it is longer
              hint: is it the right file?
            ");
        }
    }
    assert!(start.spent() < QUICKLY, "{:?}", start.spent());
}

#[test]
fn as_large_as_it_may_be() {
    let most = yaml::MOST_BYTES;
    let fill = |unit: &str| unit.repeat(most / unit.len());
    let keys = (0..most / 12).map(|n| format!("k{n:08}: \n")).collect::<Vec<_>>().concat();
    for text in [
        fill("a"),
        fill("- a\n"),
        fill("# a\n"),
        fill("\n"),
        fill("a: &a [*a]\n"),
        fill("[a,"),
        fill("\"\\u0041"),
        fill("a:\n"),
        keys,
        format!("project: {}\ncontainers: {{}}\n", "a".repeat(most - 100)).replace("aaa", "aA "),
    ] {
        refused(text.as_bytes());
    }
}

#[test]
fn ten_thousand_levels() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("&a [", "]")] {
        let text = format!("a: {}x{}", open.repeat(10_000), close.repeat(10_000));
        refused(text.as_bytes());
        refused(text.trim_start_matches("a: ").as_bytes());
    }
    let block = (0..1_500).map(|depth| " ".repeat(depth) + "a:\n").collect::<Vec<_>>().concat();
    refused(block.as_bytes());
}

#[test]
fn alias_bombs() {
    let mut laughs = "project: p\nx-a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut maps = "project: p\nx-a: &a {k: v}\n".to_owned();
    for (one, another) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        let items = vec![format!("*{one}"); 10].join(", ");
        let _ = writeln!(laughs, "x-{another}: &{another} [{items}]");
        let _ = writeln!(maps, "x-{another}: &{another}");
        for key in 0..10 {
            let _ = writeln!(maps, "  k{key}: *{one}");
        }
    }
    let wide = format!("x-a: &a [{}]\nx-b: [{}]\n", "x, ".repeat(3_000), "*a, ".repeat(3_000));
    let merged = format!(
        "x-a: &a {{{}}}\nx-b:\n{}",
        (0..900).map(|n| format!("k{n}: v, ")).collect::<Vec<_>>().concat(),
        (0..900).map(|n| format!("  m{n}: {{<<: *a}}\n")).collect::<Vec<_>>().concat(),
    );
    for text in [laughs, maps, wide, merged] {
        let told = refused(text.as_bytes());
        assert!(told.contains("expected a spec of reasonable size"), "{told}");
    }
    for text in ["a: &a [*a]\n", "a: &a {b: *a}\n"] {
        refused(text.as_bytes());
    }
}

#[test]
fn many_of_everything_that_is_wrong() {
    let mut circles = "project: p\ncontainers:\n".to_owned();
    for n in 0..1_000 {
        let _ = writeln!(circles, "  s{n}: {{image: x, depends_on: [s{n}, s{}], m: }}", n + 1);
    }
    let all = door(circles.as_bytes()).unwrap_err();
    let told = all.iter().filter(|problem| problem.message.contains("a circle: ")).count();
    assert_eq!(told, 20, "as many as anybody reads");
    let told = refused(circles.as_bytes());
    assert_eq!(told.lines().filter(|line| line.starts_with("spec.yaml:")).count(), 101);
    assert!(told.ends_with(&format!("spec.yaml: and {} more like these\n", all.len() - 100)));
    let labels = (0..20_000).map(|n| format!("$$k{n}: v, ")).collect::<Vec<_>>().concat();
    let dollars = format!(
        "project: p\ncontainers: {{a: {{image: x, labels: {{{labels}$k: v}}, ports: [{}]}}}}\n",
        (0..2_000)
            .map(|n| format!("'127.0.{}.{}:80:80', ", n / 250, n % 250))
            .collect::<Vec<_>>()
            .concat(),
    );
    let told = refused(dollars.as_bytes());
    assert!(told.contains("without variables, but found `$k`"), "{told}");
    let capabilities = (0..20_000).map(|n| format!("C{n}, ")).collect::<Vec<_>>().concat();
    let capabilities =
        format!("project: p\ncontainers: {{a: {{image: x, cap_add: [{capabilities}]}}}}\n");
    refused(capabilities.as_bytes());
}

#[test]
fn wrong_types_everywhere() {
    let whole = yaml::parse(EXAMPLE).unwrap().to_json();
    let wrong = ["null", "true", "-1", "1.5", "\"\"", "\"x\"", "[]", "[[]]", "{}", "{\"\": {}}"];
    let mut places = Vec::new();
    walk(&whole, &mut String::new(), &mut places);
    assert!(places.len() > 20, "{places:?}");
    for place in places {
        for text in wrong {
            let mut spec = whole.clone();
            *spec.pointer_mut(&place).unwrap() = serde_json::from_str(text).unwrap();
            let _ = shown(spec.to_string().as_bytes());
        }
    }
    for text in wrong {
        refused(text.as_bytes());
        for key in bayplan::options::ROWS.iter().map(|row| row.def().key) {
            let spec = format!("project: p\ncontainers: {{a: {{image: x, {key}: {text}}}}}\n");
            let _ = shown(spec.as_bytes());
            let nested = spec.replace(text, &format!("{{k: {text}, l: [{text}]}}"));
            let _ = shown(nested.as_bytes());
        }
    }
}

/// The JSON pointers of every node.
fn walk(json: &serde_json::Value, at: &mut String, out: &mut Vec<String>) {
    out.push(at.clone());
    let children: Vec<(String, &serde_json::Value)> = match json {
        serde_json::Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        serde_json::Value::Object(map) => map.iter().map(|(key, v)| (key.clone(), v)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let length = at.len();
        at.push('/');
        at.push_str(&key);
        walk(child, at, out);
        at.truncate(length);
    }
}

#[test]
fn rubbish_and_control_characters() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = vec![0_u8; 1 << 16];
    for byte in &mut noise {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[3];
    }
    refused(&noise);
    refused(b"\x7fELF\x02\x01\x01\0\0\0");
    refused(b"\xff\xfep\0r\0");
    refused(b"\x1f\x8b\x08\0");
    insta::assert_snapshot!(refused(b"project: a\x1b]0;owned\x07\ncontainers: {}\n"), @r"
    spec.yaml:1:11: expected text, but found the control character \u{1b}
      1 | project: a\u{1b}]0;owned\u{7}
        |           ^
      hint: in double quotes, write it as an escape
    ");
    // What may stand in a text is shown escaped.
    insta::assert_snapshot!(
        refused("project: \"a\\e[31m\u{202e}b\"\ncontainers: {\"\\x07\": {}}\n".as_bytes()), @r#"
    spec.yaml:1:10: expected a name of lower-case letters, digits, `-` and `_` that begins with a letter or digit, but found the text `a\u{1b}[31m\u{202e}b`
      1 | project: "a\e[31m\u{202e}b"
        |          ^
    spec.yaml:2:14: expected a set's name of letters, digits, `_`, `.` and `-` that begins with a letter or digit, but found `\u{7}`
      2 | containers: {"\x07": {}}
        |              ^
    spec.yaml:2:14: expected an `image`, but found none
      2 | containers: {"\x07": {}}
        |              ^
      hint: only a set with a `name` that is `stopped`, `killed` or `absent` needs none
    "#);
}

#[test]
fn tabs_second_documents_and_directives() {
    for text in [
        "project: p\ncontainers:\n\ta: {image: x}\n",
        "project: p\ncontainers: {}\n---\nproject: q\n",
        "project: p\ncontainers: {}\n...\n---\n",
        "%YAML 9.9\n%TAG ! x\n---\nproject: p\n",
        "project: p\nproject: q\ncontainers: {}\n",
        "{\"project\": \"p\", \"project\": \"q\", \"containers\": {}}",
        "{\"project\": \"p\", \"containers\": {}} trailing",
        "!!binary aGVsbG8=",
        "project: !!binary /////w==\ncontainers: {}\n",
        "project: !!int p\ncontainers: {}\n",
        "project: !!python/object:os.system p\ncontainers: {}\n",
    ] {
        refused(text.as_bytes());
    }
}

#[test]
fn a_line_of_a_neighbour_is_never_shown() {
    let text = "project: p\ncontainers:\n  a:\n    image: x\n    environment: {T: s3cr3t}\n    \
        memroy: 1\n    environmemt: {}\n  b: [\n";
    for length in 0..=text.len() {
        if let Err(told) = shown(&text.as_bytes()[..length]) {
            let lines: Vec<&str> = told.lines().filter(|line| line.contains("s3cr3t")).collect();
            assert!(lines.iter().all(|line| line.starts_with("  5 | ")), "{length}: {told}");
        }
    }
    let whole = refused(text.replace("  b: [\n", "").as_bytes());
    assert!(!whole.contains("s3cr3t"), "{whole}");
}
