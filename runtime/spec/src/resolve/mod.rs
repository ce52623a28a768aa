//! Documents and a request → a run: what to run is chosen, params and workspaces get their values, references are
//! filled in.

mod cel;
pub(crate) mod late;
pub(crate) mod matrix;
pub(crate) mod names;
pub(crate) mod params;
mod recipe;
pub(crate) mod steps;
pub(crate) mod stored;
pub(crate) mod workspaces;

pub(crate) use recipe::Recipe;

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_contract::{ParamValue, ResultDecl, RunName, TaskName};

use crate::check::list;
use crate::document::settings::Annotation;
use crate::document::task::TaskSpec;
use crate::document::taskrun::{TaskRunSpec, TaskSource};
use crate::document::{Document, Documents, check_settings, parse_into};
use crate::errors::SpecErrors;
use crate::name::shorten;
use crate::nearest::suggest;
use crate::problem::{Problems, RequestProblem, RunProblem, TaskProblem};
use crate::request::Request;
use crate::resolve::steps::Bounds;
use crate::resolve::stored::Origin;
use crate::run::{DEFAULT_TIMEOUT, Resolved, Run, TaskRun};
use crate::source::Sources;
use crate::substitute::Scope;
use crate::value;

/// Reads `sources` and makes the run that is asked for.
///
/// # Errors
///
/// Everything that is wrong with any document, with the request, and between the two.
pub fn read(sources: &Sources, request: &Request) -> Result<Resolved, SpecErrors> {
    let problems = Problems::default();
    let documents = parse_into(sources, sources.ids(), &problems);
    finish(&documents, request, problems)
}

/// Makes the run that is asked for out of documents that were read.
///
/// # Errors
///
/// Everything that is wrong with the request, and between it and the documents.
pub fn resolve(documents: &Documents, request: &Request) -> Result<Resolved, SpecErrors> {
    finish(documents, request, Problems::default())
}

fn finish(
    documents: &Documents,
    request: &Request,
    problems: Problems,
) -> Result<Resolved, SpecErrors> {
    let run = choose(documents, request, &problems)
        .and_then(|chosen| chosen.resolve(documents, request, &problems));
    match run {
        Some(run) if problems.is_empty() => Ok(Resolved::Run(Run::Task(Box::new(run)))),
        _ => {
            Err(SpecErrors::new(documents.sources.clone(), problems.into_vec()).with_refused(None))
        }
    }
}

/// What will run.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    run: Option<&'a Document<TaskRunSpec>>,
    /// The Task's document, where it is not inline.
    task: Option<&'a Document<TaskSpec>>,
    spec: &'a TaskSpec,
}

/// The only TaskRun, else the only Task, or the one that the request names.
fn choose<'a>(
    documents: &'a Documents,
    request: &Request,
    problems: &Problems,
) -> Option<Chosen<'a>> {
    let (tasks, runs) = (&documents.tasks, &documents.runs);
    if let Some(name) = &request.task {
        let task = tasks.iter().find(|task| task.metadata.title() == name);
        let run = runs.iter().find(|run| run.metadata.title() == name);
        return match (task, run) {
            (Some(task), _) => Some(Chosen::task(task)),
            (None, Some(run)) => Chosen::run(run, documents, problems),
            (None, None) => {
                let tasks = tasks.iter().map(|task| task.metadata.title());
                let known: Vec<_> = tasks
                    .chain(runs.iter().map(|run| run.metadata.title()))
                    .collect();
                problems.push(RequestProblem::UnknownTask {
                    name: name.clone(),
                    help: suggest(name, &known, "Tasks and TaskRuns"),
                });
                None
            }
        };
    }
    match (runs.as_slice(), tasks.as_slice()) {
        ([run], _) => Chosen::run(run, documents, problems),
        ([], [task]) => Some(Chosen::task(task)),
        ([], []) => {
            // Where a document could not be read, that is what is wrong.
            if problems.is_empty() {
                let sources = &documents.sources;
                let names: Vec<String> = sources
                    .ids()
                    .map(|id| format!("`{}`", sources.name(id)))
                    .collect();
                problems.push(RequestProblem::NothingToRun {
                    files: if names.is_empty() {
                        "no files".to_owned()
                    } else {
                        names.join(", ")
                    },
                });
            }
            None
        }
        ([], tasks) => several(
            "Task",
            tasks.iter().map(|task| task.metadata.title()),
            problems,
        ),
        (runs, _) => several(
            "TaskRun",
            runs.iter().map(|run| run.metadata.title()),
            problems,
        ),
    }
}

