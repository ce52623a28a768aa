//! Problems of what `image:` names. Found by whoever opens images, which is not this room; said here, so that they look
//! like every other mistake in a document.

use std::path::Path;

use stepwell_contract::Refusal;

use crate::problem::{SpecProblem, problems};
use crate::source::Span;

problems! {
    /// An image that cannot be run as it is named.
    ImageProblem {
        /// No such file.
        #[error("the image `{image}` is not there: {cause}")]
        #[diagnostic(code(spec::image_not_found), help("looked for `{path}`; a relative path starts at the document's folder"))]
        NotFound {
            image: String,
            path: String,
            cause: String,
            #[label("no such file")]
            span: Span,
        }
        /// A registry reference or a container archive.
        #[error("the image `{image}` is a container image, which cannot be run here: {why}")]
        #[diagnostic(
            code(spec::image_is_container),
            help("run `stepwell` as root; or name a component by its path, as in `image: ./step.wasm`, or one that stands for the image with `--image '{image}=./step.wasm'` or in `stepwell.toml`")
        )]
        IsContainer {
            image: String,
            why: String,
            #[label("a container image")]
            span: Span,
        }
        /// It is somewhere else, and cannot be got from there.
        #[error("the image `{image}` cannot be had: {cause}")]
        #[diagnostic(code(spec::image_not_pulled), help("{help}"))]
        NotPulled {
            image: String,
            cause: String,
            help: String,
            #[label("not here")]
            span: Span,
        }
        /// Native code.
        #[error("the image `{image}` is native code: {what}")]
        #[diagnostic(
            code(spec::image_is_native),
            help("native code would run outside the sandbox; name the WebAssembly file it was built from")
        )]
        IsNative {
            image: String,
            what: String,
            #[label("native code")]
            span: Span,
        }
        /// Some other file.
        #[error("the image `{image}` cannot be run: {why}")]
        #[diagnostic(
            code(spec::image_not_wasm),
            help("a step is a component that exports `wasi:cli/run` or `stepwell:task/task`, or a WASI program built for wasm32-wasip1")
        )]
        NotWasm {
            image: String,
            why: String,
            #[label("not a step")]
            span: Span,
        }
        /// It asks for more than it is granted.
        #[error("the step `{step}` needs {capability}, which it is not granted")]
        #[diagnostic(code(spec::grant_missing), help("{help}"))]
        GrantMissing {
            step: String,
            capability: String,
            import: String,
            help: String,
            #[label("imports `{import}`")]
            span: Span,
        }
    }
}

impl SpecProblem {
    /// There is no file at `path`, where `image` was looked for.
    pub fn image_not_found(span: Span, image: &str, path: &Path, cause: &str) -> Self {
        ImageProblem::NotFound {
            image: image.to_owned(),
            path: path.display().to_string(),
            cause: cause.to_owned(),
            span,
        }
        .into()
    }

    /// `image` names a container image, or something in a registry; `why` it cannot be run.
    pub fn image_is_container(span: Span, image: &str, why: &str) -> Self {
        ImageProblem::IsContainer {
            image: image.to_owned(),
            why: why.to_owned(),
            span,
        }
        .into()
    }

    /// `image` is in a registry or an archive, and cannot be got from there.
    pub fn image_not_pulled(span: Span, image: &str, cause: &str, help: &str) -> Self {
        ImageProblem::NotPulled {
            image: image.to_owned(),
            cause: cause.to_owned(),
            help: help.to_owned(),
            span,
        }
        .into()
    }

    /// `image` is native code of the kind `what` (`an ELF program`).
    pub fn image_is_native(span: Span, image: &str, what: &str) -> Self {
        ImageProblem::IsNative {
            image: image.to_owned(),
            what: what.to_owned(),
            span,
        }
        .into()
    }

    /// `image` is a file that is no step, and `why` (`it starts with neither …`).
    pub fn image_not_wasm(span: Span, image: &str, why: &str) -> Self {
        ImageProblem::NotWasm {
            image: image.to_owned(),
            why: why.to_owned(),
            span,
        }
        .into()
    }

    /// The code of `step` asks for something it is not granted.
    pub fn grant_missing(span: Span, step: &str, refusal: &Refusal) -> Self {
        let help = match &refusal.grant {
            Some(grant) => format!(
                "grant it with `--grant {grant}`, or under the Task's `metadata.annotations` with the line\n\
                 stepwell.dev/grants.{step}: \"{grant}\""
            ),
            None => "no grant gives this; the step has to do without".to_owned(),
        };
        ImageProblem::GrantMissing {
            step: step.to_owned(),
            capability: refusal.capability.clone(),
            import: refusal.import.clone(),
            help,
            span,
        }
        .into()
    }
}
