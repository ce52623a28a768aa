//! What a call of the program means, by the name that it is called by.
//!
//! As `sh` or `bash`, it is a shell; as `cat` or `[`, it is that tool; under any other name, it is a shell too. A shell that is
//! handed the name of a command in place of a script runs that, as the entry point of the `bash` image does.

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
    if (is_shell || !is_known) && is_command(&shell, rest, !is_known) {
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

/// Whether the first argument is the name of a command, and no script; with `or_missing`, of one that is not there, too.
fn is_command(shell: &Shell, args: &[String], or_missing: bool) -> bool {
    args.first().is_some_and(|first| {
        let is_there =
            crate::tools::find(first).is_some() || crate::builtins::find(first).is_some();
        !first.starts_with(['-', '+']) && !shell.path(first).is_file() && (is_there || or_missing)
    })
}

#[cfg(test)]
mod tests;
