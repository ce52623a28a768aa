//! `stepwell plan`: what a run would do, as far as that is known without running.
//!
//! Knows a resolved [`Run`] and where the code of its steps would come from; it asks no sandbox and opens no image.

mod build;
mod dot;
mod edges;
mod json;
mod mermaid;
mod model;
mod stand_in;
mod tree;
mod walk;

use std::path::Path;

use stepwell_spec::{Request, Run, outline};

use crate::args::{PlanArgs, PlanOutput};
use crate::config;
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::fetcher::Remotes;
use crate::images::{Finder, Shelf};
use crate::inputs::{self, Texts};
use crate::request::request;
use crate::resolve::resolve;
use crate::text::print;
use crate::trouble::Trouble;

use stand_in::StandIns;
pub(crate) use walk::task_runs;

/// Prints what a run would do.
///
/// # Errors
///
/// What would keep it from running, but for its images.
pub(crate) fn plan(args: &PlanArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let documents = &args.documents;
    let mut request = request(&args.choice)?;
    let mut texts = inputs::read_to_run(&documents.files, env)?;
    let config = config::load_for(documents, &texts)?;
    let remotes = Remotes::new(env, &config, &texts, documents.offline)?;
    let (run, stand_ins) = resolved(&mut texts, &mut request, &remotes)?;
    let shelf = Shelf::new(env, &config, true)?;
    let finder = Finder::new(&texts, config.substitutions)
        .with(shelf, config.lock)
        .knowing(remotes.described());
    let plan = build::plan(&run, &finder)?;
    let plain = str::to_owned;
    let text = match args.output {
        PlanOutput::Tree => stand_ins.show(tree::tree(&plan), plain),
        PlanOutput::Mermaid => stand_ins.show(mermaid::mermaid(&plan), mermaid::escaped),
        PlanOutput::Dot => stand_ins.show(dot::dot(&plan), plain),
        PlanOutput::Json => stand_ins.show(json::json(&plan)?, plain),
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

/// The run, with stand-ins for what is missing for it. Where those do not do, what is missing is said.
fn resolved(
    texts: &mut Texts,
    request: &mut Request,
    remotes: &Remotes,
) -> Result<(Run, StandIns), Trouble> {
    let missing = match resolve(texts, request, remotes) {
        Ok(run) => return Ok((run, StandIns::default())),
        Err(Trouble::Document(errors, code)) => (errors, code),
        Err(trouble) => return Err(trouble),
    };
    let (errors, code) = missing;
    let stand_ins = StandIns::fill(&errors, &outline(&texts.sources), request);
    let again = match stand_ins.is_empty() {
        true => None,
        false => resolve(texts, request, remotes).ok(),
    };
    match again {
        Some(run) => Ok((run, stand_ins)),
        None => Err(Trouble::Document(errors, code)),
    }
}

/// A path for a person.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
