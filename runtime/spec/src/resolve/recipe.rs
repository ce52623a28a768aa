//! What a pipeline's TaskRuns are made from, and how.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use stepwell_contract::ParamValue;
use stepwell_contract::event::Verdict;

use crate::document::Document;
use crate::document::overrides::TaskRunOverride;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipeline_task::PipelineTask as Decl;
use crate::document::pipelinerun::PipelineRunSpec;
use crate::document::task::TaskSpec;
use crate::problem::Problems;
use crate::request::Request;
use crate::resolve::children::Children;
use crate::resolve::graph::Places;
use crate::resolve::known::{Known, Missing};
use crate::resolve::library::Library;
use crate::resolve::offers::Offer;
use crate::resolve::pipeline::SpecOf;
use crate::resolve::refusal;
use crate::resolve::stored::{Identified, Words};
use crate::resolve::task::TaskBase;
use crate::resolve::when;
use crate::run::{Facts, Instance, Instances, Pipeline, PipelineTask, RemoteKind, RemoteRef, When};
use crate::substitute::{Context, Params, Scope, Surroundings, TaskValues, WorkspaceFacts};

/// Everything that a pipeline needs of its documents while it runs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) library: Arc<Library>,
    pub(crate) core: Arc<Core>,
}

/// What stays the same for the whole run of a pipeline.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) spec: SpecOf,
    pub(crate) run: Option<Arc<Document<PipelineRunSpec>>>,
    pub(crate) request: Arc<Request>,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    /// The Pipeline's name.
    pub(crate) title: String,
    /// What its TaskRuns inherit.
    pub(crate) labels: Words,
    pub(crate) annotations: Words,
    /// The PipelineRun as it would be stored.
    pub(crate) object: Arc<Json>,
    pub(crate) params: Params,
    pub(crate) context: Context,
    pub(crate) bound: BTreeMap<String, WorkspaceFacts>,
    pub(crate) offers: Vec<Offer>,
    /// `taskRunSpecs` by the name of the task.
    pub(crate) overrides: HashMap<String, usize>,
    pub(crate) places: Places,
    /// The Pipelines around and this one, by name, outermost first.
    pub(crate) chain: Vec<String>,
    /// What was said of Tasks once and for all, by where they are in memory; the library keeps them there.
    pub(crate) bases: Mutex<HashMap<usize, Arc<TaskBase>>>,
}

impl Core {
    /// The Pipeline's document; `None` where it is inline.
    pub(crate) fn document(&self) -> Option<&Arc<Document<PipelineSpec>>> {
        self.spec.document()
    }

    /// The place of the task of this name.
    pub(crate) fn place(&self, task: &str) -> Option<usize> {
        self.places.get(task).copied()
    }

    /// The task at `place`, as it is written.
    pub(crate) fn task(&self, place: usize) -> Option<&Decl> {
        let graph = self.spec.tasks.len();
        match place < graph {
            true => self.spec.tasks.get(place),
            false => self.spec.finally.get(place - graph),
        }
    }

    /// What the run says of the task of this name.
    pub(crate) fn override_of(&self, task: &str) -> Option<&TaskRunOverride> {
        let at = *self.overrides.get(task)?;
        self.run.as_ref()?.spec.task_run_specs.get(at)
    }

    pub(crate) fn identified(&self) -> Identified<'_> {
        Identified {
            name: &self.name,
            namespace: &self.namespace,
            uid: &self.uid,
        }
    }

    /// What can be said of a Task once and for all its runs.
    pub(crate) fn base(&self, spec: &TaskSpec) -> Arc<TaskBase> {
        let place = std::ptr::from_ref(spec).addr();
        // Nobody holds the lock while something can go wrong; a base that is half made is not in there.
        let mut bases = match self.bases.lock() {
            Ok(bases) => bases,
            Err(poisoned) => poisoned.into_inner(),
        };
        let base = bases
            .entry(place)
            .or_insert_with(|| Arc::new(TaskBase::new(spec)));
        Arc::clone(base)
    }

    /// The scope of the texts of a pipeline task.
    pub(crate) fn with_scope<T>(
        &self,
        library: &Library,
        tasks: Option<&dyn TaskValues>,
        retries: u32,
        read: impl FnOnce(&Scope<'_>) -> T,
    ) -> T {
        let own = BTreeMap::from([("pipelineTask.retries", retries.to_string())]);
        let around = Surroundings {
            context: Cow::Owned(own),
            outer_context: Some(&self.context),
            workspaces: Cow::Borrowed(&self.bound),
            ..Surroundings::default()
        };
        let made = Cell::new(0);
        let mut scope = Scope::new(&library.sources, &self.params, &around, &made);
        scope.tasks = tasks;
        read(&scope)
    }
}

