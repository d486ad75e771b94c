//! Reading steps and reasons: the two parts of a plan whose fields depend on each other.
//!
//! Derived deserializers of flattened and untagged types ignore unknown fields, and report only
//! that *no variant matched*. These readers name the missing or unknown field. Writing is derived.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::{Action, Because, EnvironmentDifference, ImagePin, OptionDifference, Reason};
use super::{Carried, Step, Subject};
use crate::base::canonical::Strict;
use crate::base::ident::{ContainerId, ContainerName, ObjectKey, SetName, StepId};
use crate::options::settings::Settings;

/// Every field that any step can have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    id: StepId,
    action: String,
    image: Option<Json>,
    platform: Option<String>,
    tag: Option<String>,
    name: Option<ContainerName>,
    final_name: Option<ContainerName>,
    set: Option<SetName>,
    container: Option<ContainerId>,
    created_by: Option<StepId>,
    wait: Option<bool>,
    signal: Option<String>,
    timeout: Option<i64>,
    prove_for: Option<u32>,
    from: Option<ContainerName>,
    to: Option<ContainerName>,
    network: Option<String>,
    volume: Option<String>,
    key: Option<ObjectKey>,
    which: Option<Strict>,
    endpoint: Option<Strict>,
    settings: Option<Settings>,
    ports: Option<Vec<String>>,
    volumes: Option<Vec<String>>,
    anonymous: Option<Vec<String>>,
    carried: Option<Vec<Carried>>,
    files: Option<BTreeSet<String>>,
    after: Option<Vec<StepId>>,
    after_end: Option<Vec<StepId>>,
    delay: Option<u32>,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Fields::deserialize(deserializer)?;
        let action = fields.action().map_err(D::Error::custom)?;
        if let Some(field) = fields.left_over() {
            let message = format!("the action `{}` has no field `{field}`", fields.action);
            return Err(D::Error::custom(message));
        }
        Ok(Self {
            id: fields.id,
            action,
            after: fields.after.unwrap_or_default(),
            after_end: fields.after_end.unwrap_or_default(),
            delay: fields.delay.unwrap_or_default(),
        })
    }
}

impl Fields {
    fn action(&mut self) -> Result<Action, String> {
        Ok(match self.action.as_str() {
            "pull" => Action::Pull { image: self.image_text()?, platform: self.platform.take() },
            "tag" => Action::Tag { image: self.image_text()?, tag: need(&mut self.tag, "tag")? },
            "create" => self.create()?,
            "put_files" => Action::PutFiles {
                container: self.subject()?,
                files: need(&mut self.files, "files")?,
            },
            "start" => Action::Start {
                container: self.subject()?,
                wait: self.wait.take().unwrap_or_default(),
            },
            "wait_ready" => self.wait_ready()?,
            "fence" => Action::Fence { container: self.subject()? },
            "stop" => Action::Stop {
                container: self.subject()?,
                signal: self.signal.take(),
                timeout: self.timeout.take(),
            },
            "kill" => Action::Kill {
                container: self.subject()?,
                signal: need(&mut self.signal, "signal")?,
            },
            "restart" => {
                Action::Restart { container: self.subject()?, timeout: self.timeout.take() }
            }
            "update" => Action::Update {
                container: self.subject()?,
                settings: need(&mut self.settings, "settings")?,
            },
            "rename" => Action::Rename {
                container: self.subject()?,
                from: need(&mut self.from, "from")?,
                to: need(&mut self.to, "to")?,
            },
            "remove" => Action::Remove { container: self.subject()? },
            "create_network" => Action::CreateNetwork {
                network: need(&mut self.network, "network")?,
                key: need(&mut self.key, "key")?,
            },
            "remove_network" => Action::RemoveNetwork {
                network: need(&mut self.network, "network")?,
                which: self.which("the network's ID")?,
            },
            "create_volume" => Action::CreateVolume {
                volume: need(&mut self.volume, "volume")?,
                key: need(&mut self.key, "key")?,
            },
            "connect" => Action::Connect {
                container: self.subject()?,
                network: need(&mut self.network, "network")?,
                which: self.which("`{\"id\": …}` or `{\"created_by\": …}`")?,
                endpoint: self.endpoint.take().map_or(Json::Null, |endpoint| endpoint.0),
            },
            "disconnect" => Action::Disconnect {
                container: self.subject()?,
                network: need(&mut self.network, "network")?,
                which: self.which("`{\"id\": …}` or `{\"created_by\": …}`")?,
            },
            other => {
                return Err(format!(
                    "expected an action that this version knows, but found `{}`",
                    crate::base::say::short(other)
                ));
            }
        })
    }

