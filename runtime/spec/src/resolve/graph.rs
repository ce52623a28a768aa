//! Which task of a pipeline waits for which: `runAfter`, and references to results.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use stepwell_contract::ParamValue;

use crate::document::pipeline_task::{PipelineTask, PipelineTaskSource};
use crate::reference::{self, Subject};

/// The places of tasks by name.
pub(crate) type Places = HashMap<Arc<str>, usize>;

/// What a task waits for.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    /// All of them.
    pub(crate) all: Vec<usize>,
    /// Those whose results it refers to.
    pub(crate) of_results: Vec<usize>,
}

/// What `task` waits for.
pub(crate) fn parents(task: &PipelineTask, places: &Places) -> Parents {
    let mut of_results = BTreeSet::new();
    let mut look = |text: &str| {
        if !reference::is_in(text) {
            return;
        }
        for found in reference::find(text) {
            let producer = match found.subject() {
                Subject::TaskResult(wanted) => wanted.of,
                Subject::TaskArtifact(wanted) => wanted.of,
                Subject::MatrixLength { task, .. } => task,
                _ => continue,
            };
            of_results.extend(places.get(producer.as_str()));
        }
    };
    for param in &task.params {
        each_text(&param.value.value, &mut look);
    }
    for param in task.matrix.iter().flat_map(|matrix| matrix.all_params()) {
        each_text(&param.value.value, &mut look);
    }
    let include = task.matrix.iter().flat_map(|matrix| &matrix.include);
    let included = include.flat_map(|include| &include.when);
    for text in task
        .when
        .iter()
        .chain(included)
        .flat_map(|when| when.texts())
    {
        look(&text.value);
    }
    for workspace in &task.workspaces {
        if let Some(path) = &workspace.sub_path {
            look(&path.value);
        }
    }
    match &task.source {
        PipelineTaskSource::Task(reference) | PipelineTaskSource::Pipeline(reference) => {
            reference.texts().for_each(|text| look(&text.value));
            for param in &reference.params {
                each_text(&param.value.value, &mut look);
            }
        }
        PipelineTaskSource::InlineTask(inline) => {
            inline.spec.texts().for_each(|(text, _)| look(&text.value));
        }
        PipelineTaskSource::InlinePipeline(_)
        | PipelineTaskSource::CustomSpec { .. }
        | PipelineTaskSource::Unusable => {}
    }
    let after = task.run_after.iter();
    let mut all: BTreeSet<usize> = after
        .filter_map(|name| places.get(name.value.as_str()).copied())
        .collect();
    all.extend(&of_results);
    Parents {
        all: all.into_iter().collect(),
        of_results: of_results.into_iter().collect(),
    }
}

fn each_text(value: &ParamValue, look: &mut impl FnMut(&str)) {
    match value {
        ParamValue::String(text) => look(text),
        ParamValue::Array(items) => items.iter().for_each(|text| look(text)),
        ParamValue::Object(pairs) => pairs.values().for_each(|text| look(text)),
    }
}
