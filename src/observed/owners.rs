//! Other tools that own containers on an engine. A set never matches their containers by image,
//! because the tool would lose its container without notice.
//!
//! A tool is recognised by the labels of its containers. A set with a `name` matches its container,
//! whichever tool owns the container.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::base::ident::ImageId;
use crate::observed::snapshot::{Container, Seen};

/// The label prefixes of the tools.
const LABELS: &[(&str, &str)] = &[
    ("com.docker.compose.", "Docker Compose"),
    ("com.docker.swarm.", "Docker Swarm"),
    // cri-dockerd, and the kubelet before cri-dockerd.
    ("io.kubernetes.", "Kubernetes"),
    ("io.x-k8s.kind.", "kind"),
    ("created_by.minikube.sigs.k8s.io", "minikube"),
    ("k3d.", "k3d"),
    ("com.hashicorp.nomad.", "Nomad"),
    ("com.amazonaws.ecs.", "Amazon ECS"),
    ("net.azure-devices.edge.", "Azure IoT Edge"),
    ("com.dokku.", "Dokku"),
    ("dokku", "Dokku"),
    ("org.testcontainers", "Testcontainers"),
    ("com.gitlab.gitlab-runner.", "GitLab Runner"),
    ("com.nirima.jenkins.plugins.docker.", "Jenkins"),
    ("devcontainer.", "Dev Containers"),
    ("io.balena.", "balena"),
    ("io.rancher.", "Rancher"),
];

/// Kamal's labels have plain names; only all three together identify Kamal.
const KAMAL: [&str; 3] = ["service", "role", "destination"];

/// The tool that owns a container, if a label names a tool.
pub fn owner(container: &Container, images: &BTreeMap<ImageId, Json>) -> Option<&'static str> {
    owner_beside(container.seen(), images.get(&container.image()))
}

/// The owner of a container, without the labels that come from its image.
pub fn owner_beside(container: Seen<'_>, image: Option<&Json>) -> Option<&'static str> {
    let of_image = image.and_then(|image| image["Config"]["Labels"].as_object());
    let mut labels = container.labels()?.clone();
    labels.retain(|label, _| of_image.is_none_or(|image| !image.contains_key(label)));
    let has = |begin: &str| labels.keys().any(|label| label.starts_with(begin));
    let named = LABELS.iter().find(|(begin, _)| has(begin)).map(|(_, tool)| *tool);
    let kamal = || KAMAL.iter().all(|label| labels.contains_key(*label));
    named.or_else(|| kamal().then_some("Kamal"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// The tool with these labels.
    fn of(labels: &[&str]) -> Option<&'static str> {
        let labels: Map<_, _> =
            labels.iter().map(|label| ((*label).to_owned(), json!("x"))).collect();
        let inspect = Some(json!({"Image": "sha256:1", "Config": {"Labels": labels}}));
        let image = json!({"Config": {"Labels": {"io.balena.architecture": "amd64"}}});
        let images = BTreeMap::from([(ImageId::new("sha256:1"), image)]);
        owner(&Container { list: None, inspect, env: BTreeMap::new() }, &images)
    }

    #[test]
    fn a_label_of_each_tool_says_whose_a_container_is() {
        for (label, tool) in [
            ("com.docker.compose.project", "Docker Compose"),
            ("com.docker.swarm.service.id", "Docker Swarm"),
            ("io.kubernetes.pod.name", "Kubernetes"),
            ("io.kubernetes.docker.type", "Kubernetes"),
            ("io.x-k8s.kind.cluster", "kind"),
            ("created_by.minikube.sigs.k8s.io", "minikube"),
            ("k3d.cluster", "k3d"),
            ("com.hashicorp.nomad.alloc_id", "Nomad"),
            ("com.amazonaws.ecs.task-arn", "Amazon ECS"),
            ("net.azure-devices.edge.owner", "Azure IoT Edge"),
            ("com.dokku.app-name", "Dokku"),
            ("dokku.service", "Dokku"),
            ("dokku", "Dokku"),
            ("org.testcontainers", "Testcontainers"),
            ("org.testcontainers.session-id", "Testcontainers"),
            ("com.gitlab.gitlab-runner.job.id", "GitLab Runner"),
            ("com.nirima.jenkins.plugins.docker.JenkinsId", "Jenkins"),
            ("devcontainer.local_folder", "Dev Containers"),
            ("io.balena.service-id", "balena"),
            ("io.rancher.stack.name", "Rancher"),
        ] {
            assert_eq!(of(&["team", label]), Some(tool), "{label}");
        }
        assert_eq!(of(&["destination", "role", "service"]), Some("Kamal"));
    }

    #[test]
    fn labels_of_people_and_of_images_say_nothing() {
        for labels in [
            &[][..],
            &["service", "role"],
            &["maintainer", "org.opencontainers.image.title"],
            &["traefik.enable", "com.centurylinklabs.watchtower.enable"],
            &["com.docker.desktop", "io.kubernetesque"],
            &["io.balena.architecture"],
        ] {
            assert_eq!(of(labels), None, "{labels:?}");
        }
    }
}