    fn create(&mut self) -> Result<Action, String> {
        Ok(Action::Create {
            name: need(&mut self.name, "name")?,
            final_name: need(&mut self.final_name, "final_name")?,
            set: need(&mut self.set, "set")?,
            image: self.pin()?,
            ports: self.ports.take().unwrap_or_default(),
            volumes: self.volumes.take().unwrap_or_default(),
            anonymous: self.anonymous.take().unwrap_or_default(),
            carried: self.carried.take().unwrap_or_default(),
        })
    }

    fn wait_ready(&mut self) -> Result<Action, String> {
        let prove_for = need(&mut self.prove_for, "prove_for")?;
        Ok(Action::WaitReady { container: self.subject()?, prove_for })
    }

    fn subject(&mut self) -> Result<Subject, String> {
        match (self.container.take(), self.created_by.take()) {
            (Some(id), None) => Ok(Subject::Container(id)),
            (None, Some(step)) => Ok(Subject::CreatedBy(step)),
            (None, None) => {
                Err("expected the field `container` or `created_by`, but found none".into())
            }
            (Some(_), Some(_)) => {
                Err("expected one of the fields `container` and `created_by`, but found both"
                    .into())
            }
        }
    }

    fn which<T: serde::de::DeserializeOwned>(&mut self, what: &str) -> Result<T, String> {
        let which = need(&mut self.which, "which")?;
        serde_json::from_value(which.0)
            .map_err(|_| format!("expected {what} as `which`, but found something else"))
    }

    fn image_text(&mut self) -> Result<String, String> {
        match self.image.take() {
            Some(Json::String(text)) => Ok(text),
            Some(_) => Err("expected a string as `image`, but found something else".into()),
            None => Err("expected the field `image`, but found none".into()),
        }
    }

    fn pin(&mut self) -> Result<ImagePin, String> {
        let image = need(&mut self.image, "image")?;
        serde_json::from_value(image).map_err(|_| {
            "expected `{\"id\": …}` or `{\"digest\": …}` as `image`, but found something else"
                .into()
        })
    }

    /// A field that the action did not use.
    fn left_over(&self) -> Option<&'static str> {
        let Self { id: _, action: _, after: _, after_end: _, delay: _, .. } = self;
        [
            ("image", self.image.is_some()),
            ("platform", self.platform.is_some()),
            ("tag", self.tag.is_some()),
            ("name", self.name.is_some()),
            ("final_name", self.final_name.is_some()),
            ("set", self.set.is_some()),
            ("container", self.container.is_some()),
            ("created_by", self.created_by.is_some()),
            ("wait", self.wait.is_some()),
            ("signal", self.signal.is_some()),
            ("timeout", self.timeout.is_some()),
            ("prove_for", self.prove_for.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("network", self.network.is_some()),
            ("volume", self.volume.is_some()),
            ("key", self.key.is_some()),
            ("which", self.which.is_some()),
            ("endpoint", self.endpoint.is_some()),
            ("settings", self.settings.is_some()),
            ("ports", self.ports.is_some()),
            ("volumes", self.volumes.is_some()),
            ("anonymous", self.anonymous.is_some()),
            ("carried", self.carried.is_some()),
            ("files", self.files.is_some()),
        ]
        .into_iter()
        .find_map(|(field, there)| there.then_some(field))
    }
}

fn need<T>(field: &mut Option<T>, name: &str) -> Result<T, String> {
    field.take().ok_or_else(|| format!("expected the field `{name}`, but found none"))
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = crate::base::canonical::strict(deserializer)?;
        let Json::Object(fields) = &json else {
            return Err(D::Error::custom(
                "expected a reason, but found something that is no object",
            ));
        };
        let has = |field: &str| fields.contains_key(field);
        let read = if has("because") {
            serde_json::from_value::<Because>(json).map(Self::Because)
        } else if has("added") || has("changed") || has("removed") {
            serde_json::from_value::<EnvironmentDifference>(json).map(Self::Environment)
        } else {
            serde_json::from_value::<OptionDifference>(json).map(Self::Option)
        };
        read.map_err(D::Error::custom)
    }
}
