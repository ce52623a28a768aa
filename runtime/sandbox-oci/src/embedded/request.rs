//! What the parent says to a container's first process, and what it hears back.
//!
//! One line of JSON each way at a time, over a socket that is the child's standard input; signals are single bytes, and so is
//! [`SHELL`], with which comes a socket that is alike: a [`ShellRequest`] goes one way, and the other way a byte, with the
//! terminal if there is one, and then replies. A container that is there to be looked at answers with its root instead. Only our own binary is at the other end: nothing of a guest runs with such
//! a socket open.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// In the place of a signal: one more program is to be started. No signal has this number.
pub(crate) const SHELL: u8 = 0;

/// What a child is started for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Order {
    /// To become a container.
    Container(Box<Request>),
    /// To make the namespaces that a task's containers are made in. It says [`Reply::Started`] once they are there.
    Ground,
    /// To connect to a port of the loopback in such namespaces. The socket comes with [`Reply::Started`].
    Connect(Joined, u16),
    /// To listen on a free port of that loopback. The socket comes with [`Reply::Started`].
    Listen(Joined),
}

/// All that the child needs to become the container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The step's own folder: `l/0`… are links to the layers, the lowest first; `upper`, `work` and `root` are empty.
    pub(crate) folder: PathBuf,
    /// How many layers there are.
    pub(crate) layers: usize,
    /// Volumes, in the order in which they are mounted.
    pub(crate) volumes: Vec<VolumeMount>,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// The whole environment.
    pub(crate) env: Vec<(String, String)>,
    /// Where it starts.
    pub(crate) working_dir: String,
    /// Who runs.
    pub(crate) identity: Identity,
    /// What is left of root's powers, as a set of bits.
    pub(crate) capabilities: u64,
    /// No program gains powers.
    pub(crate) no_new_privileges: bool,
    /// The root cannot be written to.
    pub(crate) read_only_root: bool,
    /// Nothing is filtered or hidden.
    pub(crate) privileged: bool,
    /// Names of proxies: each is this machine.
    pub(crate) hosts: Vec<String>,
    /// What `/etc/resolv.conf` says; `None` without a network.
    pub(crate) resolv_conf: Option<String>,
    /// The namespaces in which it is made; `None` where we are root, and it is in its own already.
    pub(crate) joined: Option<Joined>,
}

/// Namespaces, by what leads to their handles.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// In which we are root.
    pub(crate) user: PathBuf,
    /// The task's network; `None` for the machine's.
    pub(crate) network: Option<PathBuf>,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// Its program runs, and shells beside it.
    Program,
    /// Only shells run.
    Shells,
    /// Nothing runs: what the step left is looked at from outside.
    Look,
}

/// One volume in a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VolumeMount {
    /// Leads to the open folder.
    pub(crate) source: PathBuf,
    /// Where it is seen: absolute.
    pub(crate) target: String,
    /// Nothing in it can be changed.
    pub(crate) read_only: bool,
}

/// Who runs, as it was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The image's word: names and numbers, looked up in the image's own files.
    pub(crate) image_user: Option<String>,
    /// Instead of the image's user.
    pub(crate) user: Option<u32>,
    /// Instead of the image's group.
    pub(crate) group: Option<u32>,
    /// Beside those of the image.
    pub(crate) groups: Vec<u32>,
    /// Not user 0.
    pub(crate) non_root: bool,
}

/// One more program in a container that runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShellRequest {
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// Lines and characters in a line of its terminal, where it is to have one.
    pub(crate) terminal: Option<(u16, u16)>,
}

/// What the child has to say.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// There is no container, and why.
    Failed(Failure),
    /// The program runs.
    Started,
    /// The program ended by itself.
    Exited(i32),
    /// A signal ended the program.
    Signalled(i32),
}

/// Why there is no container.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Completes "failed to …".
    pub(crate) doing: String,
    /// What the kernel said.
    pub(crate) cause: String,
    /// Whether the image or the step is to blame, and not this machine.
    pub(crate) guests: bool,
}

impl Failure {
    pub(crate) fn host(doing: impl Into<String>, cause: impl ToString) -> Self {
        Self {
            doing: doing.into(),
            cause: cause.to_string(),
            guests: false,
        }
    }

    pub(crate) fn guest(doing: impl Into<String>, cause: impl ToString) -> Self {
        Self {
            guests: true,
            ..Self::host(doing, cause)
        }
    }
}
