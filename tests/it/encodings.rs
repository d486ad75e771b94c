//! The forms in which a secret might get out. The live tests look for the same ones.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A text that nothing else has a part of, of its own for each number; its encodings have letters on
/// which alphabets differ.
pub(crate) fn canary(number: usize) -> String {
    format!("Xq7?>~{}Ünder~?>", core(number))
}

/// The part that is looked for where no encoding hangs together.
pub(crate) fn core(number: usize) -> String {
    format!("/zebra{number:02}+")
}

fn each(text: &str, form: impl Fn(u8) -> String) -> String {
    text.bytes().map(form).collect()
}

/// What must not be found, each with its name: nine encodings, some in several ways.
pub(crate) fn forms(number: usize) -> Vec<(&'static str, String)> {
    let (canary, core) = (canary(number), core(number));
    let bytes = canary.as_bytes();
    let plain = |byte: u8| char::from(byte).to_string();
    let mut forms = vec![
        ("plain", core.clone()),
        ("hex", each(&core, |byte| format!("{byte:02x}"))),
        ("upper hex", each(&core, |byte| format!("{byte:02X}"))),
        (
            "percent",
            each(&core, |byte| {
                if byte.is_ascii_alphanumeric() { plain(byte) } else { format!("%{byte:02X}") }
            }),
        ),
        ("reversed", core.chars().rev().collect()),
        ("escapes", each(&core, |byte| format!("\\u{byte:04x}"))),
        (
            "entities",
            each(&core, |byte| {
                if byte.is_ascii_alphanumeric() { plain(byte) } else { format!("&#{byte};") }
            }),
        ),
    ];
    // However many bytes come before it, its middle is encoded in one of three ways.
    for skip in 0..3 {
        let end = bytes.len() - (bytes.len() - skip) % 3;
        forms.push(("base64", STANDARD_NO_PAD.encode(&bytes[skip..end])));
        forms.push(("base64url", URL_SAFE_NO_PAD.encode(&bytes[skip..end])));
    }
    forms
}

/// Every form of every canary that a text has, with what stands before it.
pub(crate) fn found(text: &str, carriers: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, carrier) in carriers.iter().enumerate() {
        for (form, encoded) in forms(number) {
            if let Some(at) = text.find(&encoded) {
                let from = text.floor_char_boundary(at.saturating_sub(120));
                let to = text.ceil_char_boundary((at + 60).min(text.len()));
                found.push(format!("{carrier}, {form}: …{}…", &text[from..to]));
            }
        }
    }
    found
}

#[test]
fn every_form_of_every_canary_is_found() {
    let carriers = ["one", "another"];
    for number in 0..carriers.len() {
        let all = forms(number);
        let names: std::collections::BTreeSet<_> = all.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), 9);
        for (name, form) in all {
            let told = found(&format!("{{\"a\": \"{form}\"}}"), &carriers);
            assert!(told.iter().any(|one| one.contains(name)), "{name}: {told:?}");
        }
    }
    assert_eq!(found("Xq7 zebra00", &carriers), [] as [&str; 0]);
}
