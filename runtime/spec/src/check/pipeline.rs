//! A Pipeline on its own: its declarations, its tasks, and how they refer to each other.

use std::collections::HashMap;

use super::graph::check_cycles;
use super::matrix::check_matrix;
use super::param::{check_given, check_params, each_text, each_when_text};
use super::references::{check_declared, check_pipeline_context, check_prefix, misplaced, unknown};
use super::results::check_pipeline_results;
use super::scope::Declared;
use super::step::check_on_error;
use super::task::check_task;
use super::when::check_when;
use super::{KEEP_ONE, RENAME};
use crate::document::container::Place;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipeline_task::{PipelineTask, PipelineTaskSource};
use crate::document::reference::Ref;
use crate::fields::Text;
use crate::name::{self, Case, check_unique};
use crate::nearest::suggest;
use crate::problem::{PipelineProblem, Problems, TaskProblem};
use crate::reference::{self, Index, Reference, Subject};
use crate::source::Sources;

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Tasks,
    Finally,
}

/// Checks a Pipeline. One that stands in a run, or in another Pipeline, also sees what is theirs.
pub(crate) fn check_pipeline(
    spec: &PipelineSpec,
    inline: bool,
    sources: &Sources,
    problems: &Problems,
) {
    check_params(&spec.params, problems);
    for workspace in &spec.workspaces {
        name::WORKSPACE.check(&workspace.name, problems);
    }
    let workspaces = || spec.workspaces.iter().map(|workspace| &workspace.name);
    check_unique(workspaces(), "workspaces", RENAME, Case::Matters, problems);
    if spec.tasks.is_empty() {
        problems.push(PipelineProblem::NoTasks {
            span: spec.node.span,
        });
    }
    let names = || spec.all_tasks().map(|task| &task.name);
    for name in names() {
        name::PIPELINE_TASK.check(name, problems);
    }
    let help = "tasks and those of `finally` share their names; give one of them another name";
    check_unique(
        names(),
        "tasks of the Pipeline",
        help,
        Case::Matters,
        problems,
    );
    let declared = Declared::new("the Pipeline", &spec.params, Some(workspaces()));
    let check = Check {
        places: (spec.tasks.iter().map(|task| task.name.value.as_str()))
            .enumerate()
            .rev()
            .map(|(at, name)| (name, at))
            .collect(),
        finally: (spec.finally.iter())
            .map(|task| (task.name.value.as_str(), task))
            .collect(),
        spec,
        declared: (!inline).then_some(&declared),
        sources,
        problems,
    };
    let needs: Vec<Vec<usize>> = spec
        .tasks
        .iter()
        .map(|task| check.task(task, Section::Tasks))
        .collect();
    for task in &spec.finally {
        check.task(task, Section::Finally);
    }
    check_cycles(&spec.tasks, &needs, problems);
    for result in &spec.results {
        name::RESULT.check(&result.name, problems);
    }
    let results = spec.results.iter().map(|result| &result.name);
    check_unique(results, "results", RENAME, Case::Matters, problems);
    let tasks = spec.all_tasks();
    let tasks = tasks.map(|task| (task.name.value.as_str(), task)).collect();
    check_pipeline_results(spec, &tasks, sources, problems);
}

/// One look over a Pipeline.
struct Check<'a> {
    spec: &'a PipelineSpec,
    /// The place of each task that is not in `finally`.
    places: HashMap<&'a str, usize>,
    finally: HashMap<&'a str, &'a PipelineTask>,
    /// What references can refer to; `None` where more is known than is declared.
    declared: Option<&'a Declared<'a>>,
    sources: &'a Sources,
    problems: &'a Problems,
}

