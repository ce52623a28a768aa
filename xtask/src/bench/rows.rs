//! The rows of the table: what each measures, against what, and how much it may cost.

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    cached::{self, Sight, Steps},
    containers,
    pairs::{self, Compared, Spread},
    scale::{self, Shape},
    tools::{self, Tools},
    tree,
};
use crate::command;

/// One row of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) work: &'static str,
    pub(super) against: &'static str,
    /// The bound: a share of the peer's time; nanoseconds or bytes where there is no peer.
    pub(super) at_most: f64,
    pub(super) measure: fn(&Tools, u32) -> Result<Finding>,
}

/// What a row came to.
pub(super) enum Finding {
    /// Times of both sides.
    Compared(Compared),
    /// Nanoseconds that one more of something takes, with no peer.
    Each(Spread),
    /// Bytes that one more of something takes.
    Bytes(f64),
    /// What was not there to measure with.
    Missing(String),
}

/// All rows, in the order of the table.
pub(super) const ROWS: [Row; 19] = [
    Row {
        name: "1",
        work: "one-shot `stepwell exec` of a hello, compiled before",
        against: "`wasmtime run` of the same component, compiled before",
        at_most: 0.8,
        measure: one_shot,
    },
    Row {
        name: "2",
        work: "one more warm step in a running task",
        against: "spawn, read and wait of a static binary that prints the same",
        at_most: 0.2,
        measure: warm_step,
    },
    Row {
        name: "3a",
        work: "20,000 small files listed and read inside a step that is recorded for the first time",
        against: "the same component under `wasmtime run`",
        at_most: 0.8,
        measure: |tools, pairs| {
            cached::small_files(tools, pairs, Sight::Recorded, |walk| &walk.compiled)
        },
    },
    Row {
        name: "3b",
        work: "the same",
        against: "the same program as a core module under `wasmtime run`",
        at_most: 1.2,
        measure: |tools, pairs| {
            cached::small_files(tools, pairs, Sight::Recorded, |walk| &walk.compiled_module)
        },
    },
    Row {
        name: "3c",
        work: "the same, not recorded, `stepwell exec`",
        against: "the same component under `wasmtime run`",
        at_most: 0.8,
        measure: |tools, pairs| {
            cached::small_files(tools, pairs, Sight::Unrecorded, |walk| &walk.compiled)
        },
    },
    Row {
        name: "4",
        work: "fully cached run of a Task of 1,000 steps that copy one file each",
        against: "`ninja` with nothing to do, over 1,000 edges and the same files",
        at_most: 1.0,
        measure: |tools, pairs| cached::nothing_to_do(tools, pairs, Steps::OneTask),
    },
    Row {
        name: "4b",
        work: "the same as a Pipeline of 1,000 tasks of one step",
        against: "`ninja` with nothing to do, over 1,000 edges and the same files",
        at_most: 1.0,
        measure: |tools, pairs| cached::nothing_to_do(tools, pairs, Steps::Tasks),
    },
    Row {
        name: "5",
        work: "cached run that digests 20,000 small files for the first time",
        against: "`b3sum` over the same files",
        at_most: 1.1,
        measure: |tools, pairs| cached::first_digest(tools, pairs, tree::SMALL),
    },
    Row {
        name: "5b",
        work: "the same of 16 files of 32 MiB",
        against: "`b3sum` over the same files",
        at_most: 1.1,
        measure: |tools, pairs| cached::first_digest(tools, pairs, tree::LARGE),
    },
    Row {
        name: "git",
        work: "cached run of a step that reads 99,000 of 100,000 files, after a change in one of the others",
        against: "`git status` after the same change",
        at_most: 2.0,
        measure: cached::unrelated_change,
    },
    Row {
        name: "6",
        work: "`stepwell run` of a Task with one container step, image present",
        against: "`runc run` of the same root and command",
        at_most: 1.2,
        measure: containers::run_against_runc,
    },
    Row {
        name: "6b",
        work: "one more container step in a running task",
        against: "`runc run` of the same root and command",
        at_most: 1.2,
        measure: containers::step_against_runc,
    },
    Row {
        name: "7",
        work: "`stepwell run` of a Task with one container step, image present",
        against: "`docker run --rm --network none` of the same image and command",
        at_most: 0.15,
        measure: containers::run_against_docker,
    },
    Row {
        name: "100k",
        work: "`stepwell run` of a container step with a workspace of 100,000 files",
        against: "the same with a workspace of ten files",
        at_most: 1.1,
        measure: containers::many_files,
    },
    Row {
        name: "8",
        work: "memory of one more waiting sandbox",
        against: "—",
        at_most: 1024.0 * 1024.0,
        measure: waiting_sandboxes,
    },
    Row {
        name: "9a",
        work: "one more task of a run of 10,000, all at once, beyond its sandbox",
        against: "—",
        at_most: scale::MOST_NANOSECONDS,
        measure: |tools, pairs| scale::overhead(tools, pairs, Shape::Wide),
    },
    Row {
        name: "9b",
        work: "the same, one after the other",
        against: "—",
        at_most: scale::MOST_NANOSECONDS,
        measure: |tools, pairs| scale::overhead(tools, pairs, Shape::Deep),
    },
    Row {
        name: "9c",
        work: "the same, in diamonds of 100",
        against: "—",
        at_most: scale::MOST_NANOSECONDS,
        measure: |tools, pairs| scale::overhead(tools, pairs, Shape::Diamonds),
    },
    Row {
        name: "9d",
        work: "memory of one more task that is done",
        against: "—",
        at_most: 4.0 * 1024.0,
        measure: |tools, _| scale::memory(tools),
    },
];

