//! The engine's own floor: one list and the needed inspects over a bare HTTP client.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::Value as Json;

use super::api::{Line, runtime};
use super::different::{self, Reached};

pub(super) const IMAGE: &str = "bayplan-bench:1";
pub(super) const PROJECT: &str = "bayplan-bench";

/// How many inspects the floor has in flight, in turn.
pub(super) const FLIGHTS: [usize; 5] = [1, 4, 8, 16, 32];

/// Containers that are there for as long as this is.
pub(super) struct World {
    folder: PathBuf,
}

impl World {
    /// An image, and no container yet.
    pub(super) fn make(folder: &Path) -> Self {
        docker(&["version"]);
        let busybox = ["/bin/busybox", "/usr/bin/busybox"];
        let busybox = busybox.iter().find(|path| Path::new(path).exists());
        let busybox = busybox.expect("a static busybox; Debian's package busybox-static has one");
        let root = folder.join("root/bin");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::copy(busybox, root.join("busybox")).unwrap();
        let tar = format!(
            "tar -C {} -c bin | docker import --change 'CMD [\"/bin/busybox\",\"sleep\",\"100000\"]' - {IMAGE} >/dev/null",
            folder.join("root").display()
        );
        assert!(Command::new("sh").args(["-c", &tar]).status().unwrap().success());
        Self { folder: folder.to_owned() }
    }

    /// Makes it so many containers of one set, with bayplan; gives the spec.
    pub(super) fn grow(&self, number: u32) -> String {
        self.apply(&format!(
            "project: {PROJECT}\ncontainers:\n  web:\n    image: {IMAGE}\n    count: {number}\n    \
             network_mode: none\n    init: true\n    stop_grace_period: 1s\n"
        ))
    }

    /// The same with as many sets, of which no two are alike. They share an image: another reference
    /// for each would be as many questions more, which no floor is without.
    pub(super) fn differ(&self, number: u32) -> String {
        let image = |_| IMAGE.to_owned();
        let beside = "    stop_grace_period: 1s\n";
        self.apply(&different::spec(PROJECT, number, image, Reached::Exposed, beside))
    }

    /// Plans and applies a spec; gives its path.
    pub(super) fn apply(&self, text: &str) -> String {
        let (spec, plan) = self.plan(text);
        run(&["apply", &plan]);
        spec
    }

    /// Plans a spec; gives the paths of both.
    pub(super) fn plan(&self, text: &str) -> (String, String) {
        let spec = self.folder.join("live.yaml");
        std::fs::write(&spec, text).unwrap();
        let spec = spec.to_string_lossy().into_owned();
        let plan = self.folder.join("live.json").to_string_lossy().into_owned();
        run(&["plan", &spec, "-o", &plan]);
        (spec, plan)
    }

    /// One list and the inspects of so many, once, with so many of them in flight.
    pub(super) fn floor(number: u32, flights: usize) -> Duration {
        let runtime = runtime();
        let begin = Instant::now();
        let seen = runtime.block_on(look(flights));
        let took = begin.elapsed();
        assert_eq!(seen, number as usize);
        took
    }
}

impl Drop for World {
    fn drop(&mut self) {
        remove_containers();
        let rest = format!(
            "docker volume ls -q --filter name={PROJECT}-data- | xargs -r docker volume rm >/dev/null; docker rmi {IMAGE} >/dev/null"
        );
        let _ = Command::new("sh").args(["-c", &rest]).status();
    }
}

/// A few at a time: an engine that is told to remove hundreds at once can get stuck.
pub(super) fn remove_containers() {
    let remove = format!(
        "docker ps -aq --filter label=io.bayplan.project={PROJECT} | xargs -r -n 10 docker rm -f >/dev/null"
    );
    let _ = Command::new("sh").args(["-c", &remove]).status();
}

/// Runs bayplan, which must end well.
pub(super) fn run(arguments: &[&str]) {
    let output = Command::new(super::BAYPLAN).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "bayplan {arguments:?}: {said}");
}

fn docker(arguments: &[&str]) {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: is there an engine?");
}

/// So many connections, each asking for its share of the inspects.
async fn look(flights: usize) -> usize {
    let list = get(vec!["/containers/json?all=1".to_owned()]).await.remove(0);
    let ids: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["Labels"]["io.bayplan.project"] == PROJECT)
        .map(|one| format!("/containers/{}/json", one["Id"].as_str().unwrap()))
        .collect();
    let share = ids.len().div_ceil(flights).max(1);
    let shares: Vec<Vec<String>> = ids.chunks(share).map(<[String]>::to_vec).collect();
    let seen: Vec<Vec<Json>> =
        stream::iter(shares).map(get).buffer_unordered(flights).collect().await;
    seen.iter().map(Vec::len).sum()
}

/// Several paths over one connection.
async fn get(paths: Vec<String>) -> Vec<Json> {
    let mut line = Line::open().await;
    let mut answers = Vec::new();
    for path in paths {
        answers.push(line.get(&path).await);
    }
    answers
}
