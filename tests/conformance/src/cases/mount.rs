//! Mounts that clash, that cannot be, and that lie in one another.

use stepwell_contract::Access::{ReadOnly, ReadWrite};
use stepwell_contract::SandboxErrorKind;

use crate::stage::{Stage, Step};
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "mount_conflict",
        "two volumes at one path are a conflict, before anything runs",
        conflict,
    ),
    Case::new(
        "mount_malformed",
        "a path that is not absolute and normalised is malformed",
        malformed,
    ),
    Case::new(
        "mount_missing",
        "a mount of no volume of the task is an error, and nothing runs",
        missing,
    ),
    Case::new(
        "mount_ro_in_rw",
        "a read-only mount stays so inside one that can be written",
        ro_in_rw,
    ),
    Case::new(
        "mount_rw_in_ro",
        "a mount inside a read-only one can be written",
        rw_in_ro,
    ),
    Case::new(
        "mount_parent_last",
        "mounts in one another may be named in any order",
        parent_last,
    ),
    Case::new(
        "mount_deep",
        "a mount many folders below another is the one that is seen",
        deep,
    ),
    Case::new(
        "mount_siblings",
        "mounts whose names begin alike are apart",
        siblings,
    ),
    Case::new(
        "mount_shared",
        "one volume at two paths is one volume, each path with its own access",
        shared,
    ),
];

fn refused(stage: &Stage<'_>, step: Step, is_right: fn(&SandboxErrorKind) -> bool) {
    let task = stage.task(&["ws", "other"]);
    match task.try_prepare(step) {
        Ok(_) => panic!("prepared"),
        Err(error) => assert!(is_right(&error.kind), "{error:?}"),
    }
    task.close();
    assert!(stage.names("ws").is_empty(), "something has run");
}

fn conflict(stage: &Stage<'_>) {
    let write = [act::write("/ws/file", "written")];
    for access in [ReadOnly, ReadWrite] {
        let step = stage.work(&write).mount("other", "/ws", access);
        refused(stage, step, |kind| {
            matches!(kind, SandboxErrorKind::Conflict)
        });
    }
}

fn malformed(stage: &Stage<'_>) {
    for path in [
        "",
        "other",
        "/other/",
        "/../other",
        "/a/./b",
        "//other",
        "/o\0ther",
    ] {
        let step = stage.work(&[act::write("/ws/file", "written")]);
        refused(stage, step.mount("other", path, ReadWrite), |kind| {
            matches!(kind, SandboxErrorKind::Malformed)
        });
    }
}

fn missing(stage: &Stage<'_>) {
    let step = stage.work(&[act::write("/ws/file", "written")]);
    refused(stage, step.mount("nowhere", "/nowhere", ReadWrite), |_| {
        true
    });
}

fn ro_in_rw(stage: &Stage<'_>) {
    stage.file("inner/file", "inner");
    let step = stage
        .work(&[
            act::read("/ws/inner/file"),
            act::write("/ws/inner/new", "no"),
            act::write("/ws/inner/file", "no"),
            act::write("/ws/file", "yes"),
        ])
        .mount("inner", "/ws/inner", ReadOnly);
    stage
        .run(step)
        .says(&["ok inner", "refused", "refused", "ok"]);
    assert_eq!(stage.names("inner"), ["file"]);
    assert_eq!(stage.read("inner/file").as_deref(), Some("inner"));
    assert_eq!(stage.read("ws/file").as_deref(), Some("yes"));
}

fn rw_in_ro(stage: &Stage<'_>) {
    stage.file("outer/file", "outer");
    stage.folder("outer/inner");
    let step = stage
        .step(&[
            act::write("/outer/inner/new", "yes"),
            act::write("/outer/new", "no"),
            act::read("/outer/file"),
        ])
        .mount("outer", "/outer", ReadOnly)
        .mount("inner", "/outer/inner", ReadWrite);
    stage.run(step).says(&["ok", "refused", "ok outer"]);
    assert_eq!(stage.read("inner/new").as_deref(), Some("yes"));
    assert_eq!(stage.names("outer"), ["file", "inner"]);
    assert!(stage.names("outer/inner").is_empty());
}

fn parent_last(stage: &Stage<'_>) {
    stage.file("inner/file", "inner");
    stage.file("ws/file", "outer");
    let step = stage
        .step(&[
            act::read("/ws/inner/file"),
            act::read("/ws/file"),
            act::write("/ws/inner/new", "inner"),
        ])
        .mount("inner", "/ws/inner", ReadWrite)
        .mount("ws", "/ws", ReadWrite);
    stage.run(step).says(&["ok inner", "ok outer", "ok"]);
    assert_eq!(stage.names("inner"), ["file", "new"]);
}

fn deep(stage: &Stage<'_>) {
    stage.file("inner/file", "inner");
    stage.file("ws/a/b/c/file", "hidden");
    stage.file("ws/a/b/file", "outer");
    let step = stage
        .work(&[
            act::read("/ws/a/b/c/file"),
            act::write("/ws/a/b/c/d", "inner"),
            act::read("/ws/a/b/file"),
        ])
        .mount("inner", "/ws/a/b/c", ReadWrite);
    stage.run(step).says(&["ok inner", "ok", "ok outer"]);
    assert_eq!(stage.read("inner/d").as_deref(), Some("inner"));
    assert_eq!(stage.names("ws/a/b/c"), ["file"]);
}

fn siblings(stage: &Stage<'_>) {
    stage.file("one/file", "one");
    stage.file("two/file", "two");
    let step = stage
        .step(&[
            act::read("/data/file"),
            act::read("/database/file"),
            act::write("/database/new", "two"),
            act::write("/data/new", "one"),
            act::read("/dat/file"),
        ])
        .mount("one", "/data", ReadOnly)
        .mount("two", "/database", ReadWrite);
    stage
        .run(step)
        .says(&["ok one", "ok two", "ok", "refused", "refused"]);
    assert_eq!(stage.names("one"), ["file"]);
    assert_eq!(stage.names("two"), ["file", "new"]);
}

fn shared(stage: &Stage<'_>) {
    let step = stage
        .work(&[
            act::write("/ws/file", "shared"),
            act::read("/seen/file"),
            act::write("/seen/file", "no"),
            act::read("/ws/file"),
        ])
        .mount("ws", "/seen", ReadOnly);
    stage
        .run(step)
        .says(&["ok", "ok shared", "refused", "ok shared"]);
}
