//! What a project has others install: done once, and again when the files that name it have changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::tool::Tool;
use crate::exit::{Coded, ExitCode};

/// Installs what `named` names into `folder`, unless it is there. Where `install` is stopped half-way, it is done anew.
///
/// # Errors
///
/// What it is installed with is missing, or does not get it.
pub(super) fn install(
    tool: &Tool,
    named: &[&Path],
    folder: &Path,
    install: &mut Command,
) -> anyhow::Result<()> {
    let wanted = || -> Vec<u8> {
        let files = named.iter();
        let files: Vec<_> = files
            .map(|path| fs::read(path).unwrap_or_default())
            .collect();
        files.join(&0)
    };
    let stamp = folder.join(".stepwell");
    if fs::read(&stamp).is_ok_and(|there| there == wanted()) {
        return Ok(());
    }
    let doing = || format!("failed to empty the folder `{}`", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(doing)?;
    }
    let status = tool.started(install.status(), install)?;
    if !status.success() {
        let names: Vec<_> = named.iter().filter(|path| path.exists()).collect();
        let names = names
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect::<Vec<_>>()
            .join("` and `");
        let message = format!(
            "{} has not installed what `{names}` names, and says why above",
            tool.what
        );
        return Err(Coded::new(ExitCode::Environment, message).into());
    }
    // Where nothing is named, nothing is made. A lock file may have been.
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&stamp, wanted()))
        .with_context(|| format!("failed to write `{}`", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: Tool = Tool {
        what: "shell",
        looked_for: "`sh` on the path",
        get: "it is everywhere",
    };

    #[test]
    fn what_is_there_is_not_installed_again_until_other_things_are_named() {
        let temp = tempfile::tempdir().unwrap();
        let (named, folder) = (temp.path().join("named"), temp.path().join("there"));
        let log = temp.path().join("log");
        let go = |what: &str, end: &str| {
            fs::write(&named, what).unwrap();
            let script = format!("echo {what} >> '{}'; {end}", log.display());
            let mut command = Command::new("sh");
            install(&SHELL, &[&named], &folder, command.args(["-c", &script]))
        };
        for (what, end) in [("one", ":"), ("one", ":"), ("two", ":")] {
            go(what, end).unwrap();
        }
        assert_eq!(fs::read_to_string(&log).unwrap(), "one\ntwo\n");
        let error = go("three", "exit 1").unwrap_err();
        assert!(error.to_string().contains("`named`"), "{error}");
        go("three", ":").unwrap();
        assert_eq!(
            fs::read_to_string(&log).unwrap(),
            "one\ntwo\nthree\nthree\n"
        );
    }
}
