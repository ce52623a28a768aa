//! Rust, with cargo.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use super::tool::Tool;
use crate::author::Project;
use crate::exit::{Coded, ExitCode};

const CARGO: Tool = Tool {
    what: "Rust compiler",
    looked_for: "`cargo` on the path",
    get: "install Rust from https://rustup.rs",
};

const TARGET: &str = "wasm32-wasip1";

/// What the compiler calls a crate that it cannot find; of `core` and `std` it means that the target is not installed.
const NO_CRATE: &str = "E0463";

/// The plugin, as a core module.
///
/// # Errors
///
/// The compiler or its target is missing, it does not take the project, or the project makes nothing that can be a step.
pub(super) fn build(project: &Project) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--target", TARGET])
        .arg("--message-format=json")
        .current_dir(&project.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = CARGO.started(cargo.spawn(), &cargo)?;
    let messages = child.stdout.take().context("failed to read from cargo")?;
    let mut heard = Heard::default();
    for line in BufReader::new(messages).lines() {
        heard.message(&line.context("failed to read from cargo")?, &project.root);
    }
    let status = child.wait().context("failed to wait for cargo")?;
    if heard.no_target {
        let message = format!(
            "Rust's standard library for {TARGET} is not installed; `rustup target add {TARGET}` gets it"
        );
        return Err(Coded::new(ExitCode::Environment, message).into());
    }
    if !status.success() {
        return Err(CARGO.failed());
    }
    heard
        .made()
        .map_err(|message| Coded::new(ExitCode::DocumentInvalid, message).into())
}

/// What cargo's messages came to.
#[derive(Debug, Default)]
struct Heard {
    /// The Wasm file of this very project's library: a package has one at most.
    library: Option<PathBuf>,
    /// Those of its programs, by their names.
    programs: BTreeMap<String, PathBuf>,
    no_target: bool,
}

impl Heard {
    /// The plugin: the library where there is one, whatever programs help to make it.
    ///
    /// # Errors
    ///
    /// Why no file is the plugin.
    fn made(self) -> Result<PathBuf, String> {
        if let Some(library) = self.library {
            return Ok(library);
        }
        if self.programs.len() > 1 {
            let names: Vec<String> = self
                .programs
                .keys()
                .map(|name| format!("`{name}`"))
                .collect();
            return Err(format!(
                "cargo made {} programs ({}), and a project is one plugin: give `[lib]` in `Cargo.toml` \
                 `crate-type = [\"cdylib\"]` if the library is the plugin, or keep one program and move the others to \
                 packages of their own",
                names.len(),
                names.join(", ")
            ));
        }
        self.programs.into_values().next().ok_or_else(|| {
            "cargo made no Wasm file: `Cargo.toml` needs `crate-type = [\"cdylib\"]` under `[lib]` for a plugin, or a \
             `src/main.rs` for a program"
                .to_owned()
        })
    }

    /// Takes one message in; what is for the author is shown.
    fn message(&mut self, line: &str, root: &Path) {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            return;
        };
        match message["reason"].as_str() {
            Some("compiler-message") => {
                let text = message["message"]["message"].as_str().unwrap_or_default();
                let is_std = text.contains("`core`") || text.contains("`std`");
                if message["message"]["code"]["code"] == NO_CRATE && is_std {
                    self.no_target = true;
                } else if let Some(rendered) = message["message"]["rendered"].as_str() {
                    // Nobody may be reading.
                    let _ = writeln!(io::stderr().lock(), "{}", rendered.trim_end());
                }
            }
            Some("compiler-artifact") => {
                let manifest = message["manifest_path"].as_str().map(Path::new);
                let folder = manifest.and_then(Path::parent);
                let files = message["filenames"].as_array();
                let mut files = files.into_iter().flatten().filter_map(Value::as_str);
                if folder == Some(root)
                    && let Some(made) = files.find(|file| file.ends_with(".wasm"))
                {
                    let target = &message["target"];
                    let kinds = target["kind"].as_array();
                    if kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib")) {
                        self.library = Some(made.into());
                    } else {
                        let name = target["name"].as_str().unwrap_or_default();
                        self.programs.insert(name.to_owned(), made.into());
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of artifacts, each with the folder of its package, its target's kind and name, and its file.
    fn made(artifacts: &[(&str, &str, &str, &str)]) -> Result<PathBuf, String> {
        let mut heard = Heard::default();
        for (folder, kind, name, file) in artifacts {
            let line = serde_json::json!({
                "reason": "compiler-artifact",
                "manifest_path": format!("{folder}/Cargo.toml"),
                "target": {"kind": [kind], "name": name},
                "filenames": [file],
            });
            heard.message(&line.to_string(), Path::new("/p"));
        }
        heard.made()
    }

    #[test]
    fn only_the_projects_own_wasm_is_what_was_made() {
        let other = ("/p/vendor", "cdylib", "other", "/t/other.wasm");
        let rlib = ("/p", "rlib", "lint", "/t/lint.rlib");
        let wasm = ("/p", "cdylib", "lint", "/t/lint.wasm");
        assert!(made(&[other, rlib]).unwrap_err().contains("no Wasm file"));
        assert_eq!(made(&[other, rlib, wasm]), Ok("/t/lint.wasm".into()));
    }

    #[test]
    fn the_library_goes_before_programs_in_any_order() {
        let library = ("/p", "cdylib", "lint", "/t/lint.wasm");
        let helper = ("/p", "bin", "helper", "/t/helper.wasm");
        let other = ("/p", "bin", "other", "/t/other.wasm");
        let lint = Ok(PathBuf::from("/t/lint.wasm"));
        assert_eq!(made(&[library, helper, other]), lint);
        assert_eq!(made(&[helper, other, library]), lint);
        assert_eq!(made(&[helper]), Ok("/t/helper.wasm".into()));
        let refused = made(&[other, helper]).unwrap_err();
        assert!(
            refused.starts_with("cargo made 2 programs (`helper`, `other`), and "),
            "{refused}"
        );
        assert!(refused.contains("move the others"), "{refused}");
    }

    #[test]
    fn a_target_that_is_not_installed_is_told_from_a_crate_that_is_missing() {
        let heard = |what: &str| {
            let mut heard = Heard::default();
            let line = format!(
                "{{\"reason\":\"compiler-message\",\"message\":{{\"code\":{{\"code\":\"E0463\"}},\"message\":\"can't find \
                 crate for `{what}`\"}}}}"
            );
            heard.message(&line, Path::new("/p"));
            heard.no_target
        };
        assert!(heard("core") && heard("std"));
        assert!(!heard("serde"));
    }
}
