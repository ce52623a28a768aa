//! What a pipeline task becomes: a TaskRun or a nested PipelineRun, one for each row of its matrix.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::json;
use stepwell_contract::{ParamType, ParamValue, RunName, TaskName};

use crate::document::param::GivenParam;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipeline_task::{PipelineTask as Decl, PipelineTaskSource};
use crate::document::task::TaskSpec;
use crate::fields::At;
use crate::problem::{PipelineProblem, Problems, RunProblem};
use crate::resolve::child::{Child, child_metadata};
use crate::resolve::known::{Known, Missing};
use crate::resolve::library::{Looked, Nowhere};
use crate::resolve::matrix::{self, Axis, MAX_ROWS, NoRows, Row};
use crate::resolve::offers::Offer;
use crate::resolve::pipeline::SpecOf;
use crate::resolve::recipe::{Core, Recipe};
use crate::resolve::stored::{self, Identified};
use crate::resolve::{files, names, refusal};
use crate::run::{Broken, Instance, Instances, PipelineTask, RemoteRef};
use crate::substitute::{Scope, TaskValues, is_pending};
use crate::value::with_article;

/// What makes the children of one pipeline task.
pub(crate) struct Children<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) asking: &'a PipelineTask,
    /// What is known of the other tasks; `None` before anything has run.
    pub(crate) known: Option<&'a Known<'a>>,
}

