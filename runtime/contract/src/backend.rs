//! A step's life, as the engine drives it and a backend lives it.
//!
//! ```text
//! admit (every step, before anything runs) → open_task → prepare → run → … → close
//! ```
//!
//! Every call blocks; the engine chooses the thread. What only some backends can do is in [`power`](crate::power). Clean-up runs on every path: a [`TaskScope`] or a [`Sandbox`] that
//! is dropped has cleaned up when the drop returns.

use std::error::Error;
use std::fmt;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::Grants;
use crate::power::{Feature, Place, ProxyHandler};
use crate::{Cancel, Digest, Ending, Image, Limits, Observer, ParamValue, StepSpec, TaskSpec};

/// Everything about a backend that can change what a step does: engine version, settings, processor features.
/// Part of every static key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub Digest);

/// Something that not every backend can do and that must be known before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// Steps may exchange typed values through the `stepwell:task` contract.
    TypedTasks,
    /// Two runs of a step with the same inputs are the same, byte for byte.
    Deterministic,
}

/// A way of isolating steps.
pub trait Backend: Send + Sync {
    /// The backend's name in messages.
    fn name(&self) -> &'static str;

    /// What the backend can do; constant.
    fn capabilities(&self) -> &'static [Capability];

    /// Everything about this backend that can change a step's output.
    fn fingerprint(&self) -> Fingerprint;

    /// Loads the code of one step and compares what it asks for with what it is granted. Called for every step of a
    /// run before the first one runs, and cheap the second time. Nothing of the guest has run when this returns.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::Refused`] names every capability that is missing and the line that grants it;
    /// [`SandboxErrorKind::BadGuest`] says why the code is not something that can run.
    fn admit(&self, image: &Image, grants: &Grants, limits: &Limits) -> Result<(), SandboxError>;

    /// Opens the scope that the steps of one task share.
    ///
    /// # Errors
    ///
    /// What the host could not do.
    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError>;
}

/// How long a connection to a port may take to be made: a program that listens and accepts nobody must not hold its task.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// How long a guest that was asked to stop may take to say its last words, before its backend kills it.
///
/// A pod in Kubernetes has thirty seconds, for its machine may go on without whoever asked. Here somebody sits and waits: who
/// presses Ctrl-C is promised that it is over in two seconds, and a run that is over its time has had that time.
pub const STOP_GRACE: Duration = Duration::from_secs(1);

/// How long [`Sandbox::run`] may take to return once its [`StepIo::cancel`] was asked for: [`STOP_GRACE`], and then to kill
/// and to clean up. Who calls it gives it up after that, with its thread.
pub const STOP_PATIENCE: Duration = Duration::from_millis(1_200);

const _: () = assert!(STOP_GRACE.as_millis() < STOP_PATIENCE.as_millis());

/// What the steps of one task share.
pub trait TaskScope: Send + Sync {
    /// The backend's name, for refusals.
    fn backend(&self) -> &'static str;

    /// Builds the sandbox of one step. The step was admitted. Nothing of the guest has run when this returns.
    ///
    /// # Errors
    ///
    /// What [`StepSpec::check`] says; what the host could not do, or a [`StepSpec`] that contradicts itself (a mount of no
    /// volume).
    fn prepare(&self, step: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError>;

    /// Lets the steps of the task reach `handler` over HTTP, by `name` and by nothing else, whatever their network is; no
    /// other process can. Called before the first step is prepared; gives the address that steps are to be told, without
    /// a slash at its end. It ends with the scope.
    ///
    /// # Errors
    ///
    /// [`Feature::Proxy`] is not there; what [`check_proxy`](crate::check::check_proxy) says; what the host could not do.
    fn attach_proxy(
        &self,
        name: &str,
        handler: Arc<dyn ProxyHandler>,
    ) -> Result<String, SandboxError> {
        let _ = (name, handler);
        Err(Feature::Proxy.refused_by(self.backend()))
    }

    /// Connects, from the host, to `port` of the loopback network that the steps and sidecars of the task share: to
    /// 127.0.0.1 there, or to ::1. No other network is tried. Called while the scope is open, by several threads at once.
    ///
    /// # Errors
    ///
    /// [`Feature::Connection`] is not there; [`SandboxErrorKind::NotFound`] where nobody listens, or nobody accepts within
    /// [`CONNECT_PATIENCE`]; what the host could not do.
    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        let _ = port;
        Err(Feature::Connection.refused_by(self.backend()))
    }

    /// Ends the scope and says what could not be cleaned up. A drop does the same silently.
    ///
    /// # Errors
    ///
    /// What is left behind.
    fn close(self: Box<Self>) -> Result<(), SandboxError>;
}

