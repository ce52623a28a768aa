//! What can be said about documents before anything is known of a run: names, contradictions, and references to nothing.
//!
//! Every document of every file is checked, also those that will not run. What Tekton's webhook refuses is refused here;
//! what its controller refuses, which knows the run, is for `resolve` to say.

mod container;
mod graph;
mod keys;
mod matrix;
mod param;
mod pipeline;
mod pipelinerun;
mod references;
mod results;
mod results_used;
mod scope;
mod step;
mod step_action;
mod task;
mod taskrun;
mod when;

pub(crate) use keys::{check_config_map, check_secret};
pub(crate) use param::check_allowed;
pub(crate) use pipeline::check_pipeline;
pub(crate) use pipelinerun::check_pipeline_run;
pub(crate) use references::check_use;
pub(crate) use results_used::check_results_used;
pub(crate) use step_action::check_step_action;
pub(crate) use task::{check_references, check_task};
pub(crate) use taskrun::check_task_run;

/// What to do about two things of one name.
const RENAME: &str = "give one of them another name";
/// What to do about one thing said twice.
const KEEP_ONE: &str = "keep one of the two";

/// Names in one line.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}
