//! `platform`: the platform of a container's image.
//!
//! The platform is a parameter of the create call, and inspect data shows the operating system
//! only. With the containerd image store inspect data names the chosen manifest and its platform.
//! The older store has one platform for each image, so the image ID decides.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value as Json, json};

use super::fields::Owned;
use super::grammar::{Grammar, Unreadable, one_text, spelt};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// The pattern of a platform.
const PATTERN: &str = "^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,2}$";

/// The operating systems of containers: Linux, and WebAssembly on a host of Linux.
const SYSTEMS: &[&str] = &["linux", "wasi", "wasip1"];

/// A platform in containerd's form: `linux/arm64`, `linux/arm/v6`. The engine chooses missing
/// parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    os: String,
    architecture: Option<String>,
    variant: Option<String>,
}

/// Unifies the names of an architecture, and drops the default variant.
fn architecture(name: &str, variant: Option<&str>) -> (String, Option<String>) {
    let name = name.to_ascii_lowercase();
    let variant = variant.filter(|text| !text.is_empty()).map(|text| {
        let text = text.to_ascii_lowercase();
        if text.starts_with('v') { text } else { format!("v{text}") }
    });
    let (name, variant) = match (name.as_str(), variant.as_deref()) {
        ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64", None),
        ("x86_64" | "x86-64", _) => ("amd64", variant.as_deref()),
        ("i386", _) => ("386", None),
        ("aarch64" | "arm64", None | Some("v8")) => ("arm64", None),
        ("aarch64", _) => ("arm64", variant.as_deref()),
        ("armhf", _) | ("arm", None) => ("arm", Some("v7")),
        ("armel", _) => ("arm", Some("v6")),
        (name, variant) => (name, variant),
    };
    (name.to_owned(), variant.map(str::to_owned))
}

/// Turns the machine name of a host (`x86_64`) into an architecture (`amd64`).
pub fn machine(name: &str) -> String {
    match name {
        "i486" | "i586" | "i686" => "386".to_owned(),
        _ if name.starts_with("armv") => "arm".to_owned(),
        _ => architecture(name, None).0,
    }
}

impl Platform {
    /// A platform from its parts.
    fn of(os: &str, name: Option<&str>, variant: Option<&str>) -> Self {
        let known = name.filter(|text| !text.is_empty()).map(|name| architecture(name, variant));
        let (architecture, variant) = known.map_or((None, None), |(name, v)| (Some(name), v));
        Self { os: os.to_ascii_lowercase(), architecture, variant }
    }

    /// The platform of an image or manifest; both have it in these three fields.
    fn told(json: &Json, fields: [&str; 3]) -> Option<Self> {
        let text = |at: usize| json[fields[at]].as_str().filter(|text| !text.is_empty());
        Some(Self::of(text(0)?, text(1), text(2)))
    }

    /// The platform of the manifest that the container was created from, if known.
    fn chosen(look: &InspectView) -> Option<Self> {
        let manifest = &look.json()["ImageManifestDescriptor"]["platform"];
        Self::told(manifest, ["os", "architecture", "variant"])
    }

    /// The platforms of an image; empty if its inspect data does not tell.
    pub fn of_image(image: &Json) -> Vec<Self> {
        let manifests = image["Manifests"].as_array().into_iter().flatten();
        let of_manifest = |manifest: &Json| {
            let here = manifest["Available"].as_bool().unwrap_or(true);
            let platform = &manifest["ImageData"]["Platform"];
            here.then(|| Self::told(platform, ["os", "architecture", "variant"])).flatten()
        };
        let mut all: Vec<Self> = manifests.filter_map(of_manifest).collect();
        // The containerd image store uses a digest as image ID. Without manifests the inspect data
        // shows only the preferred platform.
        let id = image["Id"].as_str().filter(|id| !id.is_empty());
        let digests = image["RepoDigests"].as_array().into_iter().flatten();
        let by_digest = |id| digests.filter_map(Json::as_str).any(|text| text.ends_with(id));
        if all.is_empty() && !id.is_some_and(by_digest) {
            all.extend(Self::told(image, ["Os", "Architecture", "Variant"]));
        }
        all
    }

    /// A platform from its printed form.
    pub fn read(text: &str) -> Self {
        let mut parts = text.split('/');
        Self::of(parts.next().unwrap_or_default(), parts.next(), parts.next())
    }

