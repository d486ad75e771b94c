//! Chooses the containers that become sets, and the keys of the sets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::base::ident::{
    ContainerId, ImageId, LABEL_NAME, LABEL_PREFIX, LABEL_PROJECT, LABEL_SET, SetName,
    reserved_suffix,
};
use crate::observed::pick::{Chosen, Pick, Picked, Refusal, means};
use crate::observed::snapshot::{Container, Run, Snapshot};
use crate::planner::matching;

/// Compose's label with the service of a container.
pub(super) const COMPOSE_SERVICE: &str = "com.docker.compose.service";
/// Compose's label with the dependencies of a service.
pub(super) const COMPOSE_DEPENDS: &str = "com.docker.compose.depends_on";

/// The label of every Swarm task.
const SWARM_SERVICE: &str = "com.docker.swarm.service.id";

/// Chooses containers of a snapshot.
pub fn pick(snapshot: &Snapshot, pick: &Pick) -> Picked {
    let mut picked = Picked::default();
    let mut asked: Vec<&Container> =
        snapshot.containers.iter().filter(|container| pick.takes(container.seen())).collect();
    if let Pick::Names(words) = pick {
        let mut meant = BTreeSet::new();
        for word in words {
            match one(word, &asked) {
                Ok(id) => drop(meant.insert(id)),
                Err(why) => picked.refused.push(Refusal { name: word.clone(), why }),
            }
        }
        asked.retain(|container| meant.contains(&container.id()));
    }
    let project = match pick {
        Pick::Project(project) => Some(project.as_str()),
        Pick::All | Pick::Names(_) => None,
    };
    let mut of_set: BTreeMap<&str, usize> = BTreeMap::new();
    for set in asked.iter().filter_map(|container| container.label(LABEL_SET)) {
        *of_set.entry(set).or_default() += 1;
    }
    let mut fit = Vec::new();
    for container in &asked {
        let alone = container.label(LABEL_SET).is_some_and(|set| of_set.get(set) == Some(&1));
        match why_not(container, project, alone, &snapshot.images) {
            None => fit.push(*container),
            Some(why) => {
                picked.refused.push(Refusal { name: container.name().to_string(), why });
            }
        }
    }
    picked.chosen = keys(snapshot, &fit);
    picked
}

/// The container with this name, or the only container with this ID prefix.
fn one(word: &str, asked: &[&Container]) -> Result<ContainerId, &'static str> {
    let named = |container: &&&Container| container.seen().name() == word.trim_start_matches('/');
    if let Some(container) = asked.iter().find(named) {
        return Ok(container.id());
    }
    let mut begin = asked.iter().filter(|container| means(word, container.seen()));
    match (begin.next(), begin.next()) {
        (Some(container), None) => Ok(container.id()),
        (Some(_), Some(_)) => Err("several IDs begin so: write more of the one that is meant"),
        (None, _) => Err("there is no container of this name"),
    }
}

/// Chooses a key for each container.
fn keys(snapshot: &Snapshot, fit: &[&Container]) -> Vec<Chosen> {
    let names: BTreeSet<&str> =
        snapshot.containers.iter().map(|container| container.seen().name()).collect();
    let mut services: BTreeMap<&str, usize> = BTreeMap::new();
    for service in fit.iter().filter_map(|container| container.label(COMPOSE_SERVICE)) {
        *services.entry(service).or_default() += 1;
    }
    let set_of = |container: &&Container| container.label(LABEL_SET).map(str::to_owned);
    let mut taken: BTreeSet<String> = fit.iter().filter_map(set_of).collect();
    let mut chosen = Vec::new();
    for container in fit {
        let id = container.id();
        if let Some(key) = container.label(LABEL_SET) {
            chosen.push(Chosen { id, key: SetName::new(key), owned: true });
            continue;
        }
        let own = container.seen().name();
        let service =
            container.label(COMPOSE_SERVICE).filter(|service| services.get(service) == Some(&1));
        // A key equal to another container's name would capture references to the other container.
        let free = |key: &&str| {
            (*key == own || !names.contains(key)) && !taken.contains(*key) && is_key(key)
        };
        let mut key = service.filter(free).unwrap_or(own).to_owned();
        while !taken.insert(key.clone()) {
            key.push('_');
        }
        chosen.push(Chosen { id, key: SetName::new(key), owned: false });
    }
    chosen
}

/// Why a container cannot become a set. `alone`: the container is the only container of the set in
/// its labels.
fn why_not(
    container: &Container,
    project: Option<&str>,
    alone: bool,
    images: &BTreeMap<ImageId, Json>,
) -> Option<&'static str> {
    let name = container.seen().name();
    let labels =
        container.inspect.as_ref().and_then(|inspect| inspect["Config"]["Labels"].as_object());
    if reserved_suffix(name).1.is_some() {
        return Some("its name ends as those of replacements under way do: see to that first");
    }
    match container.run() {
        Run::Dead => return Some("it is dead: a removal of it failed half-way"),
        Run::Removing => return Some("it is being removed"),
        Run::Live | Run::Paused | Run::Idle => {}
    }
    if container.inspect.is_none() {
        return Some("the snapshot was taken for something else and has too little of it");
    }
    if container.label(SWARM_SERVICE).is_some() {
        return Some("it is a task of a swarm's service, which makes its containers itself");
    }
    if !is_key(name) {
        return Some("its name is none that an engine gives");
    }
    let labels = labels?;
    if !labels.keys().any(|key| key.starts_with(LABEL_PREFIX)) {
        return None;
    }
    if project.is_none() || container.label(LABEL_PROJECT) != project {
        return Some("it is of a project of bayplan's: `--project` imports all of that");
    }
    // A renamed container still belongs to its set, unless its labels come from an image.
    let renamed = || alone && matching::created_for(container, images).is_some();
    let named = container.label(LABEL_NAME) == Some(name) || renamed();
    let set = container.label(LABEL_SET).is_some_and(is_key);
    (!named || !set).then_some(
        "its labels are bayplan's and say another name: it is one of several, or made from a copy",
    )
}

