//! What the engine could not do. How a step ended is never among it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use stepwell_contract::{SandboxError, SandboxErrorKind, StepName};
use stepwell_store::StoreError;

/// Our trouble: the run could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The folder behind a workspace or a volume could not be opened.
    #[error("failed to open `{}` as {owner}", path.display())]
    Volume {
        /// The workspace or the volume, with its name.
        owner: String,
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The folder of a claim could not be opened or made.
    #[error("failed to open the claim `{claim}`")]
    Claim {
        /// The claim.
        claim: Arc<str>,
        /// Why not.
        source: StoreError,
    },
    /// A scratch folder of the task could not be made.
    #[error("failed to make the task's folder `{folder}`")]
    Folder {
        /// Which one.
        folder: Arc<str>,
        /// Why not.
        source: StoreError,
    },
    /// A script could not be written to its file.
    #[error("failed to write the script file `{file}`")]
    Script {
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// The exit code of a step could not be written to its file.
    #[error("failed to write the exit code file of step `{step}`")]
    ExitCode {
        /// The step.
        step: StepName,
        /// Why not.
        source: io::Error,
    },
    /// The backend would not run a step that was not known before the run.
    #[error("failed to admit step `{step}`")]
    Admit {
        /// The step.
        step: StepName,
        /// Why not.
        source: SandboxError,
    },
    /// The backend could not open the task.
    #[error("failed to open the task")]
    OpenTask {
        /// Why not.
        source: SandboxError,
    },
    /// The backend could not build the sandbox of a step.
    #[error("failed to prepare step `{step}`")]
    Prepare {
        /// The step.
        step: StepName,
        /// Why not.
        source: SandboxError,
    },
    /// What a step once left could not be put back; some of it was.
    #[error("failed to put back `{path}`, which step `{step}` left")]
    PutBack {
        /// The step.
        step: StepName,
        /// Where, as the step sees it.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A result that a step once emitted is not taken any more.
    #[error("failed to take a result of step `{step}` from the cache")]
    SayAgain {
        /// The step.
        step: StepName,
        /// Why not.
        source: stepwell_contract::EmitError,
    },
    /// The backend could not run a step to its end.
    #[error("failed to run step `{step}`")]
    Run {
        /// The step.
        step: StepName,
        /// Why not.
        source: SandboxError,
    },
    /// A backend could not do something with a sidecar.
    #[error("failed to {doing} sidecar `{sidecar}`")]
    Sidecar {
        /// What: completes "failed to …".
        doing: &'static str,
        /// The sidecar.
        sidecar: StepName,
        /// Why not.
        source: SandboxError,
    },
    /// There was no thread for something.
    #[error("failed to start a thread for `{doing}`")]
    Thread {
        /// For what.
        doing: String,
        /// Why not.
        source: io::Error,
    },
    /// Not every value of the Secrets could be hidden, so that nothing may be shown.
    #[error(
        "failed to hide the values of Secrets: in all their spellings they are {bytes} bytes, and at most {limit} can be \
         looked for"
    )]
    TooManySecrets {
        /// How many they are.
        bytes: usize,
        /// How many can be hidden.
        limit: usize,
    },
    /// Code of ours, or of the backend's, panicked.
    #[error("failed to {doing}: a defect of stepwell: {message}")]
    Panicked {
        /// What it was doing: completes "failed to …".
        doing: String,
        /// What it said.
        message: String,
    },
    /// A call into the host did not return after the run was told to stop.
    #[error("failed to {doing}: a call into the host did not return")]
    Stuck {
        /// What it was doing: completes "failed to …".
        doing: String,
    },
}

impl EngineError {
    /// Whether the task asks for what cannot be made: its own failure, and no trouble of ours.
    pub(crate) fn is_the_tasks(&self) -> bool {
        let (Self::Admit { source, .. }
        | Self::OpenTask { source }
        | Self::Prepare { source, .. }
        | Self::Run { source, .. }
        | Self::Sidecar { source, .. }) = self
        else {
            return false;
        };
        matches!(
            source.kind,
            SandboxErrorKind::Refused(_)
                | SandboxErrorKind::BadGuest
                | SandboxErrorKind::Unsupported(_)
                | SandboxErrorKind::Conflict
                | SandboxErrorKind::Malformed
                | SandboxErrorKind::NotFound
        )
    }
}

/// `error` and everything below it, one message each.
pub(crate) fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect()
}
