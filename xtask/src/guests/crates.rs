//! Builds programs from crates.io that nobody changed for us, at exact versions and with their own lock files.
//!
//! What was tried and did not build is written down in `tests/guests/foreign/README.md`.

use std::fs;

use anyhow::{Context, Result};

use super::{shelf::Shelf, stamp::Stamp, toolchain::Toolchain};
use crate::{
    command::{self, say},
    repo,
};

/// One program from crates.io.
struct Program {
    package: &'static str,
    version: &'static str,
    /// The name of its executable.
    binary: &'static str,
    /// Feature flags, where the defaults need what WASI does not have.
    features: &'static [&'static str],
}

const PROGRAMS: [Program; 2] = [
    Program {
        package: "b3sum",
        version: "1.8.7",
        binary: "b3sum",
        features: &[],
    },
    Program {
        package: "ripgrep",
        version: "15.2.0",
        binary: "rg",
        features: &[],
    },
];

/// Builds every program of the table.
///
/// # Errors
///
/// When one does not build.
pub(crate) fn build(toolchain: &Toolchain, shelf: &mut Shelf) -> Result<()> {
    for program in &PROGRAMS {
        let root = repo::guest_build().join("crates-io");
        let made = root.join(format!("bin/{}.wasm", program.binary));
        let settings = format!(
            "{} {} {:?} {}",
            program.package,
            program.version,
            program.features,
            toolchain.name()
        );
        let stamp = Stamp::new(program.package, &settings, None)?;
        if !stamp.is_current(&made) {
            say(&format!(
                "building {} {} from crates.io ({})",
                program.package,
                program.version,
                toolchain.name()
            ));
            let mut cargo = toolchain.cargo("install");
            cargo
                .args(["--quiet", "--locked", "--force", "--no-track", "--root"])
                .arg(&root)
                .arg("--target-dir")
                .arg(repo::guest_build().join("crates-io-build"))
                .args(["--bin", program.binary])
                .args(program.features)
                .arg(format!("{}@={}", program.package, program.version));
            command::run(&mut cargo)?;
            stamp.set()?;
        }
        let wasm =
            fs::read(&made).with_context(|| format!("failed to read `{}`", made.display()))?;
        shelf.put(program.binary, &wasm)?;
    }
    Ok(())
}
