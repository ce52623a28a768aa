//! The rows of containers: 6, 7 and their kin.
//!
//! Whole processes are compared, from their start to their end, with what each does by default: `stepwell run` reads and
//! checks a document, makes a container with a root, namespaces and control groups, streams its output, records the run and
//! cleans up; `runc run` makes a container of a root that is there and cleans up; `docker run --rm` asks its daemon for both.
//! The container of each has a network of its own with nothing in it but loopback.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    boxes, pairs,
    rows::{Finding, GREETING, stepwell, task_time, timed},
    tools::{self, Tools},
};

/// How many steps more the larger task has.
const MORE: u32 = 20;

/// Row 6.
pub(super) fn run_against_runc(tools: &Tools, count: u32) -> Result<Finding> {
    let sides = match sides(tools)? {
        Ok(sides) => sides,
        Err(missing) => return Ok(missing),
    };
    let task = write_task(&sides.image, 1)?;
    let ours = || timed(stepwell(tools).arg("run").arg(&task), GREETING);
    pairs::measure(count, ours, || sides.runc()).map(Finding::Compared)
}

/// Row 6b: the slope of a task over its number of steps.
pub(super) fn step_against_runc(tools: &Tools, count: u32) -> Result<Finding> {
    let sides = match sides(tools)? {
        Ok(sides) => sides,
        Err(missing) => return Ok(missing),
    };
    let (one, many) = (
        write_task(&sides.image, 1)?,
        write_task(&sides.image, 1 + MORE)?,
    );
    let time = |task: &Path| task_time(stepwell(tools).args(["run", "-o", "json"]).arg(task));
    let ours = || Ok(time(&many)?.saturating_sub(time(&one)?) / MORE);
    pairs::measure(count, ours, || sides.runc()).map(Finding::Compared)
}

/// Row 7.
pub(super) fn run_against_docker(tools: &Tools, count: u32) -> Result<Finding> {
    let containers = tools.containers()?;
    let (image, docker) = match (&containers.image, &containers.docker) {
        (Ok(image), Ok(docker)) => (image, docker),
        (Err(why), _) => return Ok(Finding::Missing(why.clone())),
        (_, Err(why)) => return Ok(Finding::Missing(format!("docker: {why}"))),
    };
    let task = write_task(image, 1)?;
    let ours = || timed(stepwell(tools).arg("run").arg(&task), GREETING);
    let theirs = || timed(docker.run().args(boxes::greet()), GREETING);
    pairs::measure(count, ours, theirs).map(Finding::Compared)
}

/// Row 100k: nobody looks at the files of a workspace that a step does not look at.
pub(super) fn many_files(tools: &Tools, count: u32) -> Result<Finding> {
    let image = match &tools.containers()?.image {
        Ok(image) => image,
        Err(why) => return Ok(Finding::Missing(why.clone())),
    };
    let task = write_task(image, 1)?;
    let (many, few) = (workspace(1000, 100)?, workspace(1, 10)?);
    let run = |folder: &Path| {
        let bound = format!("data={}", folder.display());
        let mut stepwell = stepwell(tools);
        stepwell.arg("run").arg(&task).args(["-w", &bound]);
        timed(&mut stepwell, GREETING)
    };
    pairs::measure(count, || run(&many), || run(&few)).map(Finding::Compared)
}

/// Stepwell's image, and a bundle of the same root.
struct Sides {
    image: String,
    bundle: PathBuf,
}

impl Sides {
    fn runc(&self) -> Result<Duration> {
        let mut runc = Command::new("runc");
        runc.arg("run").arg("--bundle").arg(&self.bundle);
        timed(runc.arg("stepwell-bench"), GREETING)
    }
}

/// Both, or what is missing.
fn sides(tools: &Tools) -> Result<std::result::Result<Sides, Finding>> {
    let containers = tools.containers()?;
    let missing = |what: &str, why: &str| Ok(Err(Finding::Missing(format!("{what}: {why}"))));
    match (&containers.image, &containers.bundle) {
        (Ok(image), Ok(bundle)) => Ok(Ok(Sides {
            image: image.clone(),
            bundle: bundle.clone(),
        })),
        (Err(why), _) => missing("image", why),
        (_, Err(why)) => missing("runc", why),
    }
}

/// A Task of so many container steps, each of which prints the greeting.
fn write_task(image: &str, steps: u32) -> Result<PathBuf> {
    let mut text = String::from(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: container\nspec:\n  workspaces:\n    - name: data\n      optional: true\n  steps:\n",
    );
    let [program, greeting] = boxes::greet();
    for step in 0..steps {
        writeln!(
            text,
            "    - name: step-{step}\n      image: {image}\n      command: [{program}]\n      args: [{greeting}]"
        )?;
    }
    let path = tools::folder().join(format!("container-{steps}.yaml"));
    fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    Ok(path)
}

/// A folder with so many folders of so many files.
fn workspace(folders: u32, files: u32) -> Result<PathBuf> {
    let root = tools::folder().join(format!("workspace-{}", folders * files));
    let complete = root.with_extension("complete");
    if complete.exists() {
        return Ok(root);
    }
    for folder in 0..folders {
        let inner = root.join(folder.to_string());
        fs::create_dir_all(&inner)
            .with_context(|| format!("failed to create `{}`", inner.display()))?;
        for file in 0..files {
            fs::write(inner.join(file.to_string()), "text\n")?;
        }
    }
    fs::write(complete, "")?;
    Ok(root)
}