fn several<'a, T>(
    kind: &'static str,
    names: impl Iterator<Item = &'a str>,
    problems: &Problems,
) -> Option<T> {
    // One that has no name, or another's name, cannot be chosen; that was noted when it was read.
    let mut names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    names.dedup();
    if names.len() < 2 && !problems.is_empty() {
        return None;
    }
    problems.push(RequestProblem::SeveralToRun {
        kind,
        example: names.first().copied().unwrap_or_default().to_owned(),
        names: list(names),
    });
    None
}

impl<'a> Chosen<'a> {
    fn task(task: &'a Document<TaskSpec>) -> Self {
        Self {
            run: None,
            task: Some(task),
            spec: &task.spec,
        }
    }

    fn run(
        run: &'a Document<TaskRunSpec>,
        documents: &'a Documents,
        problems: &Problems,
    ) -> Option<Self> {
        let name = match &run.spec.task {
            TaskSource::Inline(spec) => {
                return Some(Self {
                    run: Some(run),
                    task: None,
                    spec,
                });
            }
            TaskSource::Named(named) => named.name.as_ref()?,
            TaskSource::Unusable => return None,
        };
        let known = documents.tasks.titles();
        let task = documents.tasks.find(&name.value);
        if task.is_none() {
            problems.push(RunProblem::TaskNotFound {
                name: name.value.clone(),
                help: suggest(&name.value, &known, "Tasks in these files"),
                span: name.span,
            });
        }
        task.map(|task| Self {
            run: Some(run),
            task: Some(task),
            spec: &task.spec,
        })
    }

    /// The TaskRun's name: its own, or made from a prefix and the suffix of this run.
    fn name(&self, request: &Request) -> String {
        let prefix = match (self.run.map(|run| &run.metadata), self.task) {
            (Some(metadata), _) => match (&metadata.name, &metadata.generate_name) {
                (Some(name), _) => return name.value.clone(),
                (None, Some(prefix)) => prefix.value.clone(),
                // Noted when the document was read.
                (None, None) => String::new(),
            },
            (None, Some(task)) => format!("{}-run-", task.metadata.title()),
            (None, None) => String::new(),
        };
        format!("{}{}", shorten(&prefix), request.identity.suffix)
    }

