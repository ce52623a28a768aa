//! The loop of a plugin's author: `stepwell new`, `build` and `test`, and both again whenever a file changes.
//!
//! Knows the tools of each language by name and by how they are called, and what an author has to be told where one is
//! missing. What a component is, and how it runs, is asked of the same parts that every other command asks; a fixture is
//! run by this very program, as a user would run it.

mod build;
mod fixtures;
mod language;
mod new;
mod project;
mod sdk;
mod template;
mod watch;

use crate::args::{BuildArgs, TestArgs};
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::trouble::Trouble;

pub(crate) use language::Language;
pub(crate) use new::new;
pub(crate) use project::is_name;

use project::Project;

/// Builds the project that is here or above.
///
/// # Errors
///
/// There is none, a tool is missing, or it does not build.
pub(crate) fn build(args: &BuildArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let project = Project::find()?;
    if !args.watch {
        build::build(&project, env)?;
        return Ok(ExitCode::Success);
    }
    watch::watch(&project, env, || {
        build::build(&project, env)?;
        Ok(ExitCode::Success)
    })
}

/// Builds the project, unless told not to, and runs its fixtures.
///
/// # Errors
///
/// There is no project or no such fixture, it does not build, or a fixture cannot be run.
pub(crate) fn test(args: &TestArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let project = Project::find()?;
    let once = || {
        if !args.no_build {
            build::build(&project, env)?;
        }
        Ok(fixtures::run(&project, args)?)
    };
    match args.watch {
        true => watch::watch(&project, env, once),
        false => once(),
    }
}
