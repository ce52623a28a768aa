//! Finds the run that a person means: by its id, or by the beginning of one.

use stepwell_store::runs::{KeptRun, Runs};

use crate::exit::Coded;

/// How many runs are named that could be meant.
const MOST_NAMED: usize = 8;

/// `RUN/REST` → both.
pub(crate) fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((run, rest)) if !rest.is_empty() => (run, Some(rest)),
        Some((run, _)) => (run, None),
        None => (text, None),
    }
}

/// The run that `text` is the id of, or the beginning of the only one.
///
/// # Errors
///
/// None or several could be meant.
pub(crate) fn run(runs: &Runs, text: &str) -> anyhow::Result<KeptRun> {
    if let Ok(run) = runs.run(text) {
        return Ok(run);
    }
    let mut meant: Vec<KeptRun> = runs
        .list()?
        .into_iter()
        .filter(|run| run.record().id.starts_with(text))
        .collect();
    if let (1, Some(run)) = (meant.len(), meant.pop()) {
        return Ok(run);
    }
    let message = match meant.is_empty() {
        true => format!(
            "no run is called `{text}`, nor begins with it; `stepwell runs list` lists them"
        ),
        false => {
            let ids = runs.list()?;
            let ids = ids.iter().map(|run| run.record().id.as_str());
            let ids: Vec<_> = ids
                .filter(|id| id.starts_with(text))
                .take(MOST_NAMED)
                .collect();
            format!("several runs begin with `{text}`: {}", ids.join(", "))
        }
    };
    Err(Coded::usage(message).into())
}
