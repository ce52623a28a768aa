//! Problems of what a document asks of the machine or of the world. Found by whoever runs things, which is not this room;
//! said here, so that they look like every other mistake in a document.

use std::path::Path;

use crate::problem::{SpecProblem, problems};
use crate::run::RemoteRef;
use crate::source::Span;

problems! {
    /// Something that is not there or not allowed where the run would be.
    HereProblem {
        /// A document that lives elsewhere.
        #[error("the {kind} that the resolver `{resolver}` names cannot be fetched: {why}")]
        #[diagnostic(code(spec::not_fetched), help("{help}"))]
        NotFetched {
            kind: &'static str,
            resolver: String,
            why: String,
            help: String,
            #[label("named here")]
            span: Span,
        }
        /// `csi` and its like.
        #[error("`{what}` is something that only a cluster has")]
        #[diagnostic(
            code(spec::only_in_a_cluster),
            help("bind a folder to the workspace with `-w NAME=PATH`, or use `emptyDir`")
        )]
        OnlyInCluster {
            what: &'static str,
            #[label("asked for here")]
            span: Span,
        }
        /// A folder of the host's.
        #[error("the volume asks for `{path}` of this machine, which is not allowed")]
        #[diagnostic(code(spec::host_path), help("allow it with `--host-path {path}`"))]
        HostPath {
            path: String,
            #[label("asked for here")]
            span: Span,
        }
        /// Something of the host's that is no folder.
        #[error("the volume asks for `{path}` of this machine as a `{kind}`, which is no folder")]
        #[diagnostic(code(spec::host_file), help("only folders can be shown to a step: ask for its folder"))]
        HostFile {
            path: String,
            kind: String,
            #[label("asked for here")]
            span: Span,
        }
    }
}

impl SpecProblem {
    /// What `reference` names cannot be fetched, and `why`; `help` names the mend.
    pub fn not_fetched(reference: &RemoteRef, why: &str, help: &str) -> Self {
        HereProblem::NotFetched {
            kind: reference.kind.as_str(),
            resolver: reference.resolver.clone(),
            why: why.to_owned(),
            help: help.to_owned(),
            span: reference.span,
        }
        .into()
    }

    /// A volume of the kind `what` (`csi`) was asked for.
    pub fn only_in_a_cluster(span: Span, what: &'static str) -> Self {
        HereProblem::OnlyInCluster { what, span }.into()
    }

    /// A `hostPath` was asked for, and nobody allowed it.
    pub fn host_path(span: Span, path: &Path) -> Self {
        HereProblem::HostPath {
            path: path.display().to_string(),
            span,
        }
        .into()
    }

    /// A `hostPath` of a `kind` that is no folder was asked for.
    pub fn host_file(span: Span, path: &Path, kind: &str) -> Self {
        HereProblem::HostFile {
            path: path.display().to_string(),
            kind: kind.to_owned(),
            span,
        }
        .into()
    }
}
