//! The way over Debian's packages: their `rustc` builds the standard library for the target from its own source.
//!
//! Debian ships no compiled standard library for `wasm32-wasip1`, but a compiler, the library's source, wasi-libc and a
//! linker. `RUSTC_BOOTSTRAP=1` lets that one compiler build its own library; guests use no unstable feature through it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use super::Toolchain;
use crate::{
    command,
    guests::{script, stamp::Stamp},
    packages, repo,
};

const PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "wasi-libc",
    "lld-22",
];

/// wasi-libc's folder: `libc.a` and the start-up object of a command.
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";

/// The functions of wasi-libc that the object's own stand before.
const WRAPS: &str = "--wrap=sbrk --wrap=linkat";

/// Installs what is missing and writes the linker script.
///
/// # Errors
///
/// When this is no Debian, packages are missing and cannot be installed, or they do not hold what is expected.
pub(super) fn find() -> Result<Toolchain> {
    let missing: Vec<&str> = PACKAGES
        .into_iter()
        .filter(|name| !packages::is_installed(name))
        .collect();
    if !missing.is_empty() {
        packages::install(&missing)?;
    }
    for path in [
        "/usr/bin/cargo",
        "/usr/bin/rustc",
        "/usr/bin/wasm-ld-22",
        WASI_LIBC,
    ] {
        if !Path::new(path).exists() {
            bail!("the packages are installed, but there is no `{path}`");
        }
    }
    Ok(Toolchain::Debian {
        linker: write_linker()?,
    })
}

/// Makes `cargo` use Debian's compiler and build the standard library first.
pub(super) fn configure(cargo: &mut Command, linker: &Path) {
    use_compiler(cargo);
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", flags(linker).join("\u{1f}"))
        .args(["-Z", "build-std=std,panic_abort"]);
}

/// A folder with a `cargo` that builds for the target as [`configure`] has it, and is the one on the path for everything else: for
/// tests of programs that call `cargo` by themselves.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn front(linker: &Path) -> Result<PathBuf> {
    let folder = repo::root().join("target/tools/debian-cargo");
    let flags = flags(linker).join("\u{1f}");
    let text = format!(
        "#!/bin/sh\n\
         PATH=${{PATH#*:}}\n\
         case \" $* \" in *' {TARGET} '*)\n\
         \x20 unset LD_LIBRARY_PATH RUSTC_WRAPPER RUSTFLAGS\n\
         \x20 export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTFLAGS='{flags}'\n\
         \x20 exec /usr/bin/cargo \"$@\" -Z build-std=std,panic_abort\n\
         esac\n\
         exec cargo \"$@\"\n",
        TARGET = super::TARGET,
    );
    script::write(&folder.join("cargo"), &text)?;
    Ok(folder)
}

fn flags(linker: &Path) -> [String; 4] {
    [
        "-Clink-self-contained=no".to_owned(),
        "-Clinker-flavor=wasm-ld".to_owned(),
        format!("-Clinker={}", linker.display()),
        format!("-L{WASI_LIBC}"),
    ]
}

fn use_compiler(cargo: &mut Command) {
    cargo
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        // rustup's proxy points it at another compiler's libraries.
        .env_remove("LD_LIBRARY_PATH");
}

/// Compiles `tests/guests/foreign/debian`, which every guest is linked with, and says by what digest it goes.
fn build_object() -> Result<(PathBuf, String)> {
    let source = repo::root().join("tests/guests/foreign/debian");
    let compiler = command::capture(Command::new("/usr/bin/rustc").arg("-V"))?;
    let stamp = Stamp::new("debian-libc", &compiler, Some(&source))?;
    let object = repo::guest_build().join("debian-libc/object.o");
    if !stamp.is_current(&object) {
        let mut cargo = super::clean("/usr/bin/cargo");
        use_compiler(&mut cargo);
        cargo
            .args(["rustc", "--quiet", "--release", "--target", super::TARGET])
            .args(["-Z", "build-std=core", "--manifest-path"])
            .arg(source.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(repo::guest_build().join("debian-libc"))
            .arg("--")
            .arg(format!("--emit=obj={}", object.display()));
        command::run(&mut cargo)?;
        stamp.set()?;
    }
    Ok((object, stamp.digest().to_owned()))
}

/// A command starts in wasi-libc's `crt1-command.o`; a library (`--no-entry`) must not have it. Flags for the compiler are
/// the same for both, so the linker tells them apart. Its name has the object's digest: cargo builds anew what another
/// linker made.
fn write_linker() -> Result<PathBuf> {
    let (object, digest) = build_object()?;
    let object = object.display();
    let text = format!(
        "#!/bin/sh\n\
         for argument in \"$@\"; do\n\
         \x20 if [ \"$argument\" = --no-entry ]; then exec wasm-ld-22 \"$@\" {WRAPS} '{object}'; fi\n\
         done\n\
         exec wasm-ld-22 \"$@\" {WRAPS} '{object}' {WASI_LIBC}/crt1-command.o\n"
    );
    let path = repo::guest_build().join(format!("wasm-ld-debian-{digest}"));
    script::write(&path, &text)?;
    Ok(path)
}