/// What the hello says, be it guest or native.
pub(super) const GREETING: &str = "hello from a step";

fn one_shot(tools: &Tools, pairs: u32) -> Result<Finding> {
    let wasm = tools.wasm()?;
    let wasmtime = match &wasm.wasmtime {
        Ok(wasmtime) => wasmtime,
        Err(why) => return Ok(Finding::Missing(format!("wasmtime: {why}"))),
    };
    let ours = || {
        timed(
            stepwell(tools).arg("exec").arg(&wasm.hello.component),
            GREETING,
        )
    };
    let theirs = || timed(precompiled(wasmtime).arg(&wasm.hello.compiled), GREETING);
    pairs::measure(pairs, ours, theirs).map(Finding::Compared)
}

/// The slope of a run over its number of steps: start-up, parsing and the first step are in both and cancel out.
fn warm_step(tools: &Tools, pairs: u32) -> Result<Finding> {
    let wasm = tools.wasm()?;
    let native = match &wasm.native {
        Ok(native) => native,
        Err(why) => return Ok(Finding::Missing(format!("static binary: {why}"))),
    };
    let task = WarmTask::write(tools)?;
    let ours = || task.step_time(tools);
    let theirs = || {
        let said = command::capture(
            Command::new(&wasm.spawn)
                .arg(WarmTask::MORE.to_string())
                .arg(native),
        )?;
        let nanoseconds = said
            .trim()
            .parse()
            .context("failed to read what `spawn` measured")?;
        Ok(Duration::from_nanos(nanoseconds))
    };
    pairs::measure(pairs, ours, theirs).map(Finding::Compared)
}

/// The sandbox's own crate can hold many at once; it says how much memory each adds.
fn waiting_sandboxes(tools: &Tools, _pairs: u32) -> Result<Finding> {
    const SANDBOXES: &str = "48";
    let program = tools.stepwell.with_file_name("examples/waiting_sandboxes");
    if !program.is_file() {
        return Ok(Finding::Missing(program.display().to_string()));
    }
    let said = command::capture(
        Command::new(program)
            .arg(&tools.wasm()?.sleep)
            .arg(SANDBOXES),
    )?;
    let value: serde_json::Value = serde_json::from_str(said.trim())
        .with_context(|| format!("failed to read `{}`", said.trim()))?;
    let bytes = value["bytes_each"]
        .as_f64()
        .context("`waiting_sandboxes` named no `bytes_each`")?;
    Ok(Finding::Bytes(bytes))
}

/// A task of one step and one of many more, to tell what one more costs.
pub(super) struct WarmTask {
    one: std::path::PathBuf,
    many: std::path::PathBuf,
}

impl WarmTask {
    const MORE: u32 = 1000;

    /// Writes the two documents.
    pub(super) fn write(tools: &Tools) -> Result<Self> {
        Ok(Self {
            one: write_task(tools, 1)?,
            many: write_task(tools, 1 + Self::MORE)?,
        })
    }

    /// What one more warm step takes.
    pub(super) fn step_time(&self, tools: &Tools) -> Result<Duration> {
        // What a step costs, and not what a cache saves.
        let run = ["run", "--no-cache", "-o", "json"];
        let time = |task: &Path| task_time(stepwell(tools).args(run).arg(task));
        let (many, one) = (time(&self.many)?, time(&self.one)?);
        Ok(many.saturating_sub(one) / Self::MORE)
    }
}

/// A Task of so many steps, each of which prints the greeting.
fn write_task(tools: &Tools, steps: u32) -> Result<std::path::PathBuf> {
    let image = tools.wasm()?.hello.component.display();
    let mut text = String::from(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: hello\nspec:\n  steps:\n",
    );
    for step in 0..steps {
        writeln!(text, "    - name: step-{step}\n      image: {image}")?;
    }
    let path = tools::folder().join(format!("hello-{steps}.yaml"));
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(path)
}

/// Stepwell with a cache of its own, which the warm-up fills, and records of its own.
pub(super) fn stepwell(tools: &Tools) -> Command {
    let mut stepwell = Command::new(&tools.stepwell);
    stepwell
        .env("STEPWELL_CACHE", tools::folder().join("cache"))
        .env("STEPWELL_STATE", tools::folder().join("state"));
    stepwell
}

/// `wasmtime run` of something that is compiled already.
pub(super) fn precompiled(wasmtime: &Path) -> Command {
    let mut command = Command::new(wasmtime);
    command.args(["run", "--allow-precompiled"]);
    command
}

/// How long a run's task took by its own account, from its first step's start to its last step's end; what comes before
/// (reading the document, loading the code) is not part of a running task.
pub(super) fn task_time(command: &mut Command) -> Result<Duration> {
    let said = command::capture(command)?;
    let end = said
        .lines()
        .find(|line| line.contains(r#""type":"task-end""#));
    let end: serde_json::Value = serde_json::from_str(end.context("the run had no `task-end`")?)?;
    if end["succeeded"] != true {
        bail!("the task failed: {}", end["message"]);
    }
    let took = end["durationMs"]
        .as_u64()
        .context("`task-end` named no `durationMs`")?;
    Ok(Duration::from_millis(took))
}

/// How long a command takes from start to end, its output read through pipes. Only a run that said what it should counts.
pub(super) fn timed(command: &mut Command, expected: &str) -> Result<Duration> {
    let line = command::shown(command);
    let start = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start `{line}`"))?;
    let taken = start.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !said.contains(expected) {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{line}` ended with {} and did not say `{expected}`: {said}{complaint}",
            output.status
        );
    }
    Ok(taken)
}
