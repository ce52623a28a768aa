//! `stepwell run`: from the files on the command line to an exit code.
//!
//! ```text
//! read → parse → resolve → find the images → plan → admit → run, with the events shown as they come
//! ```
//!
//! Every mistake that a stage finds is shown before the next stage begins; nothing runs before all of them are content.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use anyhow::{Context as _, anyhow};
use stepwell_contract::event::Verdict;
use stepwell_contract::{Backend, Cancel, Refusal, SandboxErrorKind};
use stepwell_engine::admit::{NotAdmitted, admit};
use stepwell_engine::{Admitted, Engine, Plan, SystemClock, plan};
use stepwell_sandbox_wasm::{Compile, WasmBackend, WasmOptions};
use stepwell_spec::{self as spec, Identity, Request, SpecErrors, SpecProblem};
use stepwell_store::{Scratch, Store};

use crate::args::RunArgs;
use crate::environment::{Environment, this_program};
use crate::exit::{Coded, ExitCode};
use crate::images::{self, Misnamed, Missing};
use crate::read::{self, Texts};
use crate::show::{self, Shown};
use crate::signals::Listener;
use crate::trouble::{Trouble, sentence};

/// How many events may wait to be shown. A step that prints faster than that is held back.
const EVENTS: usize = 256;

/// A run with this many steps or more is worth a pool of slots.
const POOL_FROM: usize = 8;

/// Runs what the files describe.
pub(crate) fn run(args: &RunArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    start_logging(env);
    let epoch_seconds = env.epoch_seconds()?;
    let request = request(args)?;
    let texts = read::read(&args.files)?;
    let run = spec::read(&texts.sources, &request)?;
    let images = images::find(&run, &texts).map_err(|problems| missing(&texts, problems))?;
    let store = Store::open(&env.store_root()?).map_err(anyhow::Error::from)?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: store.artifacts(),
        compile: Compile::Child {
            program: this_program()?,
            args: vec!["compile-worker".into()],
        },
        pool: run.steps.len() >= POOL_FROM,
    });
    let backend: Arc<dyn Backend> = Arc::new(backend.map_err(anyhow::Error::from)?);
    let plan = plan(run, &images, backend.fingerprint(), epoch_seconds).context(Coded::new(
        ExitCode::DocumentInvalid,
        "failed to plan the run",
    ))?;
    // Listened to from here on: compiling may take long.
    let cancel = Cancel::new();
    let listener = Listener::start(cancel.clone())?;
    let admitted = match admit_until(&cancel, &backend, plan)? {
        Some(admitted) => admitted.map_err(|refused| refusal(&texts, refused))?,
        None => return Ok(ExitCode::Cancelled),
    };
    let scratch = store.scratch().map_err(anyhow::Error::from)?;
    let (verdict, shown) = drive(args, env, backend, admitted, scratch, cancel)?;
    drop(listener);
    conclude(verdict, shown)
}

/// Asks the backend about every step; `None` where the user asked for the end before the backend had an answer.
fn admit_until(
    cancel: &Cancel,
    backend: &Arc<dyn Backend>,
    plan: Plan,
) -> anyhow::Result<Option<Result<Admitted, NotAdmitted>>> {
    let (answer, answers) = mpsc::channel();
    let hook = {
        let answer = answer.clone();
        // Nobody may be waiting any more.
        cancel.on_cancel(move || drop(answer.send(None)))
    };
    let backend = Arc::clone(backend);
    // Left behind when the user does not want to wait: it ends with the process.
    std::thread::Builder::new()
        .name("admit".to_owned())
        .spawn(move || drop(answer.send(Some(admit(&*backend, plan)))))
        .context("failed to start a thread")?;
    let answer = answers.recv();
    drop(hook);
    // A compiler that was interrupted with us has failed, but that is not what the user wants to know.
    if cancel.reason().is_some() {
        return Ok(None);
    }
    answer.context("failed to admit the steps: a defect of stepwell")
}

