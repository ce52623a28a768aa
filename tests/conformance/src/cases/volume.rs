//! What a step reads and writes in the folders that it is shown.

use stepwell_contract::Access::{ReadOnly, ReadWrite};

use crate::stage::Stage;
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "volume_write",
        "what one step writes the next one reads, and the host",
        write,
    ),
    Case::new("volume_empty", "an empty volume is empty", empty),
    Case::new(
        "volume_read_only_written",
        "a read-only volume cannot be changed in any way",
        read_only_written,
    ),
    Case::new(
        "volume_read_only_read",
        "a read-only volume can be read",
        read_only_read,
    ),
    Case::new(
        "volume_kept",
        "what a volume held before is there, and stays",
        kept,
    ),
    Case::new(
        "volume_relative",
        "a relative path begins in the working directory",
        relative,
    ),
];

fn write(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    task.run(stage.work(&[
        act::write("/ws/file", "written"),
        act::make_folder("/ws/folder"),
        act::write("/ws/folder/file", "deeper"),
    ]))
    .says(&["ok", "ok", "ok"]);
    task.run(stage.work(&[
        act::read("/ws/file"),
        act::read("/ws/folder/file"),
        act::remove("/ws/file"),
        act::list("/ws"),
    ]))
    .says(&["ok written", "ok deeper", "ok", "ok folder"]);
    task.close();
    assert_eq!(stage.read("ws/folder/file").as_deref(), Some("deeper"));
    assert_eq!(stage.names("ws"), ["folder"]);
}

fn empty(stage: &Stage<'_>) {
    stage
        .play(&[act::list("/ws"), act::read("/ws/file")])
        .says(&["ok", "refused"]);
}

fn read_only_written(stage: &Stage<'_>) {
    stage.file("ro/file", "as it was");
    stage.folder("ro/folder");
    let step = stage
        .work(&[
            act::write("/ro/new", "written"),
            act::write("/ro/file", "written"),
            act::write("/ro/folder/new", "written"),
            act::make_folder("/ro/more"),
            act::link("file", "/ro/link"),
            act::remove("/ro/file"),
            act::fill("/ro/file", 1),
        ])
        .mount("ro", "/ro", ReadOnly);
    stage.run(step).says(&["refused"; 7]);
    assert_eq!(stage.names("ro"), ["file", "folder"]);
    assert!(stage.names("ro/folder").is_empty());
    assert_eq!(stage.read("ro/file").as_deref(), Some("as it was"));
}

fn read_only_read(stage: &Stage<'_>) {
    stage.file("ro/file", "as it was");
    let step = stage
        .step(&[act::read("/ro/file"), act::list("/ro")])
        .mount("ro", "/ro", ReadOnly);
    stage.run(step).says(&["ok as it was", "ok file"]);
}

fn kept(stage: &Stage<'_>) {
    stage.file("ws/before", "from before");
    let actions = [act::read("/ws/before"), act::write("/ws/after", "left")];
    stage.play(&actions).says(&["ok from before", "ok"]);
    stage
        .play(&[act::list("/ws"), act::read("/ws/after")])
        .says(&["ok after before", "ok left"]);
}

fn relative(stage: &Stage<'_>) {
    stage.file("ws/sub/file", "below");
    let mut step = stage.work(&[act::read("file"), act::write("new", "here")]);
    step.spec.working_dir = "/ws/sub".into();
    let step = step.mount("other", "/other", ReadWrite);
    stage.run(step).says(&["ok below", "ok"]);
    assert_eq!(stage.read("ws/sub/new").as_deref(), Some("here"));
}
