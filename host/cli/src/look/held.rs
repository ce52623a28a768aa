//! After a run with `--keep`: says what is held of it and how it is looked into, and waits until nobody wants to look any
//! more.

use std::io;
use std::sync::mpsc;

use anyhow::Context as _;
use stepwell_contract::power::ShellSpec;
use stepwell_contract::{Feature, SandboxErrorKind};
use stepwell_engine::Places;
use stepwell_engine::places::{Seen, StepState};

use super::choose;
use crate::run::signals::Listener;
use crate::trouble::say;

/// Says what `places` hold of the run `id`, waits for a signal, and cleans up.
///
/// # Errors
///
/// The system does not let us listen; what could not be cleaned up.
pub(crate) fn hold(id: &str, places: &Places) -> anyhow::Result<()> {
    let (asker, asked) = mpsc::channel();
    // Nobody may be waiting any more.
    let listener = Listener::start(false, move |_| {
        let _ = asker.send(());
    })?;
    for line in words(id, &places.list()) {
        say(&mut io::stderr(), &line);
    }
    asked.recv().context("failed to listen for signals")?;
    let troubles = places.close();
    drop(listener);
    match troubles.into_iter().next() {
        None => Ok(()),
        Some(causes) => {
            let mut causes = causes.into_iter().rev();
            let last = anyhow::Error::msg(causes.next().unwrap_or_default());
            Err(causes.fold(last, anyhow::Error::context))
        }
    }
}

/// What to say: the steps that failed, and how each is looked into.
fn words(id: &str, list: &[Seen]) -> Vec<String> {
    let mut lines = vec![format!("the run has ended; what failed of {id} is kept:")];
    let mut last = None;
    for seen in list {
        let failed = matches!(seen.state, StepState::Ended { failed: true });
        // A task may fail with no step of its own that did: its results were not taken.
        let only = list.iter().filter(|other| other.task == seen.task);
        let shown = failed || only.clone().all(|other| other.state == seen.state);
        if !seen.held || !shown {
            continue;
        }
        let name = choose::name(seen);
        match has_shell(seen) {
            true => lines.push(format!("  {name}: stepwell shell {id}/{name}")),
            false => lines.push(format!("  {name}: stepwell cp {id}/{name}:PATH DEST")),
        }
        if last.replace(&seen.task) != Some(&seen.task) {
            lines.extend(choose::workspaces(seen).map(|line| format!("    {line}")));
        }
    }
    lines.push(format!(
        "press Ctrl-C, or use `stepwell runs cancel {id}`, to clean it up"
    ));
    lines
}

/// Whether the backend opens shells. Preparing one costs little, and nothing of it runs.
fn has_shell(seen: &Seen) -> bool {
    match seen.place.shell(ShellSpec::default()) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind, SandboxErrorKind::Unsupported(Feature::Shell)),
    }
}
