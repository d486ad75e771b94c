//! Image references: their parts, and when two references mean the same image.
//!
//! The image of a reference on an engine is in the snapshot, not here. No registry address except
//! Docker Hub's is known here.

mod index;

use std::fmt;

pub use index::RefIndex;

/// The name of Docker Hub in references.
pub const HUB: &str = "docker.io";
/// The older name of Docker Hub.
const OLD_HUB: &str = "index.docker.io";
/// The prefix of Docker Hub's official repositories.
const LIBRARY: &str = "library/";
/// The default tag.
const LATEST: &str = "latest";
/// The longest name, including the registry.
const LONGEST_NAME: usize = 255;
/// The longest tag.
const LONGEST_TAG: usize = 128;

/// An image reference in a spec, inspect data or a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageRef {
    /// `sha256:` and 64 digits without a repository: an image ID of one engine.
    Id(String),
    /// An image in a repository.
    Named(Named),
}

/// A repository with a tag, a digest or both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The registry: `docker.io`, `localhost:5000`.
    pub registry: String,
    /// The path in the registry: `library/nginx`.
    pub path: String,
    /// The tag; `latest` without a tag and a digest.
    pub tag: Option<String>,
    /// The digest, `sha256:…`.
    pub digest: Option<String>,
}

impl ImageRef {
    /// Parses a reference as Docker's client does.
    ///
    /// The error is a fragment about the fault.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(hex) = text.strip_prefix("sha256:")
            && is_hex64(hex)
        {
            return Ok(Self::Id(text.to_owned()));
        }
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if text.contains("://") {
            return Err("it begins like a URL".into());
        }
        if is_hex64(text) {
            return Err(
                "64 digits alone are no reference; an image ID begins with `sha256:`".into()
            );
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(checked_digest(digest)?)),
            None => (text, None),
        };
        // A colon after the last slash begins the tag; an earlier colon begins the port of the
        // registry.
        let last = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name.get(last..).and_then(|tail| tail.find(':')) {
            Some(at) => {
                let (name, tag) = name.split_at(last + at);
                (name, Some(checked_tag(tag.get(1..).unwrap_or_default())?))
            }
            None => (name, None),
        };
        let (registry, path) = split_registry(name);
        check_path(&path)?;
        if registry.len() + 1 + path.len() > LONGEST_NAME {
            return Err(format!("its name is longer than {LONGEST_NAME} characters"));
        }
        check_registry(&registry)?;
        let tag = if tag.is_none() && digest.is_none() { Some(LATEST.to_owned()) } else { tag };
        Ok(Self::Named(Named { registry, path, tag, digest }))
    }

    /// The normalised registry and path: `docker.io/library/nginx`; `None` for an image ID.
    pub fn repository(&self) -> Option<String> {
        match self {
            Self::Id(_) => None,
            Self::Named(named) => Some(named.repository()),
        }
    }

    /// The tag, if the reference has no digest, because a digest decides alone.
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Named(named) => named.tag.as_deref(),
        }
    }

    /// The digest.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Named(named) => named.digest.as_deref(),
        }
    }

    /// Whether a container with the image reference `other` uses this image, by name: repositories
    /// and tags must be equal. If one side has a digest, equal repositories are enough. An image ID
    /// equals only itself.
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Id(one), Self::Id(another)) => one == another,
            (Self::Named(one), Self::Named(another)) => {
                one.repository() == another.repository()
                    && (one.digest.is_some() || another.digest.is_some() || one.tag == another.tag)
            }
            _ => false,
        }
    }

    /// The repository with a digest, for a pull: `repo@sha256:…`. `None` for an image ID.
    pub fn with_digest(&self, digest: &str) -> Option<Self> {
        match self {
            Self::Id(_) => None,
            Self::Named(named) => Some(Self::Named(Named {
                tag: None,
                digest: Some(digest.to_owned()),
                ..named.clone()
            })),
        }
    }

    /// The short form: without Docker Hub, without `library/`, and without a tag beside a digest.
    pub fn familiar(&self) -> String {
        let Self::Named(named) = self else { return self.to_string() };
        let full = self.to_string();
        if named.registry != HUB {
            return full;
        }
        let short = full.strip_prefix("docker.io/").unwrap_or(&full);
        match short.strip_prefix(LIBRARY) {
            // `library/a/b` is another repository than `a/b`.
            Some(shorter) if !shorter.contains('/') => shorter.to_owned(),
            _ => short.to_owned(),
        }
    }
}

