//! What the engine asks of the world while a run is under way: the code behind an image, documents that live elsewhere,
//! and what the command line says about the run as a whole.
//!
//! It does not know a registry, a network or a cache: whoever builds an [`Engine`](crate::Engine) brings them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::{Image, ImagePullPolicy};
use stepwell_spec::{RemoteRef, Span};

/// Where the code of steps comes from.
pub trait Images: Send + Sync {
    /// The code behind `reference`, which the document names at `span`, where it also says when that is pulled. Asked once for
    /// each step that runs, so that the second answer has to be cheap; may block. A failure at run time ends the TaskRun.
    ///
    /// # Errors
    ///
    /// Why there is no such code, for a person.
    fn find(
        &self,
        reference: &Arc<str>,
        policy: Option<ImagePullPolicy>,
        span: Span,
    ) -> Result<Image, String>;
}

/// Images that are all known before the run.
impl Images for BTreeMap<Arc<str>, Image> {
    fn find(
        &self,
        reference: &Arc<str>,
        _: Option<ImagePullPolicy>,
        _: Span,
    ) -> Result<Image, String> {
        self.get(reference)
            .cloned()
            .ok_or_else(|| format!("no code was given for `{reference}`"))
    }
}

/// Where documents with a `resolver` come from while a pipeline runs.
pub trait Fetch: Send + Sync {
    /// The document behind `reference`. Blocks.
    ///
    /// # Errors
    ///
    /// Why there is no such document, for a person.
    fn fetch(&self, reference: &RemoteRef) -> Result<Fetched, String>;
}

/// A document that was fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What diagnostics call it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where exactly it came from: Tekton's `refSource`.
    pub provenance: Arc<Value>,
}

/// What the command line says about a run as a whole.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many TaskRuns may run at once.
    pub max_parallel: NonZeroUsize,
    /// What a virtual wall clock shows, in seconds since 1970.
    pub epoch_seconds: u64,
    /// The folders of the host's that a `hostPath` may lie in: absolute.
    pub host_paths: Vec<PathBuf>,
}