    /// Whether the image lacks this platform. An image with unknown platforms may have any
    /// platform.
    pub fn is_missing_in(&self, image: &Json) -> bool {
        let here = Self::of_image(image);
        !here.is_empty() && !here.iter().any(|platform| self.covers(platform))
    }

    /// Marks the manifests of this platform as missing, as far as inspect data distinguishes
    /// manifests.
    pub fn withhold(&self, image: &mut Json) {
        self.set_available(image, false);
    }

    /// Marks the manifests of this platform as local; `false` if the image has no manifests.
    pub fn bring(&self, image: &mut Json) -> bool {
        if !image["Manifests"].is_array() {
            return false;
        }
        if !self.set_available(image, true)
            && let Some(manifests) = image["Manifests"].as_array_mut()
        {
            let platform = json!({"os": self.os, "architecture": self.architecture,
                "variant": self.variant});
            manifests.push(json!({"Available": true, "Kind": "image",
                "ImageData": {"Platform": platform}}));
        }
        true
    }

    /// Sets the availability of every manifest of this platform; returns whether a manifest
    /// matched.
    fn set_available(&self, image: &mut Json, available: bool) -> bool {
        let mut any = false;
        let manifests = image.get_mut("Manifests").and_then(Json::as_array_mut);
        for manifest in manifests.into_iter().flatten() {
            let platform = &manifest["ImageData"]["Platform"];
            let platform = Self::told(platform, ["os", "architecture", "variant"]);
            if platform.is_some_and(|platform| self.covers(&platform)) {
                manifest["Available"] = json!(available);
                any = true;
            }
        }
        any
    }

    /// The fields by which an engine shows the platform of an image.
    pub fn fields(&self) -> [(&'static str, &str); 3] {
        [
            ("Os", &self.os),
            ("Architecture", self.architecture.as_deref().unwrap_or_default()),
            ("Variant", self.variant.as_deref().unwrap_or_default()),
        ]
    }

    /// Whether another platform satisfies the declared parts.
    pub fn covers(&self, other: &Self) -> bool {
        let same = |said: &Option<String>, found: &Option<String>| {
            said.is_none() || found.is_none() || said == found
        };
        self.os == other.os
            && same(&self.architecture, &other.architecture)
            && (self.architecture.is_none() || same(&self.variant, &other.variant))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        for part in [&self.architecture, &self.variant].into_iter().flatten() {
            write!(f, "/{part}")?;
        }
        Ok(())
    }
}

impl Spelled for Platform {
    const GRAMMAR: Grammar = Grammar::Text {
        what: "a platform of Linux or WASI, like `linux/arm64`",
        spell: spelt::<Self>,
        schema: || json!({"type": "string", "pattern": PATTERN}),
    };
}

impl FromStr for Platform {
    type Err = Unreadable;

    fn from_str(said: &str) -> Result<Self, Unreadable> {
        let parts: Vec<&str> = said.split('/').collect();
        let fits = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        if parts.len() > 3 || !parts.iter().all(fits) {
            return Err(Unreadable);
        }
        let (os, rest) = match parts.as_slice() {
            [os, rest @ ..] if SYSTEMS.iter().any(|known| os.eq_ignore_ascii_case(known)) => {
                (*os, rest)
            }
            // An architecture alone, as containerd accepts it.
            [name] if !matches!(name.to_ascii_lowercase().as_str(), "windows" | "darwin") => {
                ("linux", std::slice::from_ref(name))
            }
            _ => return Err(Unreadable),
        };
        Ok(Self::of(os, rest.first().copied(), rest.get(1).copied()))
    }
}

one_text!(Platform);

/// The row of `platform`.
#[derive(Debug)]
pub struct PlatformRow;

impl Row for PlatformRow {
    type Declared = Platform;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "platform",
            risk: Risk::None,
            doc: "for which system and machine the image is",
            examples: &["linux/amd64", "linux/arm64", "linux/arm/v6"],
            group: Group::Lifecycle,
            from_image: true,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        Vec::new()
    }

    /// Writes a field beside the API's fields; the call takes the platform as a parameter.
    fn write(&self, said: &Platform, body: &mut Body, _cx: &Context) {
        body.config("Platform", said.to_string());
    }

