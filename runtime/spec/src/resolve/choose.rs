//! Which document runs: the only run, else the only Pipeline or Task, or the one that is asked for by name.

use std::sync::Arc;

use crate::check::list;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipelinerun::PipelineRunSpec;
use crate::document::task::TaskSpec;
use crate::document::taskrun::TaskRunSpec;
use crate::document::{Document, Documents, List};
use crate::nearest::suggest;
use crate::problem::{Problems, RequestProblem};
use crate::request::Request;

/// What will run.
pub(crate) enum Chosen {
    Task(Arc<Document<TaskSpec>>),
    TaskRun(Arc<Document<TaskRunSpec>>),
    Pipeline(Arc<Document<PipelineSpec>>),
    PipelineRun(Arc<Document<PipelineRunSpec>>),
}

/// Chooses; `None`, and a problem, where nothing or too much could be meant.
pub(crate) fn choose(
    documents: &Documents,
    request: &Request,
    problems: &Problems,
) -> Option<Chosen> {
    if let Some(name) = &request.task {
        return named(documents, name, problems);
    }
    let kinds = [
        ("PipelineRun", documents.pipeline_runs.titles()),
        ("TaskRun", documents.runs.titles()),
        ("Pipeline", documents.pipelines.titles()),
        ("Task", documents.tasks.titles()),
    ];
    let Some((kind, titles)) = kinds.into_iter().find(|(_, titles)| !titles.is_empty()) else {
        nothing(documents, problems);
        return None;
    };
    if titles.len() > 1 {
        several(kind, titles, problems);
        return None;
    }
    only(&documents.pipeline_runs)
        .map(Chosen::PipelineRun)
        .or_else(|| only(&documents.runs).map(Chosen::TaskRun))
        .or_else(|| only(&documents.pipelines).map(Chosen::Pipeline))
        .or_else(|| only(&documents.tasks).map(Chosen::Task))
}

fn only<Spec>(list: &List<Spec>) -> Option<Arc<Document<Spec>>> {
    match list.as_slice() {
        [document] => Some(Arc::clone(document)),
        _ => None,
    }
}

fn named(documents: &Documents, name: &str, problems: &Problems) -> Option<Chosen> {
    let found = None
        .or_else(|| {
            documents
                .pipelines
                .find(name)
                .map(|it| Chosen::Pipeline(Arc::clone(it)))
        })
        .or_else(|| {
            documents
                .tasks
                .find(name)
                .map(|it| Chosen::Task(Arc::clone(it)))
        })
        .or_else(|| {
            let run = documents.pipeline_runs.find(name)?;
            Some(Chosen::PipelineRun(Arc::clone(run)))
        })
        .or_else(|| {
            documents
                .runs
                .find(name)
                .map(|it| Chosen::TaskRun(Arc::clone(it)))
        });
    if found.is_none() {
        let known: Vec<&str> = [
            documents.pipelines.titles(),
            documents.pipeline_runs.titles(),
            documents.tasks.titles(),
            documents.runs.titles(),
        ]
        .concat();
        problems.push(RequestProblem::UnknownTask {
            name: name.to_owned(),
            help: suggest(name, &known, "documents that run"),
        });
    }
    found
}

fn nothing(documents: &Documents, problems: &Problems) {
    // Where a document could not be read, that is what is wrong.
    if !problems.is_empty() {
        return;
    }
    let sources = &documents.sources;
    let names: Vec<String> = sources
        .ids()
        .map(|id| format!("`{}`", sources.name(id)))
        .collect();
    problems.push(RequestProblem::NothingToRun {
        files: match names.is_empty() {
            true => "no files".to_owned(),
            false => names.join(", "),
        },
    });
}

fn several(kind: &'static str, titles: Vec<&str>, problems: &Problems) {
    // One that has no name, or another's name, cannot be chosen; that was noted when it was read.
    let mut names: Vec<&str> = titles.into_iter().filter(|name| !name.is_empty()).collect();
    names.dedup();
    if names.len() < 2 && !problems.is_empty() {
        return;
    }
    problems.push(RequestProblem::SeveralToRun {
        kind,
        example: names.first().copied().unwrap_or_default().to_owned(),
        names: list(names),
    });
}
