//! `stepwell run`: from the files on the command line to an exit code.
//!
//! ```text
//! read → resolve (fetching what is elsewhere) → look for what is missing → admit → run, with the events shown as they come
//! ```
//!
//! Every mistake that a stage finds is shown before the next stage begins; nothing runs before all of them are content.

pub(crate) mod admission;
mod conclude;
mod drive;
mod preflight;
mod record;
pub(crate) mod signals;
mod sinks;

use std::io::{self, IsTerminal as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use stepwell_contract::Timestamp;
use stepwell_engine::{Backends, Control};
use stepwell_report::Mask;
use stepwell_sandbox_wasm::{WasmBackend, WasmOptions};
use stepwell_spec::{Breakpoints, Run};
use stepwell_store::Store;

use crate::args::{Output, RunArgs};
use crate::cache;
use crate::config::{self, Config};
use crate::containers::Choice;
use crate::environment::{Environment, compiler};
use crate::exit::{Coded, ExitCode};
use crate::fetcher::Remotes;
use crate::images::{Finder, Shelf};
use crate::inputs;
use crate::look;
use crate::proxies;
use crate::request::request;
use crate::resolve::resolve;
use crate::run::admission::{admit_until, refusal};
use crate::run::drive::Parts;
use crate::run::record::Recording;
use crate::run::signals::Listener;
use crate::runs::now_ms;
use crate::trouble::Trouble;
use crate::verify::Verifier;

/// A run with this many steps or more is worth a pool of slots.
const POOL_FROM: usize = 8;

/// What becomes of breakpoints where nobody could let a step go on.
const NO_BREAKPOINTS: &str = "`debug.breakpoints` makes no difference with --no-record: nobody could look into a step, or let it go on";

/// Runs what the files describe.
///
/// # Errors
///
/// What keeps it from running, and what Stepwell could not do. How it ended is an exit code.
pub(crate) fn run(args: &RunArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    run_with(args, env, None)
}

/// The same, but each step runs twice, as `verifier` has it, and only what fails is said: on standard error.
///
/// # Errors
///
/// As there.
pub(crate) fn run_verified(
    args: &RunArgs,
    env: &Environment,
    verifier: &Verifier,
) -> Result<ExitCode, Trouble> {
    run_with(args, env, Some(verifier))
}

fn run_with(
    args: &RunArgs,
    env: &Environment,
    verifier: Option<&Verifier>,
) -> Result<ExitCode, Trouble> {
    start_logging(env);
    let epoch_seconds = env.epoch_seconds()?;
    let mut request = request(&args.choice)?;
    let documents = &args.documents;
    let mut texts = inputs::read_to_run(&documents.files, env)?;
    let mut config = config::load_for(documents, &texts)?;
    if args.locked {
        config.lock = config.lock.strict();
    }
    let remotes = Remotes::new(env, &config, &texts, documents.offline)?;
    let run = match resolve(&mut texts, &mut request, &remotes) {
        Ok(run) => run,
        Err(trouble) => {
            if args.output == Output::Yaml {
                print_refused(&trouble)?;
            }
            return Err(trouble);
        }
    };
    let host_paths = absolute(&args.host_paths)?;
    let shelf = Shelf::new(env, &config, documents.offline)?;
    let finder = Finder::new(&texts, config.substitutions.clone())
        .with(shelf, config.lock.clone())
        .knowing(remotes.described());
    let mut known = preflight::check(&run, &finder, &host_paths, &texts.sources)?;
    let store = Store::open(&env.store_root()?).map_err(anyhow::Error::from)?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: store.artifacts(),
        compile: compiler()?,
        pool: known.steps >= POOL_FROM,
    });
    let scratch = store.scratch().map_err(anyhow::Error::from)?;
    let named = (run.name().as_str(), args.privileged);
    let chosen = match known.containers {
        true => Choice::make(config.container, env)?.start(env, &scratch, named)?,
        false => None,
    };
    known
        .notices
        .extend(chosen.as_ref().and_then(|chosen| chosen.notice.clone()));
    let backends = Backends {
        component: Arc::new(backend.map_err(anyhow::Error::from)?),
        container: chosen.map(|chosen| chosen.backend),
    };
    let (backends, state) = match verifier {
        Some(verifier) => (verifier.wrap(backends), verifier.state.clone()),
        None => (backends, env.state_root()?),
    };
    let mut engine = drive::engine(Parts {
        backends,
        finder,
        remotes,
        state,
        max_parallel: max_parallel(args, &config),
        epoch_seconds,
        host_paths,
    })?;
    engine.proxies = proxies::proxies(&config, &known.proxies)?;
    engine.caching = cache::caching(args, &config.cache, &store, &mut known.notices)?;
    // Listened to from here on: compiling may take long.
    let control = Control::new();
    let asked = control.clone();
    let listener = Listener::start(known.finally, move |status| asked.ask(status))?;
    let hidden = run.secrets().iter().chain(&engine.proxies.secrets).cloned();
    let mask = Mask::new(&hidden.collect::<Vec<_>>()).map_err(anyhow::Error::from)?;
    let mut sinks = match verifier {
        Some(_) => vec![sinks::failures(args, env)],
        None => sinks::sinks(args, env, &mask)?,
    };
    let tell = args.output == Output::Pretty && !args.quiet && io::stderr().is_terminal();
    let recorded = run.clone();
    let admitted = match admit_until(&control, &engine, run, tell)? {
        Some(admitted) => admitted.map_err(|refused| refusal(&texts, refused))?,
        None => return Ok(ExitCode::Cancelled),
    };
    let mut recording = None;
    let mut notices = known.notices;
    let mut looked = None;
    if !args.no_record {
        let (began, sink) = Recording::begin(env, &config, &recorded, &texts.read, &mask)?;
        sinks.push(sink);
        looked = Some(began.look(args.keep)?);
        engine.places = looked.as_ref().map(|(places, _)| places.clone());
        recording = Some(began);
    } else if stops(&recorded) {
        notices.push(NO_BREAKPOINTS.to_owned());
    }
    let asked = control.clone();
    let (verdict, shown) = drive::drive(&engine, admitted, scratch, control, sinks, notices)?;
    drop(listener);
    if let Some(caching) = &engine.caching {
        cache::trim(caching, &config.cache);
    }
    let verdict_known = verdict.as_ref().ok().cloned();
    let concluded = conclude::conclude(verdict, shown);
    if let Some(mut recording) = recording {
        if let Some((places, server)) = looked {
            if places.holds() {
                recording.keep(verdict_known.as_ref());
                // Who asked for an end during the run does not wait for another one.
                match asked.asked() {
                    None => look::hold(recording.id(), &places)?,
                    Some(_) => drop(places.close()),
                }
            }
            drop(server);
        }
        recording.end(verdict_known.as_ref());
    }
    // The process ends. To take what became of ten thousand tasks apart would keep the user waiting for nothing.
    std::mem::forget((recorded, texts));
    concluded
}

