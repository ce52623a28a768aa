//! The workspaces that a pipeline hands on to one of its tasks.

use std::borrow::Cow;

use crate::document::pipeline_task::{PipelineTask as Decl, PipelineTaskSource};
use crate::problem::{Problems, RunProblem};
use crate::resolve::children::Children;
use crate::resolve::files::{self, Files};
use crate::resolve::known::Known;
use crate::resolve::offers::{Binder, Offer};
use crate::resolve::pod::Pod;
use crate::substitute::Scope;

impl Children<'_> {
    /// What the pipeline offers to the task: what it hands on by name, and to an inline one everything.
    pub(super) fn offers(&self, decl: &Decl, scope: &Scope<'_>, problems: &Problems) -> Vec<Offer> {
        let of_run = self.of_run(problems);
        let find = |name: &str| of_run.iter().find(|offer| *offer.name == *name);
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
            for offer in of_run.iter() {
                if !offers.iter().any(|own| own.name == offer.name) {
                    offers.push(offer.clone());
                }
            }
        }
        offers
    }

    /// What the run binds. Where that depends on results of tasks, they are filled in as far as they are there; what is
    /// not stays as it is written, as Tekton leaves it.
    fn of_run(&self, problems: &Problems) -> Cow<'_, [Offer]> {
        let core = self.core();
        let known = self
            .known
            .filter(|_| core.offers.iter().any(|offer| offer.waits));
        let (Some(known), Some(run)) = (known, &core.run) else {
            return Cow::Borrowed(&core.offers);
        };
        let library = &self.recipe.library;
        let pod = Pod {
            task_run: core.identified(),
            service_account: "default",
            metadata: &core.object["metadata"],
        };
        // Nobody is skipped for a result that a binding refers to and that is not there.
        let known = Known::new(core, known.tasks, known.facts, known.asking);
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
            binder.bind_all(&run.spec.workspaces, &core.request.workspaces)
        };
        Cow::Owned(core.with_scope(library, Some(&known), self.asking.retries, bind))
    }
}
