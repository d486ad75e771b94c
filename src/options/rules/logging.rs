//! Options of the built-in log drivers: the known names and values. An engine checks most of these
//! at the start only. Options of other drivers are not checked.

use super::security::BOOLEANS;
use super::{Conflict, DeclaredOptions, MOST_TOLD};
use crate::base::say;
use crate::options::logging::Logging;
use crate::options::value;

/// The options of `json-file`; the next list has the options of `local`.
const JSON_FILE: &[&str] =
    &["compress", "env", "env-regex", "labels", "labels-regex", "max-file", "max-size", "tag"];
const LOCAL: &[&str] = &["compress", "max-file", "max-size"];

/// Options that an engine handles for every driver.
const AROUND: &[&str] = &["mode", "max-buffer-size"];

/// The names of syslog facilities; other facilities are numbers.
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let Some(logging) = said.get::<Logging>("logging") else { return };
    let driver = logging.driver().unwrap_or_default();
    if driver == "none" {
        return;
    }
    let known = |(_, value): &(&String, &String)| !value::looks_marked(value);
    let wrong = logging.options().iter().filter(known).filter_map(|(option, value)| {
        let told = unknown(driver, option).or_else(|| misfit(logging, driver, option, value))?;
        Some(Conflict { item: Some("options".to_owned()), ..told })
    });
    all.extend(wrong.take(MOST_TOLD));
}

/// Refuses an option that the driver does not know.
fn unknown(driver: &str, option: &str) -> Option<Conflict> {
    let its = match driver {
        "json-file" => JSON_FILE,
        "local" => LOCAL,
        _ => return None,
    };
    if its.contains(&option) || AROUND.contains(&option) || option.starts_with("cache-") {
        return None;
    }
    let found = say::short(option);
    let conflict =
        Conflict::new("logging", format!("expected an option of `{driver}`, but found `{found}`"));
    let close = say::did_you_mean(option, its.iter().chain(AROUND).copied());
    Some(match close {
        Some(close) => conflict.hint(format!("did you mean `{close}`?")),
        None => conflict.hint(format!("those are {}", its.join(", "))),
    })
}

/// Refuses a value that no engine accepts.
fn misfit(logging: &Logging, driver: &str, option: &str, value: &str) -> Option<Conflict> {
    let files = matches!(driver, "json-file" | "local");
    let said = |option: &str| logging.options().get(option).map(String::as_str);
    let wanted = match option {
        "mode" if !matches!(value, "blocking" | "non-blocking") => "blocking or non-blocking",
        "max-buffer-size" if said("mode") != Some("non-blocking") => {
            let message = "expected `mode: non-blocking` beside `max-buffer-size`, but found none";
            return Some(Conflict::new("logging", message).hint("only then there is a buffer"));
        }
        "max-buffer-size" if !is_size(value) => "a size like 4m",
        "max-size" if files && value != "-1" && !is_size(value) => "a size like 10m",
        "max-file" if files && !value.parse::<i64>().is_ok_and(|number| number > 0) => {
            "a number of at least 1"
        }
        "compress" if files && !BOOLEANS.contains(&value) => "true or false",
        "tag" if value.matches("{{").count() != value.matches("}}").count() => {
            "a template that closes what it opens"
        }
        "syslog-facility" if driver == "syslog" && !is_facility(value) => {
            "a facility like daemon or local0"
        }
        "syslog-address" if driver == "syslog" && !value.contains("://") => {
            "an address like udp://192.0.2.1:514"
        }
        _ => return None,
    };
    let found = say::short(value);
    let message = format!("expected {wanted} as `{option}`, but found `{found}`");
    Some(Conflict::new("logging", message))
}

fn is_facility(value: &str) -> bool {
    FACILITIES.contains(&value) || value.parse::<u8>().is_ok_and(|number| number < 24)
}

/// Whether a text is a number with a unit, such as `1.5 MiB`.
fn is_size(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[number.len()..].to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = unit.strip_suffix('i').unwrap_or(unit);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let digits = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    matches!(unit, "" | "k" | "m" | "g" | "t" | "p")
        && digits
        && number.starts_with(|c: char| c.is_ascii_digit())
        && number.ends_with(|c: char| c.is_ascii_digit())
}