/// Whether a step is to stop for somebody to look into it.
fn stops(run: &Run) -> bool {
    match run {
        Run::Task(run) => run.breakpoints != Breakpoints::default(),
        // Its tasks have no field of their own for it.
        Run::Pipeline(_) => false,
    }
}

/// How many tasks may run at once: what the command line says, else the project, else one for each processor.
fn max_parallel(args: &RunArgs, config: &Config) -> NonZeroUsize {
    args.max_parallel
        .or(config.max_parallel)
        .unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

/// The folders of `--host-path`, as a document names them.
fn absolute(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let absolute = paths.iter().map(|path| {
        path.canonicalize().with_context(|| {
            Coded::usage(format!(
                "failed to find the `--host-path` `{}`",
                path.display()
            ))
        })
    });
    absolute.collect()
}

/// Prints the object of a run that a controller would have taken and failed at once.
fn print_refused(trouble: &Trouble) -> anyhow::Result<()> {
    let Trouble::Document(errors, _) = trouble else {
        return Ok(());
    };
    let Some(refused) = errors.refused() else {
        return Ok(());
    };
    let at = Timestamp(now_ms());
    let mut out = io::stdout().lock();
    match stepwell_report::yaml::refused(&mut out, &refused.object, &refused.verdict, at) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("failed to write to standard output")
        }
        _ => Ok(()),
    }
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
