//! Files and folders of a step that has ended, read from outside.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use stepwell_contract::Access::{ReadOnly, ReadWrite};
use stepwell_contract::{Feature, Place, SandboxError, SandboxErrorKind};

use crate::stage::{SECRET, Stage, Step};
use crate::{Action, Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::with(
        Feature::Extract,
        "extract_text",
        "a file is read from outside after the step",
        text,
    ),
    Case::with(
        Feature::Extract,
        "extract_missing_file",
        "a file that is not there is not found",
        missing_file,
    ),
    Case::with(
        Feature::Extract,
        "extract_missing_folder",
        "a folder that is not there is not found",
        missing_folder,
    ),
    Case::with(
        Feature::Extract,
        "extract_nested",
        "every file below a folder is handed out once, in order",
        nested,
    ),
    Case::with(
        Feature::Extract,
        "extract_interrupted",
        "who does not want any more gets no more",
        interrupted,
    ),
    Case::with(
        Feature::Extract,
        "extract_mounts",
        "the mount that the step saw is the one that is read",
        mounts,
    ),
    Case::with(
        Feature::Extract,
        "extract_link",
        "a symlink that stays inside is followed",
        link,
    ),
    Case::with(
        Feature::Extract,
        "extract_link_out",
        "a symlink leads to nothing of the host's",
        link_out,
    ),
    Case::with(
        Feature::Extract,
        "extract_special",
        "what is no regular file is not waited for",
        special,
    ),
    Case::with(
        Feature::Extract,
        "extract_malformed",
        "a path that is not absolute is malformed",
        malformed,
    ),
    Case::with(
        Feature::Extract,
        "extract_killed",
        "what a killed step left is read alike",
        killed,
    ),
];

/// Runs `step` in a task, and gives its place to `look`.
fn after(stage: &Stage<'_>, folders: &[&str], step: Step, look: impl FnOnce(&dyn Place)) {
    let task = stage.task(folders);
    let sandbox = task.prepare(step);
    let place = sandbox.place();
    let end = task.set_off(sandbox).end();
    assert!(end.ending.is_success(), "{end:#?}");
    look(&*place);
    drop(place);
    task.close();
}

fn content(place: &dyn Place, path: &str) -> Result<String, SandboxError> {
    let mut text = String::new();
    place.extract_file(path)?.read_to_string(&mut text).unwrap();
    Ok(text)
}

fn files(place: &dyn Place, path: &str) -> Result<Vec<(String, String)>, SandboxError> {
    let mut files = Vec::new();
    place.extract_folder(path, &mut |path, content| {
        let mut text = String::new();
        content.read_to_string(&mut text)?;
        files.push((path.to_owned(), text));
        Ok(())
    })?;
    Ok(files)
}

fn is_missing<T>(answer: Result<T, SandboxError>) -> bool {
    matches!(answer, Err(error) if matches!(error.kind, SandboxErrorKind::NotFound))
}

fn text(stage: &Stage<'_>) {
    let step = stage.work(&[
        act::write("/ws/file", "written inside"),
        act::write("/ws/empty", ""),
    ]);
    after(stage, &["ws"], step, |place| {
        assert_eq!(content(place, "/ws/file").unwrap(), "written inside");
        assert_eq!(content(place, "/ws/file").unwrap(), "written inside");
        assert_eq!(content(place, "/ws/empty").unwrap(), "");
    });
}

fn missing_file(stage: &Stage<'_>) {
    stage.folder("ws/folder");
    after(stage, &["ws"], stage.work(&[]), |place| {
        for path in [
            "/ws/file",
            "/ws/none/file",
            "/ws/folder",
            "/ws",
            "/nowhere/file",
        ] {
            assert!(is_missing(place.extract_file(path)), "{path}");
        }
    });
}

fn missing_folder(stage: &Stage<'_>) {
    stage.file("ws/file", "");
    after(stage, &["ws"], stage.work(&[]), |place| {
        for path in ["/ws/none", "/ws/none/below", "/ws/file", "/nowhere"] {
            assert!(is_missing(files(place, path)), "{path}");
        }
    });
}

fn nested(stage: &Stage<'_>) {
    let step = stage.work(&[
        act::make_folder("/ws/out"),
        act::make_folder("/ws/out/b"),
        act::make_folder("/ws/out/b/c"),
        act::make_folder("/ws/out/empty"),
        act::write("/ws/out/z", "last"),
        act::write("/ws/out/a", "first"),
        act::write("/ws/out/b/c/d", "deep"),
        act::write("/ws/beside", "no"),
    ]);
    after(stage, &["ws"], step, |place| {
        let expected = [("a", "first"), ("b/c/d", "deep"), ("z", "last")];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(files(place, "/ws/out").unwrap(), expected);
        assert!(files(place, "/ws/out/empty").unwrap().is_empty());
    });
}

