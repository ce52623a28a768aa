//! `stepwell runs list`

use anyhow::Context as _;
use serde::Serialize;
use stepwell_contract::Timestamp;
use stepwell_report::clean::clean;
use stepwell_report::time::{for_people, with_seconds};
use stepwell_store::runs::{KeptRun, RunRecord, RunState, Runs};

use super::{status, took_ms};
use crate::args::ListOutput;
use crate::exit::ExitCode;
use crate::text::{columns, print};

/// Lists the runs, the newest first.
///
/// # Errors
///
/// They cannot be read.
pub(super) fn list(runs: &Runs, output: ListOutput) -> anyhow::Result<ExitCode> {
    let runs = runs.list()?;
    print(&match output {
        ListOutput::Pretty => pretty(&runs),
        ListOutput::Json => json(&runs)?,
    })?;
    Ok(ExitCode::Success)
}

fn pretty(runs: &[KeptRun]) -> String {
    if runs.is_empty() {
        return "there are no runs\n".to_owned();
    }
    let mut rows = vec![["RUN", "KIND", "STATUS", "STARTED", "TOOK"].map(str::to_owned)];
    rows.extend(runs.iter().map(|run| {
        let record = run.record();
        [
            clean(&record.id).into_owned(),
            clean(&record.kind).into_owned(),
            status(run),
            with_seconds(Timestamp(record.started_ms)),
            took_ms(run).map_or_else(|| "-".to_owned(), for_people),
        ]
    }));
    columns(&rows)
}

/// A run, with what its record does not say by itself.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    record: &'a RunRecord,
    state: &'static str,
}

fn json(runs: &[KeptRun]) -> anyhow::Result<String> {
    let lines = runs.iter().map(|run| {
        let row = Row {
            record: run.record(),
            state: match run.state() {
                RunState::Running => "running",
                RunState::Kept => "kept",
                RunState::Ended => "ended",
                RunState::Died => "died",
            },
        };
        let line = serde_json::to_string(&row).context("failed to write JSON")?;
        Ok(line + "\n")
    });
    lines.collect()
}
