//! Native programs that a plugin runs beside itself, from the host's side: a call is checked, run in a container of the task, and
//! what it printed goes to the log or back.
//!
//! It does not know what runs containers: whoever opened the task does. A step that calls it is not observed whole, and says so.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::{
    EmitError, Ending, Limits, LogStream, Loopback, Mount, Network, ParamValue, Resources,
    Security, StepIo, StepName, StepSink, StepSpec, ToolCall,
};

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::tools::stepwell::task::tools::{self, Destination};
use crate::ending::Stopped;
use crate::guest::Guest;

/// How much of what a program prints is handed back. Stops a program from filling the memory of the host; the contract says it
/// too.
const CAPTURED_BYTES: usize = 1 << 20;

/// The most bytes of a command: its arguments and its variables. The kernel takes no more.
const COMMAND_BYTES: usize = 1 << 20;

/// What a step may run programs with.
pub(crate) struct ToolBox {
    image: Arc<str>,
    containers: Arc<dyn Loopback>,
    step: StepName,
    /// How many were run by now.
    calls: u64,
    /// Its workspaces, and nothing else of what it sees.
    mounts: Vec<Mount>,
    working_dir: Arc<str>,
    limits: Limits,
    resources: Resources,
    security: Security,
    network: Network,
}

impl ToolBox {
    /// What `step` is granted; nothing where it is granted none, or nothing runs containers.
    pub(crate) fn of(step: &StepSpec, containers: Option<&Arc<dyn Loopback>>) -> Option<Self> {
        let is_workspace =
            |mount: &&Mount| step.workspaces.values().any(|path| *path == mount.path);
        Some(Self {
            image: Arc::clone(step.grants.tools.as_ref()?),
            containers: Arc::clone(containers?),
            step: step.name.clone(),
            calls: 0,
            mounts: step.mounts.iter().filter(is_workspace).cloned().collect(),
            working_dir: Arc::clone(&step.working_dir),
            limits: step.limits.clone(),
            resources: step.resources,
            security: step.security.clone(),
            network: step.grants.network.clone(),
        })
    }

    fn call(&mut self, command: tools::Command) -> Result<ToolCall, String> {
        let tools::Command {
            argv,
            env,
            working_dir,
            stdout: _,
            stderr: _,
        } = command;
        if argv.first().is_none_or(String::is_empty) {
            return Err("it names no program".to_owned());
        }
        let variables = env.iter().flat_map(|(name, value)| [name, value]);
        let texts = argv.iter().chain(variables).chain(&working_dir);
        let mut bytes = 0;
        for text in texts {
            bytes += text.len() + 1;
            if text.contains('\0') {
                return Err("a NUL is in one of its texts".to_owned());
            }
        }
        if bytes > COMMAND_BYTES {
            return Err(format!("it has {bytes} bytes, and {COMMAND_BYTES} may be"));
        }
        let mut names = BTreeSet::new();
        for (name, _) in &env {
            if name.is_empty() || name.contains('=') || !names.insert(name) {
                return Err(format!(
                    "the variable `{name}` cannot be, or is there twice"
                ));
            }
        }
        let working_dir = match working_dir {
            Some(path) if self.is_inside(&path) => path.into(),
            Some(path) => return Err(format!("the folder `{path}` is in no workspace")),
            None if self.is_inside(&self.working_dir) => Arc::clone(&self.working_dir),
            None => "/".into(),
        };
        self.calls += 1;
        Ok(ToolCall {
            name: StepName::new(format!("{}-tool-{}", self.step, self.calls)),
            image: Arc::clone(&self.image),
            argv,
            env,
            working_dir,
            mounts: self.mounts.clone(),
            limits: self.limits.clone(),
            resources: self.resources,
            security: self.security.clone(),
            network: self.network.clone(),
        })
    }

    /// Whether a path is absolute, as short as it can be, and at or below a workspace.
    fn is_inside(&self, path: &str) -> bool {
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        let is_plain = path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(plain));
        let mut mounts = self.mounts.iter();
        is_plain
            && mounts.any(|mount| {
                let rest = path.strip_prefix(&*mount.path);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    }
}

impl tools::Host for Guest {
    fn run(
        &mut self,
        command: tools::Command,
    ) -> wasmtime::Result<Result<tools::Completed, tools::ToolError>> {
        // What is granted is linked, so this is a component that only says what it is.
        let Some(toolbox) = &mut self.tools else {
            let why = "there is nothing here that runs native programs".to_owned();
            return Ok(Err(tools::ToolError::NotRun(why)));
        };
        let sink = Arc::new(Split {
            to: Arc::clone(&self.io.sink),
            stdout: Caught::new(command.stdout),
            stderr: Caught::new(command.stderr),
        });
        let call = match toolbox.call(command) {
            Ok(call) => call,
            Err(why) => return Ok(Err(tools::ToolError::Malformed(why))),
        };
        let io = StepIo {
            sink: Arc::clone(&sink) as Arc<dyn StepSink>,
            cancel: self.io.cancel.clone(),
        };
        self.files.unobservable("ran a native program");
        let ended = toolbox.containers.run_tool(call, io);
        if self.io.cancel.reason().is_some() {
            return Err(Stopped.into());
        }
        let ending = match ended {
            Ok(ending) => ending,
            Err(error) => return Ok(Err(tools::ToolError::NotRun(chain(&error)))),
        };
        let limit = match &ending {
            Ending::LimitReached { limit, .. } => Some(limit.name().to_owned()),
            _ => None,
        };
        Ok(Ok(tools::Completed {
            exit_code: ending.exit_code(),
            limit,
            stdout: sink.stdout.take(),
            stderr: sink.stderr.take(),
        }))
    }
}

/// Offers native programs to guests: only in the linker of steps that have an image for them.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    tools::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

/// Where the two outputs of a program go.
struct Split {
    /// The log of the step.
    to: Arc<dyn StepSink>,
    stdout: Caught,
    stderr: Caught,
}

/// What of an output is held back for the plugin; nothing where it goes to the log.
struct Caught(Option<Mutex<(Vec<u8>, u64)>>);

impl Caught {
    fn new(destination: Destination) -> Self {
        Self(match destination {
            Destination::Log => None,
            Destination::Captured => Some(Mutex::default()),
        })
    }

    fn take(&self) -> tools::Output {
        let (bytes, dropped) = match &self.0 {
            Some(held) => {
                // Whoever panicked while it wrote has left what came before.
                std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner))
            }
            None => (Vec::new(), 0),
        };
        tools::Output { bytes, dropped }
    }
}

impl StepSink for Split {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let caught = match stream {
            LogStream::Stdout => &self.stdout,
            LogStream::Stderr => &self.stderr,
        };
        let Some(held) = &caught.0 else {
            return self.to.log(stream, bytes);
        };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let room = CAPTURED_BYTES - held.0.len();
        let (kept, rest) = bytes.split_at(room.min(bytes.len()));
        held.0.extend_from_slice(kept);
        held.1 += rest.len() as u64;
    }

    fn emit(&self, name: &str, _: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

#[cfg(test)]
mod tests;
