//! Does something again whenever a file of the project changes.
//!
//! It looks, several times a second, at what every file of the author's is: its size and when it was written. A project has
//! some dozens of them. Why nobody is asked to tell is in `docs/decisions/0026`. Knows what a build itself writes, which is
//! nobody's change.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Project;
use crate::args::ColorChoice;
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::text::print;
use crate::trouble::Trouble;

/// How often to look. A person does not notice, nor does the machine.
const OFTEN: Duration = Duration::from_millis(200);

/// Stops a folder that was made a project by mistake, a whole home, from being gone through without end.
const MOST: usize = 20_000;

/// Folders and files that tools write: a change of theirs is the answer to one of the author's.
const WRITTEN: [&str; 8] = [
    "target",
    "vendor",
    "node_modules",
    "__pycache__",
    "wit_world",
    "expected",
    "Cargo.lock",
    "package-lock.json",
];

/// Does `once`, and again after every change, until the user puts an end to it. What goes wrong is shown.
///
/// # Errors
///
/// Nobody reads what is printed.
pub(super) fn watch(
    project: &Project,
    env: &Environment,
    mut once: impl FnMut() -> Result<ExitCode, Trouble>,
) -> Result<ExitCode, Trouble> {
    loop {
        // Looked at before, so that what changes meanwhile is not missed.
        let before = Seen::of(&project.root);
        if let Err(trouble) = once() {
            trouble.show(ColorChoice::Auto, env);
        }
        print("waiting for a change\n")?;
        let mut last = before.clone();
        loop {
            std::thread::sleep(OFTEN);
            let now = Seen::of(&project.root);
            // An editor that saves, and a tool that writes many files, are done when twice the same is seen.
            if now != before && now == last {
                break;
            }
            last = now;
        }
    }
}

/// What the author's files were when they were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Seen {
    fn of(root: &Path) -> Self {
        let mut seen = Self::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            // What cannot be read now is another thing when it can.
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                let path = entry.path();
                if is_written(&path) || seen.0.len() >= MOST {
                    continue;
                }
                // Of a link, the link: where it leads may be anywhere.
                match entry.metadata() {
                    Ok(metadata) if metadata.is_dir() => folders.push(path),
                    Ok(metadata) => {
                        let what = (metadata.len(), metadata.modified().ok());
                        seen.0.insert(path, what);
                    }
                    Err(_) => {}
                }
            }
        }
        seen
    }
}

/// Whether something is written by tools.
fn is_written(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_made = [Some(OsStr::new("wasm")), Some(OsStr::new("part"))];
    name.as_encoded_bytes().starts_with(b".")
        || WRITTEN.iter().any(|written| name == *written)
        || is_made.contains(&path.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_writes_is_no_change() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        let put = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("src/lib.rs", "a");
        let before = Seen::of(root);
        assert_eq!(before.0.len(), 1);
        for path in [
            "target/x",
            "lint.wasm",
            "lint.wasm.part",
            ".git/index",
            "fixtures/a/expected/outcome.json",
            "src/.lib.rs.swp",
        ] {
            put(path, "x");
            assert_eq!(Seen::of(root), before, "{path}");
        }
        put("fixtures/a/workspaces/source/x", "x");
        assert_ne!(Seen::of(root), before);
        let before = Seen::of(root);
        put("src/lib.rs", "longer");
        assert_ne!(Seen::of(root), before);
        let before = Seen::of(root);
        fs::remove_file(root.join("src/lib.rs")).unwrap();
        assert_ne!(Seen::of(root), before);
    }
}
