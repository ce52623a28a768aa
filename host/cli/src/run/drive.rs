//! Builds the engine out of its parts, and runs it while its events are shown.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use stepwell_contract::event::Verdict;
use stepwell_engine::{Admitted, Backends, Control, Engine, Options, Proxies, SystemClock};
use stepwell_store::{Scratch, State};

use super::sinks::{self, Shown, Sink};
use crate::fetcher::Remotes;
use crate::images::Finder;

/// How many events may wait to be shown. A step that prints faster than that is held back.
const EVENTS: usize = 256;

/// What an engine is made of.
pub(super) struct Parts {
    /// Where steps run.
    pub(super) backends: Backends,
    /// Where their code comes from.
    pub(super) finder: Finder,
    /// Where documents come from that live elsewhere.
    pub(super) remotes: Remotes,
    /// The folder of what outlives a cache.
    pub(super) state: PathBuf,
    /// How many tasks may run at once.
    pub(super) max_parallel: NonZeroUsize,
    /// What a virtual clock shows.
    pub(super) epoch_seconds: u64,
    /// The folders that a `hostPath` may lie in: absolute.
    pub(super) host_paths: Vec<PathBuf>,
}

/// The engine.
///
/// # Errors
///
/// The folder of state cannot be opened, or others could write to it.
pub(super) fn engine(parts: Parts) -> anyhow::Result<Engine> {
    Ok(Engine {
        backends: parts.backends,
        clock: Arc::new(SystemClock),
        images: Arc::new(parts.finder),
        fetch: Arc::new(parts.remotes),
        state: State::open(&parts.state)?,
        options: Options {
            max_parallel: parts.max_parallel,
            epoch_seconds: parts.epoch_seconds,
            host_paths: parts.host_paths,
        },
        places: None,
        proxies: Proxies::default(),
        caching: None,
    })
}

/// Runs the engine on this thread and shows its events on another, so that a slow reader holds back the steps and not
/// their time-outs.
///
/// # Errors
///
/// A thread or the runtime cannot be started.
pub(super) fn drive(
    engine: &Engine,
    admitted: Admitted,
    scratch: Scratch,
    control: Control,
    sinks: Vec<Sink>,
    notices: Vec<String>,
) -> anyhow::Result<(anyhow::Result<Verdict>, Shown)> {
    let (sender, events) = tokio::sync::mpsc::channel(EVENTS);
    let shower = std::thread::Builder::new()
        .name("report".to_owned())
        .spawn(move || sinks::show(events, sinks, notices))
        .context("failed to start a thread")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        // Time for time-outs; I/O for the sockets of steps that were granted the network.
        .enable_all()
        // Each task that runs has a thread of its own, and what blocks besides needs a few.
        .max_blocking_threads(engine.options.max_parallel.get().saturating_add(SPARE))
        .build()
        .context("failed to start the runtime")?;
    let verdict = runtime.block_on(engine.run(admitted, scratch, sender, control));
    // A step that never returns from a system call of the host's is left behind with its thread.
    runtime.shutdown_background();
    let shown = shower
        .join()
        .map_err(|_| anyhow!("failed to show what happened: a defect of stepwell"))?;
    Ok((verdict.map_err(anyhow::Error::from), shown))
}

/// Threads for what blocks beside the tasks: steps that were given up keep theirs.
const SPARE: usize = 512;
