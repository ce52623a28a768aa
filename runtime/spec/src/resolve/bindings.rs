//! The workspaces that a pipeline hands on to one of its tasks.

use crate::document::pipeline_task::{PipelineTask as Decl, PipelineTaskSource};
use crate::fields::Text;
use crate::nearest::suggest;
use crate::problem::{Problems, RunProblem, TaskProblem};
use crate::resolve::children::Children;
use crate::resolve::files::{self, Files};
use crate::resolve::known::Known;
use crate::resolve::offers::{Binder, Offer};
use crate::resolve::pod::Pod;
use crate::resolve::refusal;
use crate::substitute::Scope;

impl Children<'_> {
    /// What the pipeline offers to the task: what it hands on by name, and to an inline one everything.
    pub(super) fn offers(&self, decl: &Decl, scope: &Scope<'_>, problems: &Problems) -> Vec<Offer> {
        let core = self.core();
        let find = |name: &str| core.offers.iter().find(|offer| *offer.name == *name);
        let mut offers = Vec::new();
        for workspace in &decl.workspaces {
            let source = workspace.source();
            let Some(offer) = find(&source.value) else {
                self.check_declared(decl, source, problems);
                continue;
            };
            let Some(offer) = self.settled(offer, problems) else {
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
                if offers.iter().any(|own| own.name == offer.name) {
                    continue;
                }
                // It may have no use for it: what cannot be bound is missed where it is used.
                let own = Problems::default();
                let settled = self.settled(offer, &own);
                offers.extend(settled.filter(|_| own.is_empty()));
            }
        }
        offers
    }

    /// Notes a workspace that nobody binds and the Pipeline does not declare. One that is declared need not be bound, or
    /// was noted as missing.
    fn check_declared(&self, decl: &Decl, source: &Text, problems: &Problems) {
        let core = self.core();
        let declared = || {
            core.spec
                .workspaces
                .iter()
                .map(|own| own.name.value.as_str())
        };
        if declared().any(|own| own == source.value) {
            return;
        }
        problems.refuse(refusal::failed(
            "CreateRunFailed",
            format!(
                "expected workspace {:?} to be provided by pipelinerun for pipeline task {:?}",
                source.value, decl.name.value
            ),
        ));
        let offered = core.offers.iter().map(|offer| &*offer.name);
        let known: Vec<&str> = declared().chain(offered).collect();
        problems.push(TaskProblem::UndeclaredWorkspace {
            user: format!("the task `{}`", decl.name.value),
            workspace: source.value.clone(),
            owner: "the Pipeline",
            help: suggest(&source.value, &known, "workspaces"),
            span: source.span,
        });
    }

    /// The offer, with the results of tasks that it depends on filled in as far as they are there; what is not stays as it
    /// is written, as Tekton leaves it.
    fn settled(&self, offer: &Offer, problems: &Problems) -> Option<Offer> {
        let core = self.core();
        let (Some(known), Some(run), true) = (self.known, &core.run, offer.waits) else {
            return Some(offer.clone());
        };
        let name = &*offer.name;
        let bindings = &mut run.spec.workspaces.iter();
        let binding = bindings.find(|binding| *binding.name.value == *name)?;
        let folders = &mut core.request.workspaces.iter();
        let folder = folders.find(|(flag, _)| flag == name).map(|(_, path)| path);
        let library = &self.recipe.library;
        let pod = Pod {
            task_run: core.identified(),
            service_account: "default",
            metadata: &core.object["metadata"],
        };
        // Nobody is skipped for a result that a binding refers to and that is not there.
        let own = Known::new(core, known.tasks, known.facts, known.asking);
        let bind = |scope: &Scope<'_>| {
            let binder = Binder {
                files: Files {
                    library,
                    scope,
                    pod: &pod,
                    problems,
                },
                namespace: &core.namespace,
                uid: &core.uid,
            };
            binder.bind(binding, folder)
        };
        let bound = core.with_scope(library, Some(&own), self.asking.retries, bind);
        known.asked_too(&own);
        bound
    }
}