impl Check<'_> {
    /// Checks a task, and gives the places of those that it waits for, each once.
    fn task(&self, task: &PipelineTask, section: Section) -> Vec<usize> {
        let problems = self.problems;
        check_given(&task.params, problems);
        let owner = format!("the task `{}`", task.name.value);
        check_when(&task.when, &owner, problems);
        if let Some(matrix) = &task.matrix {
            check_matrix(task, matrix, problems);
        }
        self.check_source(task);
        self.check_workspaces(task, &owner);
        if let Some(on_error) = &task.on_error {
            check_on_error(on_error, problems);
            let retries = task.retries.as_ref().filter(|retries| retries.value > 0);
            if let (Some(retries), "continue") = (retries, on_error.value.as_str()) {
                problems.push(PipelineProblem::OnErrorWithRetries {
                    task: task.name.value.clone(),
                    span: retries.span,
                });
            }
        }
        let mut needs = self.run_after(task, section);
        let begins = |text: &Text, _: Place| check_prefix(text, self.sources, problems);
        for param in &task.params {
            each_text(&param.value, &begins);
        }
        for when in &task.when {
            each_when_text(when, &begins);
        }
        each_task_text(task, |text, place, carries_results| {
            check_pipeline_context(text, self.sources, problems);
            // In the text for people, the params of a matrix mean something too.
            if let Some(declared) = self.declared.filter(|_| carries_results) {
                check_declared(text, place, declared, self.sources, problems);
            }
            for found in reference::find(&text.value) {
                let need = self.check_reference(&found, text, task, section);
                needs.extend(need.filter(|_| carries_results));
            }
        });
        needs.sort_unstable();
        needs.dedup();
        needs
    }

    fn check_source(&self, task: &PipelineTask) {
        match &task.source {
            PipelineTaskSource::InlineTask(inline) => {
                check_task(&inline.spec, self.sources, self.problems);
            }
            PipelineTaskSource::InlinePipeline(spec) => {
                check_pipeline(spec, true, self.sources, self.problems);
            }
            PipelineTaskSource::Task(_)
            | PipelineTaskSource::Pipeline(_)
            | PipelineTaskSource::CustomSpec { .. }
            | PipelineTaskSource::Unusable => {}
        }
        if let (true, Some(matrix)) = (task.is_pipeline(), &task.matrix) {
            self.problems.push(PipelineProblem::NotForAPipeline {
                task: task.name.value.clone(),
                field: "matrix",
                span: matrix.span,
            });
        }
    }

    fn check_workspaces(&self, task: &PipelineTask, owner: &str) {
        let names = task.workspaces.iter().map(|workspace| &workspace.name);
        check_unique(names, "workspaces", KEEP_ONE, Case::Matters, self.problems);
        let Some(declared) = self.declared else {
            return;
        };
        for workspace in &task.workspaces {
            let name = workspace.source();
            if declared.lacks_workspace(&name.value) && !reference::is_in(&name.value) {
                self.problems.push(TaskProblem::UndeclaredWorkspace {
                    user: owner.to_owned(),
                    workspace: name.value.clone(),
                    owner: declared.owner,
                    help: declared.suggest_workspace(&name.value),
                    span: name.span,
                });
            }
        }
    }

    /// Checks `runAfter`, and gives the places of the tasks in it.
    fn run_after(&self, task: &PipelineTask, section: Section) -> Vec<usize> {
        if let (Section::Finally, Some(first)) = (section, task.run_after.first()) {
            self.problems.push(PipelineProblem::RunAfterInFinally {
                task: task.name.value.clone(),
                span: first.span,
            });
            return Vec::new();
        }
        let found = task.run_after.iter().filter_map(|after| {
            let place = self.places.get(after.value.as_str());
            match place {
                Some(_) => {}
                None if self.finally.contains_key(after.value.as_str()) => {
                    self.waits_for_finally(task, &after.value, after.span);
                }
                None if self.problems.is_full() => {}
                None => self.problems.push(PipelineProblem::UnknownPipelineTask {
                    place: "`runAfter`",
                    name: after.value.clone(),
                    help: self.suggest_task(&after.value),
                    span: after.span,
                }),
            }
            place.copied()
        });
        found.collect()
    }

    fn suggest_task(&self, name: &str) -> String {
        let known = self.spec.tasks.iter().map(|task| task.name.value.as_str());
        suggest(name, &known.collect::<Vec<_>>(), "tasks")
    }

    fn waits_for_finally(&self, task: &PipelineTask, name: &str, span: crate::source::Span) {
        self.problems.push(PipelineProblem::WaitsForFinally {
            task: task.name.value.clone(),
            name: name.to_owned(),
            span,
        });
    }

    /// Checks a reference to another task; its place, where there is a result of it to wait for.
    fn check_reference(
        &self,
        found: &Reference<'_>,
        text: &Text,
        task: &PipelineTask,
        section: Section,
    ) -> Option<usize> {
        let (of, is_result) = match found.subject() {
            Subject::TaskResult(result) => (result.of, true),
            Subject::MatrixLength { task, .. } => (task, false),
            Subject::TaskStatus(of) | Subject::TaskReason(of) => {
                self.check_status(found, text, &of, section);
                return None;
            }
            Subject::AggregateStatus => {
                self.check_status(found, text, "", section);
                return None;
            }
            _ => return None,
        };
        let Some(&place) = self.places.get(of.as_str()) else {
            self.not_among_tasks(found, text, task, &of);
            return None;
        };
        let is_whole = found.index == Some(Index::All);
        if is_result && self.spec.tasks[place].matrix.is_some() && !is_whole {
            self.problems.push(PipelineProblem::MatrixResult {
                reference: found.text.to_owned(),
                task: of,
                span: self.sources.narrow(text.span, found.text),
            });
        }
        Some(place)
    }

    /// Notes a reference to a task that is none of those that run before.
    fn not_among_tasks(&self, found: &Reference<'_>, text: &Text, task: &PipelineTask, of: &str) {
        if self.problems.is_full() {
            return;
        }
        if self.finally.contains_key(of) {
            let span = self.sources.narrow(text.span, found.text);
            return self.waits_for_finally(task, of, span);
        }
        let what = ("a task", "the Pipeline");
        let help = || self.suggest_task(of);
        unknown(found, text, what, &help, self.sources, self.problems);
    }

    /// How another task ended is known when all have, and so in `finally` alone.
    fn check_status(&self, found: &Reference<'_>, text: &Text, of: &str, section: Section) {
        if section == Section::Tasks {
            return misplaced(
                found,
                text,
                "a task that is not in `finally`",
                "how tasks ended is known when all of them have; move the task to `finally`, or refer to a result",
                self.sources,
                self.problems,
            );
        }
        if !of.is_empty() && !self.places.contains_key(of) {
            let what = ("a task before `finally`", "the Pipeline");
            let help = || self.suggest_task(of);
            unknown(found, text, what, &help, self.sources, self.problems);
        }
    }
}

/// Hands every text of a task that references are filled in to `check`: how it stands there, and whether the task waits
/// for the results in it.
pub(super) fn each_task_text(task: &PipelineTask, mut check: impl FnMut(&Text, Place, bool)) {
    let check = std::cell::RefCell::new(&mut check);
    let needed = |text: &Text, place: Place| (check.borrow_mut())(text, place, true);
    let of_matrix = task.matrix.iter().flat_map(|matrix| matrix.all_params());
    let of_reference = task.reference().into_iter().flat_map(|named| &named.params);
    for param in task.params.iter().chain(of_matrix).chain(of_reference) {
        each_text(&param.value, &needed);
    }
    let include = task.matrix.iter().flat_map(|matrix| &matrix.include);
    for when in task.when.iter().chain(include.flat_map(|item| &item.when)) {
        each_when_text(when, &needed);
    }
    let names = task.reference().into_iter().flat_map(Ref::texts);
    let paths = task.workspaces.iter();
    let paths = paths.filter_map(|workspace| workspace.sub_path.as_ref());
    for text in names.chain(paths) {
        needed(text, Place::Text);
    }
    for text in task.display_name.iter().chain(&task.on_error) {
        (check.borrow_mut())(text, Place::Text, false);
    }
}