/// What runs: found, with everything in which it differs.
enum Source<'a> {
    Task(Looked<TaskSpec>),
    InlineTask(&'a crate::document::pipeline_task::InlineTask),
    Pipeline(Looked<PipelineSpec>),
    InlinePipeline(&'a Arc<PipelineSpec>),
}

/// Why there are no children.
enum Stop {
    Needs(Box<RemoteRef>),
    EmptyMatrix,
    /// A problem says why.
    Wrong,
}

/// What is the same for every row.
struct Common {
    params: Vec<GivenParam>,
    rows: Vec<Row>,
    offers: Vec<Offer>,
    /// Filled in but for the row's own params.
    display_name: Option<String>,
}

impl<'a> Children<'a> {
    /// The children, or why there are none.
    pub(crate) fn make(&self, place: usize) -> Instances {
        let (problems, needs) = (Problems::default(), RefCell::default());
        let Some(decl) = self.core().task(place) else {
            return Instances::Run(Vec::new());
        };
        let made = self.with_scope(|scope| self.rows(decl, scope, &problems, &needs, true));
        if let Some(wanted) = needs.into_inner().into_iter().next() {
            return Instances::Needs(wanted);
        }
        match self.known.and_then(Known::missing) {
            Some(Missing::Skip) => return Instances::ResultsMissing,
            Some(Missing::Fail(verdict)) => return Instances::Broken(verdict),
            None => {}
        }
        match made {
            Ok(instances) => Instances::Run(instances),
            Err(Stop::Needs(wanted)) => Instances::Needs(*wanted),
            Err(Stop::EmptyMatrix) => Instances::EmptyMatrix,
            Err(Stop::Wrong) => {
                Instances::Broken(refusal::of(&problems, "PipelineValidationFailed"))
            }
        }
    }

    /// Notes what is wrong with the children as far as it is known, and what has to be fetched for them.
    pub(crate) fn check(
        &self,
        place: usize,
        problems: &Problems,
        needs: &RefCell<Vec<RemoteRef>>,
    ) -> Vec<Instance> {
        let Some(decl) = self.core().task(place) else {
            return Vec::new();
        };
        let made = self.with_scope(|scope| self.rows(decl, scope, problems, needs, false));
        match made {
            Ok(instances) => instances,
            Err(Stop::Needs(wanted)) => {
                // One that depends on results is asked for when they are there.
                let pending = wanted.params.iter().any(|(_, value)| match value {
                    ParamValue::String(text) => is_pending(text),
                    ParamValue::Array(items) => items.iter().any(|text| is_pending(text)),
                    ParamValue::Object(pairs) => pairs.values().any(|text| is_pending(text)),
                });
                if !pending {
                    needs.borrow_mut().push(*wanted);
                }
                Vec::new()
            }
            Err(Stop::EmptyMatrix | Stop::Wrong) => Vec::new(),
        }
    }

    fn core(&self) -> &'a Core {
        &self.recipe.core
    }

    fn values(&self) -> Option<&'a dyn TaskValues> {
        self.known.map(|known| known as &dyn TaskValues)
    }

    fn with_scope<T>(&self, read: impl FnOnce(&Scope<'_>) -> T) -> T {
        let library = &self.recipe.library;
        self.core()
            .with_scope(library, self.values(), self.asking.retries, read)
    }

    fn rows(
        &self,
        decl: &Decl,
        scope: &Scope<'_>,
        problems: &Problems,
        needs: &RefCell<Vec<RemoteRef>>,
        apart: bool,
    ) -> Result<Vec<Instance>, Stop> {
        let common = Common {
            params: filled(&decl.params, scope, problems),
            rows: self.matrix(decl, scope, problems)?,
            offers: self.offers(decl, scope, problems),
            display_name: decl
                .display_name
                .as_ref()
                .map(|text| scope.text(text, problems)),
        };
        if self.known.and_then(Known::missing).is_some() {
            return Ok(Vec::new());
        }
        let source = self.source(decl, scope, problems)?;
        let made = (0..common.rows.len()).map(|row| {
            // At run time what is wrong with one child is wrong with that child alone.
            let own = Problems::default();
            let instance = self.child(
                decl,
                &source,
                &common,
                row,
                if apart { &own } else { problems },
                needs,
            );
            match apart && !own.is_empty() {
                true => self.broken(decl, &common, row, &own),
                false => instance,
            }
        });
        Ok(made.collect())
    }

    /// What the rows give; one that gives nothing where there is no matrix.
    fn matrix(
        &self,
        decl: &Decl,
        scope: &Scope<'_>,
        problems: &Problems,
    ) -> Result<Vec<Row>, Stop> {
        let Some(matrix) = &decl.matrix else {
            return Ok(vec![Row::new()]);
        };
        let mut wrong = false;
        let mut pending = Row::new();
        let mut mistyped = |param: &GivenParam, found: ParamType, expected: &'static str| {
            wrong = true;
            problems.refuse(refusal::failed(
                "InvalidMatrixParameterTypes",
                format!(
                    "parameters of type {} only are allowed, but param {:?} has type {:?} in pipelineTask {:?}",
                    if expected == "an array" { "array" } else { "string" },
                    param.name.value,
                    found.as_str(),
                    decl.name.value
                ),
            ));
            problems.push(PipelineProblem::MatrixParam {
                param: param.name.value.clone(),
                place: "`matrix`",
                found: with_article(found),
                expected,
                help: "rows are made of lists of strings, and `include` of one string for each param",
                span: param.value.span,
            });
        };
        let mut axes = Vec::new();
        for param in &matrix.params {
            let name: Arc<str> = param.name.value.as_str().into();
            match scope.value(&param.value, problems) {
                ParamValue::Array(values) => {
                    // An item that waits for a result may become many.
                    axes.push(Axis { name, values });
                }
                ParamValue::String(text) if is_pending(&text) => {
                    pending.insert(name, text);
                }
                other => mistyped(param, other.param_type(), "an array"),
            }
        }
        let mut include = Vec::new();
        for item in &matrix.include {
            let mut row = Row::new();
            for param in &item.params {
                match scope.value(&param.value, problems) {
                    ParamValue::String(text) => {
                        row.insert(param.name.value.as_str().into(), text);
                    }
                    other => mistyped(param, other.param_type(), "a string"),
                }
            }
            include.push(row);
        }
        if wrong {
            return Err(Stop::Wrong);
        }
        if !pending.is_empty() {
            // How many rows there will be is not known: one stands for all.
            for axis in axes {
                if let Some(value) = axis.values.into_iter().next() {
                    pending.insert(axis.name, value);
                }
            }
            return Ok(vec![pending]);
        }
        match matrix::rows(&axes, &include) {
            Ok(rows) => Ok(rows),
            Err(NoRows::Empty) => Err(Stop::EmptyMatrix),
            Err(NoRows::TooMany(rows)) => {
                problems.refuse(refusal::failed(
                    "PipelineValidationFailed",
                    format!("expected 0 <= {rows} <= {MAX_ROWS}: matrix"),
                ));
                problems.push(PipelineProblem::MatrixTooLarge {
                    task: decl.name.value.clone(),
                    rows: rows.to_string(),
                    limit: MAX_ROWS,
                    span: matrix.span,
                });
                Err(Stop::Wrong)
            }
        }
    }

    /// What the pipeline offers to the task: what it hands on by name, and to an inline one everything.
    fn offers(&self, decl: &Decl, scope: &Scope<'_>, problems: &Problems) -> Vec<Offer> {
        let core = self.core();
        let find = |name: &str| core.offers.iter().find(|offer| *offer.name == *name);
        let mut offers = Vec::new();
        for workspace in &decl.workspaces {
            let source = workspace.source();
            let Some(offer) = find(&source.value) else {
                continue;
            };
            let mut offer = offer.renamed(&workspace.name.value);
            offer.span = Some(workspace.name.span);
            let Some(text) = &workspace.sub_path else {
                offers.push(offer);
                continue;
            };
            let path = scope.text(text, problems);
            match files::inside(&path) {
                Some(path) => offers.push(offer.below(&path)),
                None if path.is_empty() => offers.push(offer),
                None => problems.push(RunProblem::BadSubstitution {
                    text: text.value.clone(),
                    value: path,
                    field: "subPath",
                    expected: "a relative path without `..`".to_owned(),
                    span: text.span,
                }),
            }
        }
        let inline = matches!(
            decl.source,
            PipelineTaskSource::InlineTask(_) | PipelineTaskSource::InlinePipeline(_)
        );
        if inline {
            for offer in &core.offers {
                if !offers.iter().any(|own| own.name == offer.name) {
                    offers.push(offer.clone());
                }
            }
        }
        offers
    }

    fn source(
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

    /// The params of a row: those of the matrix first, as Tekton puts them.
    fn params_of(&self, decl: &Decl, common: &Common, row: usize) -> Vec<GivenParam> {
        let at = |text: &str| At {
            value: text.to_owned(),
            span: decl.span,
        };
        let of_row = common.rows[row].iter().map(|(name, value)| GivenParam {
            name: at(name),
            value: At {
                value: ParamValue::String(value.clone()),
                span: decl.span,
            },
        });
        of_row.chain(common.params.iter().cloned()).collect()
    }

    fn name_of(&self, decl: &Decl, common: &Common, row: usize) -> String {
        names::task_run(&self.core().name, &decl.name.value, row, common.rows.len())
    }

    fn key_of(&self, row: usize) -> TaskName {
        match self.asking.matrixed {
            true => TaskName::new(format!("{}.{row}", self.asking.key)),
            false => self.asking.key.clone(),
        }
    }

    fn child(
        &self,
        decl: &Decl,
        source: &Source<'_>,
        common: &Common,
        row: usize,
        problems: &Problems,
        needs: &RefCell<Vec<RemoteRef>>,
    ) -> Instance {
        let core = self.core();
        let name = self.name_of(decl, common, row);
        let uid = names::uid(&core.uid, &name);
        let child = Child {
            all: self,
            decl,
            run: Identified {
                name: &name,
                namespace: &core.namespace,
                uid: &uid,
            },
            key: self.key_of(row),
            given: self.params_of(decl, common, row),
            offers: &common.offers,
            display_name: display_name(decl, common, row),
            problems,
            needs,
        };
        match source {
            Source::Task(looked) => {
                let provenance = looked.provenance.clone();
                child.task(
                    &looked.document.spec,
                    Some(&looked.document),
                    None,
                    provenance,
                )
            }
            Source::InlineTask(inline) => child.task(&inline.spec, None, Some(inline), None),
            Source::Pipeline(looked) => child.pipeline(
                &SpecOf::Named(Arc::clone(&looked.document)),
                looked.provenance.clone(),
            ),
            Source::InlinePipeline(spec) => child.pipeline(&SpecOf::Inline(Arc::clone(spec)), None),
        }
    }

    /// A TaskRun that the controller would have made and found wrong.
    fn broken(&self, decl: &Decl, common: &Common, row: usize, problems: &Problems) -> Instance {
        let core = self.core();
        let name = self.name_of(decl, common, row);
        let uid = names::uid(&core.uid, &name);
        let run = Identified {
            name: &name,
            namespace: &core.namespace,
            uid: &uid,
        };
        let given = self.params_of(decl, common, row);
        let mut spec = json!({"serviceAccountName": "default"});
        let params = given
            .iter()
            .map(|param| (param.name.value.as_str(), &param.value.value));
        stored::set_list(&mut spec, "params", stored::params(params));
        let metadata = child_metadata(core, decl, run, &[], self.asking.section);
        Instance::Broken(Box::new(Broken {
            name: RunName::new(name.as_str()),
            task: self.key_of(row),
            pipeline_task: Some(Arc::clone(&self.asking.name)),
            document: Arc::new(stored::object("tekton.dev/v1", "TaskRun", metadata, spec)),
            verdict: refusal::of(problems, "TaskRunValidationFailed"),
        }))
    }
}

/// The params of a list, filled in.
fn filled(given: &[GivenParam], scope: &Scope<'_>, problems: &Problems) -> Vec<GivenParam> {
    let params = given.iter().map(|param| GivenParam {
        name: param.name.clone(),
        value: At {
            value: scope.value(&param.value, problems),
            span: param.value.span,
        },
    });
    params.collect()
}

/// What a person calls the row: the task's display name, and the names of the items of `include` that are in it.
fn display_name(decl: &Decl, common: &Common, row: usize) -> Option<Arc<str>> {
    let row = &common.rows[row];
    let mut name = common.display_name.clone().unwrap_or_default();
    let include = decl.matrix.iter().flat_map(|matrix| &matrix.include);
    for item in include {
        let in_row = item.params.iter().all(|param| {
            let value = row.get(param.name.value.as_str());
            matches!(&param.value.value, ParamValue::String(text) if Some(text) == value)
        });
        if let (true, Some(own)) = (in_row, &item.name) {
            name = format!("{name} {}", own.value);
        }
    }
    for (param, value) in row {
        if crate::reference::is_in(&name) {
            name = name.replace(&format!("$(params.{param})"), value);
        }
    }
    let name = name.trim();
    (!name.is_empty()).then(|| name.into())
}