impl Named {
    /// Registry and path: `docker.io/library/nginx`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for ImageRef {
    /// The normalised reference. The tag beside a digest is omitted, because the digest decides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = match self {
            Self::Id(id) => return f.write_str(id),
            Self::Named(named) => named,
        };
        write!(f, "{}", named.repository())?;
        match (&named.digest, &named.tag) {
            (Some(digest), _) => write!(f, "@{digest}"),
            (None, Some(tag)) => write!(f, ":{tag}"),
            (None, None) => Ok(()),
        }
    }
}

/// Whether two references mean the same image by name; invalid references are compared as texts.
pub fn same_image(one: &str, another: &str) -> bool {
    match (ImageRef::parse(one), ImageRef::parse(another)) {
        (Ok(one), Ok(another)) => one.matches(&another),
        _ => one == another,
    }
}

/// Whether two texts are the same reference in any notation.
pub fn same_reference(one: &str, another: &str) -> bool {
    match (ImageRef::parse(one), ImageRef::parse(another)) {
        (Ok(one), Ok(another)) => one == another,
        _ => one == another,
    }
}

/// Splits off the registry: the first part is a registry if it is `localhost`, or has a dot, a port
/// or an upper-case letter.
fn split_registry(name: &str) -> (String, String) {
    let (registry, path) = match name.split_once('/') {
        Some((first, path))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.contains(|c: char| c.is_ascii_uppercase()) =>
        {
            (first, path)
        }
        _ => (HUB, name),
    };
    let registry = if registry == OLD_HUB { HUB } else { registry };
    if registry == HUB && !path.contains('/') {
        return (registry.to_owned(), format!("{LIBRARY}{path}"));
    }
    (registry.to_owned(), path.to_owned())
}

/// Checks a registry: `a-b.c`, `host:5000`, `[::1]:5000`.
fn check_registry(registry: &str) -> Result<(), String> {
    let (host, port) = match registry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let inside = |c: char| c.is_ascii_hexdigit() || c == ':';
            if address.is_empty() || !address.chars().all(inside) {
                return Err(format!("`{registry}` is no registry"));
            }
            ("", if rest.is_empty() { None } else { Some(rest.strip_prefix(':').unwrap_or("x")) })
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        },
    };
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |part: &str| {
        !part.is_empty()
            && part.chars().all(inside)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let host_is_right = registry.starts_with('[') || host.split('.').all(label);
    let digits = |port: &str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    if host_is_right && port.is_none_or(digits) {
        return Ok(());
    }
    Err(format!("`{registry}` is no registry"))
}

/// Checks a path: parts of lower-case letters and digits, joined by `.`, `_`, `__` or dashes.
fn check_path(path: &str) -> Result<(), String> {
    for part in path.split('/') {
        if part.is_empty() {
            return Err("a part of its name is empty".into());
        }
        if part.chars().any(|c| c.is_ascii_uppercase()) {
            return Err("a repository has no upper-case letters".into());
        }
        let inside =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if let Some(strange) = part.chars().find(|c| !inside(*c)) {
            return Err(format!(
                "a repository has no `{}`",
                crate::base::say::safe(&strange.to_string())
            ));
        }
        let separator = |c: char| matches!(c, '.' | '_' | '-');
        if part.starts_with(separator) || part.ends_with(separator) {
            return Err("a part of its name begins or ends with `.`, `_` or `-`".into());
        }
        let mut runs = part.split(|c: char| !separator(c)).filter(|run| !run.is_empty());
        if runs.any(|run| !matches!(run, "." | "_" | "__") && run.contains(['.', '_'])) {
            return Err("between letters stands one of `.`, `_`, `__` or dashes".into());
        }
    }
    Ok(())
}

fn checked_tag(tag: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if tag.is_empty() {
        return Err("its tag is empty".into());
    }
    if tag.chars().count() > LONGEST_TAG {
        return Err(format!("its tag is longer than {LONGEST_TAG} characters"));
    }
    if !tag.starts_with(word) || !tag.chars().all(|c| word(c) || matches!(c, '.' | '-')) {
        return Err(
            "a tag is letters, digits, `_`, `.` and `-`, and begins with none of the last two"
                .into(),
        );
    }
    Ok(tag.to_owned())
}

fn checked_digest(digest: &str) -> Result<String, String> {
    match digest.split_once(':') {
        Some(("sha256", hex)) if is_hex64(hex) => Ok(digest.to_owned()),
        Some((other, _)) if other != "sha256" => Err(format!(
            "its digest is of `{}`, and engines know images by `sha256:` digests only",
            crate::base::say::short(other)
        )),
        _ => Err("its digest is not `sha256:` and 64 digits".into()),
    }
}

