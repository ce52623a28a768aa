//! Documents and a request → a run: what to run is chosen, params and workspaces get their values, references are
//! filled in.
//!
//! `choose` picks the document. `task` makes one TaskRun, whoever asks for it; `pipeline` makes the graph of a
//! PipelineRun, and `children` its TaskRuns, each when its turn has come. What Tekton says where it would fail a run is
//! in `refusal`.

mod bindings;
pub(crate) mod cel;
mod child;
mod children;
mod choose;
mod container;
mod files;
mod graph;
mod known;
pub(crate) mod late;
mod library;
pub(crate) mod matrix;
pub(crate) mod names;
mod offers;
mod origin;
mod params;
mod pipeline;
mod pod;
mod recipe;
pub(crate) mod refusal;
mod rows;
mod sidecars;
mod single;
mod steps;
mod stored;
mod task;
mod volumes;
mod when;
mod whole;
mod workspaces;

use std::sync::Arc;

use serde_json::Value as Json;

pub(crate) use recipe::Recipe;

use crate::document::{Documents, parse_into};
use crate::errors::SpecErrors;
use crate::problem::Problems;
use crate::request::Request;
use crate::run::{Refused, RemoteRef, Resolved, Run};
use crate::source::Sources;
use choose::Chosen;
use library::Library;

/// Reads `sources` and makes the run that is asked for.
///
/// # Errors
///
/// Everything that is wrong with any document, with the request, and between the two.
pub fn read(sources: &Sources, request: &Request) -> Result<Resolved, SpecErrors> {
    let problems = Problems::default();
    // What was fetched is read for what it was fetched as.
    let fetched: Vec<_> = request.remotes.iter().map(|remote| remote.source).collect();
    let own = sources.ids().filter(|id| !fetched.contains(id));
    let documents = parse_into(sources, own, &problems);
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
    steps::check_flags(request, &problems);
    let library = Arc::new(Library::new(documents, request, &problems));
    let sources = documents.sources.clone();
    let made = choose::choose(documents, request, &problems).map(|chosen| match chosen {
        Chosen::Task(task) => single::make(Some(&task), None, &library, request, &problems),
        Chosen::TaskRun(run) => single::make(None, Some(&run), &library, request, &problems),
        Chosen::Pipeline(pipeline) => {
            whole::make(Some(&pipeline), None, &library, request, &problems)
        }
        Chosen::PipelineRun(run) => whole::make(None, Some(&run), &library, request, &problems),
    });
    let made = made.flatten();
    if !problems.is_empty() {
        let verdict = problems.refused();
        let object = made.and_then(|made| match made.run {
            Some(run) => Some(Arc::clone(run.object())),
            None => made.object,
        });
        let refused = object
            .zip(verdict)
            .map(|(object, verdict)| Refused { object, verdict });
        return Err(SpecErrors::new(sources, problems.into_vec()).with_refused(refused));
    }
    match made {
        Some(made) if !made.needs.is_empty() => Ok(Resolved::Needs(made.needs)),
        Some(Made { run: Some(run), .. }) => Ok(Resolved::Run(run)),
        _ => Err(SpecErrors::new(sources, Vec::new())),
    }
}

/// What came of a chosen document.
struct Made {
    /// `None` where something is missing or has to be fetched before there is anything.
    run: Option<Run>,
    needs: Vec<RemoteRef>,
    /// What would be stored, where that is all there is.
    object: Option<Arc<Json>>,
}

impl Made {
    fn run(run: Run, needs: Vec<RemoteRef>) -> Self {
        Self {
            run: Some(run),
            needs,
            object: None,
        }
    }

    /// A reference leads to nothing before it was fetched.
    fn needs(wanted: RemoteRef) -> Self {
        Self {
            run: None,
            needs: vec![wanted],
            object: None,
        }
    }

    /// A problem says why there is no run.
    fn refused(object: Json) -> Self {
        Self {
            run: None,
            needs: Vec::new(),
            object: Some(Arc::new(object)),
        }
    }
}
