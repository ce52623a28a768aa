//! The rows of the cache: 3 (what recording costs), 4 and 4b (what a look-up costs), 5 and 5b (the first digests of a tree) and
//! `git` (a change that no step looks at).
//!
//! Whole processes are compared, from their start to their end, with what `stepwell run` does by default: documents are read
//! and checked, events written, the run recorded.

use std::{
    cell::Cell,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{
    pairs,
    rows::{Finding, precompiled, stepwell, timed},
    tools::{self, Tools},
    tree::{self, Shape},
};
use crate::{
    command::{self, say},
    guests, packages, repo,
};

/// How many steps are looked up, and how many edges `ninja` has.
const STEPS: u32 = 1_000;

/// In the events of a run, each step that was taken from the cache has this.
const HIT: &str = r#""cached":true"#;

/// Whether what a step sees is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sight {
    /// `stepwell run`, which knows the code and nothing else: each answer is recorded, and the trace is kept.
    Recorded,
    /// `stepwell exec`, which keeps nothing.
    Unrecorded,
}

/// Rows 3: a step that lists and reads a tree, against the same program under `wasmtime run`.
pub(super) fn small_files(
    tools: &Tools,
    pairs: u32,
    sight: Sight,
    peer: fn(&tools::Program) -> &Path,
) -> Result<Finding> {
    let wasm = tools.wasm()?;
    let wasmtime = match &wasm.wasmtime {
        Ok(wasmtime) => wasmtime,
        Err(why) => return Ok(Finding::Missing(format!("wasmtime: {why}"))),
    };
    let tree = tree::SMALL.make()?;
    let expected = format!("{} files", tree::SMALL.total());
    let task = write_walk(tools)?;
    let ours = || {
        let workspace = format!("tree={}", tree.display());
        let mut stepwell = stepwell(tools);
        match sight {
            Sight::Recorded => {
                remove(&known())?;
                stepwell.arg("run").arg(&task)
            }
            Sight::Unrecorded => stepwell.arg("exec").arg(&wasm.walk.component),
        };
        stepwell.args(["-w", &workspace]);
        if let Sight::Unrecorded = sight {
            stepwell.args(["--", INSIDE]);
        }
        timed(&mut stepwell, &expected)
    };
    let theirs = || {
        let folder = format!("{}::{INSIDE}", tree.display());
        timed(
            precompiled(wasmtime)
                .args(["--dir", &folder])
                .arg(peer(&wasm.walk))
                .arg(INSIDE),
            &expected,
        )
    };
    pairs::measure(pairs, ours, theirs).map(Finding::Compared)
}

/// Where a step sees the tree.
const INSIDE: &str = "/workspace/tree";

/// What is known of steps, apart from their code.
fn known() -> PathBuf {
    tools::folder().join("cache/steps")
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}

/// A Task with one step, which reads its whole workspace.
fn write_walk(tools: &Tools) -> Result<PathBuf> {
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: walk\nspec:\n  workspaces:\n    - name: tree\n  \
         steps:\n    - name: walk\n      image: {}\n      args: [{INSIDE}]\n",
        tools.wasm()?.walk.component.display()
    );
    let path = tools::folder().join("walk.yaml");
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(path)
}

/// What a thousand cached steps stand in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Steps {
    /// One Task, one after the other.
    OneTask,
    /// A Pipeline of tasks with one step each, all at once.
    Tasks,
}

/// Rows 4: nothing has changed, on either side.
pub(super) fn nothing_to_do(tools: &Tools, pairs: u32, steps: Steps) -> Result<Finding> {
    if !command::exists("ninja")
        && let Err(error) = packages::install(&["ninja-build"])
    {
        return Ok(Finding::Missing(format!("ninja: {error:#}")));
    }
    let folder = tools::folder().join("edges");
    write_edges(&folder)?;
    let document = write_copies(tools, steps)?;
    let workspace = format!("data={}", folder.display());
    let run = || {
        let mut run = stepwell(tools);
        run.args(["run", "-o", "json", "-w", &workspace])
            .arg(&document);
        run
    };
    let mut ninja = Command::new("ninja");
    ninja.arg("-C").arg(&folder);
    // The first run of each does the work. The second of Stepwell's has seen the outputs of the first.
    command::capture(&mut ninja)?;
    for _ in 0..2 {
        command::capture(&mut run())?;
    }
    let hits = command::capture(&mut run())?.matches(HIT).count();
    if hits != STEPS as usize {
        bail!("{hits} of {STEPS} steps were taken from the cache");
    }
    let ours = || timed(&mut run(), HIT);
    let theirs = || timed(&mut ninja, "no work to do");
    pairs::measure(pairs, ours, theirs).map(Finding::Compared)
}

/// The inputs, and what tells `ninja` to copy each.
fn write_edges(folder: &Path) -> Result<()> {
    let sources = folder.join("in");
    fs::create_dir_all(&sources)?;
    fs::create_dir_all(folder.join("out"))?;
    let mut text = String::from("rule copy\n  command = cp $in $out\n");
    for edge in 0..STEPS {
        writeln!(text, "build out/{edge}: copy in/{edge}")?;
        let source = sources.join(edge.to_string());
        if !source.exists() {
            fs::write(source, format!("source {edge}\n"))?;
        }
    }
    let path = folder.join("build.ninja");
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
}

