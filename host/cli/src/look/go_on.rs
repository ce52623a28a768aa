//! `stepwell runs continue`: lets a step go on that waits at a breakpoint.

use anyhow::Context as _;
use stepwell_report::clean::clean;
use stepwell_store::runs::Runs;

use super::ask::{Begun, What};
use super::client;
use super::frames::Kind;
use crate::args::ContinueArgs;
use crate::exit::ExitCode;
use crate::text::print;

/// Asks for it, and says which step it was.
///
/// # Errors
///
/// No such step waits.
pub(crate) fn go_on(runs: &Runs, args: &ContinueArgs) -> anyhow::Result<ExitCode> {
    let what = What::Continue { fail: args.fail };
    let mut stream = client::ask(runs, args.step.as_deref().unwrap_or_default(), what)?;
    let frame = client::next(&mut stream)?;
    if frame.kind != Kind::Begun {
        return Err(client::odd(&frame));
    }
    let begun: Begun = frame.parse().context("failed to understand the run")?;
    let how = match args.fail {
        true => "goes on as one that failed",
        false => "goes on",
    };
    print(&format!("{} {how}\n", clean(&begun.step)))?;
    Ok(ExitCode::Success)
}
