//! The kinds of document that files for Tekton hold, and the API versions that each has.

use crate::fields::Fields;
use crate::nearest::suggest;
use crate::problem::{FieldProblem, Problems};

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    TaskRun,
    Pipeline,
    PipelineRun,
    StepAction,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    ServiceAccount,
}

const KINDS: [Kind; 9] = [
    Kind::Task,
    Kind::TaskRun,
    Kind::Pipeline,
    Kind::PipelineRun,
    Kind::StepAction,
    Kind::ConfigMap,
    Kind::Secret,
    Kind::PersistentVolumeClaim,
    Kind::ServiceAccount,
];

impl Kind {
    /// As `kind:` says it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::TaskRun => "TaskRun",
            Self::Pipeline => "Pipeline",
            Self::PipelineRun => "PipelineRun",
            Self::StepAction => "StepAction",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::ServiceAccount => "ServiceAccount",
        }
    }

    /// Several of them, for messages.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Task => "Tasks",
            Self::TaskRun => "TaskRuns",
            Self::Pipeline => "Pipelines",
            Self::PipelineRun => "PipelineRuns",
            Self::StepAction => "StepActions",
            Self::ConfigMap => "ConfigMaps",
            Self::Secret => "Secrets",
            Self::PersistentVolumeClaim => "PersistentVolumeClaims",
            Self::ServiceAccount => "ServiceAccounts",
        }
    }

    /// The newest first.
    fn api_versions(self) -> &'static [&'static str] {
        match self {
            Self::Task | Self::TaskRun | Self::Pipeline | Self::PipelineRun => {
                &["tekton.dev/v1", "tekton.dev/v1beta1"]
            }
            Self::StepAction => &["tekton.dev/v1beta1", "tekton.dev/v1alpha1"],
            Self::ConfigMap | Self::Secret | Self::PersistentVolumeClaim | Self::ServiceAccount => {
                &["v1"]
            }
        }
    }

    /// Whether it is one execution of something, which may be called anew each time.
    pub(crate) fn is_run(self) -> bool {
        matches!(self, Self::TaskRun | Self::PipelineRun)
    }

    /// Takes `apiVersion` and `kind` out of a document.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Option<(Self, String)> {
        let (version, kind) = (fields.need_text("apiVersion"), fields.need_text("kind"));
        let written = kind?;
        let Some(kind) = KINDS
            .into_iter()
            .find(|kind| kind.as_str() == written.value)
        else {
            problems.push(FieldProblem::UnknownKind {
                help: suggest(&written.value, &KINDS.map(Self::as_str), "kinds"),
                kind: written.value,
                span: written.span,
            });
            return None;
        };
        if let Some(version) = &version
            && !kind.api_versions().contains(&version.value.as_str())
        {
            problems.push(FieldProblem::UnknownApiVersion {
                kind: kind.as_str(),
                version: version.value.clone(),
                expected: kind.api_versions()[0],
                span: version.span,
            });
        }
        Some((kind, version.map_or(String::new(), |version| version.value)))
    }
}
