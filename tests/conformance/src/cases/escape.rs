//! Ways out of what a step was shown, each beside the allowed neighbour.

use stepwell_contract::Access::{ReadOnly, ReadWrite};

use crate::stage::{SECRET, Stage};
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "escape_absolute",
        "a path of the host leads nowhere",
        absolute,
    ),
    Case::new(
        "escape_traversal",
        "`..` leads to nothing of the host's",
        traversal,
    ),
    Case::new(
        "escape_link",
        "a symlink leads to nothing of the host's, whoever made it",
        link,
    ),
    Case::new(
        "escape_link_write",
        "nothing of the host's is written through a symlink",
        link_write,
    ),
    Case::new(
        "escape_link_read_only",
        "a symlink does not make a read-only volume writable",
        link_read_only,
    ),
    Case::new(
        "escape_link_inside",
        "a symlink that stays inside is followed",
        link_inside,
    ),
];

fn absolute(stage: &Stage<'_>) {
    stage.file("ws/file", "inside");
    let secret = stage.path_text("outside/secret");
    let end = stage.play(&[
        act::read(&secret),
        act::write(&secret, "gone"),
        act::read("/ws/file"),
    ]);
    let lines = end.lines();
    assert_eq!((lines[0], lines[2]), ("refused", "ok inside"));
    // A container may write into its own root, and that is not the host's.
    assert_eq!(stage.read("outside/secret").as_deref(), Some(SECRET));
}

fn traversal(stage: &Stage<'_>) {
    stage.file("ws/sub/file", "inside");
    let root = "../".repeat(30);
    let secret = stage.path_text("outside/secret");
    let end = stage.play(&[
        act::read("/ws/../outside/secret"),
        act::read("/ws/sub/../../outside/secret"),
        act::read("../outside/secret"),
        act::read(&format!("{root}{secret}")),
        act::write("/ws/sub/../../outside/new", "x"),
        act::read("/ws/sub/../sub/file"),
    ]);
    let lines = end.lines();
    assert_eq!(lines[..4], ["refused"; 4]);
    assert_eq!(lines[5], "ok inside");
    assert_eq!(stage.names("outside"), ["secret"]);
}

fn link(stage: &Stage<'_>) {
    stage.link(stage.path("outside/secret"), "ws/absolute");
    stage.link("../outside/secret", "ws/relative");
    stage.link("../outside", "ws/folder");
    let secret = stage.path_text("outside/secret");
    let end = stage.play(&[
        act::read("/ws/absolute"),
        act::read("/ws/relative"),
        act::read("/ws/folder/secret"),
        act::link(&secret, "/ws/own"),
        act::read("/ws/own"),
        act::link("../outside", "/ws/below"),
        act::read("/ws/below/secret"),
        act::link("..", "/ws/up"),
        act::read("/ws/up/outside/secret"),
    ]);
    let lines = end.lines();
    // A backend may refuse to make the link; what it must not do is follow it.
    for read in [0, 1, 2, 4, 6, 8] {
        assert_eq!(lines[read], "refused", "{end:#?}");
    }
}

fn link_write(stage: &Stage<'_>) {
    stage.link("../outside/secret", "ws/file");
    stage.link("../outside/new", "ws/new");
    stage.link("../outside", "ws/folder");
    let end = stage.play(&[
        act::write("/ws/file", "gone"),
        act::write("/ws/new", "made"),
        act::write("/ws/folder/new", "made"),
        act::make_folder("/ws/folder/more"),
        act::remove("/ws/folder/secret"),
    ]);
    assert!(end.ending.is_success(), "{end:#?}");
    assert_eq!(stage.names("outside"), ["secret"]);
    assert_eq!(stage.read("outside/secret").as_deref(), Some(SECRET));
}

fn link_read_only(stage: &Stage<'_>) {
    stage.file("ro/file", "as it was");
    let step = stage
        .work(&[
            act::link("/ro/file", "/ws/absolute"),
            act::write("/ws/absolute", "no"),
            act::link("../ro/file", "/ws/relative"),
            act::write("/ws/relative", "no"),
            act::link("../ro", "/ws/folder"),
            act::write("/ws/folder/new", "no"),
        ])
        .mount("ro", "/ro", ReadOnly);
    let end = stage.run(step);
    let lines = end.lines();
    // Where the link itself is refused, there is nothing to write through.
    for link in [0, 2, 4] {
        assert!(
            lines[link] == "refused" || lines[link + 1] == "refused",
            "{end:#?}"
        );
    }
    assert_eq!(stage.names("ro"), ["file"]);
    assert_eq!(stage.read("ro/file").as_deref(), Some("as it was"));
}

fn link_inside(stage: &Stage<'_>) {
    stage.file("ws/folder/file", "inside");
    stage.link("folder/file", "ws/given");
    let step = stage
        .work(&[
            act::read("/ws/given"),
            act::link("../folder", "/ws/folder/self"),
            act::read("/ws/folder/self/file"),
            act::write("/ws/given", "changed"),
            act::read("/ws/folder/file"),
        ])
        .mount("other", "/other", ReadWrite);
    stage
        .run(step)
        .says(&["ok inside", "ok", "ok inside", "ok", "ok changed"]);
}
