//! Tekton's own examples, as they stand: on containers, and as far as they go with a component in the place of their images.
//!
//! They are not part of this project: `STEPWELL_TEKTON_EXAMPLES` names the folder that holds them. Without it the tests say
//! so and check nothing; the documents in `documents` and in `tests/documents` hold on to the same rules.

mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::boxes;
use crate::shelf::{self, Backend};
use crate::shell::in_place_of_images;
use crate::stage::Stage;
use table::{ENDINGS, NEED_CONTAINERS};

/// How far a document goes. It has run if its runs ended as they end in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nowhere,
    Parsed,
    Validated,
    Planned,
    Run,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nowhere => "nowhere",
            Self::Parsed => "parsed",
            Self::Validated => "validated",
            Self::Planned => "planned",
            Self::Run => "run",
        })
    }
}

#[test]
fn examples_of_tekton_go_as_far_as_a_component_can_in_the_place_of_their_images() {
    let Some(folder) = folder() else { return };
    compare(
        "components",
        &folder,
        &Stage::new,
        &[in_place_of_images()],
        |name| {
            let needs = NEED_CONTAINERS.iter().find(|(needy, ..)| *needy == name);
            needs.map(|(_, reach, why)| (*reach, *why))
        },
    );
}

#[test]
fn examples_of_tekton_end_on_containers_as_in_a_cluster() {
    let Some(folder) = folder() else { return };
    if !boxes::are_possible() {
        return;
    }
    let stage = Stage::new();
    let settings = shelf::lay_out(&stage);
    for backend in Backend::all() {
        let stage = || backend.stage();
        let flags = backend.flags(&settings);
        compare(backend.name, &folder, &stage, &flags, |_| None);
    }
}

/// Where the examples are.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "where Tekton's examples are is said in the environment, and a test that is skipped says so"
)]
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("STEPWELL_TEKTON_EXAMPLES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: STEPWELL_TEKTON_EXAMPLES does not name a folder with Tekton's examples");
    }
    folder
}

/// Takes every document of the folder as far as it goes with `args`, and compares that with how it ends in a cluster, or
/// with what `excused` says.
#[expect(
    clippy::print_stdout,
    reason = "how many end as in a cluster is what is to be known"
)]
fn compare(
    what: &str,
    folder: &Path,
    stage: &dyn Fn() -> Stage,
    args: &[&str],
    excused: impl Fn(&str) -> Option<(Reach, &'static str)>,
) {
    let found = documents(folder);
    let (mut different, mut run) = (Vec::new(), 0);
    for (name, path) in &found {
        let (reach, why) = reached(path, &stage(), args);
        run += u32::from(reach == Reach::Run);
        let known = ENDINGS.iter().find(|(known, _)| known == name);
        let Some((_, ending)) = known else {
            different.push(format!("{name}: is not in the table; is {reach} ({why})"));
            continue;
        };
        let (wanted, reason) = excused(name).unwrap_or((Reach::Run, ending));
        if wanted != reach || !why.contains(reason) {
            different.push(format!(
                "{name}: should be {wanted} ({reason}), is {reach} ({why})"
            ));
        }
    }
    let gone = ENDINGS
        .iter()
        .filter(|(name, _)| !found.contains_key(*name));
    different.extend(gone.map(|(name, _)| format!("{name}: is not in the folder")));
    println!(
        "Tekton's examples on {what}: {run} of {} end as in a cluster",
        found.len()
    );
    assert!(different.is_empty(), "on {what}:\n{}", different.join("\n"));
}

/// The documents of a folder, by their path in it.
fn documents(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|kind| kind == "yaml") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), path);
            }
        }
    }
    found
}

/// Takes a document as far as it goes.
fn reached(path: &Path, stage: &Stage, args: &[&str]) -> (Reach, String) {
    let file = path.to_str().unwrap();
    let listed = stage.stepwell(&["list", "--output=json", file]);
    if !listed.status.success() {
        return (Reach::Nowhere, complaint(&listed));
    }
    let call = |command: &[&str], name: Option<&String>| {
        let choice = name.map(|name| format!("--name={name}"));
        let choice: Vec<&str> = choice.iter().map(String::as_str).collect();
        stage.stepwell(&[command, &[file], &choice, args].concat())
    };
    let validated = call(&["validate"], None);
    if !validated.status.success() {
        return (Reach::Parsed, complaint(&validated));
    }
    let chosen = runs(&listed);
    for name in &chosen {
        let planned = call(&["plan"], name.as_ref());
        if !planned.status.success() {
            return (Reach::Validated, complaint(&planned));
        }
    }
    let mut reasons = Vec::new();
    for name in &chosen {
        let ran = call(&["run", "--output=json"], name.as_ref());
        match reason(&ran) {
            Some(reason) => reasons.push(reason),
            None => return (Reach::Planned, complaint(&ran)),
        }
    }
    let ending = ENDINGS.iter().find(|(name, _)| path.ends_with(name));
    let reach = match ending.is_some_and(|(_, ending)| *ending == reasons.join(", ")) {
        true => Reach::Run,
        false => Reach::Planned,
    };
    (reach, reasons.join(", "))
}

/// Which runs a file holds: nothing to choose where there is one.
fn runs(listed: &Output) -> Vec<Option<String>> {
    let rows = String::from_utf8_lossy(&listed.stdout);
    let rows = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap());
    let names: Vec<String> = rows
        .filter(|row| matches!(row["kind"].as_str(), Some("TaskRun" | "PipelineRun")))
        .map(|row| row["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    match names.as_slice() {
        [_] => vec![None],
        _ => names.into_iter().map(Some).collect(),
    }
}

/// The reason with which a run ended, if it came to that.
fn reason(ran: &Output) -> Option<String> {
    let events = String::from_utf8_lossy(&ran.stdout);
    let last: Value = serde_json::from_str(events.lines().last()?).ok()?;
    (last["type"] == "run-end").then(|| last["reason"].as_str().unwrap_or_default().to_owned())
}

/// The first thing that was said against a document.
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.iter().take(3).copied().collect::<Vec<_>>().join(" ")
}