fn interrupted(stage: &Stage<'_>) {
    for name in ["a", "b", "c"] {
        stage.file(&format!("ws/{name}"), name);
    }
    after(stage, &["ws"], stage.work(&[]), |place| {
        let mut handed = 0;
        let error = place
            .extract_folder("/ws", &mut |_, _| {
                handed += 1;
                if handed == 2 {
                    return Err(io::Error::other("that will do"));
                }
                Ok(())
            })
            .unwrap_err();
        assert!(
            matches!(error.kind, SandboxErrorKind::Interrupted),
            "{error:?}"
        );
        assert!(crate::stage::causes(&error).ends_with("that will do"));
        assert_eq!(handed, 2);
    });
}

fn mounts(stage: &Stage<'_>) {
    stage.file("ws/inner/file", "hidden");
    stage.file("inner/file", "inner");
    stage.file("unseen/file", "unseen");
    let step = stage.work(&[]).mount("inner", "/ws/inner", ReadOnly);
    after(stage, &["ws", "inner", "unseen"], step, |place| {
        assert_eq!(content(place, "/ws/inner/file").unwrap(), "inner");
        assert!(is_missing(place.extract_file("/unseen/file")));
    });
}

fn link(stage: &Stage<'_>) {
    stage.file("ws/real/file", "linked to");
    stage.file("other/file", "other");
    let step = stage
        .work(&[
            act::link("real/file", "/ws/link"),
            act::link("real", "/ws/folder"),
            act::make_folder("/ws/out"),
            act::link("../real/file", "/ws/out/file"),
            act::link("../real", "/ws/out/folder"),
        ])
        .mount("other", "/other", ReadWrite);
    after(stage, &["ws", "other"], step, |place| {
        assert_eq!(content(place, "/ws/link").unwrap(), "linked to");
        assert_eq!(content(place, "/ws/folder/file").unwrap(), "linked to");
        let through = files(place, "/ws/folder").unwrap();
        assert_eq!(through, [("file".to_owned(), "linked to".to_owned())]);
        // Links to folders are not gone into: a few of them would make a folder without end.
        assert_eq!(files(place, "/ws/out").unwrap(), through);
    });
}

fn link_out(stage: &Stage<'_>) {
    stage.link(stage.path("outside/secret"), "ws/out/absolute");
    stage.link("../../outside/secret", "ws/out/relative");
    stage.link("../../outside", "ws/out/folder");
    stage.link("nowhere", "ws/out/dangling");
    stage.link("round", "ws/out/round");
    stage.file("ws/out/file", "inside");
    after(stage, &["ws"], stage.work(&[]), |place| {
        for path in ["absolute", "relative", "folder/secret", "dangling", "round"] {
            let path = format!("/ws/out/{path}");
            assert!(is_missing(place.extract_file(&path)), "{path}");
        }
        assert!(is_missing(place.extract_file("/ws/../outside/secret")));
        assert!(is_missing(files(place, "/ws/out/folder")));
        let files: BTreeMap<_, _> = files(place, "/ws/out").unwrap().into_iter().collect();
        assert!(!files.values().any(|text| text == SECRET), "{files:?}");
        assert_eq!(files.into_keys().collect::<Vec<_>>(), ["file"]);
    });
}

/// Makes a FIFO that nobody writes to: who opens it without care waits for ever.
pub(crate) fn fifo(stage: &Stage<'_>, relative: &str) {
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, stage.path(relative), FileType::Fifo, mode, 0).unwrap();
}

fn special(stage: &Stage<'_>) {
    stage.file("ws/file", "inside");
    fifo(stage, "ws/fifo");
    after(stage, &["ws"], stage.work(&[]), |place| {
        assert!(is_missing(place.extract_file("/ws/fifo")));
        assert_eq!(files(place, "/ws").unwrap().len(), 1);
    });
}

fn malformed(stage: &Stage<'_>) {
    stage.file("ws/file", "inside");
    after(stage, &["ws"], stage.work(&[]), |place| {
        for path in ["", "ws/file", "file", "/ws/f\0ile"] {
            for answer in [
                place.extract_file(path).map(drop),
                place.extract_folder(path, &mut |_, _| Ok(())),
            ] {
                let error = answer.unwrap_err();
                assert!(
                    matches!(error.kind, SandboxErrorKind::Malformed),
                    "{path:?}: {error:?}"
                );
            }
        }
    });
}

fn killed(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let sandbox = task.prepare(stage.work(&[
        act::write("/ws/file", "so far"),
        act::print("ready"),
        Action::Hang,
    ]));
    let place: Arc<dyn Place> = sandbox.place();
    let step = task.set_off(sandbox);
    step.wait_for("ready");
    step.kill();
    step.end();
    assert_eq!(content(&*place, "/ws/file").unwrap(), "so far");
    drop(place);
    task.close();
}