fn write_copies(tools: &Tools, steps: Steps) -> Result<PathBuf> {
    let image = tools.wasm()?.copy.component.display();
    let inside = "/workspace/data";
    let mut text = String::from("apiVersion: tekton.dev/v1\n");
    text.push_str(match steps {
        Steps::OneTask => {
            "kind: Task\nmetadata:\n  name: copies\nspec:\n  workspaces:\n    - name: data\n  steps:\n"
        }
        Steps::Tasks => {
            "kind: Pipeline\nmetadata:\n  name: copies\nspec:\n  workspaces:\n    - name: data\n  tasks:\n"
        }
    });
    for step in 0..STEPS {
        let margin = match steps {
            Steps::OneTask => "    ",
            Steps::Tasks => {
                writeln!(
                    text,
                    "    - name: t{step}\n      workspaces:\n        - name: data\n      taskSpec:\n        \
                     workspaces:\n          - name: data\n        steps:"
                )?;
                "          "
            }
        };
        writeln!(
            text,
            "{margin}- name: copy-{step}\n{margin}  image: {image}\n{margin}  args: [{inside}/in/{step}, {inside}/out/{step}]"
        )?;
    }
    let path = tools::folder().join(format!("copies-{steps:?}.yaml").to_lowercase());
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(path)
}

/// Rows 5: a run that is known, and whose files have to be read all the same, for no digest of them is.
pub(super) fn first_digest(tools: &Tools, pairs: u32, shape: Shape) -> Result<Finding> {
    let b3sum = match install_b3sum() {
        Ok(b3sum) => b3sum,
        Err(why) => return Ok(Finding::Missing(format!("b3sum: {why:#}"))),
    };
    let (tree, task) = (shape.make()?, write_walk(tools)?);
    let mut names = Vec::new();
    for folder in fs::read_dir(&tree)? {
        for file in fs::read_dir(folder?.path())? {
            names.push(file?.path().strip_prefix(&tree)?.to_owned());
        }
    }
    names.sort_unstable();
    let workspace = format!("tree={}", tree.display());
    let run = || {
        let mut run = stepwell(tools);
        run.args(["run", "-o", "json", "-w", &workspace]).arg(&task);
        run
    };
    command::capture(&mut run())?;
    let ours = || {
        remove(&known().join("digests"))?;
        timed(&mut run(), HIT)
    };
    let theirs = || {
        let mut b3sum = Command::new(&b3sum);
        timed(b3sum.current_dir(&tree).args(&names), "file-000.txt")
    };
    pairs::measure(pairs, ours, theirs).map(Finding::Compared)
}

fn install_b3sum() -> Result<PathBuf> {
    let root = repo::root().join("target/bench-tools");
    let program = root.join("bin/b3sum");
    if program.is_file() {
        return Ok(program);
    }
    say("installing b3sum from crates.io into target/bench-tools");
    let mut cargo = guests::clean("cargo");
    cargo
        .args(["install", "--quiet", "--locked", "--root"])
        .arg(&root)
        .arg("--target-dir")
        .arg(root.join("build"))
        .arg("b3sum");
    command::run(&mut cargo)?;
    Ok(program)
}

/// Row `git`: of 100,000 files one has changed that the step does not look at, and it looks at nearly all others.
pub(super) fn unrelated_change(tools: &Tools, pairs: u32) -> Result<Finding> {
    if !command::exists("git") {
        return Ok(Finding::Missing("git".to_owned()));
    }
    let (sources, beside) = (tree::MANY.make()?, tree::BESIDE.make()?);
    let repository = sources.parent().context("a tree lies in a folder")?;
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(repository).args(arguments);
        git
    };
    if !repository.join(".git").exists() {
        command::capture(&mut git(&["init", "--quiet"]))?;
        command::capture(&mut git(&["add", "src", "docs"]))?;
        let name = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
        let commit = ["commit", "--quiet", "-m", "all"];
        command::capture(&mut git(&[name.as_slice(), &commit].concat()))?;
    }
    let task = write_sources(tools)?;
    let workspace = format!("tree={}", repository.display());
    let run = || {
        let mut run = stepwell(tools);
        run.args(["run", "-o", "json", "-w", &workspace]).arg(&task);
        run
    };
    command::capture(&mut run())?;
    let changed = beside.join("folder-000/file-000.txt");
    let count = Cell::new(0_u32);
    let change = || {
        count.set(count.get() + 1);
        fs::write(&changed, format!("change {}\n", count.get()))
    };
    let ours = || {
        change()?;
        timed(&mut run(), HIT)
    };
    let theirs = || {
        change()?;
        timed(&mut git(&["status", "--short"]), "M docs/folder-000")
    };
    pairs::measure(pairs, ours, theirs).map(Finding::Compared)
}

/// A Task with one step, which reads the sources of its workspace.
fn write_sources(tools: &Tools) -> Result<PathBuf> {
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: sources\nspec:\n  workspaces:\n    - name: tree\n  \
         steps:\n    - name: walk\n      image: {}\n      args: [{INSIDE}/src]\n",
        tools.wasm()?.walk.component.display()
    );
    let path = tools::folder().join("sources.yaml");
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(path)
}
