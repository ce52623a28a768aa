//! C, with the first compiler that brings a C library for WASI along.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::tool::{Tool, answers};
use crate::author::Project;
use crate::environment::for_children;
use crate::exit::{Coded, ExitCode};

const CC: Tool = Tool {
    what: "C compiler for WASI",
    looked_for: "the variable WASI_SDK_PATH, `zig` on the path, and Python's `ziglang`",
    get: "`pip install ziglang` brings one, and so does https://github.com/WebAssembly/wasi-sdk",
};

/// What zig calls the target.
const TARGET: &str = "wasm32-wasi";

/// The program, as a core module.
///
/// # Errors
///
/// No compiler is there, there is nothing to compile, or the compiler does not take it.
pub(super) fn build(project: &Project) -> anyhow::Result<PathBuf> {
    let made = project.scratch()?.join(format!("{}.wasm", project.name));
    let sources = sources(&project.root)?;
    let mut cc = compiler()?;
    cc.args(["-O2", "-s", "-Wall", "-Wextra", "-o"])
        .arg(&made)
        .args(&sources)
        .current_dir(&project.root);
    CC.run(&mut cc)?;
    Ok(made)
}

fn compiler() -> anyhow::Result<Command> {
    if let Some((_, sdk)) = for_children(&["WASI_SDK_PATH"]).into_iter().next() {
        // Its target is the default of its own.
        return Ok(Command::new(Path::new(&sdk).join("bin/clang")));
    }
    let (program, arguments): (_, &[&str]) = if answers("zig", &["version"]) {
        ("zig", &["cc"])
    } else if answers("python3", &["-m", "ziglang", "version"]) {
        ("python3", &["-m", "ziglang", "cc"])
    } else {
        return Err(CC.missing());
    };
    let mut cc = Command::new(program);
    cc.args(arguments).args(["-target", TARGET]);
    Ok(cc)
}

/// The C files of the project's folder and of `src` in it, in the order of their names.
fn sources(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["", "src"] {
        let folder = root.join(folder);
        if !folder.is_dir() {
            continue;
        }
        let doing = || format!("failed to list `{}`", folder.display());
        for entry in fs::read_dir(&folder).with_context(doing)? {
            let path = entry.with_context(doing)?.path();
            if path.extension().is_some_and(|kind| kind == "c") {
                found.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
            }
        }
    }
    found.sort();
    match found.is_empty() {
        true => {
            let message = "there is no `.c` file in the project's folder or in `src`";
            Err(Coded::new(ExitCode::DocumentInvalid, message).into())
        }
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_c_file_is_compiled_and_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        assert!(sources(temp.path()).is_err());
        fs::create_dir(temp.path().join("src")).unwrap();
        for name in ["main.c", "main.h", "src/lint.c", "notes.txt"] {
            fs::write(temp.path().join(name), "").unwrap();
        }
        let found = sources(temp.path()).unwrap();
        assert_eq!(found, [Path::new("main.c"), Path::new("src/lint.c")]);
    }
}
