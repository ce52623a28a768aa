//! `stepwell runs rm`

use stepwell_store::StoreError;
use stepwell_store::runs::{KeptRun, Runs};

use super::{find, now_ms};
use crate::args::RemoveArgs;
use crate::exit::{Coded, ExitCode};
use crate::text::print;

/// Removes runs. One that is under way stays; where it was asked for by name, that is an error.
///
/// # Errors
///
/// There is no such run, or it is under way.
pub(super) fn remove(runs: &Runs, args: &RemoveArgs) -> anyhow::Result<ExitCode> {
    let ids: Vec<String> = match args.runs.is_empty() {
        // All of them are found before the first is removed.
        false => args
            .runs
            .iter()
            .map(|text| Ok(find::run(runs, text)?.record().id.clone()))
            .collect::<anyhow::Result<_>>()?,
        true => runs
            .list()?
            .iter()
            .filter(|run| goes(run, args))
            .map(|run| run.record().id.clone())
            .collect(),
    };
    for id in &ids {
        match runs.remove(id) {
            Ok(()) => {}
            Err(error @ StoreError::RunAlive { .. }) => {
                let mend = format!("{error}; `stepwell runs cancel {id}` stops it");
                return Err(Coded::usage(mend).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    print(&match ids.len() {
        1 => "removed 1 run\n".to_owned(),
        count => format!("removed {count} runs\n"),
    })?;
    Ok(ExitCode::Success)
}

fn goes(run: &KeptRun, args: &RemoveArgs) -> bool {
    if run.pid().is_some() {
        return false;
    }
    let record = run.record();
    // One that died has no end; its start is the nearest that is known.
    let ended = record.ended_ms.unwrap_or(record.started_ms);
    let age = now_ms().saturating_sub(ended);
    match args.older_than {
        Some(older_than) => u128::from(age) > older_than.as_millis(),
        None => args.all,
    }
}
