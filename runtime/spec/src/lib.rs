//! Tekton text to a run, with the place of every mistake.
//!
//! In: [`Sources`] (texts and their names) and a [`Request`] (what the command line adds). Out: a [`Run`], in which
//! every name is resolved and every reference substituted, or [`SpecErrors`]: everything that is wrong, in the order of
//! the lines.
//!
//! It must not know a disk, a clock, an environment, an engine or a terminal. What a run needs of those (a random
//! suffix, where workspaces are) comes in with the request; what `image:` names is somebody else's to open, and
//! [`SpecProblem`] has the words for when that fails.
//!
//! Held up by `granit-parser`, an event parser for YAML whose events have places, and by `miette` for diagnostics.
//! The stages are [`Sources`] → nodes (`yaml`) → [`Documents`] (`document`, `task`, `taskrun`, `check`) → [`Run`]
//! (`resolve`). Read next: `document` for what is understood, `resolve` for what is done with it, then
//! `runtime/engine`.

mod check;
mod document;
pub mod duration;
mod errors;
mod fields;
mod name;
mod nearest;
mod outline;
mod problem;
mod reference;
mod request;
mod resolve;
mod run;
mod scalar;
mod source;
mod substitute;
mod value;
mod veil;
mod yaml;

pub use document::{Documents, parse};
pub use errors::SpecErrors;
pub use outline::{Outline, OutlineParam, OutlineWorkspace, outline};
pub use problem::SpecProblem;
pub use request::{Identity, Request};
pub use resolve::{read, resolve};
pub use run::{
    Breakpoints, Broken, COMPONENT_RESOLVER, CacheSetting, Check, Facts, File, FileSet, Instance,
    Instances, MountedVolume, OnError, Pipeline, PipelineTask, Port, Probe, Refused, Remote,
    RemoteKind, RemoteRef, RequestedEnd, RequestedStatus, Resolved, Run, Section, Sidecar, Step,
    StepFacts, StepOutcome, TaskFact, TaskRun, TaskStatus, TaskVolume, Tee, Timeouts, VolumeSource,
    When, Workspace,
};
pub use source::{SourceId, Sources, Span};
