//! `stepwell run`: from the files on the command line to an exit code.
//!
//! ```text
//! read → parse → resolve → find the images → plan → admit → run, with the events shown as they come
//! ```
//!
//! Every mistake that a stage finds is shown before the next stage begins; nothing runs before all of them are content.

mod admission;
mod show;
mod signals;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use stepwell_contract::event::Verdict;
use stepwell_contract::{Backend, Cancel};
use stepwell_engine::{Admitted, Control, Engine, Fetch, Fetched, Options, SystemClock};
use stepwell_sandbox_wasm::{WasmBackend, WasmOptions};
use stepwell_spec::{self as spec, RemoteRef, RequestedStatus, Run, SpecErrors};
use stepwell_store::{Scratch, State, Store};

use crate::args::{Output, RunArgs};
use crate::config;
use crate::environment::{Environment, compiler};
use crate::exit::{Coded, ExitCode};
use crate::images::{Finder, Misnamed, Missing};
use crate::inputs::{self, Texts};
use crate::request::request;
use crate::run::admission::{admit_until, refusal};
use crate::run::show::Shown;
use crate::run::signals::Listener;
use crate::trouble::{Trouble, sentence};

/// How many events may wait to be shown. A step that prints faster than that is held back.
const EVENTS: usize = 256;

/// A run with this many steps or more is worth a pool of slots.
const POOL_FROM: usize = 8;

/// Runs what the files describe.
pub(crate) fn run(args: &RunArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    start_logging(env);
    let epoch_seconds = env.epoch_seconds()?;
    let request = request(&args.choice)?;
    let documents = &args.documents;
    let texts = inputs::read(&documents.files)?;
    let config = config::load(documents.config.as_deref(), &texts, &documents.images)?;
    let Some(run) = spec::read(&texts.sources, &request)?.into_task_run() else {
        return Err(anyhow!("failed to run a Pipeline: a defect of stepwell").into());
    };
    let finder = Finder::new(&texts, config.substitutions);
    let mut images = BTreeMap::new();
    let mut misnamed = Vec::new();
    for step in &run.steps {
        match finder.find(&step.image, step.image_span) {
            Ok(image) => drop(images.insert(Arc::clone(&step.image), image)),
            Err(wrong) => misnamed.push(wrong),
        }
    }
    if !misnamed.is_empty() {
        return Err(missing(&texts, misnamed));
    }
    let store = Store::open(&env.store_root()?).map_err(anyhow::Error::from)?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: store.artifacts(),
        compile: compiler()?,
        pool: run.steps.len() >= POOL_FROM,
    });
    let backend: Arc<dyn Backend> = Arc::new(backend.map_err(anyhow::Error::from)?);
    let engine = Engine {
        backend,
        clock: Arc::new(SystemClock),
        images: Arc::new(images),
        fetch: Arc::new(Nowhere),
        state: State::open(&env.state_root()?).map_err(anyhow::Error::from)?,
        options: Options {
            max_parallel: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            epoch_seconds,
            host_paths: Vec::new(),
        },
    };
    // Listened to from here on: compiling may take long.
    let cancel = Cancel::new();
    let listener = Listener::start(cancel.clone())?;
    let tell = args.output == Output::Pretty && !args.quiet && io::stderr().is_terminal();
    let admitted = match admit_until(&cancel, &engine, Run::Task(Box::new(run)), tell)? {
        Some(admitted) => admitted.map_err(|refused| refusal(&texts, refused))?,
        None => return Ok(ExitCode::Cancelled),
    };
    let scratch = store.scratch().map_err(anyhow::Error::from)?;
    let (verdict, shown) = drive(args, env, &engine, admitted, scratch, cancel)?;
    drop(listener);
    conclude(verdict, shown)
}

/// Runs the engine on this thread and shows its events on another, so that a slow reader holds back the steps and not
/// their time-outs.
fn drive(
    args: &RunArgs,
    env: &Environment,
    engine: &Engine,
    admitted: Admitted,
    scratch: Scratch,
    cancel: Cancel,
) -> anyhow::Result<(anyhow::Result<Verdict>, Shown)> {
    let (sender, events) = tokio::sync::mpsc::channel(EVENTS);
    let reporter = show::reporter(args, env);
    let shower = std::thread::Builder::new()
        .name("report".to_owned())
        .spawn(move || show::show(events, reporter))
        .context("failed to start a thread")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        // Time for time-outs; I/O for the sockets of steps that were granted the network.
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let control = Control::new();
    let _link = cancel.on_cancel({
        let control = control.clone();
        move || control.ask(RequestedStatus::Cancelled)
    });
    let verdict = runtime.block_on(engine.run(admitted, scratch, sender, control));
    // A step that never returns from a system call of the host's is left behind with its thread.
    runtime.shutdown_background();
    let shown = shower
        .join()
        .map_err(|_| anyhow!("failed to show what happened: a defect of stepwell"))?;
    Ok((verdict.map_err(anyhow::Error::from), shown))
}

/// Fetches nothing.
struct Nowhere;

impl Fetch for Nowhere {
    fn fetch(&self, reference: &RemoteRef) -> Result<Fetched, String> {
        Err(format!(
            "nothing fetches for the resolver `{}`",
            reference.resolver
        ))
    }
}

fn conclude(verdict: anyhow::Result<Verdict>, shown: Shown) -> Result<ExitCode, Trouble> {
    let told = !shown.errors.is_empty();
    for causes in shown.errors {
        // Standard error may be closed; then nobody wants to know.
        let _ = io::stderr().write_all(sentence(causes).as_bytes());
    }
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(_) if told => return Ok(ExitCode::OurTrouble),
        Err(error) => return Err(error.into()),
    };
    if let Some(error) = shown.unwritten {
        return Err(anyhow::Error::from(error)
            .context("failed to write to standard output")
            .into());
    }
    Ok(match verdict.reason.as_str() {
        _ if verdict.succeeded => ExitCode::Success,
        "TaskRunCancelled" => ExitCode::Cancelled,
        "TaskRunTimeout" => ExitCode::TimedOut,
        _ if shown.step_timed_out => ExitCode::TimedOut,
        _ if told => ExitCode::OurTrouble,
        _ => ExitCode::RunFailed,
    })
}

fn missing(texts: &Texts, misnamed: Vec<Misnamed>) -> Trouble {
    let only_support = misnamed
        .iter()
        .all(|misnamed| misnamed.missing == Missing::Support);
    let code = match only_support {
        true => ExitCode::Environment,
        false => ExitCode::DocumentInvalid,
    };
    let problems = misnamed
        .into_iter()
        .map(|misnamed| misnamed.problem)
        .collect();
    Trouble::Document(
        Box::new(SpecErrors::new(texts.sources.clone(), problems)),
        code,
    )
}

/// Logs to standard error, for whoever looks for a defect in Stepwell itself.
fn start_logging(env: &Environment) {
    if let Some(filter) = env.log() {
        // It can only fail where logging was started before.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
            .with_writer(io::stderr)
            .try_init();
    }
}