/// Runs the engine on this thread and shows its events on another, so that a slow reader holds back the steps and not
/// their time-outs.
fn drive(
    args: &RunArgs,
    env: &Environment,
    backend: Arc<dyn Backend>,
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
        .enable_time()
        .build()
        .context("failed to start the runtime")?;
    let engine = Engine {
        backend,
        clock: Arc::new(SystemClock),
    };
    let verdict = runtime.block_on(engine.run(admitted, scratch, sender, cancel));
    // A step that never returns from a system call of the host's is left behind with its thread.
    runtime.shutdown_background();
    let shown = shower
        .join()
        .map_err(|_| anyhow!("failed to show what happened: a defect of stepwell"))?;
    Ok((verdict.map_err(anyhow::Error::from), shown))
}

fn conclude(verdict: anyhow::Result<Verdict>, shown: Shown) -> Result<ExitCode, Trouble> {
    let told = !shown.errors.is_empty();
    for causes in shown.errors {
        // Standard error may be closed; then nobody wants to know.
        let _ = io::Write::write_all(&mut io::stderr(), sentence(causes).as_bytes());
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

/// What the command line asks for beyond the files.
fn request(args: &RunArgs) -> anyhow::Result<Request> {
    let mut limits = args.limits.clone();
    limits.extend(args.memory.iter().map(|memory| format!("memory={memory}")));
    for (name, path) in &args.workspaces {
        is_folder(name, path)?;
    }
    Ok(Request {
        task: args.task.clone(),
        params: args.params.clone(),
        workspaces: args.workspaces.clone(),
        limits,
        grants: args.grants.clone(),
        identity: identity()?,
    })
}

fn is_folder(name: &str, path: &PathBuf) -> anyhow::Result<()> {
    let failed = || {
        Coded::usage(format!(
            "failed to open `{}` as workspace `{name}`",
            path.display()
        ))
    };
    match std::fs::metadata(path).with_context(failed)?.is_dir() {
        true => Ok(()),
        false => Err(anyhow!("it is not a folder").context(failed())),
    }
}

/// A name and an id that no other run has.
fn identity() -> anyhow::Result<Identity> {
    // Kubernetes' own alphabet for generated names: no vowels, and nothing that looks like something else.
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut random = [0; 5 + 16];
    getrandom::fill(&mut random).map_err(|error| anyhow!("failed to get random bytes: {error}"))?;
    let (letters, uuid) = random.split_at_mut(5);
    let suffix = letters
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    // Version 4, variant 1: the bits that say that the others are random.
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let mut uid = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            uid.push('-');
        }
        uid += &format!("{byte:02x}");
    }
    Ok(Identity {
        suffix: suffix.collect(),
        uid,
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

/// What the author has to change, where it is the author who can; else our trouble.
fn refusal(texts: &Texts, not_admitted: NotAdmitted) -> Trouble {
    let mut problems = Vec::new();
    for refused in &not_admitted.refused {
        let span = refused.image_span;
        match &refused.error.kind {
            SandboxErrorKind::Refused(refusals) => {
                let step = refused.step.as_str();
                let refusals = together(refusals);
                problems.extend(
                    refusals
                        .iter()
                        .map(|refusal| SpecProblem::grant_missing(span, step, refusal)),
                );
            }
            SandboxErrorKind::BadGuest => {
                let image = texts.sources.slice(span);
                let why = std::error::Error::source(&refused.error);
                let why = why.map_or_else(|| refused.error.to_string(), ToString::to_string);
                problems.push(SpecProblem::image_not_wasm(span, image, &why));
            }
            _ => return anyhow::Error::from(not_admitted).into(),
        }
    }
    SpecErrors::new(texts.sources.clone(), problems).into()
}

/// What one line grants is one thing to say, however many imports it is about.
fn together(refusals: &[Refusal]) -> Vec<Refusal> {
    let mut merged = Vec::<Refusal>::new();
    for refusal in refusals {
        let known = merged.iter_mut().find(|known| {
            (&known.capability, &known.grant) == (&refusal.capability, &refusal.grant)
        });
        match known {
            Some(known) => known.import += &format!("`, `{}", refusal.import),
            None => merged.push(refusal.clone()),
        }
    }
    merged
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_a_suffix_and_a_random_uuid() {
        let (one, other) = (identity().unwrap(), identity().unwrap());
        assert_ne!(one.uid, other.uid);
        assert_eq!(one.suffix.len(), 5);
        let parts: Vec<_> = one.uid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&one.uid[14..15], "4");
        assert!("89ab".contains(&one.uid[19..20]));
    }
}
