//! `stepwell plan`: what a run would do, as far as that is known without running.
//!
//! Knows a resolved [`Run`] and where the code of its steps would come from; it asks no sandbox and opens no image.

mod build;
mod dot;
mod edges;
mod json;
mod mermaid;
mod model;
mod tree;
mod walk;

use std::io;
use std::path::Path;

use crate::args::{PlanArgs, PlanOutput};
use crate::config;
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::fetcher::Remotes;
use crate::images::Finder;
use crate::inputs;
use crate::notices;
use crate::request::request;
use crate::resolve::resolve;
use crate::text::print;
use crate::trouble::{Trouble, say};

pub(crate) use walk::task_runs;

/// Prints what a run would do.
///
/// # Errors
///
/// What would keep it from running, but for its images.
pub(crate) fn plan(args: &PlanArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let documents = &args.documents;
    let mut request = request(&args.choice)?;
    let mut texts = inputs::read(&documents.files)?;
    let config = config::load(documents.config.as_deref(), &texts, &documents.images)?;
    let remotes = Remotes::new(env, &config, documents.offline)?;
    let run = resolve(&mut texts, &mut request, &remotes)?;
    for notice in notices::of(&run, &texts.sources) {
        say(&mut io::stderr(), &notice);
    }
    let finder = Finder::new(&texts, config.substitutions);
    let plan = build::plan(&run, &finder)?;
    let text = match args.output {
        PlanOutput::Tree => tree::tree(&plan),
        PlanOutput::Mermaid => mermaid::mermaid(&plan),
        PlanOutput::Dot => dot::dot(&plan),
        PlanOutput::Json => json::json(&plan)?,
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

/// A path for a person.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
