//! All that a step saw, as one tar stream.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use stepwell_contract::Access::ReadOnly;
use stepwell_contract::{Feature, SandboxErrorKind};

use super::extract::fifo;
use crate::stage::{SECRET, Stage, causes};
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::with(
        Feature::Archive,
        "archive_all",
        "all that the step saw is in it, where it saw it",
        all,
    ),
    Case::with(
        Feature::Archive,
        "archive_links",
        "a symlink is kept as what it is, and not followed",
        links,
    ),
    Case::with(
        Feature::Archive,
        "archive_interrupted",
        "a writer that fails ends it",
        interrupted,
    ),
];

/// What is in an archive: files with what they say, links with `-> ` before it.
fn entries(archive: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let content = match entry.link_name().unwrap() {
            Some(target) => format!("-> {}", target.display()),
            None => {
                // The step's own program is in it where it sees that as a file.
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        found.insert(path.trim_end_matches('/').to_owned(), content);
    }
    found
}

fn all(stage: &Stage<'_>) {
    stage.file("ro/given", "to look at");
    let step = stage
        .work(&[
            act::make_folder("/ws/folder"),
            act::write("/ws/folder/file", "written inside"),
            act::make_folder("/ws/empty"),
        ])
        .mount("ro", "/deep/ro", ReadOnly);
    let task = stage.task(&["ws", "ro"]);
    let sandbox = task.prepare(step);
    let place = sandbox.place();
    task.set_off(sandbox).end();
    let mut archive = Vec::new();
    place.archive(&mut archive).unwrap();
    let entries = entries(&archive);
    for (path, text) in [
        ("ws/folder/file", "written inside"),
        ("ws/empty", ""),
        ("deep/ro/given", "to look at"),
    ] {
        assert_eq!(
            entries.get(path).map(String::as_str),
            Some(text),
            "{entries:#?}"
        );
    }
    drop(place);
    task.close();
}

fn links(stage: &Stage<'_>) {
    let target = stage.path_text("outside/secret");
    stage.link(&target, "ws/out");
    stage.link("folder/file", "ws/in");
    stage.file("ws/folder/file", "inside");
    stage.link("../../outside", "ws/folder/up");
    fifo(stage, "ws/fifo");
    let task = stage.task(&["ws"]);
    let sandbox = task.prepare(stage.work(&[]));
    let place = sandbox.place();
    task.set_off(sandbox).end();
    let mut archive = Vec::new();
    place.archive(&mut archive).unwrap();
    let entries = entries(&archive);
    assert_eq!(entries["ws/out"], format!("-> {target}"));
    assert_eq!(entries["ws/in"], "-> folder/file");
    assert_eq!(entries["ws/folder/up"], "-> ../../outside");
    assert_eq!(entries["ws/folder/file"], "inside");
    assert!(!entries.values().any(|text| text.contains(SECRET)));
    drop(place);
    task.close();
}

/// Takes some bytes and then no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(io::Error::other("no more room"));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn interrupted(stage: &Stage<'_>) {
    stage.file("ws/file", &"x".repeat(100_000));
    let task = stage.task(&["ws"]);
    let sandbox = task.prepare(stage.work(&[]));
    let place = sandbox.place();
    task.set_off(sandbox).end();
    let error = place.archive(&mut Full(2_000)).unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::Interrupted),
        "{error:?}"
    );
    assert!(
        causes(&error).contains("no more room"),
        "{}",
        causes(&error)
    );
    drop(place);
    task.close();
}
