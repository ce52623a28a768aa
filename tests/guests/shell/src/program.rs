//! What a call of the program means, by the name that it is called by.
//!
//! As `sh` or `bash`, it is a shell; as `cat` or `[`, it is that tool. Under any other name it stands for an image's entry
//! point: a shell too, but one that takes a first argument that is no file for the command to run, as the `bash` image does.

use crate::state::{Shell, Stop};

/// Runs what the arguments, with the program's name first, ask for, and gives its exit status.
pub fn run(mut shell: Shell, args: &[String]) -> u8 {
    let name = args.first().map_or("sh", String::as_str);
    let short = name.rsplit('/').next().unwrap_or(name);
    let rest = args.get(1..).unwrap_or_default();
    let is_shell = matches!(short, "sh" | "ash" | "bash" | "dash");
    let is_known =
        is_shell || crate::tools::find(short).is_some() || crate::builtins::find(short).is_some();
    shell.name = if is_known { short } else { "sh" }.to_owned();
    let mut words = vec![shell.name.clone()];
    if !is_known && is_command(&shell, rest) {
        words.clear();
    }
    words.extend(rest.iter().cloned());
    let status = match shell.call(&words) {
        Ok(status) | Err(Stop::Exit(status) | Stop::Return(status)) => status,
        Err(Stop::Break(_) | Stop::Continue(_)) => 0,
    };
    shell.status = status;
    status
}

/// Whether the first argument is the name of a command, and no script.
fn is_command(shell: &Shell, args: &[String]) -> bool {
    args.first().is_some_and(|first| {
        !first.starts_with('-') && !first.starts_with('+') && !shell.path(first).is_file()
    })
}

#[cfg(test)]
mod tests;
