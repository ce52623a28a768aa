//! Every task of a run, with those of nested pipelines, one after the other.

use anyhow::anyhow;
use stepwell_spec::{Instance, Pipeline, Run, TaskRun};

use crate::exit::{Coded, ExitCode};

/// Stops pipelines of pipelines of pipelines from growing into more than anybody can read, or a machine hold.
pub(super) const MOST_TASKS: usize = 100_000;

/// Every TaskRun that is known of before a run, with nested pipelines, as often as it appears.
///
/// # Errors
///
/// There are more than can be looked at.
pub(crate) fn task_runs(run: &Run, each: &mut dyn FnMut(&TaskRun)) -> anyhow::Result<()> {
    fn pipeline(
        run: &Pipeline,
        left: &mut usize,
        each: &mut dyn FnMut(&TaskRun),
    ) -> anyhow::Result<()> {
        for task in 0..run.tasks.len() {
            for instance in run.preview(task) {
                *left = left.checked_sub(1).ok_or_else(too_many)?;
                match instance {
                    Instance::Task(run) => each(&run),
                    Instance::Pipeline(run) => pipeline(&run, left, each)?,
                    Instance::Broken(_) => {}
                }
            }
        }
        Ok(())
    }
    match run {
        Run::Task(run) => {
            each(run);
            Ok(())
        }
        Run::Pipeline(run) => pipeline(run, &mut MOST_TASKS.clone(), each),
    }
}

/// What to say of a run with more tasks than that.
pub(super) fn too_many() -> anyhow::Error {
    let message =
        format!("the run has more than {MOST_TASKS} tasks, with those of nested pipelines");
    anyhow!(Coded::new(ExitCode::DocumentInvalid, message))
}
