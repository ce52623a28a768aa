//! Row 9: runs of ten thousand tasks, and what one more task costs beyond the sandbox of its step.
//!
//! A task's cost is that of the whole process, from its start to its end, with everything a user gets by default: documents
//! read and checked, events written, the run recorded. What one more warm step costs (row 2's measure, taken by turns with it)
//! is the sandbox's part, and is taken away.

use std::{
    fmt::Write,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    pairs::Spread,
    rows::{Finding, WarmTask, stepwell},
    tools::{self, Tools},
};

/// How many tasks the large run has.
const TASKS: u32 = 10_000;
/// How many the small one has that start-up is measured with.
const FEW: u32 = 1_000;
/// How many events apart its memory is looked at.
const EVENTS: usize = 100;
/// What one more task may cost.
pub(super) const MOST_NANOSECONDS: f64 = 150_000.0;

/// What the graph of a run looks like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// No task waits for another.
    Wide,
    /// Each waits for the one before.
    Deep,
    /// One task, then ninety-eight that wait for it, then one that waits for all of them, and again.
    Diamonds,
}

/// What one more task takes beyond its step's sandbox.
///
/// # Errors
///
/// When a run fails.
pub(super) fn overhead(tools: &Tools, pairs: u32, shape: Shape) -> Result<Finding> {
    let step = WarmTask::write(tools)?;
    let few = write(shape, FEW, tools)?;
    let many = write(shape, TASKS, tools)?;
    let mut samples = Vec::new();
    // The first only warms the caches.
    for pair in 0..=pairs {
        let sandbox = step.step_time(tools)?;
        let (few, many) = (run(tools, &few)?.took, run(tools, &many)?.took);
        let each = many.saturating_sub(few) / (TASKS - FEW);
        if pair > 0 {
            samples.push(each.saturating_sub(sandbox).as_secs_f64() * 1e9);
        }
    }
    Ok(Finding::Each(Spread::of(samples)))
}

/// What one more task leaves in memory: how much more the process has at the end of a run than at its start.
///
/// # Errors
///
/// When a run fails.
pub(super) fn memory(tools: &Tools) -> Result<Finding> {
    let grown = |tasks| -> Result<f64> {
        let document = write(Shape::Deep, tasks, tools)?;
        Ok(run(tools, &document)?.grown)
    };
    let (few, many) = (grown(FEW)?, grown(TASKS)?);
    Ok(Finding::Bytes(
        (many - few).max(0.0) / f64::from(TASKS - FEW),
    ))
}

/// What a run came to.
struct Ran {
    took: Duration,
    /// Bytes of memory that it has at its end and had not at its start.
    grown: f64,
}

fn run(tools: &Tools, document: &Path) -> Result<Ran> {
    let start = Instant::now();
    let mut child = stepwell(tools)
        // What tasks cost, and not what a cache saves.
        .args(["run", "--no-cache", "-o", "json"])
        .arg(document)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start `stepwell run`")?;
    let output = child
        .stdout
        .take()
        .context("`stepwell run` has no output")?;
    let (mut first, mut last) = (None, None);
    for (number, line) in BufReader::new(output).lines().enumerate() {
        line.context("failed to read events")?;
        // The process may be gone before its last lines are read: what counts is the last look that there was.
        if number.is_multiple_of(EVENTS) {
            last = memory_of(child.id()).ok().or(last);
            first = first.or(last);
        }
    }
    let status = child.wait().context("failed to wait for `stepwell run`")?;
    let took = start.elapsed();
    if !status.success() {
        bail!("a run of `{}` ended with {status}", document.display());
    }
    let grown = last.zip(first).map(|(last, first)| last - first);
    Ok(Ran {
        took,
        grown: grown.context("`stepwell run` was gone before its memory could be read")?,
    })
}

/// The memory that a process has for itself alone, in bytes.
fn memory_of(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kibibytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    Ok(kibibytes.context("the kernel does not say `RssAnon`")? * 1024.0)
}

/// A Pipeline of so many tasks with one step each.
fn write(shape: Shape, tasks: u32, tools: &Tools) -> Result<PathBuf> {
    let mut text = String::from(
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata:\n  name: scale\nspec:\n  tasks:\n",
    );
    let image = tools.wasm()?.hello.component.display();
    for task in 0..tasks {
        writeln!(text, "    - name: t{task}")?;
        let parents = parents(shape, task);
        if !parents.is_empty() {
            let names: Vec<String> = parents.map(|parent| format!("t{parent}")).collect();
            writeln!(text, "      runAfter: [{}]", names.join(", "))?;
        }
        writeln!(
            text,
            "      taskSpec:\n        steps:\n          - name: hello\n            image: {image}"
        )?;
    }
    let name = format!("{shape:?}-{tasks}.yaml").to_lowercase();
    let path = tools::folder().join(name);
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(path)
}

/// The tasks that `task` waits for.
fn parents(shape: Shape, task: u32) -> std::ops::Range<u32> {
    const DIAMOND: u32 = 100;
    match shape {
        Shape::Wide => 0..0,
        Shape::Deep => task.saturating_sub(1)..task,
        Shape::Diamonds => match task % DIAMOND {
            0 => task.saturating_sub(1)..task,
            last if last == DIAMOND - 1 => task - (DIAMOND - 2)..task,
            middle => task - middle..task - middle + 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diamonds_open_and_close() {
        let of = |task| parents(Shape::Diamonds, task);
        assert_eq!((of(0), of(1), of(98)), (0..0, 0..1, 0..1));
        assert_eq!(of(99), 1..99);
        assert_eq!((of(100), of(101)), (99..100, 100..101));
        assert_eq!(
            (parents(Shape::Deep, 0), parents(Shape::Deep, 7)),
            (0..0, 6..7)
        );
    }
}
