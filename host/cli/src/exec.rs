//! `stepwell exec`: one component, with no document and no cache around it.
//!
//! The short way through the same sandbox: nothing is captured, so output goes straight through and may be binary; no
//! temporary folder is made, so there is nothing to clean up, and a signal may end the process as signals do.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode as Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{
    Access, Ambient, Backend as _, Cancel, CancelReason, EmitError, Ending, Grants, Image, Limit,
    Limits, LogStream, Mount, ParamValue, Resources, SandboxError, SandboxErrorKind, Security,
    StepIo, StepName, StepSink, StepSpec, TaskName, TaskSpec, Volume,
};
use stepwell_engine::key;
use stepwell_report::clean::clean;
use stepwell_sandbox_wasm::{WasmBackend, WasmOptions};
use stepwell_store::Store;

use crate::args::{ExecArgs, WorkspaceArg};
use crate::environment::{Environment, compiler};
use crate::exit::{Coded, ExitCode};
use crate::images;

/// How long a component that was told to stop may take before the process ends without it.
const GRACE: Duration = Duration::from_millis(1500);

/// Runs the component and gives its own exit code, or the one that says how the host ended it.
pub(crate) fn exec(args: ExecArgs, env: &Environment) -> anyhow::Result<Status> {
    let store = Store::open(&env.store_root()?)?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: store.artifacts(),
        compile: compiler()?,
        pool: false,
    })?;
    let timeout = args.timeout;
    let volumes = args
        .workspaces
        .iter()
        .map(volume)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut step = step(args, env)?;
    backend
        .admit(&step.image, &step.grants, &step.limits)
        .map_err(refused)?;
    step.ambient.seed = key::seed(key::static_key(&step, backend.fingerprint()));

    let task = TaskSpec {
        name: TaskName::new("exec"),
        volumes,
        loopback: None,
    };
    let sink = Arc::new(Through::new(&step.limits));
    let scope = backend.open_task(&task)?;
    let sandbox = scope.prepare(step)?;
    let cancel = Cancel::new();
    if let Some(timeout) = timeout {
        watch(timeout, cancel.clone())?;
    }
    let ending = sandbox.run(StepIo { sink, cancel })?;
    scope.close()?;
    Ok(status(&ending))
}

fn step(args: ExecArgs, env: &Environment) -> anyhow::Result<StepSpec> {
    let reference = args.component.display().to_string();
    let bytes = images::load(&args.component).with_context(|| {
        Coded::new(
            ExitCode::DocumentInvalid,
            format!("failed to read `{reference}`"),
        )
    })?;
    let mut limits = Limits::default();
    // What goes straight through is not kept, so there is nothing to bound unless somebody asks.
    limits.set(Limit::Output, u64::MAX)?;
    let memory = args.memory.map(|memory| format!("memory={memory}"));
    for setting in args.limits.iter().chain(&memory) {
        limits.apply(setting)?;
    }
    let mut grants = Grants::default();
    for setting in &args.grants {
        grants.apply(setting)?;
    }
    if grants.tools.is_some() {
        let help = "`stepwell exec` runs no containers, so there is nothing for `tools` to run in: use `stepwell run`";
        return Err(Coded::usage(help).into());
    }
    let mounts: Vec<Mount> = args.workspaces.iter().map(mount).collect();
    let working_dir = mounts
        .first()
        .map_or_else(|| Arc::from("/"), |mount| Arc::clone(&mount.path));
    let program = args
        .component
        .file_name()
        .unwrap_or(args.component.as_os_str());
    let argv = std::iter::once(program.to_string_lossy().into_owned())
        .chain(args.args)
        .collect();
    Ok(StepSpec {
        name: StepName::new("exec"),
        image: Image::component(reference, bytes),
        argv,
        env: last_of_each(args.env),
        working_dir,
        workspaces: workspaces(&args.workspaces, &mounts),
        mounts,
        params: BTreeMap::new(),
        results: Vec::new(),
        attempt: 0,
        limits,
        grants,
        resources: Resources::default(),
        security: Security::default(),
        ambient: Ambient {
            epoch_seconds: env.epoch_seconds()?,
            seed: [0; 32],
        },
    })
}

/// Each variable once, where it first stood: as with other command lines, the last value counts.
fn last_of_each(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut env: Vec<(String, String)> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        match env.iter_mut().find(|(known, _)| *known == name) {
            Some((_, earlier)) => *earlier = value,
            None => env.push((name, value)),
        }
    }
    env
}

fn mount(workspace: &WorkspaceArg) -> Mount {
    Mount {
        volume: workspace.name.as_str().into(),
        path: format!("/workspace/{}", workspace.name).into(),
        access: if workspace.read_only {
            Access::ReadOnly
        } else {
            Access::ReadWrite
        },
    }
}

