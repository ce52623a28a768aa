//! What a pipeline task runs: a Task or a Pipeline that is looked up, or one that stands in it.

use std::sync::Arc;

use crate::document::pipeline::PipelineSpec;
use crate::document::pipeline_task::{InlineTask, PipelineTask as Decl, PipelineTaskSource};
use crate::document::task::TaskSpec;
use crate::problem::{Problems, RunProblem};
use crate::resolve::children::{Children, Stop};
use crate::resolve::library::{Looked, Nowhere};
use crate::resolve::refusal;
use crate::substitute::Scope;

/// What runs: found, with everything in which it differs.
pub(super) enum Source<'a> {
    Task(Looked<TaskSpec>),
    InlineTask(&'a InlineTask),
    Pipeline(Looked<PipelineSpec>),
    InlinePipeline(&'a Arc<PipelineSpec>),
}

impl<'a> Children<'a> {
    /// What runs, or why it cannot be had.
    pub(super) fn source(
        &self,
        decl: &'a Decl,
        scope: &Scope<'_>,
        problems: &Problems,
    ) -> Result<Source<'a>, Stop> {
        let core = self.core();
        let library = &self.recipe.library;
        let stop = |nowhere| match nowhere {
            Nowhere::Needs(wanted) => Stop::Needs(wanted),
            Nowhere::Missing => Stop::Wrong,
        };
        match &decl.source {
            PipelineTaskSource::InlineTask(inline) => Ok(Source::InlineTask(inline)),
            PipelineTaskSource::InlinePipeline(spec) => Ok(Source::InlinePipeline(spec)),
            PipelineTaskSource::Task(reference) if reference.is_custom() => {
                let kind = reference.kind.as_ref().map_or("", |kind| &kind.value);
                problems.push(RunProblem::CustomTask {
                    kind: kind.to_owned(),
                    span: reference.span,
                });
                Err(Stop::Wrong)
            }
            PipelineTaskSource::CustomSpec { kind, .. } => {
                problems.push(RunProblem::CustomTask {
                    kind: kind.value.clone(),
                    span: kind.span,
                });
                Err(Stop::Wrong)
            }
            PipelineTaskSource::Task(reference) => {
                let looked = library.look_up::<TaskSpec>(reference, scope, problems);
                looked.map(Source::Task).map_err(|nowhere| {
                    if let (Nowhere::Missing, Some(name)) = (&nowhere, &reference.name) {
                        let name = scope.text(name, problems);
                        problems.refuse(refusal::failed(
                            "CouldntGetTask",
                            format!(
                                "Pipeline {}/{} can't be Run; it contains Tasks that don't exist: Couldn't retrieve Task {name:?}: tasks.tekton.dev {name:?} not found",
                                core.namespace, core.title
                            ),
                        ));
                    }
                    stop(nowhere)
                })
            }
            PipelineTaskSource::Pipeline(reference) => {
                let looked = library.look_up::<PipelineSpec>(reference, scope, problems);
                let looked = looked.map_err(|nowhere| {
                    if let (Nowhere::Missing, Some(name)) = (&nowhere, &reference.name) {
                        let name = scope.text(name, problems);
                        problems.refuse(refusal::failed(
                            "CouldntGetPipeline",
                            format!(
                                "Error retrieving pipeline for pipelinerun {}/{}: pipelines.tekton.dev {name:?} not found",
                                core.namespace, core.name
                            ),
                        ));
                    }
                    stop(nowhere)
                })?;
                let title = looked.document.metadata.title();
                if core.chain.iter().any(|around| around == title) {
                    problems.refuse(refusal::failed(
                        "PipelineValidationFailed",
                        format!("Pipeline {}/{title} is part of a cycle", core.namespace),
                    ));
                    problems.push(RunProblem::PipelineInItself {
                        pipeline: title.to_owned(),
                        chain: format!("it is inside {}", core.chain.join(" → ")),
                        span: reference.span,
                    });
                    return Err(Stop::Wrong);
                }
                Ok(Source::Pipeline(looked))
            }
            PipelineTaskSource::Unusable => Err(Stop::Wrong),
        }
    }
}