    fn read(&self, look: &InspectView) -> Value {
        match Platform::chosen(look) {
            Some(platform) => Value::One(Atom::Text(platform.to_string())),
            None => Value::Unset,
        }
    }

    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        match (Platform::chosen(both.0), Platform::chosen(both.1)) {
            // Without a known platform the image ID decides, which is compared elsewhere.
            (Some(_), None) => found.clone_from(expected),
            (Some(said), Some(chosen)) if said.covers(&chosen) => found.clone_from(expected),
            _ => {}
        }
    }
}

/// The platform that an engine with the containerd image store reports: the declared platform, or
/// else the platform that inspect data shows for the image. Inspect data prefers the engine's own
/// platform if the image has it.
pub fn chosen(body: &Json, image: Option<&Json>) -> Json {
    let mut told = serde_json::Map::new();
    let fields = ["os", "architecture", "variant"];
    match (body["Platform"].as_str(), image) {
        (Some(said), _) => {
            let parts = said.split('/').map(Json::from);
            told.extend(fields.map(str::to_owned).into_iter().zip(parts));
        }
        (None, Some(image)) => {
            for (field, of_image) in fields.into_iter().zip(["Os", "Architecture", "Variant"]) {
                if let Some(text) = image[of_image].as_str() {
                    told.insert(field.to_owned(), text.into());
                }
            }
        }
        (None, None) => return Json::Null,
    }
    json!({"platform": told})
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Platform;
    use crate::options::row::OptionValue as _;
    use crate::syntax::node::Problems;
    use crate::syntax::yaml;

    fn parse(text: &str) -> Option<String> {
        let node = yaml::parse(text).unwrap();
        let mut problems = Problems::default();
        Platform::parse(&node, &mut problems).map(|platform| platform.to_string())
    }

    #[test]
    fn several_names_are_one_platform() {
        for (text, same) in [
            ("linux", "linux"),
            ("Linux/x86_64", "linux/amd64"),
            ("amd64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("armhf", "linux/arm/v7"),
            ("linux/i386", "linux/386"),
            ("wasi/wasm32", "wasi/wasm32"),
            ("wasip1/wasm", "wasip1/wasm"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(same), "{text}");
        }
        for text in ["windows/amd64", "linux/", "a/b/c/d", "\"linux/amd 64\"", "darwin"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_image_is_for_what_its_manifests_are_for() {
        let one = json!({"Os": "linux", "Architecture": "arm64", "Variant": "v8"});
        let of = |image: &Json| -> Vec<String> {
            Platform::of_image(image).iter().map(ToString::to_string).collect()
        };
        assert_eq!(of(&one), ["linux/arm64"]);
        let manifest = |name: &str, here: bool| {
            json!({"Available": here, "Kind": "image",
                "ImageData": {"Platform": {"os": "linux", "architecture": name}}})
        };
        let index = json!({"Os": "linux", "Architecture": "amd64", "Manifests": [
            manifest("amd64", true), manifest("arm64", true), manifest("s390x", false)]});
        assert_eq!(of(&index), ["linux/amd64", "linux/arm64"]);
        assert_eq!(of(&json!({"Os": "", "Architecture": ""})), [""; 0]);
        // An index in the containerd image store of an engine that reports no manifests.
        let id = format!("sha256:{}", "1".repeat(64));
        let index = json!({"Id": id, "RepoDigests": [format!("app@{id}")], "Os": "linux",
            "Architecture": "amd64"});
        assert_eq!(of(&index), [""; 0]);
    }

    #[test]
    fn an_image_without_a_platform_is_brought_it_and_it_is_withheld_again() {
        let arm = Platform::read("linux/arm64");
        let manifest = json!({"Available": true, "Kind": "image",
            "ImageData": {"Platform": {"os": "linux", "architecture": "amd64"}}});
        let mut image = json!({"Os": "linux", "Architecture": "amd64", "Manifests": [manifest]});
        assert!(arm.is_missing_in(&image));
        assert!(!Platform::read("linux").is_missing_in(&image));
        for _ in 0..2 {
            assert!(arm.bring(&mut image));
            assert!(!arm.is_missing_in(&image));
            assert_eq!(image["Manifests"].as_array().unwrap().len(), 2);
            arm.withhold(&mut image);
            assert!(arm.is_missing_in(&image));
        }
        assert!(!Platform::read("linux/amd64").is_missing_in(&image));
        assert!(!arm.is_missing_in(&json!(null)), "nobody knows");
        assert!(!arm.bring(&mut json!({"Os": "linux", "Architecture": "amd64"})));
    }
}
