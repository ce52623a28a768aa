//! A native program that a step of another backend runs in a container of its task.

use std::sync::Arc;

use crate::{Limits, Mount, Network, Resources, Security, StepName};

/// One call of a native program, checked by whoever took it from a guest: names are unique, paths are in mounts.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// What the container is called in messages.
    pub name: StepName,
    /// The image, as the grant names it: one that was found before the task was opened, and no other.
    pub image: Arc<str>,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables, beside those of the image.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub working_dir: Arc<str>,
    /// What it sees.
    pub mounts: Vec<Mount>,
    /// What bounds it.
    pub limits: Limits,
    /// How much of the machine it may use.
    pub resources: Resources,
    /// Who it is to the kernel.
    pub security: Security,
    /// Its network.
    pub network: Network,
}
