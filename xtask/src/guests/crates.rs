//! Builds programs from crates.io that nobody changed for us, at exact versions and with their own lock files.
//!
//! What was tried and did not build is written down in `tests/guests/foreign/README.md`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use super::{shelf::Shelf, stamp::Stamp, toolchain::Toolchain, zig};
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
    /// Whether a crate below it compiles C.
    has_c: bool,
}

const PROGRAMS: [Program; 5] = [
    Program {
        package: "comrak",
        version: "0.59.0",
        binary: "comrak",
        has_c: true,
    },
    Program {
        package: "jaq",
        version: "1.6.0",
        binary: "jaq",
        has_c: true,
    },
    Program {
        package: "oxipng",
        version: "10.2.1",
        binary: "oxipng",
        has_c: true,
    },
    Program {
        package: "ripgrep",
        version: "15.2.0",
        binary: "rg",
        has_c: false,
    },
    Program {
        package: "uu_sha256sum",
        version: "0.12.0",
        binary: "sha256sum",
        has_c: false,
    },
];

/// Builds every program of the table.
///
/// # Errors
///
/// When one does not build.
pub(crate) fn build(toolchain: &Toolchain, shelf: &mut Shelf) -> Result<()> {
    for program in &PROGRAMS {
        let made = root().join(format!("bin/{}.wasm", program.binary));
        let settings = format!("{} {}", program.version, toolchain.identity());
        let stamp = Stamp::new(program.package, &settings, None)?;
        if !stamp.is_current(&made) {
            say(&format!(
                "building {} {} from crates.io",
                program.package, program.version
            ));
            install(toolchain, program)?;
            stamp.set()?;
        }
        let wasm =
            fs::read(&made).with_context(|| format!("failed to read `{}`", made.display()))?;
        shelf.put(program.binary, &wasm)?;
    }
    Ok(())
}

/// Where cargo puts the finished programs.
fn root() -> PathBuf {
    repo::guest_build().join("crates-io")
}

fn install(toolchain: &Toolchain, program: &Program) -> Result<()> {
    let mut cargo = toolchain.cargo("install");
    cargo
        .args(["--quiet", "--locked", "--force", "--no-track", "--root"])
        .arg(root())
        .arg("--target-dir")
        .arg(root().join("build"))
        .args(["--bin", program.binary])
        .arg(format!("{}@={}", program.package, program.version))
        // Some profiles keep ten times the program's size in debug information.
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    if program.has_c {
        for (name, tool) in zig::c_tools()? {
            cargo.env(name, tool);
        }
    }
    command::run(&mut cargo)
}
