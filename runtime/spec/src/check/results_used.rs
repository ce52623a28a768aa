//! Results that a pipeline's tasks refer to: the task that is to leave one has to declare it.

use std::collections::HashMap;
use std::sync::Arc;

use stepwell_contract::ResultDecl;

use super::pipeline::each_task_text;
use super::references::unknown;
use crate::document::pipeline::PipelineSpec;
use crate::nearest::suggest;
use crate::problem::Problems;
use crate::reference::{self, Subject};
use crate::resolve::refusal;
use crate::source::Sources;

/// Notes references to results that are not declared. `declared` has what the tasks declare of which that is known; of the
/// others, it is said when they have run.
pub(crate) fn check_results_used(
    spec: &PipelineSpec,
    declared: &HashMap<Arc<str>, Vec<ResultDecl>>,
    sources: &Sources,
    problems: &Problems,
) {
    for task in spec.all_tasks() {
        each_task_text(task, |text, _, carries_results| {
            if !carries_results || !reference::is_in(&text.value) {
                return;
            }
            for found in reference::find(&text.value) {
                let Subject::TaskResult(wanted) = found.subject() else {
                    continue;
                };
                let Some(results) = declared.get(wanted.of.as_str()) else {
                    continue;
                };
                let names = || results.iter().map(|result| &*result.name);
                let is_declared = |name: &str| names().any(|own| own == name).then_some(());
                if wanted.look_up(is_declared).is_some() {
                    continue;
                }
                problems.refuse(refusal::failed(
                    "InvalidTaskResultReference",
                    format!(
                        "invalid result reference in pipeline task {:?}: {:?} is not a named result returned by pipeline task {:?}",
                        task.name.value, wanted.name, wanted.of
                    ),
                ));
                let known: Vec<&str> = names().collect();
                let help = || suggest(&wanted.name, &known, "results");
                let what = ("a result", "its task");
                unknown(&found, text, what, &help, sources, problems);
            }
        });
    }
}
