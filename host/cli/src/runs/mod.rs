//! `stepwell runs`: what is kept of runs, and those that are under way.
//!
//! Reads the records that `stepwell run` writes; knows nothing of documents and engines.

mod cancel;
pub(crate) mod find;
mod list;
mod logs;
mod remove;
mod show;

use std::time::{SystemTime, UNIX_EPOCH};

use stepwell_report::clean::clean;
use stepwell_store::runs::{KeptRun, RunState, Runs};

use crate::args::{RunsArgs, RunsCommand};
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::look;

/// Does what was asked for.
///
/// # Errors
///
/// There is no such run; what is kept cannot be read.
pub(crate) fn runs(args: &RunsArgs, env: &Environment) -> anyhow::Result<ExitCode> {
    let runs = open(env)?;
    match &args.command {
        RunsCommand::List { format } => list::list(&runs, format.output),
        RunsCommand::Show(args) => show::show(&runs, args),
        RunsCommand::Logs(args) => logs::logs(&runs, args),
        RunsCommand::Rm(args) => remove::remove(&runs, args),
        RunsCommand::Cancel(args) => cancel::cancel(&runs, args),
        RunsCommand::Continue(args) => look::go_on(&runs, args),
    }
}

/// The runs that are kept.
///
/// # Errors
///
/// There is no folder for them, or others could write to it.
pub(crate) fn open(env: &Environment) -> anyhow::Result<Runs> {
    Ok(Runs::open(&env.state_root()?.join("runs"))?)
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// What has become of a run, in a word.
fn status(run: &KeptRun) -> String {
    match (run.state(), &run.record().verdict) {
        (RunState::Running, _) => "running".to_owned(),
        (RunState::Kept, Some(verdict)) => format!("{} (kept)", clean(&verdict.reason)),
        (RunState::Kept, None) => "broke off (kept)".to_owned(),
        (RunState::Died, _) => "died".to_owned(),
        (RunState::Ended, Some(verdict)) => clean(&verdict.reason).into_owned(),
        (RunState::Ended, None) => "broke off".to_owned(),
    }
}

/// How long a run took, or has taken by now.
fn took_ms(run: &KeptRun) -> Option<u64> {
    let record = run.record();
    let ended = match run.state() {
        RunState::Running => now_ms(),
        RunState::Kept | RunState::Ended => record.ended_ms?,
        RunState::Died => return None,
    };
    Some(ended.saturating_sub(record.started_ms))
}
