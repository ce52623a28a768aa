//! Python, with componentize-py, which puts the interpreter and everything that the plugin imports into one component.

use std::path::PathBuf;
use std::process::Command;

use super::contract::{self, WORLD};
use super::packages;
use super::tool::{Tool, answers};
use crate::author::Project;
use crate::exit::{Coded, ExitCode};

const PYTHON: Tool = Tool {
    what: "Python compiler",
    looked_for: "`python3` on the path",
    get: "install Python 3.10 or newer from https://www.python.org",
};

const PIP: Tool = Tool {
    what: "pip",
    looked_for: "`python3 -m pip`",
    get: "`python3 -m ensurepip` brings it, and on Debian `apt-get install python3-pip`",
};

/// What `requirements.txt` has to name, for a message.
const COMPILER: &str = "componentize-py==0.25.1";

/// The module that is the plugin.
const APP: &str = "app";

/// Starts the compiler: the script that is installed for it would look for its modules elsewhere.
const START: &str = "import sys\nfrom componentize_py import script\nsys.argv[0] = 'componentize-py'\nsys.exit(script())";

/// The plugin, as a component.
///
/// # Errors
///
/// Python or what the project needs is missing, or the compiler does not take the project.
pub(super) fn build(project: &Project) -> anyhow::Result<PathBuf> {
    let invalid = |message: String| Coded::new(ExitCode::DocumentInvalid, message);
    if !project.root.join(format!("{APP}.py")).is_file() {
        let message = format!("there is no `{APP}.py` in the project's folder");
        return Err(invalid(message).into());
    }
    let scratch = project.scratch()?;
    let folder = scratch.join("python");
    if !answers("python3", &["--version"]) {
        return Err(PYTHON.missing());
    }
    if !answers("python3", &["-m", "pip", "--version"]) {
        return Err(PIP.missing());
    }
    let named = project.root.join("requirements.txt");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args([
            "--disable-pip-version-check",
            "--root-user-action",
            "ignore",
        ])
        .arg("--target")
        .arg(&folder)
        .arg("--requirement")
        .arg(&named)
        .current_dir(&project.root);
    packages::install(&PIP, &[&named], &folder, &mut pip)?;
    if !folder.join("componentize_py").is_dir() {
        let message = format!(
            "`requirements.txt` does not name the compiler: it needs the line `{COMPILER}`"
        );
        return Err(invalid(message).into());
    }
    let wit = contract::write(project)?;
    let made = scratch.join(format!("{}.wasm", project.name));
    let mut python = Command::new("python3");
    python
        .args(["-c", START, "--quiet", "--wit-path"])
        .arg(wit)
        .args(["--world", WORLD, "componentize", "--python-path", "."])
        .arg("--python-path")
        .arg(&folder)
        .arg("--output")
        .arg(&made)
        .arg(APP)
        // What the author has installed elsewhere is not what the project names.
        .env("PYTHONPATH", &folder)
        .env_remove("VIRTUAL_ENV")
        .env("RUST_BACKTRACE", "0")
        .current_dir(&project.root);
    PYTHON.run_saying(&mut python, words)?;
    Ok(made)
}

/// What the compiler says that is the author's: not where it was itself when Python stopped.
fn words(said: &str) -> String {
    let said = said
        .split_once("AssertionError: ")
        .map_or(said, |(_, words)| words);
    let end = said.find("\n\nCaused by:").unwrap_or(said.len());
    // So the compiler calls the first folder of the path.
    said[..end].replace("\"/0/", "\"").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_hears_of_the_plugin_and_not_of_the_compiler() {
        let said = "Traceback (most recent call last):\n  File \"<string>\", line 3, in <module>\nAssertionError:   File \
                    \"/0/app.py\", line 14\n    dev run(self)\nSyntaxError: invalid syntax\n\n\nCaused by:\n    \
                    SyntaxError\n\nStack backtrace:\n   0: main\n";
        let heard = "  File \"app.py\", line 14\n    dev run(self)\nSyntaxError: invalid syntax";
        assert_eq!(words(said), heard);
        assert_eq!(words("no such world\n"), "no such world");
    }
}
