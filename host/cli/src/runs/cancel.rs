//! `stepwell runs cancel`: asks the process of a run to stop, by the signals that it listens to.

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use stepwell_store::runs::Runs;

use super::find;
use crate::args::CancelArgs;
use crate::exit::{Coded, ExitCode};
use crate::text::print;

/// Asks a run to stop, and does not wait for it.
///
/// # Errors
///
/// There is no such run, or it is not under way.
pub(super) fn cancel(runs: &Runs, args: &CancelArgs) -> anyhow::Result<ExitCode> {
    let run = find::run(runs, &args.run)?;
    let id = &run.record().id;
    // The lock on the record says that this process is at it: the number cannot be another's.
    let pid = run
        .pid()
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let Some(pid) = pid else {
        return Err(Coded::usage(format!("the run `{id}` is not under way")).into());
    };
    let signal = match (args.run_finally, args.stop) {
        (true, _) => Signal::INT,
        (_, true) => Signal::USR1,
        _ => Signal::TERM,
    };
    kill_process(pid, signal)
        .with_context(|| format!("failed to tell process {} to stop", pid.as_raw_nonzero()))?;
    let what = match (args.run_finally, args.stop) {
        (true, _) => "stops, and then runs `finally`",
        (_, true) => "comes to an end, and then runs `finally`",
        _ => "stops",
    };
    print(&format!("{id} {what}\n"))?;
    Ok(ExitCode::Success)
}
