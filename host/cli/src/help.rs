//! `stepwell help`: of a command, or of a plugin by what it says of itself.

use std::path::Path;

use clap::CommandFactory as _;

use crate::args::{Cli, HelpArgs};
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::plugin;
use crate::text::print;

/// Prints the help that is asked for.
///
/// # Errors
///
/// There is neither a command nor a plugin of that name; a plugin does not say what it is.
pub(crate) fn help(args: &HelpArgs, env: &Environment) -> anyhow::Result<ExitCode> {
    let mut command = Cli::command();
    command.build();
    for (index, topic) in args.topics.iter().enumerate() {
        let found = command.find_subcommand(topic).cloned();
        command = match (found, index) {
            (Some(found), _) => found,
            // A file is meant where no command can be.
            (None, 0) if Path::new(topic).exists() => return manual(Path::new(topic), env),
            (None, _) => {
                let message = format!(
                    "there is neither a command nor a file `{topic}`: `stepwell help` lists the commands, and \
                     `stepwell plugins info` explains a plugin in a registry"
                );
                return Err(Coded::usage(message).into());
            }
        };
    }
    print(&command.render_long_help().to_string())?;
    Ok(ExitCode::Success)
}

fn manual(path: &Path, env: &Environment) -> anyhow::Result<ExitCode> {
    let description = plugin::describe(path, env)?;
    print(&plugin::manual(&description, &path.display().to_string()))?;
    Ok(ExitCode::Success)
}
