//! Runs other programs and says what failed.

use std::{
    ffi::OsStr,
    io::{self, Write},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};

/// Prints one line for the person at the terminal.
pub(crate) fn say(line: &str) {
    // Nothing is lost when nobody listens any more: the exit code still tells.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Runs a command to its end, its output going where ours goes.
///
/// # Errors
///
/// When the program cannot be started, or ends without success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("failed to start `{line}`"))?;
    if !status.success() {
        bail!("failed to run `{line}`: {status}");
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed, whether or not it succeeded.
///
/// # Errors
///
/// When the program cannot be started.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    let line = shown(command);
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start `{line}`"))
}

/// Runs a command and returns its standard output; its standard error is part of the failure.
///
/// # Errors
///
/// When the program cannot be started, or ends without success.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = output(command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("failed to run `{line}`: {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program can be started at all.
pub(crate) fn exists(program: impl AsRef<OsStr>) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// The command as one would type it, without its environment.
pub(crate) fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
