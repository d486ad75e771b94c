//! Creates containers on a simulated engine.
//!
//! The conversion of a body is in [`crate::engine_model`], which the planner shares. This module
//! adds the parts that only an engine has: IDs, names, volumes and other containers.

use serde_json::{Value as Json, json};

use super::time::NEVER;
use super::world::{World, fails, set};
use crate::base::ident::{ContainerId, ContainerName, ImageId};
use crate::engine::{Created, ErrorKind, FilledBody, Result};
use crate::options::files;

impl World {
    pub(super) fn create(
        &mut self,
        name: &ContainerName,
        body: &FilledBody,
        doing: &str,
    ) -> Result<Created> {
        let body = body.expose();
        let reference = body["Image"].as_str().unwrap_or_default();
        let Some((image, _)) = self.image(reference) else {
            let text = format!("No such image: {}", super::world::familiar(reference));
            return Err(fails(ErrorKind::NotFound, doing, &text));
        };
        self.vet_name(name, doing)?;
        let mut inspect = self.conceive(body, &image, name);
        self.vet(&inspect, &image, doing)?;
        let id = ContainerId::new(self.digits(name.as_str()));
        self.find_all(body, doing)?;
        self.mount(&mut inspect);
        self.finish(&mut inspect, &id, name, &image);
        self.put(id.clone(), inspect);
        Ok(Created { id, warnings: Vec::new() })
    }

    /// Stores uploaded files in the field from which a look reads files.
    pub(super) fn put_files(&mut self, id: &ContainerId, put: &Json, doing: &str) -> Result<()> {
        let inspect = self.container_mut(id, doing)?;
        if inspect["HostConfig"]["ReadonlyRootfs"] == true {
            let text = "container rootfs is marked read-only";
            return Err(fails(ErrorKind::Status(403), doing, text));
        }
        for (path, file) in put.as_object().into_iter().flatten() {
            set(inspect, &["Config", files::FIELD, path], file.clone());
        }
        Ok(())
    }

    /// Checks that a name is valid and free.
    pub(super) fn vet_name(&self, name: &ContainerName, doing: &str) -> Result<()> {
        let text = name.as_str();
        let good = |at: usize, byte: u8| {
            byte.is_ascii_alphanumeric() || (at > 0 && matches!(byte, b'_' | b'.' | b'-'))
        };
        if text.len() < 2 || !text.bytes().enumerate().all(|(at, byte)| good(at, byte)) {
            let text = format!(
                "Invalid container name ({text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            );
            return Err(fails(ErrorKind::Status(400), doing, &text));
        }
        match self.holder(text) {
            None => Ok(()),
            Some(holder) => Err(fails(ErrorKind::Conflict, doing, &conflict(text, holder))),
        }
    }

    /// Checks the refusals of an engine.
    fn vet(&self, inspect: &Json, image: &ImageId, doing: &str) -> Result<()> {
        let bad = |text: &str| Err(fails(ErrorKind::Status(400), doing, text));
        let nothing = |value: &Json| value.as_array().is_none_or(Vec::is_empty);
        let config = &inspect["Config"];
        if nothing(&config["Cmd"])
            && nothing(&config["Entrypoint"])
            && !self.unknown.contains(image)
        {
            return bad("no command specified");
        }
        let policy = &inspect["HostConfig"]["RestartPolicy"];
        let restarts = !matches!(policy["Name"].as_str(), None | Some("" | "no"));
        if restarts && inspect["HostConfig"]["AutoRemove"] == json!(true) {
            return bad("can't create 'AutoRemove' container with restart policy");
        }
        if policy["MaximumRetryCount"].as_i64().unwrap_or(0) > 0 && policy["Name"] != "on-failure" {
            return bad(
                "invalid restart policy: maximum retry count can only be used with 'on-failure'",
            );
        }
        Ok(())
    }

    /// Checks that the containers in a body exist.
    fn find_all(&self, body: &Json, doing: &str) -> Result<()> {
        let host = &body["HostConfig"];
        let modes = ["NetworkMode", "IpcMode", "PidMode"].into_iter().filter_map(|field| {
            host[field].as_str().and_then(|mode| mode.strip_prefix("container:"))
        });
        let lists = ["Links", "VolumesFrom"].into_iter().flat_map(|field| {
            let texts = host[field].as_array().into_iter().flatten().filter_map(Json::as_str);
            texts.map(|text| text.split(':').next().unwrap_or_default())
        });
        for target in modes.chain(lists) {
            if self.find(target).is_none() {
                let text = format!("No such container: {target}");
                return Err(fails(ErrorKind::NotFound, doing, &text));
            }
        }
        Ok(())
    }

    /// Names anonymous volumes, and creates missing volumes.
    fn mount(&mut self, inspect: &mut Json) {
        let mut mounts = inspect["Mounts"].as_array().cloned().unwrap_or_default();
        for mount in &mut mounts {
            if mount["Type"] != "volume" {
                continue;
            }
            let named = mount["Name"].as_str().filter(|name| !name.is_empty());
            let name = named.map_or_else(|| self.digits("volume"), str::to_owned);
            let source = format!("/var/lib/docker/volumes/{name}/_data");
            if !self.volumes.iter().any(|volume| volume["Name"] == name.as_str()) {
                let driver = mount["Driver"].as_str().filter(|driver| !driver.is_empty());
                self.volumes.push(json!({
                    "Name": name, "Driver": driver.unwrap_or("local"), "Scope": "local",
                    "Labels": null, "Options": null, "Mountpoint": source,
                    "CreatedAt": self.now.text(),
                }));
            }
            set(mount, &["Name"], name);
            if mount["Source"].as_str().is_none_or(str::is_empty) {
                set(mount, &["Source"], source);
            }
        }
        set(inspect, &["Mounts"], mounts);
    }

    /// Adds the fields that every container has and no body sets.
    fn finish(
        &mut self,
        inspect: &mut Json,
        id: &ContainerId,
        name: &ContainerName,
        image: &ImageId,
    ) {
        let created = self.tick().text();
        let hostname = match inspect["Config"]["Hostname"].as_str().unwrap_or_default() {
            "" => id.short().to_owned(),
            own => own.to_owned(),
        };
        for (key, value) in [
            ("Id", json!(id)),
            ("Name", json!(format!("/{name}"))),
            ("Created", json!(created)),
            ("Image", json!(image)),
            ("RestartCount", json!(0)),
        ] {
            set(inspect, &[key], value);
        }
        set(inspect, &["Config", "Hostname"], hostname);
        set(
            inspect,
            &["State"],
            json!({"Status": "created", "Running": false, "Paused": false, "Restarting": false,
                "OOMKilled": false, "Dead": false, "Pid": 0, "ExitCode": 0, "Error": "",
                "StartedAt": NEVER, "FinishedAt": NEVER}),
        );
        set(inspect, &["NetworkSettings", "Ports"], json!({}));
    }
}

fn conflict(name: &str, holder: &ContainerId) -> String {
    format!(
        "Conflict. The container name \"/{name}\" is already in use by container \"{holder}\". You \
         have to remove (or rename) that container to be able to reuse that name."
    )
}
