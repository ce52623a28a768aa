//! A backend whose steps are closures, and what a test needs to run it.

#![expect(clippy::unwrap_used, reason = "part of a test")]
#![allow(dead_code, reason = "not every test needs all of it")]

mod played;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex};

use stepwell_contract::power::{Shell, ShellSpec, Terminal, TerminalSize};
use stepwell_contract::{
    Backend, Capability, Digest, Ending, Fingerprint, Grants, Image, Limits, Sandbox, SandboxError,
    SandboxErrorKind, StepIo, StepName, StepSpec, TaskScope, TaskSpec, Volume,
};

pub(crate) use played::Played;
pub(crate) use task::{Task, folder};

/// Answers a probe that runs a command in a sidecar.
pub(crate) type Exec = Arc<dyn Fn(StepIo) -> Result<Ending, SandboxError> + Send + Sync>;

pub(crate) type Body = Box<dyn FnOnce(Place, StepIo) -> Result<Ending, SandboxError> + Send>;

/// What a scripted step finds around it.
pub(crate) struct Place {
    pub(crate) spec: StepSpec,
    pub(crate) volumes: BTreeMap<Arc<str>, Volume>,
}

impl Place {
    /// The folder that the step sees at `path`.
    pub(crate) fn dir(&self, path: &str) -> &cap_std::fs::Dir {
        let mount = self.spec.mounts.iter().find(|mount| &*mount.path == path);
        &self.volumes[&mount.expect("mounted").volume].dir
    }
}

/// Which call of the backend's fails, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Admit,
    Open,
    OpenPanics,
    OpenBlocks,
    Prepare,
    PreparePanics,
    Close,
    ClosePanics,
}

#[derive(Clone)]
pub(crate) struct Scripted {
    /// What a step does, try by try.
    bodies: Arc<Mutex<BTreeMap<StepName, VecDeque<Body>>>>,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    fault: Fault,
    opening: Opening,
    execs: Arc<BTreeMap<StepName, Exec>>,
    /// Who listens in the task: the machine's own port, by the one that is asked for.
    ports: Arc<Mutex<BTreeMap<u16, u16>>>,
    /// What stands before everything that it notes.
    mark: &'static str,
}

/// How a test and a call that opens a task wait for each other.
#[derive(Clone, Default)]
pub(crate) struct Opening {
    pub(crate) begun: Arc<tokio::sync::Notify>,
    released: Arc<(Mutex<bool>, std::sync::Condvar)>,
}

impl Opening {
    pub(crate) fn release(&self) {
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }

    fn block(&self) {
        self.begun.notify_one();
        let mut released = self.released.0.lock().unwrap();
        while !*released {
            released = self.released.1.wait(released).unwrap();
        }
    }
}

impl Scripted {
    fn note(&self, what: impl Into<String>) {
        let note = format!("{}{}", self.mark, what.into());
        self.log.lock().unwrap().push(note);
    }
}

pub(crate) fn host_error(doing: &str) -> SandboxError {
    SandboxError::new("scripted", doing, SandboxErrorKind::Host).because("as the script says")
}

impl Backend for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Digest::of(b"scripted"))
    }

    fn admit(&self, image: &Image, _: &Grants, _: &Limits) -> Result<(), SandboxError> {
        self.note(format!("admit {}", image.reference));
        match self.fault {
            Fault::Admit => Err(host_error("admit")),
            _ => Ok(()),
        }
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        self.note("open");
        if self.fault == Fault::OpenPanics {
            panic!("scripted panic");
        }
        if self.fault == Fault::OpenBlocks {
            self.opening.block();
        }
        if self.fault == Fault::Open {
            return Err(host_error("open"));
        }
        let volumes = task
            .volumes
            .iter()
            .map(|volume| (Arc::clone(&volume.name), volume.clone()));
        Ok(Box::new(Scope {
            backend: self.clone(),
            volumes: volumes.collect(),
            closed: false,
        }))
    }
}

struct Scope {
    backend: Scripted,
    volumes: BTreeMap<Arc<str>, Volume>,
    closed: bool,
}

impl TaskScope for Scope {
    fn backend(&self) -> &'static str {
        "scripted"
    }

    fn prepare(&self, spec: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        self.backend.note(format!("prepare {}", spec.name));
        if self.backend.fault == Fault::PreparePanics {
            panic!("scripted panic");
        }
        if self.backend.fault == Fault::Prepare {
            return Err(host_error("prepare"));
        }
        let mut bodies = self.backend.bodies.lock().unwrap();
        let body = bodies.get_mut(&spec.name).and_then(VecDeque::pop_front);
        drop(bodies);
        Ok(Box::new(Prepared {
            backend: self.backend.clone(),
            place: Place {
                spec,
                volumes: self.volumes.clone(),
            },
            body: body.expect("a script for every step"),
        }))
    }

    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        let ports = self.backend.ports.lock().unwrap();
        let missing = || SandboxError::new("scripted", "connect", SandboxErrorKind::NotFound);
        let real = ports.get(&port).ok_or_else(missing)?;
        TcpStream::connect((Ipv4Addr::LOCALHOST, *real)).map_err(|_| missing())
    }

    fn attach_proxy(
        &self,
        name: &str,
        _: Arc<dyn stepwell_contract::power::ProxyHandler>,
    ) -> Result<String, SandboxError> {
        if self.backend.mark.is_empty() {
            return Err(stepwell_contract::Feature::Proxy.refused_by("scripted"));
        }
        Ok(format!("http://{name}"))
    }

    fn close(mut self: Box<Self>) -> Result<(), SandboxError> {
        self.closed = true;
        self.backend.note("close");
        if self.backend.fault == Fault::ClosePanics {
            panic!("scripted panic");
        }
        if self.backend.fault == Fault::Close {
            return Err(host_error("close"));
        }
        Ok(())
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if !self.closed {
            self.backend.note("drop");
        }
    }
}

struct Prepared {
    backend: Scripted,
    place: Place,
    body: Body,
}

impl Sandbox for Prepared {
    fn place(&self) -> Arc<dyn stepwell_contract::Place> {
        match self.backend.execs.get(&self.place.spec.name) {
            None => Arc::new(stepwell_contract::NoPowers("scripted")),
            Some(exec) => Arc::new(Commands(Arc::clone(exec))),
        }
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        self.backend.note(format!("run {}", self.place.spec.name));
        (self.body)(self.place, io)
    }
}

/// The place of a sidecar that commands can be run in.
struct Commands(Exec);

impl stepwell_contract::Place for Commands {
    fn backend(&self) -> &'static str {
        "scripted"
    }

    fn shell(&self, _: ShellSpec) -> Result<Shell, SandboxError> {
        Ok(Shell {
            sandbox: Box::new(Command(Arc::clone(&self.0))),
            terminal: Arc::new(Silent),
        })
    }
}

struct Command(Exec);

impl Sandbox for Command {
    fn place(&self) -> Arc<dyn stepwell_contract::Place> {
        Arc::new(stepwell_contract::NoPowers("scripted"))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        (self.0)(io)
    }
}

struct Silent;

impl Terminal for Silent {
    fn write(&self, _: &[u8]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn end_input(&self) {}

    fn resize(&self, _: TerminalSize) {}
}
