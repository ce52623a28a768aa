//! What a pipeline task becomes: a TaskRun or a nested PipelineRun, one for each row of its matrix.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::json;
use stepwell_contract::{ParamValue, RunName, TaskName};

use crate::document::param::GivenParam;
use crate::document::pipeline_task::PipelineTask as Decl;
use crate::fields::At;
use crate::problem::Problems;
use crate::resolve::child::{Child, child_metadata};
use crate::resolve::known::{Known, Missing};
use crate::resolve::matrix::Row;
use crate::resolve::offers::Offer;
use crate::resolve::origin::Source;
use crate::resolve::pipeline::SpecOf;
use crate::resolve::recipe::{Core, Recipe};
use crate::resolve::stored::{self, Identified};
use crate::resolve::{names, refusal, rows};
use crate::run::{Broken, Instance, Instances, PipelineTask, RemoteRef};
use crate::substitute::{Scope, TaskValues, is_pending};

/// What makes the children of one pipeline task.
pub(crate) struct Children<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) asking: &'a PipelineTask,
    /// What is known of the other tasks; `None` before anything has run.
    pub(crate) known: Option<&'a Known<'a>>,
}

/// Why there are no children.
pub(super) enum Stop {
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
        let own = Problems::default();
        let made = self.with_scope(|scope| self.rows(decl, scope, &own, needs, false));
        own.pour_settled(problems);
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

    pub(super) fn core(&self) -> &'a Core {
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
            rows: rows::of(decl, scope, problems)?,
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
            // What is the same for all rows, such as the folder of a workspace, is wrong with each.
            let wrong = [problems, &own].into_iter().find(|found| !found.is_empty());
            match wrong.filter(|_| apart) {
                Some(wrong) => self.broken(decl, &common, row, wrong),
                None => instance,
            }
        });
        Ok(made.collect())
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
            display_name: rows::display_name(
                decl,
                &common.rows[row],
                common.display_name.as_deref(),
            ),
            of_component: matches!(source, Source::Task(looked) if looked.of_component),
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