fn is_hex64(text: &str) -> bool {
    text.len() == 64 && is_lower_hex(text)
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn parsed(text: &str) -> ImageRef {
        ImageRef::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn references_are_read_as_dockers_client_reads_them() {
        let nginx = "docker.io/library/nginx:latest";
        let digest = format!("foo:1@sha256:{HEX}");
        let vectors = [
            ("nginx", nginx),
            ("library/nginx", nginx),
            ("docker.io/nginx", nginx),
            ("index.docker.io/library/nginx", nginx),
            ("localhost/foo", "localhost/foo:latest"),
            ("localhost:5000/foo/bar:t", "localhost:5000/foo/bar:t"),
            ("foo.bar/baz", "foo.bar/baz:latest"),
            ("Foo/bar", "Foo/bar:latest"),
            ("[::1]:5000/foo:1", "[::1]:5000/foo:1"),
            ("foo_bar/baz--x__y", "docker.io/foo_bar/baz--x__y:latest"),
            ("foo:_tag", "docker.io/library/foo:_tag"),
            ("a4bc65fd", "docker.io/library/a4bc65fd:latest"),
            ("ghcr.io/acme/web:2.3", "ghcr.io/acme/web:2.3"),
        ];
        for (written, meant) in vectors {
            assert_eq!(parsed(written).to_string(), meant, "{written}");
            assert_eq!(parsed(&parsed(written).familiar()), parsed(written), "{written}");
        }
        // The tag beside a digest is dropped, and the digest is pulled.
        assert_eq!(parsed(&digest).to_string(), format!("docker.io/library/foo@sha256:{HEX}"));
        assert_eq!(parsed("index.docker.io/library/nginx:1").familiar(), "nginx:1");
        assert_eq!(parsed("docker.io/library/a/b").familiar(), "library/a/b:latest");
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        let (name, tag) = ("a".repeat(256), format!("foo:{}", "t".repeat(129)));
        for text in [
            HEX,
            "NGINX",
            "foo//bar",
            "foo:",
            "foo:-tag",
            "foo-",
            "foo/../bar",
            "a..b/c",
            "http://x/y",
            "a/b@sha256:abc",
            &format!("a/b@sha512:{HEX}{HEX}"),
            &name,
            &tag,
            "",
            "foo bar",
            "a___b",
            "foo@",
            "/foo",
            "foo/",
            "-x.y/z",
            "h:port/x",
            "é",
            "foo:ü",
            "[::1/x",
        ] {
            assert!(ImageRef::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn of_digests_one_kind_is_known() {
        let error = ImageRef::parse(&format!("foo@sha512:{HEX}{HEX}")).unwrap_err();
        assert_eq!(
            error,
            "its digest is of `sha512`, and engines know images by `sha256:` digests only"
        );
    }

    #[test]
    fn an_image_id_is_no_repository() {
        let id = parsed(&format!("sha256:{HEX}"));
        assert_eq!(id, ImageRef::Id(format!("sha256:{HEX}")));
        assert_eq!((id.repository(), id.tag(), id.digest()), (None, None, None));
        assert!(id.matches(&id));
        assert!(!id.matches(&parsed("nginx")));
        assert_eq!(id.with_digest("sha256:x"), None);
    }

    #[test]
    fn the_tag_counts_unless_a_digest_is_said() {
        assert!(same_image("nginx", "docker.io/library/nginx:latest"));
        assert!(!same_image("nginx:1", "nginx:2"));
        assert!(same_image("nginx:1", &format!("nginx@sha256:{HEX}")));
        assert!(same_image(&format!("nginx@sha256:{HEX}"), "index.docker.io/nginx:9"));
        assert!(!same_image(&format!("nginx@sha256:{HEX}"), "acme/nginx"));
        assert!(!same_image("ghcr.io/nginx", "nginx"));
        // The image of a container may be an invalid reference.
        assert!(same_image("NOT ONE", "NOT ONE"));
    }

    #[test]
    fn pulling_by_digest_keeps_the_repository() {
        let pinned = parsed("ghcr.io/acme/web:2.3").with_digest(&format!("sha256:{HEX}"));
        assert_eq!(pinned.unwrap().to_string(), format!("ghcr.io/acme/web@sha256:{HEX}"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_a_reference_is_the_same_written_out(text in "[a-z0-9A-Z./:@_-]{0,40}") {
            if let Ok(image) = ImageRef::parse(&text) {
                let again = ImageRef::parse(&image.to_string()).unwrap();
                assert_eq!(again.to_string(), image.to_string());
                assert!(again.matches(&image));
            }
        }
    }
}
