//! Results, as the engine reads them after the backend has run a step: what is no result is not taken, and nobody waits.

use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use stepwell_contract::ParamValue;

use crate::stage::{SECRET, Stage, Story, Told};
use crate::{Action, Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "result_written",
        "a result is what a step wrote, to the byte",
        written,
    ),
    Case::new(
        "result_missing",
        "a result that no step wrote is none",
        missing,
    ),
    Case::new(
        "result_too_large",
        "a result beyond its limit is not taken",
        too_large,
    ),
    Case::new(
        "result_link",
        "a result that is a symlink is not taken, wherever it leads",
        link,
    ),
    Case::new(
        "result_fifo",
        "a result that is a FIFO is not waited for",
        fifo,
    ),
    Case::new(
        "result_binary",
        "a result that is no text is not taken",
        binary,
    ),
    Case::new(
        "result_killed",
        "what a killed step left as results is taken",
        killed,
    ),
    Case::new(
        "parallel_capped",
        "an engine that is to run two steps at once has no more run at once",
        capped,
    ),
];

/// Where a step writes the one result that is declared.
const VERSION: &str = "/tekton/results/version";

fn one(value: &str) -> Vec<(String, ParamValue)> {
    vec![("version".to_owned(), value.into())]
}

fn written(stage: &Stage<'_>) {
    for value in ["1.2.3", "", " Größe\t✓ "] {
        let told = Story::new(stage).task(&[act::write(VERSION, value)]);
        assert!(told.verdict.succeeded, "{:?}", told.verdict);
        assert_eq!(told.results, one(value));
    }
}

fn missing(stage: &Stage<'_>) {
    let told = Story::new(stage).task(&[act::write("/tekton/results/other", "x")]);
    assert!(told.verdict.succeeded, "{:?}", told.verdict);
    assert_eq!(told.results, []);
}

fn rejected(told: &Told) {
    assert!(!told.verdict.succeeded, "{:?}", told.verdict);
    assert_eq!(told.results, []);
}

fn too_large(stage: &Stage<'_>) {
    rejected(&Story::new(stage).task(&[act::fill(VERSION, 1 << 20)]));
}

fn link(stage: &Stage<'_>) {
    let secret = stage.path("outside/secret");
    let story = Story::new(stage).plant(move |results| {
        symlink(&secret, results.join("version")).unwrap();
    });
    rejected(&story.task(&[act::print("ran")]));
    // The other way, by the step itself: nothing is read through it, and it may not even be there.
    let link = act::link("other", VERSION);
    let told = Story::new(stage).task(&[act::write("/tekton/results/other", "x"), link]);
    assert_eq!(told.results, []);
    assert_eq!(stage.read("outside/secret").as_deref(), Some(SECRET));
}

fn fifo(stage: &Stage<'_>) {
    let story = Story::new(stage).plant(|results| {
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, results.join("version"), FileType::Fifo, mode, 0).unwrap();
    });
    rejected(&story.task(&[act::print("ran")]));
}

fn binary(stage: &Stage<'_>) {
    rejected(&Story::new(stage).task(&[act::write_binary(VERSION)]));
}

fn killed(stage: &Stage<'_>) {
    let told = Story::new(stage).stop_at("written").task(&[
        act::write(VERSION, "so far"),
        act::print("written"),
        Action::Hang,
    ]);
    assert!(!told.verdict.succeeded, "{:?}", told.verdict);
    assert_eq!(told.results, one("so far"));
    assert!(told.lines.iter().any(|line| line == "written"));
}

fn capped(stage: &Stage<'_>) {
    const TASKS: usize = 5;
    let lines: Vec<String> = (0..TASKS).map(|task| format!("task {task}")).collect();
    let tasks: Vec<_> = lines.iter().map(|line| vec![act::print(line)]).collect();
    let mut told = Story::new(stage).pipeline(&tasks, 2);
    assert!(told.verdict.succeeded, "{:?}", told.verdict);
    told.lines.sort();
    assert_eq!(told.lines, lines);
    assert!((1..=2).contains(&told.most), "{} at once", told.most);
}
