//! The harness itself: a world is separate from others, and leaves nothing behind.

use crate::support::{World, live};

#[test]
fn a_world_leaves_nothing_behind() {
    live!();
    let world = World::new("tidy");
    let image = world.image("app");
    let name = world.name("one");
    world.docker(&["run", "-d", "--name", &name, "-v", &format!("{name}-data:/data"), &image]);
    let project = world.project().to_owned();
    drop(world);

    let after = World::new("tidy-after");
    for kind in [&["ps", "-a"][..], &["volume", "ls"], &["images"]] {
        let found = after.docker(kind);
        assert!(!found.contains(&project), "left behind:\n{found}");
    }
}
