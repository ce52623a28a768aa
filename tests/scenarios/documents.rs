//! Documents of our own in `documents`, each of which holds on to one part of what Tekton promises.
//!
//! Beside each document is what came of it: the exit code, what was said against the document, the completed object, and
//! what the steps printed. `STEPWELL_BLESS=1` writes it anew; read the difference.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::in_place_of_images;
use crate::stage::{Stage, Told, checkout};

#[test]
fn documents_end_as_tekton_would_end_them() {
    let documents = in_folder("tests/scenarios/documents");
    assert!(documents.len() >= 25, "{documents:?}");
    compare(&documents, &Stage::new, &[in_place_of_images()]);
}

/// Runs each document on a stage of its own with `args`, and compares what came of it with what is beside it.
#[expect(
    clippy::disallowed_methods,
    reason = "who changes what is expected says so in the environment"
)]
pub(crate) fn compare(documents: &[PathBuf], stage: &dyn Fn() -> Stage, args: &[&str]) {
    let mut different = Vec::new();
    for document in documents {
        let golden = document.with_extension("golden");
        let actual = told(document, stage, args);
        if std::env::var_os("STEPWELL_BLESS").is_some() {
            fs::write(&golden, &actual).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if actual != expected {
            let name = document.file_name().unwrap().to_string_lossy();
            different.push(format!("{name}: {}", difference(&expected, &actual)));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

/// The documents of a folder of the checkout, sorted.
pub(crate) fn in_folder(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(checkout().join(folder)).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    found.sort();
    found
}

/// Everything that has to stay the same about a document's run.
fn told(document: &Path, stage: &dyn Fn() -> Stage, args: &[&str]) -> String {
    let path = document.to_str().unwrap();
    let run = |format: &str| stage().stepwell(&[&["run", path, format], args].concat());
    let object = run("--output=yaml");
    let mut whole = format!("# exit code {}\n", object.status.code().unwrap());
    whole.push_str(&redacted(&String::from_utf8(object.stdout).unwrap()));
    whole.push_str("---\n");
    let events = run("--output=json");
    assert_eq!(events.status.code(), object.status.code(), "{path}");
    for line in printed(&Told::new(events)) {
        writeln!(whole, "{line}").unwrap();
    }
    whole
}

/// What the steps printed: tasks by name, the steps of each in the order in which they spoke, and of each step both outputs
/// apart, for nobody promises which of them is read first.
fn printed(told: &Told) -> Vec<String> {
    let mut by_task: BTreeMap<String, Vec<(usize, &str, String)>> = BTreeMap::new();
    for event in told.of_type("step-log") {
        let text = |field: &str| event[field].as_str().unwrap_or_default();
        let mark = if text("stream") == "stderr" { "!" } else { ":" };
        let speaker = format!("{}/{}", text("task"), text("step"));
        let lines = by_task.entry(text("task").to_owned()).or_default();
        let place = lines.iter().position(|(.., line)| {
            line.starts_with(&format!("{speaker}:")) || line.starts_with(&format!("{speaker}!"))
        });
        let place = place.map_or(lines.len(), |at| lines[at].0);
        let line = format!("{speaker}{mark} {}", text("line"));
        lines.push((place, mark, line.trim_end().to_owned()));
    }
    let sorted = by_task.into_values().flat_map(|mut lines| {
        lines.sort_by(|one, other| (one.0, other.1).cmp(&(other.0, one.1)));
        lines
    });
    sorted.map(|(.., line)| line).collect()
}

/// The status of an object without the spec in it, and without what differs from run to run: moments, ids, digests of our
/// own program.
fn redacted(yaml: &str) -> String {
    const DIFFER: [&str; 9] = [
        "startTime",
        "completionTime",
        "finallyStartTime",
        "startedAt",
        "finishedAt",
        "creationTimestamp",
        "lastTransitionTime",
        "uid",
        "imageID",
    ];
    let mut out = String::new();
    let mut is_spec = false;
    for line in yaml.lines().skip_while(|line| *line != "status:") {
        let below = line.strip_prefix("  ").unwrap_or(line);
        if !below.starts_with([' ', '-']) {
            is_spec = matches!(below, "pipelineSpec:" | "taskSpec:");
        }
        if is_spec {
            continue;
        }
        let key = line.trim_start_matches([' ', '-']);
        let differs = key
            .split_once(": ")
            .filter(|(name, _)| DIFFER.contains(name));
        match differs {
            Some((name, _)) => {
                let indent = &line[..line.len() - key.len()];
                writeln!(out, "{indent}{name}: …").unwrap();
            }
            None => writeln!(out, "{line}").unwrap(),
        }
    }
    out
}

/// The first place where two texts differ, with what is around it.
fn difference(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let at = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let part = |lines: &[&str]| lines[at.min(lines.len())..(at + 6).min(lines.len())].join("\n");
    format!(
        "from line {} on\nexpected:\n{}\nactual:\n{}",
        at + 1,
        part(&old),
        part(&new)
    )
}

#[test]
fn what_differs_from_run_to_run_is_left_out() {
    let yaml = "kind: TaskRun\nstatus:\n  startTime: 2026-01-01T00:00:00Z\n  taskSpec:\n    steps:\n    - name: a\n  \
                steps:\n  - imageID: sha256:1\n    name: a\n";
    let expected = "status:\n  startTime: …\n  steps:\n  - imageID: …\n    name: a\n";
    assert_eq!(redacted(yaml), expected);
}