fn is_key(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(inside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observed::pick::COMPOSE_PROJECT;

    fn look(containers: &[(&str, Json)]) -> Snapshot {
        let inspect = |(number, (name, labels)): (usize, &(&str, Json))| Container {
            list: None,
            inspect: Some(json!({"Id": format!("{number:064}"), "Name": format!("/{name}"),
                "State": {"Status": "running"}, "Config": {"Labels": labels}})),
            env: BTreeMap::new(),
        };
        let containers = containers.iter().enumerate().map(inspect).collect();
        Snapshot { containers, ..Snapshot::default() }
    }

    fn keys(picked: &Picked) -> Vec<&str> {
        picked.chosen.iter().map(|chosen| chosen.key.as_str()).collect()
    }

    fn service(name: &str) -> Json {
        json!({COMPOSE_PROJECT: "shop", COMPOSE_SERVICE: name})
    }

    #[test]
    fn a_key_is_the_service_unless_that_means_something_else() {
        let look = look(&[
            ("shop-db-1", service("db")),
            ("shop-web-1", service("web")),
            ("shop-web-2", service("web")),
            ("shop-mail-1", service("mail")),
            ("mail", json!({})),
        ]);
        let project = Pick::Project("shop".to_owned());
        // Two containers belong to the service `web`, and the key `mail` would capture references
        // to another container.
        assert_eq!(keys(&pick(&look, &project)), ["db", "shop-web-1", "shop-web-2", "shop-mail-1"]);
        let names = |words: &[&str]| Pick::Names(words.iter().map(|&word| word.into()).collect());
        assert_eq!(keys(&pick(&look, &names(&["/mail", "shop-web-2"]))), ["web", "mail"]);
        let id = format!("{:04}", 0);
        assert_eq!(pick(&look, &names(&[&id])).refused.len(), 1, "they all begin so");
        assert_eq!(keys(&pick(&look, &names(&[&format!("{:064}", 4)]))), ["mail"]);
        assert_eq!(pick(&look, &names(&["shop"])).refused.len(), 1);
    }

    #[test]
    fn a_few_digits_of_an_id_are_enough_where_they_mean_one() {
        let mut look = look(&[("web", json!({})), ("mail", json!({})), ("bed9", json!({}))]);
        let ids = ["bed9b98a6e", "bed9b98aff", "0123456789"].map(|begin| format!("{begin:0<64}"));
        for (container, id) in look.containers.iter_mut().zip(&ids) {
            container.inspect.as_mut().unwrap()["Id"] = json!(id);
        }
        let picked = |word: &str| pick(&look, &Pick::Names(vec![word.to_owned()]));
        let refused = |word: &str| picked(word).refused.pop().map(|refusal| refusal.why);
        assert_eq!(keys(&picked("bed9b98a6e")), ["web"]);
        assert_eq!(keys(&picked("BED9b98af")), ["mail"]);
        assert_eq!(keys(&picked("0123")), ["bed9"]);
        // A full name has precedence over an ID prefix.
        assert_eq!(keys(&picked("bed9")), ["bed9"]);
        let several = "several IDs begin so: write more of the one that is meant";
        assert_eq!(refused("bed9b"), Some(several));
        for word in ["012", "mai", "01234z"] {
            assert_eq!(refused(word), Some("there is no container of this name"), "{word}");
        }
    }

    #[test]
    fn what_others_look_after_is_refused() {
        let look = look(&[
            ("task.1.x", json!({SWARM_SERVICE: "s"})),
            (
                "shop-web-1",
                json!({LABEL_PROJECT: "shop", LABEL_SET: "web", LABEL_NAME: "shop-web-1"}),
            ),
            ("web.bp-old", json!({})),
        ]);
        let picked = pick(&look, &Pick::All);
        assert_eq!((picked.chosen.len(), picked.refused.len()), (0, 3));
        assert_eq!(keys(&pick(&look, &Pick::Project("shop".to_owned()))), ["web"]);
    }

    #[test]
    fn the_only_one_of_its_set_may_have_another_name_now() {
        let labels = |set: &str| json!({LABEL_PROJECT: "shop", LABEL_SET: set, LABEL_NAME: "old"});
        let mut look =
            look(&[("new", labels("db")), ("web", labels("web")), ("web-2", labels("web"))]);
        for container in &mut look.containers {
            container.inspect.as_mut().unwrap()["Image"] = json!("sha256:1");
        }
        look.images.insert(ImageId::new("sha256:1"), json!({"Config": {}}));
        let project = Pick::Project("shop".to_owned());
        let picked = pick(&look, &project);
        assert_eq!((keys(&picked), picked.refused.len()), (vec!["db"], 2));
        // An image with bayplan's labels was committed from a bayplan container.
        look.images.insert(ImageId::new("sha256:1"), json!({"Config": {"Labels": labels("db")}}));
        assert_eq!(pick(&look, &project).refused.len(), 3);
    }
}