/// One prepared, single-use place to run one step.
pub trait Sandbox: Send {
    /// The place of the step, for those powers that the backend has over it; [`NoPowers`](crate::power::NoPowers) where it
    /// has none. Asked before [`run`](Self::run), which gives the sandbox up.
    fn place(&self) -> Arc<dyn Place>;

    /// Runs the step to its end on this thread, and gives up the sandbox. Everything that the guest printed has gone to
    /// the sink when this returns.
    ///
    /// When [`StepIo::cancel`] is asked for, the guest is stopped and the ending says why: within [`STOP_GRACE`] by itself
    /// where it can be asked, else by force. The one thing that cannot be stopped from here is a system call of the host's
    /// that does not return; the caller bounds that from outside, with [`STOP_PATIENCE`].
    ///
    /// # Errors
    ///
    /// What the host could not do. How the guest ended is never an error.
    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError>;
}

/// Which of its two outputs a step wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A result was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The task declares no such result.
    #[error("the task declares no result `{0}`")]
    Undeclared(String),
    /// The task declares it with another type.
    #[error("result `{name}` is declared as {declared}, not {given}")]
    WrongType {
        /// The result.
        name: String,
        /// Its declared type.
        declared: crate::ParamType,
        /// The type of the value.
        given: crate::ParamType,
    },
    /// The value is larger than the limit `result`.
    #[error("result `{name}` has {size} bytes; the limit `result` is {limit}")]
    TooLarge {
        /// The result.
        name: String,
        /// Its size as it would be stored.
        size: u64,
        /// The limit in force.
        limit: u64,
    },
    /// The host could not keep it.
    #[error("result `{name}` could not be kept: {cause}")]
    Host {
        /// The result.
        name: String,
        /// Why.
        cause: String,
    },
}

/// Where what a step says goes. Called on the step's own thread; a call that blocks holds the guest back, which is the
/// back-pressure.
pub trait StepSink: Send + Sync {
    /// Takes bytes that the guest wrote. Never fails: what is beyond a bound is counted and dropped.
    fn log(&self, stream: LogStream, bytes: &[u8]);

    /// Takes a result from a typed component.
    ///
    /// # Errors
    ///
    /// Told to the guest.
    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError>;

    /// The volume that a result of this name is kept in once it is emitted, as [`ParamValue::keep`] writes it at the
    /// top. `None` where it is kept in none that the step sees.
    fn keeps(&self, _name: &str) -> Option<Arc<str>> {
        None
    }

    /// The program runs: whatever could have kept it from beginning has not. Called at most once, by the backend; what the
    /// program says at once may have come before.
    fn started(&self) {}

    /// Takes word of how far a typed component is: done of total, in the guest's own unit.
    fn progress(&self, done: u64, total: Option<u64>, message: &str);

    /// Who wants to know what the step observes, where somebody does. A backend that cannot record ignores it: no
    /// [`Trace`](crate::Trace) is then handed over.
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }
}

/// What a running step is connected to.
#[derive(Clone)]
pub struct StepIo {
    /// Where its output goes.
    pub sink: Arc<dyn StepSink>,
    /// How it is told to stop.
    pub cancel: Cancel,
}

/// One thing that a component asks for and was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it imports.
    pub import: String,
    /// What that is, for a person.
    pub capability: String,
    /// The setting that would grant it (`network=any`), where one would.
    pub grant: Option<String>,
}

/// What sort of trouble a sandbox had.
#[derive(Debug)]
#[non_exhaustive]
pub enum SandboxErrorKind {
    /// The step asks for more than it is granted.
    Refused(Vec<Refusal>),
    /// The code is not something that this backend can run.
    BadGuest,
    /// This backend does not have a power that was asked for.
    Unsupported(Feature),
    /// A name is there twice.
    Conflict,
    /// A name, a path or a value cannot be what it is given for.
    Malformed,
    /// What was asked for is not there.
    NotFound,
    /// Whoever took what was asked for did not want any more of it.
    Interrupted,
    /// The host failed.
    Host,
}

/// The sandbox could not do its job; says nothing about how a guest ended.
#[derive(Debug)]
pub struct SandboxError {
    /// The backend.
    pub backend: &'static str,
    /// What it was doing: completes "failed to …".
    pub doing: String,
    /// What sort of trouble it is.
    pub kind: SandboxErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl SandboxError {
    /// An error of `kind` that arose while `backend` was `doing` something.
    pub fn new(backend: &'static str, doing: impl Into<String>, kind: SandboxErrorKind) -> Self {
        Self {
            backend,
            doing: doing.into(),
            kind,
            source: None,
        }
    }

    /// Adds what went wrong underneath.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "failed to {} in the {} sandbox",
            self.doing, self.backend
        )
    }
}

impl Error for SandboxError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
