//! The example pipelines, each run as its README says, into empty folders.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    command::{self, say},
    repo,
};

/// One example.
struct Example {
    /// Its folder in `examples`.
    name: &'static str,
    /// What follows `stepwell run`. `OUT` stands for a new folder.
    args: &'static [&'static str],
    /// Where it is started, below its folder; at the top of the checkout where there is none.
    started_in: Option<&'static str>,
    /// What it has to leave in its new folder.
    leaves: &'static [&'static str],
}

const TREE: &str = "tree=examples/lint-folders/tree";

const EXAMPLES: [Example; 11] = [
    Example {
        name: "lint-folders",
        args: &["examples/lint-folders", "-w", TREE],
        started_in: None,
        leaves: &[],
    },
    Example {
        name: "release",
        args: &[
            "examples/release",
            "-w",
            "source=examples/lint-folders/tree/docs",
            "-w",
            "out=OUT",
        ],
        started_in: None,
        leaves: &["package", "NEWS"],
    },
    Example {
        name: "conditional-deploy",
        args: &[
            "examples/conditional-deploy",
            "-w",
            "log=OUT",
            "-p",
            "branch=feature",
        ],
        started_in: None,
        leaves: &["deployments"],
    },
    Example {
        name: "flaky-step",
        args: &["examples/flaky-step"],
        started_in: None,
        leaves: &[],
    },
    Example {
        name: "stepactions",
        args: &["examples/stepactions", "-w", TREE],
        started_in: None,
        leaves: &[],
    },
    Example {
        name: "configuration",
        args: &["examples/configuration"],
        started_in: None,
        leaves: &[],
    },
    Example {
        name: "typed-results",
        args: &[
            "examples/typed-results",
            "-w",
            "source=examples/typed-results",
            "-w",
            "out=OUT",
        ],
        started_in: None,
        leaves: &["branch", "v2", "v2.1", "2.1.0-rc.1"],
    },
    Example {
        name: "pipelines-in-pipelines",
        args: &["examples/pipelines-in-pipelines", "-w", TREE],
        started_in: None,
        leaves: &[],
    },
    Example {
        name: "monorepo",
        args: &["examples/monorepo", "-w", TREE, "-w", "out=OUT"],
        started_in: None,
        leaves: &["api/package", "web/package"],
    },
    Example {
        name: "time-outs",
        args: &["examples/time-outs", "-w", "log=OUT"],
        started_in: None,
        leaves: &["search"],
    },
    Example {
        name: "dot-tekton",
        args: &["-w", "source=."],
        started_in: Some("src"),
        leaves: &[],
    },
];

/// Examples that something else runs, and the file where it is done.
const RUN_ELSEWHERE: [(&str, &str); 3] = [
    ("docs-site", "xtask/src/demo.rs"),
    ("compile-c", "tests/scenarios/tools.rs"),
    ("plugins", "tests/scenarios/author.rs"),
];

/// Runs every example.
///
/// # Errors
///
/// When one fails, leaves nothing where it should, or is in the folder and not in the table.
pub(super) fn show(stepwell: &Path) -> Result<()> {
    all_are_listed()?;
    for example in &EXAMPLES {
        let out = repo::root().join("target/demo").join(example.name);
        let doing = || format!("failed to make an empty `{}`", out.display());
        if out.exists() {
            fs::remove_dir_all(&out).with_context(doing)?;
        }
        fs::create_dir_all(&out).with_context(doing)?;
        let mut command = Command::new(stepwell);
        command.arg("run").args(
            example
                .args
                .iter()
                .map(|arg| arg.replace("OUT", &format!("target/demo/{}", example.name))),
        );
        let started_in = match example.started_in {
            Some(folder) => repo::root()
                .join("examples")
                .join(example.name)
                .join(folder),
            None => repo::root().to_owned(),
        };
        command.current_dir(started_in);
        say(&format!("$ {}", command::shown(&command)));
        command::run(&mut command)
            .with_context(|| format!("the example `{}` failed", example.name))?;
        for file in example.leaves {
            if !out.join(file).is_file() {
                bail!("the example `{}` left no `{file}`", example.name);
            }
        }
    }
    Ok(())
}

/// An example that nobody runs goes stale.
fn all_are_listed() -> Result<()> {
    let examples = repo::root().join("examples");
    let index = fs::read_to_string(examples.join("README.md"))
        .context("failed to read `examples/README.md`")?;
    for entry in fs::read_dir(&examples).context("failed to list `examples`")? {
        let entry = entry.context("failed to list `examples`")?;
        if !entry.path().join("README.md").is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some((_, runner)) = RUN_ELSEWHERE.iter().find(|(other, _)| *other == name) {
            let text = fs::read_to_string(repo::root().join(runner))
                .with_context(|| format!("failed to read `{runner}`"))?;
            if !text.contains(&format!("examples/{name}/")) {
                bail!(
                    "`{runner}` does not run `examples/{name}`, as `xtask/src/demo/pipelines.rs` says"
                );
            }
        } else if !EXAMPLES.iter().any(|example| example.name == name) {
            bail!("`examples/{name}` is not in a table of `xtask/src/demo/pipelines.rs`");
        }
        if !index.contains(&format!("]({name})")) {
            bail!("`examples/{name}` is not in `examples/README.md`");
        }
    }
    Ok(())
}
