//! The secrets that this process knows, and their removal from texts of engines, registries and
//! helpers.
//!
//! Such a text may repeat a header, a proxy address with its password, or a variable. Code that
//! learns a secret registers the secret here, and code that takes foreign text passes the text
//! through [`struck`].

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use crate::observed::redact::redacted;
use crate::options::value::HIDDEN;

/// The shortest registered secret, in bytes; a shorter secret would damage ordinary sentences.
const SHORTEST: usize = 6;

static KNOWN: Mutex<Vec<SecretString>> = Mutex::new(Vec::new());

/// Variables that often contain addresses with passwords.
const ADDRESSES: &[&str] = &["DOCKER_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY"];

/// Registers a secret.
pub fn learn(secret: &str) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if secret.len() >= SHORTEST && known.iter().all(|one| one.expose_secret() != secret) {
        known.push(SecretString::from(secret));
    }
}

/// Registers the user and the password of an address.
pub fn learn_url(text: &str) {
    let Some(user) = text.split_once("://").map_or(text, |(_, rest)| rest).rsplit_once('@') else {
        return;
    };
    learn(user.0);
    if let Some((_, password)) = user.0.split_once(':') {
        learn(password);
    }
}

/// Registers the addresses in the environment.
pub fn learn_environment() {
    for name in ADDRESSES {
        for name in [(*name).to_owned(), name.to_ascii_lowercase()] {
            learn_url(&std::env::var(name).unwrap_or_default());
        }
    }
}

/// A foreign text without known secrets, and without the user and password of addresses.
pub fn struck(text: &str) -> String {
    let text = without_users(text);
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_empty() {
        return text;
    }
    let values: BTreeSet<&str> = known.iter().map(secrecy::ExposeSecret::expose_secret).collect();
    redacted(&text, values)
}

/// Removes the user part of addresses: `https://user:password@host`.
pub fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.extend([before, "://"]);
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>')
        };
        // The search ends at the next address, so that the cost stays linear.
        let own = after.split_once("://").map_or(after, |(own, _)| own);
        let (place, _) = own.split_at(own.find(ends).unwrap_or(own.len()));
        let tail = after.get(place.len()..).unwrap_or_default();
        // A password may contain slashes that its author did not escape.
        let word = own.find(|c: char| c.is_whitespace() || matches!(c, '"' | '`'));
        let word = own.get(..word.unwrap_or(own.len())).unwrap_or_default();
        rest = match (place.rsplit_once('@'), word.rsplit_once('@')) {
            (Some((_, host)), _) => {
                out.extend([HIDDEN, "@", host]);
                tail
            }
            (None, Some((user, _))) if !is_host(place) => {
                out.extend([HIDDEN, "@"]);
                after.get(user.len() + 1..).unwrap_or_default()
            }
            _ => {
                out.push_str(place);
                tail
            }
        };
    }
    out + rest
}

/// Whether a text is `host` or `host:port`; another text is a user and the beginning of a password.
fn is_host(place: &str) -> bool {
    let port = place.rsplit_once(':').map(|(_, port)| port);
    port.is_none_or(|port| port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_addresses_are_struck_out() {
        for (text, clean) in [
            ("tcp://u:p@h:1", "tcp://«hidden»@h:1"),
            ("a https://token@h/x?y b", "a https://«hidden»@h/x?y b"),
            (
                "proxy \"http://u:p@ss@h:3128\": refused",
                "proxy \"http://«hidden»@h:3128\": refused",
            ),
            ("http://u:p/w@h/", "http://«hidden»@h/"),
            ("http://u:p?>~/w<@h/ <https://h/x>", "http://«hidden»@h/ <https://h/x>"),
            ("https://h/x@sha256:1", "https://h/x@sha256:1"),
            ("https://h:5000/x@sha256:1", "https://h:5000/x@sha256:1"),
            ("http://u:p/w@h/?to=http://y@z", "http://«hidden»@h/?to=http://«hidden»@z"),
            ("x://", "x://"),
            ("mail me@h", "mail me@h"),
            ("x://a:b@c y://d:e@f", "x://«hidden»@c y://«hidden»@f"),
        ] {
            assert_eq!(without_users(text), clean);
        }
    }

    #[test]
    fn many_addresses_cost_no_more_than_few() {
        let start = std::time::Instant::now();
        let text = "a://u:p/w@".repeat(100_000);
        assert!(!without_users(&text).contains("p/w"));
        let text = "a://".repeat(250_000);
        assert_eq!(without_users(&text), text);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }

    #[test]
    fn what_is_known_does_not_come_back() {
        learn_url("http://known-user:known%2Fsecret@proxy");
        learn("known token");
        for text in ["it said known token", "Basic a25vd24gdG9rZW4=", "lookup known%2Fsecret@proxy"]
        {
            let clean = struck(text);
            assert!(clean.contains(HIDDEN) && !clean.contains("known"), "{clean}");
        }
        learn("short");
        assert_eq!(struck("a short text"), "a short text");
    }
}
