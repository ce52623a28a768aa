//! `stepwell build`: the compiler of the project's language, then the same for all: wrap what it made, and look whether it
//! can be a step.

mod c;
mod contract;
mod go;
mod js;
mod packages;
mod python;
mod rust;
mod tool;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use stepwell_contract::{Digest, Image};
use stepwell_report::clean::clean;
use stepwell_sandbox_wasm::World;

use super::{Language, Project};
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::images;
use crate::plugin;
use crate::text::print;

/// Builds the component of `project`, and says what it is.
///
/// # Errors
///
/// A tool is missing, the project does not compile, or what comes of it cannot be a step.
pub(super) fn build(project: &Project, env: &Environment) -> anyhow::Result<()> {
    let made = match project.language {
        Language::Rust => rust::build(project)?,
        Language::C => c::build(project)?,
        Language::Go => go::build(project)?,
        Language::Python => python::build(project)?,
        Language::Js => js::build(project)?,
    };
    let finished = finish(project, &made, env)?;
    print(&finished)
}

/// Makes the component of what a compiler has `made`, and says in a line what it is.
fn finish(project: &Project, made: &Path, env: &Environment) -> anyhow::Result<String> {
    let shown = project.short(made).to_string();
    let bytes = images::load(made).with_context(|| format!("failed to read `{shown}`"))?;
    let backend = plugin::backend(env)?;
    let component = backend.component(&Image::component(shown.as_str(), bytes))?;
    let image = Image::component(shown.as_str(), component);
    let inspection = backend.inspect(&image)?;
    let missing = inspection.imports.iter().find(|one| one.missing.is_some());
    if let Some(import) = missing {
        let why = import.missing.as_deref().unwrap_or_default();
        let message = format!("`{shown}` imports `{}`: {why}", clean(&import.name));
        return Err(invalid(message));
    }
    let mut grants = inspection.grants;
    let what = match inspection.world {
        World::Neither => {
            return Err(invalid(format!(
                "`{shown}` cannot be a step: it exports neither `wasi:cli/run`, as a program with a `main` does, nor \
                 `stepwell:task/task`, as a plugin does"
            )));
        }
        World::Command => "an ordinary program".to_owned(),
        World::Task => {
            let described = plugin::ask(&backend, &image)?;
            let described = described
                .with_context(|| invalid_coded(format!("`{shown}` does not say what it is")))?;
            match described {
                Some(described) => {
                    // What it says is nearer than what it imports, which may be its language's affair.
                    let wants = described.capabilities.into_iter().map(|want| want.grant);
                    let wants: Vec<String> = wants.collect();
                    let name = |grant: &str| grant.split('=').next().map(str::to_owned);
                    grants.retain(|grant| wants.iter().all(|want| name(want) != name(grant)));
                    grants.extend(wants);
                    grants.retain(|grant| grant != plugin::NO_POWER);
                    format!("the plugin {} {}", described.name, described.version)
                }
                None => return Err(invalid(format!("`{shown}` does not say what it is"))),
            }
        }
    };
    let component = image.as_component().unwrap_or_default();
    put(&project.component(), component)?;
    let grants = match grants.as_slice() {
        [] => String::new(),
        grants => format!(", wants the grants {}", grants.join(", ")),
    };
    Ok(format!(
        "{} is {}, {} KiB, {}{grants}\n",
        project.short(&project.component()),
        clean(&what),
        component.len().div_ceil(1024),
        Digest::of(component),
    ))
}

/// Writes a file so that whoever reads it finds the old one or the new one.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let doing = || format!("failed to write `{}`", path.display());
    let half = path.with_extension("wasm.part");
    fs::write(&half, bytes).with_context(doing)?;
    fs::rename(&half, path).with_context(doing)
}

fn invalid_coded(message: String) -> Coded {
    Coded::new(ExitCode::DocumentInvalid, message)
}

fn invalid(message: String) -> anyhow::Error {
    invalid_coded(message).into()
}
