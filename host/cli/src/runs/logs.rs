//! `stepwell runs logs`: what steps said, from the events of a run.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use stepwell_report::logs::Logs;
use stepwell_store::runs::{Next, RunFile, Runs};

use super::find;
use crate::args::LogsArgs;
use crate::exit::{Coded, ExitCode};

/// How long to wait before looking for more: short enough to look like at once.
const MOMENT: Duration = Duration::from_millis(50);

/// How many steps are named where the one that was meant is not there.
const MOST_STEPS: usize = 20;

/// An event, as far as it is needed here. What a line has beside it is skipped.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    task: Option<String>,
    step: Option<String>,
}

/// Prints what the steps of a run, or some of them, said.
///
/// # Errors
///
/// There is no such run or no such part of it.
pub(super) fn logs(runs: &Runs, args: &LogsArgs) -> anyhow::Result<ExitCode> {
    let (run, part) = find::split(&args.run);
    let run = find::run(runs, run)?;
    let mut lines = run.lines(RunFile::Events)?;
    let mut selected = Selected {
        part,
        alone: run.record().kind == "TaskRun",
        found: part.is_none(),
        steps: Vec::new(),
        logs: Logs::new(io::stdout(), io::stdout().is_terminal()),
    };
    loop {
        match lines.next_line()? {
            Next::Line(text) => {
                if !alive(selected.line(&text))? {
                    return Ok(ExitCode::Success);
                }
            }
            Next::Nothing if args.follow => std::thread::sleep(MOMENT),
            Next::Nothing | Next::End => break,
        }
    }
    alive(selected.logs.finish())?;
    match (part, selected.found) {
        (Some(part), false) => Err(unknown(&run.record().id, part, &selected.steps)),
        _ => Ok(ExitCode::Success),
    }
}

/// The part of a run that is wanted.
struct Selected<'a> {
    part: Option<&'a str>,
    alone: bool,
    found: bool,
    /// The first of the steps that are not.
    steps: Vec<String>,
    logs: Logs,
}

impl Selected<'_> {
    fn line(&mut self, text: &str) -> io::Result<()> {
        // A line of a later Stepwell that cannot be understood is no log.
        let Ok(line) = serde_json::from_str::<Line>(text) else {
            return Ok(());
        };
        if let (Some(task), Some(step)) = (&line.task, &line.step) {
            if !wanted(self.part, task, step, self.alone) {
                if line.kind == "step-start" && self.steps.len() < MOST_STEPS {
                    self.steps.push(format!("{task}/{step}"));
                }
                return Ok(());
            }
            self.found = true;
        }
        self.logs.line(text)
    }
}

fn unknown(id: &str, part: &str, steps: &[String]) -> anyhow::Error {
    let steps = match steps.is_empty() {
        true => "no step of it has begun".to_owned(),
        false => format!("it has {}", steps.join(", ")),
    };
    Coded::usage(format!("no part of `{id}` is called `{part}`; {steps}")).into()
}

/// Whether what was written has a reader.
fn alive(written: io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("failed to write to standard output"),
    }
}

/// Whether a step is meant: by its task, the rows of a matrix or the nested pipeline that it is in, or by itself.
fn wanted(part: Option<&str>, task: &str, step: &str, alone: bool) -> bool {
    let Some(part) = part else {
        return true;
    };
    let inside = |rest: &str| rest.is_empty() || rest.starts_with(['/', '.']);
    let by_task = task.strip_prefix(part).is_some_and(inside);
    let by_step = || {
        let rest = part.strip_prefix(task)?.strip_prefix('/')?;
        Some(rest == step)
    };
    by_task || by_step().unwrap_or(false) || alone && part == step
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn a_part_is_a_run_a_task_its_rows_or_a_step() {
        for (part, task, step, alone, expected) in [
            (None, "build", "make", false, true),
            (Some("build"), "build", "make", false, true),
            (Some("build/make"), "build", "make", false, true),
            (Some("build/test"), "build", "make", false, false),
            (Some("build"), "build.2", "make", false, true),
            (Some("build.1"), "build.2", "make", false, false),
            (Some("build.2/make"), "build.2", "make", false, true),
            (Some("release"), "release/build", "make", false, true),
            (
                Some("release/build/make"),
                "release/build",
                "make",
                false,
                true,
            ),
            (Some("rel"), "release/build", "make", false, false),
            (Some("make"), "build", "make", true, true),
            (Some("make"), "build", "make", false, false),
        ] {
            assert_eq!(
                wanted(part, task, step, alone),
                expected,
                "{part:?} {task}/{step}"
            );
        }
    }
}
