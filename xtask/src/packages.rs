//! Debian's packages: whether one is installed, and installing what is missing.
//!
//! Nothing is installed before a line says what. It does not know what the packages are for.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{self, say};

/// Whether a package is installed.
pub(crate) fn is_installed(package: &str) -> bool {
    command::capture(Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]))
        .is_ok_and(|status| status.ends_with(" installed"))
}

/// Whether packages can be installed: this is Debian, and we are root.
///
/// # Errors
///
/// Why they cannot, with the command that could.
pub(crate) fn check_can_install(missing: &[&str]) -> Result<()> {
    let names = missing.join(" ");
    if !command::exists("apt-get") {
        bail!("this is not Debian: there is no `apt-get` to install {names} with");
    }
    let user = command::capture(Command::new("id").arg("-u"))?;
    if user.trim() != "0" {
        bail!("only root can install Debian's packages: run `apt-get install {names}` as root");
    }
    Ok(())
}

/// Installs packages.
///
/// # Errors
///
/// When they cannot be installed.
pub(crate) fn install(missing: &[&str]) -> Result<()> {
    check_can_install(missing)?;
    command::capture(Command::new("apt-get").arg("update"))?;
    let mut plan = Command::new("apt-get");
    plan.args(["install", "--simulate", "--no-install-recommends"])
        .args(missing);
    let plan = command::capture(&mut plan)?;
    let all: Vec<&str> = plan
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next())
        .collect();
    say(&format!("installing Debian's packages: {}", all.join(" ")));
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--no-install-recommends"])
        .args(missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command::capture(&mut apt).map(drop)
}
