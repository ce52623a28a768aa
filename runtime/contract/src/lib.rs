//! Nouns and traits that every room of Stepwell shares.
//!
//! In: nothing; this crate depends on no other room. Out: the types that cross a wall ([`StepSpec`], [`Ending`],
//! [`Event`]) and the traits that rooms meet at ([`Backend`], [`TaskScope`], [`Sandbox`], [`StepSink`]).
//!
//! It must not know YAML, wasmtime, containers, a terminal or an async runtime: a trait here is blocking, and the
//! engine decides which thread waits. One thread per running step is the price; they sleep in the guest.
//!
//! Held up by `blake3` for digests and by `cap-std` and `rustix` for directories, because a sandbox is handed a directory,
//! never a path with a promise. Read next: [`backend`] for a step's life, [`power`] for what only some backends can do,
//! [`trace`] for what a step observes, then `runtime/engine`.

pub mod backend;
pub mod cancel;
pub mod check;
pub mod container_image;
pub mod description;
pub mod digest;
pub mod ending;
pub mod event;
pub mod grant;
pub mod image;
pub mod limit;
pub mod name;
pub mod power;
pub mod pull_policy;
pub mod secret;
pub mod step;
pub mod tool;
pub mod trace;
pub mod value;

pub use backend::{
    Backend, CONNECT_PATIENCE, Capability, EmitError, Fingerprint, LogStream, Refusal, STOP_GRACE,
    STOP_PATIENCE, Sandbox, SandboxError, SandboxErrorKind, StepIo, StepSink, TaskScope,
};
pub use cancel::{Cancel, CancelReason, HookGuard};
pub use container_image::{ContainerImage, Layer, Platform};
pub use description::{
    DescribedParam, DescribedResult, DescribedWorkspace, Description, DescriptionError, Want,
};
pub use digest::{Digest, Hasher};
pub use ending::{Ending, FailureClass, Frame};
pub use event::{Event, EventKind, TerminationReason, Timestamp};
pub use grant::{Clock, GrantError, Grants, Network, Random, SidecarPort};
pub use image::{Code, Image, ImageKind};
pub use limit::{Limit, Limits};
pub use name::{RunName, StepName, TaskName};
pub use power::{Feature, NoPowers, Place};
pub use pull_policy::ImagePullPolicy;
pub use step::{
    Access, Ambient, Loopback, Mount, Resources, ResultDecl, Security, StepSpec, TaskSpec, Volume,
};
pub use tool::ToolCall;
pub use trace::{
    Answer, Asker, Bounds, Digests, Flaw, Kind, ListingHasher, NoDigests, Observation, Observer,
    Part, Question, Seen, Settled, Spot, Trace, Unseen, Version, Whole,
};
pub use value::{ParamType, ParamValue};