fn workspaces(args: &[WorkspaceArg], mounts: &[Mount]) -> BTreeMap<String, Arc<str>> {
    let names = args.iter().map(|workspace| workspace.name.clone());
    names
        .zip(mounts.iter().map(|mount| Arc::clone(&mount.path)))
        .collect()
}

fn volume(workspace: &WorkspaceArg) -> anyhow::Result<Volume> {
    let dir = Dir::open_ambient_dir(&workspace.path, ambient_authority()).with_context(|| {
        let (name, path) = (&workspace.name, workspace.path.display());
        Coded::usage(format!(
            "failed to open `{path}` for the workspace `{name}`"
        ))
    })?;
    Ok(Volume {
        name: workspace.name.as_str().into(),
        dir: Arc::new(dir),
        path: workspace.path.clone(),
    })
}

/// Tells the component to stop when its time is up, and ends the process if it then does not.
fn watch(timeout: Duration, cancel: Cancel) -> anyhow::Result<()> {
    let watcher = move || {
        if cancel.sleep(timeout).is_some() {
            return;
        }
        cancel.cancel(CancelReason::TimedOut(timeout));
        std::thread::sleep(GRACE);
        line("the component is held up inside the host and was given up");
        #[expect(
            clippy::disallowed_methods,
            reason = "the thread that would return is stuck"
        )]
        std::process::exit(i32::from(ExitCode::TimedOut as u8));
    };
    std::thread::Builder::new()
        .name("time-out".to_owned())
        .spawn(watcher)
        .context("failed to start a thread")?;
    Ok(())
}

fn status(ending: &Ending) -> Status {
    match ending {
        Ending::Exited { code } => return Status::from(u8::try_from(*code).unwrap_or(1)),
        ending => explain(ending),
    }
    match ending {
        Ending::TimedOut { .. } => ExitCode::TimedOut.into(),
        Ending::Cancelled => ExitCode::Cancelled.into(),
        ending => Status::from(u8::try_from(ending.exit_code()).unwrap_or(1)),
    }
}

/// Names what the component asks for and was not granted, and what grants it.
fn refused(error: SandboxError) -> anyhow::Error {
    let SandboxErrorKind::Refused(refusals) = &error.kind else {
        return error.into();
    };
    let mut text = String::from("it asks for more than it is granted");
    for refusal in refusals {
        let mend = match &refusal.grant {
            Some(grant) => format!("; grant it with `--grant {grant}`"),
            None => String::new(),
        };
        text += &format!("\n`{}`: {}{mend}", refusal.import, refusal.capability);
    }
    anyhow::Error::msg(text).context(Coded::new(ExitCode::DocumentInvalid, error.to_string()))
}

/// Says on standard error what a component could not say itself.
fn explain(ending: &Ending) {
    line(&ending.summary());
    if let Ending::Trapped { backtrace, .. } | Ending::LimitReached { backtrace, .. } = ending {
        for frame in backtrace {
            let location = frame
                .location
                .as_deref()
                .map(|at| format!(" ({at})"))
                .unwrap_or_default();
            line(&format!("  at {}{location}", frame.function));
        }
    }
}

/// One line on standard error. What a guest had a say in is hostile to a terminal.
fn line(text: &str) {
    for line in text.lines() {
        let _ = writeln!(io::stderr(), "stepwell: {}", clean(line));
    }
}

/// Output goes straight through, up to the limit `output` where one was asked for.
struct Through {
    limit: u64,
    said: AtomicU64,
}

impl Through {
    fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.get(Limit::Output),
            said: AtomicU64::new(0),
        }
    }

    /// How much of what the component now says is within the limit; tells when the limit is reached.
    fn within<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let before = self.said.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let left = usize::try_from(self.limit.saturating_sub(before)).unwrap_or(usize::MAX);
        if left >= bytes.len() {
            return bytes;
        }
        if before <= self.limit {
            let limit = Limit::Output.show(self.limit);
            line(&format!(
                "output limit of {limit} reached; what follows is dropped"
            ));
        }
        &bytes[..left]
    }
}

impl StepSink for Through {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let bytes = self.within(bytes);
        // Nobody may be reading any more; the component is not told, as a write to a log never fails.
        let _ = match stream {
            LogStream::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush())
            }
            LogStream::Stderr => io::stderr().lock().write_all(bytes),
        };
    }

    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError> {
        let host = |error: serde_json::Error| EmitError::Host {
            name: name.to_owned(),
            cause: error.to_string(),
        };
        let value = serde_json::to_string(&value).map_err(host)?;
        line(&format!("result {name} = {value}"));
        Ok(())
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        let total = total.map(|total| format!("/{total}")).unwrap_or_default();
        line(&format!("{done}{total} {message}"));
    }
}
