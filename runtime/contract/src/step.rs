//! A task and its steps as a backend sees them: everything substituted, every name resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::{
    Ending, Grants, Image, Limits, ParamType, ParamValue, SandboxError, SandboxErrorKind, StepIo,
    StepName, TaskName, ToolCall,
};

/// A directory that steps of one task share.
#[derive(Debug, Clone)]
pub struct Volume {
    /// The name that [`Mount::volume`] refers to; unique in a task.
    pub name: Arc<str>,
    /// The directory itself. A sandbox works through this handle.
    pub dir: Arc<Dir>,
    /// Where the directory is on the host, for a backend that has to hand it to another process, and for messages.
    pub path: PathBuf,
}

/// Whether a step may change what is under a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Look only.
    ReadOnly,
    /// Look and change.
    ReadWrite,
}

/// One directory in a step's sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The volume it shows.
    pub volume: Arc<str>,
    /// Where the step sees it: absolute, normalised, no trailing slash.
    pub path: Arc<str>,
    /// What the step may do with it.
    pub access: Access,
}

/// A result that a task declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultDecl {
    /// Its name: also the name of its file under `/tekton/results`.
    pub name: Arc<str>,
    /// Its type.
    pub result_type: ParamType,
    /// For an object, the keys it must have.
    pub properties: Vec<String>,
}

/// Where a virtual clock stands and where seeded randomness starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambient {
    /// What a virtual wall clock shows, in seconds since 1970. `SOURCE_DATE_EPOCH` where the user set it.
    pub epoch_seconds: u64,
    /// The seed of the random stream.
    pub seed: [u8; 32],
}

/// Who a container's processes are and what the kernel lets them do. A component has no use for it: it is nobody, and has
/// no kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    /// The user it runs as; else the image's.
    pub run_as_user: Option<u32>,
    /// The group it runs as; else the image's.
    pub run_as_group: Option<u32>,
    /// Further groups it belongs to, beside those that the image's own files give its user.
    pub groups: Vec<u32>,
    /// It is refused where it would run as user 0.
    pub run_as_non_root: bool,
    /// Whether what is not a mount is read-only. Where nothing is said, writes go to a layer that is thrown away.
    pub read_only_root: Option<bool>,
    /// Capabilities beyond the default ones, such as `NET_ADMIN`; `ALL` for all.
    pub add_capabilities: Vec<String>,
    /// Capabilities taken from the default ones; `ALL` for all. Dropped before others are added.
    pub drop_capabilities: Vec<String>,
    /// Next to nothing is kept from it. Only where the user, and not a document, allowed it.
    pub privileged: bool,
    /// Whether a program may gain powers by a set-user-id bit or by file capabilities. Where nothing is said, it may not.
    pub allow_privilege_escalation: Option<bool>,
}

/// How much of the machine a container may use, counted by the kernel over all its processes. `None` is what the
/// backend gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resources {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Time of processors, in thousandths of one.
    pub cpu_millis: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// What a backend needs to open a task.
#[derive(Debug, Clone)]
pub struct TaskSpec {
    /// The task.
    pub name: TaskName,
    /// Every volume that a step of the task mounts.
    pub volumes: Vec<Volume>,
    /// The loopback network of the task where another backend has it: what a step may reach of it, its grants say.
    pub loopback: Option<Arc<dyn Loopback>>,
}

/// What the containers of a task offer to its steps in another backend: their loopback network, seen from the host, and a
/// container for a native program.
pub trait Loopback: fmt::Debug + Send + Sync {
    /// Connects to `port`, as [`TaskScope::connect`](crate::TaskScope::connect) does.
    ///
    /// # Errors
    ///
    /// As there.
    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError>;

    /// Runs a native program to its end, in a container over the volumes of the task. Called on the step's own thread, any
    /// number of times; when it returns, what the program changed is there.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::NotFound`] where the image is not one that was granted; as
    /// [`TaskScope::prepare`](crate::TaskScope::prepare) and [`Sandbox::run`](crate::Sandbox::run).
    fn run_tool(&self, call: ToolCall, io: StepIo) -> Result<Ending, SandboxError> {
        drop(io);
        let doing = format!("run a native program in `{}`", call.image);
        Err(SandboxError::new("task", doing, SandboxErrorKind::NotFound))
    }
}

/// One step, ready to be prepared.
#[derive(Debug, Clone)]
pub struct StepSpec {
    /// The step.
    pub name: StepName,
    /// Its code.
    pub image: Image,
    /// Its arguments, the program's own name first.
    pub argv: Vec<String>,
    /// Its whole environment, in order; names are unique.
    pub env: Vec<(String, String)>,
    /// The directory it starts in: absolute, and at or below one of the mounts.
    pub working_dir: Arc<str>,
    /// What it sees; paths are unique.
    pub mounts: Vec<Mount>,
    /// Params that a typed component is called with.
    pub params: BTreeMap<String, ParamValue>,
    /// The workspaces among the mounts, by name, that a typed component is told of.
    pub workspaces: BTreeMap<String, Arc<str>>,
    /// Results that it may emit.
    pub results: Vec<ResultDecl>,
    /// Which try this is, from 0.
    pub attempt: u32,
    /// What bounds it.
    pub limits: Limits,
    /// How much of the machine it may use; for containers.
    pub resources: Resources,
    /// Who it is to the kernel; for containers.
    pub security: Security,
    /// What it is granted.
    pub grants: Grants,
    /// Its virtual surroundings.
    pub ambient: Ambient,
}