    fn resolve(
        self,
        documents: &Documents,
        request: &Request,
        problems: &Problems,
    ) -> Option<TaskRun> {
        let run_spec = self.run.map(|run| &run.spec);
        let propagate = self.task.is_none();
        let given = params::Given {
            run: run_spec.map_or(&[], |spec| &spec.params),
            flags: &request.params,
            propagate,
        };
        let params = params::resolve(self.spec, &given, problems);
        let name = self.name(request);
        let task = self
            .task
            .map_or(name.as_str(), |task| task.metadata.title());
        let steps = self.spec.step_names();
        let origin = self.origin(&name, request, &params);

        let mut scope = Scope::new(&documents.sources, &params);
        scope.steps = &steps;
        scope.results = self
            .spec
            .results
            .iter()
            .map(|result| result.name.value.as_str())
            .collect();
        scope.context = context(&name, task, &origin, propagate);
        let given = workspaces::Given {
            run: run_spec.map_or(&[], |spec| &spec.workspaces),
            flags: &request.workspaces,
            propagate,
        };
        let workspaces = workspaces::resolve(self.spec, &given, &mut scope, problems);

        if let (Some(run), Some(_)) = (self.run, self.task) {
            check_settings(&run.metadata, &steps, problems);
        }
        self.check_step_specs(&steps, problems);
        let bounds = Bounds {
            annotations: &self.annotations(),
            memory: self.step_memory(),
            request,
        };
        let steps = steps::resolve(self.spec, &scope, &bounds, problems);
        let timeout = run_spec
            .and_then(|spec| spec.timeout.as_ref())
            .map_or(DEFAULT_TIMEOUT, |timeout| timeout.value);
        Some(TaskRun {
            name: RunName::new(name.as_str()),
            task: TaskName::new(task),
            pipeline_task: None,
            display_name: None,
            provenance: None,
            retries: 0,
            volumes: Vec::new(),
            step_results: Vec::new(),
            sidecars: Vec::new(),
            hermetic: false,
            uses_artifacts: false,
            secrets: Arc::from([]),
            document: Arc::new(stored::task_run(&origin)),
            task_spec: Arc::new(stored::filled_task_spec(self.spec, &scope)),
            timeout: Some(timeout).filter(|timeout| !timeout.is_zero()),
            workspaces,
            results: self.results(),
            steps,
            reads_exit_codes: steps::read_exit_codes(self.spec),
            params: params.clone(),
        })
    }

    fn origin<'o>(
        &self,
        name: &'o str,
        request: &'o Request,
        params: &BTreeMap<String, ParamValue>,
    ) -> Origin<'o>
    where
        'a: 'o,
    {
        let flags = request.params.iter();
        Origin {
            name,
            identity: &request.identity,
            run: self.run,
            task: self.task,
            params: flags
                .filter_map(|(name, _)| Some((name.as_str(), value::to_json(params.get(name)?))))
                .collect(),
            workspaces: &request.workspaces,
        }
    }

    fn annotations(&self) -> [&'a [Annotation]; 2] {
        [
            self.task.map_or(&[], |task| &task.metadata.settings),
            self.run.map_or(&[], |run| &run.metadata.settings),
        ]
    }

    fn step_memory(&self) -> BTreeMap<&'a str, u64> {
        let overrides = self.run.map_or(&[][..], |run| &run.spec.step_specs);
        let memory = overrides.iter().filter_map(|step| {
            let memory = step.resources.as_ref()?.memory?;
            Some((step.name.value.as_str(), memory))
        });
        memory.collect()
    }

    /// Notes overrides for steps that are not there.
    fn check_step_specs(&self, steps: &[String], problems: &Problems) {
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        for step in self.run.iter().flat_map(|run| &run.spec.step_specs) {
            let name = &step.name;
            if !steps.contains(&name.value.as_str()) {
                problems.push(TaskProblem::UnknownStep {
                    setting: "stepSpecs".to_owned(),
                    help: suggest(&name.value, &steps, "steps"),
                    span: name.span,
                });
            }
        }
    }

    fn results(&self) -> Vec<ResultDecl> {
        let results = self.spec.results.iter().map(|result| ResultDecl {
            name: result.name.value.as_str().into(),
            result_type: result.result_type,
            properties: result
                .properties
                .iter()
                .map(|key| key.value.clone())
                .collect(),
        });
        results.collect()
    }
}

/// What `$(context.…)` stands for. How often the task was tried again is known to an inline Task only, as in Tekton.
fn context(
    run: &str,
    task: &str,
    origin: &Origin<'_>,
    inline: bool,
) -> BTreeMap<&'static str, String> {
    let mut context = BTreeMap::from([
        ("taskRun.name", run.to_owned()),
        ("taskRun.namespace", stored::namespace(origin).to_owned()),
        ("taskRun.uid", origin.identity.uid.clone()),
        ("task.name", task.to_owned()),
    ]);
    if inline {
        context.insert("task.retry-count", "0".to_owned());
    }
    context
}