impl Recipe {
    pub(crate) fn when(&self, pipeline: &Pipeline, task: usize, facts: &Facts) -> When {
        let (Some(decl), Some(asking)) = (self.core.task(task), pipeline.tasks.get(task)) else {
            return When::True(Vec::new());
        };
        if decl.when.is_empty() {
            return When::True(Vec::new());
        }
        let known = Known::new(&self.core, &pipeline.tasks, facts, Some(asking));
        let problems = Problems::default();
        let expressions = self.filled_when(decl, asking, Some(&known), &problems);
        match known.missing() {
            Some(Missing::Skip) => return When::ResultsMissing,
            Some(Missing::Fail(verdict)) => return When::Broken(verdict),
            None if !problems.is_empty() => {
                return When::Broken(refusal::of(&problems, "PipelineValidationFailed"));
            }
            None => {}
        }
        match when::all_hold(&expressions) {
            Ok(true) => When::True(expressions),
            Ok(false) => When::False(expressions),
            Err(message) => When::Broken(refusal::failed("CELEvaluationFailed", message)),
        }
    }

    /// The `when` of the task at `task` with what is known of it before any task has run.
    pub(crate) fn unasked_when(&self, pipeline: &Pipeline, task: usize) -> Vec<Json> {
        let (Some(decl), Some(asking)) = (self.core.task(task), pipeline.tasks.get(task)) else {
            return Vec::new();
        };
        // Nobody asks whether it holds: what is wrong with it does not matter.
        self.filled_when(decl, asking, None, &Problems::default())
    }

    fn filled_when(
        &self,
        decl: &Decl,
        asking: &PipelineTask,
        tasks: Option<&dyn TaskValues>,
        problems: &Problems,
    ) -> Vec<Json> {
        let expressions = decl.when.iter();
        self.core
            .with_scope(&self.library, tasks, asking.retries, |scope| {
                expressions
                    .map(|when| when::filled(when, scope, problems))
                    .collect()
            })
    }

    pub(crate) fn instances(&self, pipeline: &Pipeline, task: usize, facts: &Facts) -> Instances {
        let Some(asking) = pipeline.tasks.get(task) else {
            return Instances::Run(Vec::new());
        };
        let known = Known::new(&self.core, &pipeline.tasks, facts, Some(asking));
        let children = Children {
            recipe: self,
            asking,
            known: Some(&known),
        };
        children.make(task)
    }

    pub(crate) fn instances_ahead(
        &self,
        pipeline: &Pipeline,
        task: usize,
    ) -> Option<Vec<Instance>> {
        let asking = pipeline.tasks.get(task)?;
        let facts = Facts::new(0);
        let known = Known::new(&self.core, &pipeline.tasks, &facts, Some(asking));
        let children = Children {
            recipe: self,
            asking,
            known: Some(&known),
        };
        match children.make(task) {
            Instances::Run(instances) if !known.was_asked() => Some(instances),
            _ => None,
        }
    }

    pub(crate) fn preview(&self, pipeline: &Pipeline, task: usize) -> Vec<Instance> {
        // What is wrong was said when the run was made.
        self.check(pipeline, task, &Problems::default(), &RefCell::default())
    }

    /// Notes what is wrong with the task at `task` as far as it is known, and what has to be fetched for it.
    pub(crate) fn check(
        &self,
        pipeline: &Pipeline,
        task: usize,
        problems: &Problems,
        needs: &RefCell<Vec<RemoteRef>>,
    ) -> Vec<Instance> {
        let Some(asking) = pipeline.tasks.get(task) else {
            return Vec::new();
        };
        let children = Children {
            recipe: self,
            asking,
            known: None,
        };
        children.check(task, problems, needs)
    }

    pub(crate) fn results(
        &self,
        pipeline: &Pipeline,
        facts: &Facts,
    ) -> Result<Vec<(Arc<str>, ParamValue)>, Verdict> {
        let mut results = Vec::new();
        for result in &self.core.spec.results {
            let Some(value) = &result.value else {
                continue;
            };
            let known = Known::new(&self.core, &pipeline.tasks, facts, None);
            let problems = Problems::default();
            let filled = self
                .core
                .with_scope(&self.library, Some(&known), 0, |scope| {
                    scope.value(value, &problems)
                });
            match known.missing() {
                Some(Missing::Skip) => continue,
                Some(Missing::Fail(verdict)) => {
                    return Err(refusal::failed(
                        "CouldntGetPipelineResult",
                        format!(
                            "Failed to get PipelineResult from TaskRun Results for PipelineRun {:?}: invalid pipelineresults [{}]: {}",
                            self.core.name, result.name.value, verdict.message
                        ),
                    ));
                }
                None => {}
            }
            results.push((result.name.value.as_str().into(), filled));
        }
        Ok(results)
    }

    pub(crate) fn supply(
        &mut self,
        reference: &RemoteRef,
        name: &str,
        text: &str,
        provenance: Arc<Json>,
    ) -> Result<(), Verdict> {
        let library = Arc::make_mut(&mut self.library);
        let source = library.sources.add(name, text);
        let problems = Problems::default();
        library.take(reference, source, provenance, &problems);
        if problems.is_empty() {
            return Ok(());
        }
        let reason = match reference.kind {
            RemoteKind::Pipeline => "CouldntGetPipeline",
            RemoteKind::Task | RemoteKind::StepAction => "CouldntGetTask",
        };
        Err(refusal::failed(
            reason,
            format!(
                "failed to read the {} of {name}: {}",
                reference.kind.as_str(),
                problems.first_message()
            ),
        ))
    }
}
