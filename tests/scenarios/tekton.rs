//! Tekton's own examples, taken as far as they go with a shell in the place of their images.
//!
//! They are not part of this project: `STEPWELL_TEKTON_EXAMPLES` names the folder that holds them. Without it the test says
//! so and checks nothing; the documents in `documents` hold on to the same rules.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::shell::in_place_of_images;
use crate::stage::Stage;

/// How far a document goes. It has run if its runs ended as they end in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nowhere,
    Parsed,
    Validated,
    Planned,
    Run,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nowhere => "nowhere",
            Self::Parsed => "parsed",
            Self::Validated => "validated",
            Self::Planned => "planned",
            Self::Run => "run",
        })
    }
}

use Reach::{Planned, Run};

/// The documents whose runs fail in a cluster, too, and the reason. The first has a variable of the shell within one of
/// Tekton's, so that its results are never written.
const FAILING: [(&str, &str); 1] = [(
    "no-ci/compressed-results-pipeline.yaml",
    "InvalidTaskResultReference",
)];

/// How far each document goes and, where it runs, the reasons with which its runs end; else what stops it.
const EXPECTED: &[(&str, Reach, &str)] = &[
    ("pipelineruns/4808-regression.yaml", Run, "Succeeded"),
    ("pipelineruns/alpha/param-enum.yaml", Run, "Succeeded"),
    (
        "pipelineruns/alpha/pipelinerun-with-cel-when-expressions.yaml",
        Run,
        "Completed",
    ),
    (
        "pipelineruns/alpha/pipelines-in-pipelines-ref.yaml",
        Run,
        "Succeeded",
    ),
    ("pipelineruns/beta/7392-regression.yaml", Run, "Succeeded"),
    (
        "pipelineruns/beta/isolated-workspaces.yaml",
        Run,
        "Succeeded",
    ),
    // Its script runs a command that is not there, and `[[` of ash takes that for an answer.
    (
        "pipelineruns/beta/pipeline-with-when-expressions-using-array-results.yaml",
        Planned,
        "Failed",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix-and-taskrunspecs-param-substitution.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix-context-variables.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix-include-explicit.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix.yaml",
        Run,
        "Completed",
    ),
    (
        "pipelineruns/beta/using-retries-and-retry-count-variables.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/ignore-step-error.yaml",
        Run,
        "Succeeded, Succeeded",
    ),
    (
        "pipelineruns/no-ci/compressed-results-pipeline.yaml",
        Run,
        "InvalidTaskResultReference",
    ),
    (
        "pipelineruns/pipeline-object-param-and-result.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/pipeline-with-displayname.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-param-array-indexing.yaml",
        Run,
        "Succeeded",
    ),
    ("pipelineruns/pipelinerun-results.yaml", Run, "Succeeded"),
    (
        "pipelineruns/pipelinerun-using-different-subpaths-of-workspace.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-extra-params.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-parallel-tasks-using-pvc.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-pipelinespec-and-taskspec.yaml",
        Run,
        "Succeeded, Succeeded, Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-task-timeout-override.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/propagating-workspaces-in-pipelines.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/propagating_params_implicit_parameters.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/propagating_params_with_scope_precedence.yaml",
        Run,
        "Succeeded",
    ),
    (
        "pipelineruns/propagating_results_implicit_resultref.yaml",
        Run,
        "Succeeded",
    ),
    ("pipelineruns/stepaction-params.yaml", Run, "Succeeded"),
    (
        "pipelineruns/using-optional-workspaces-in-when-expressions.yaml",
        Run,
        "Completed",
    ),
    (
        "pipelineruns/workspace-from-volumeclaimtemplate.yaml",
        Run,
        "Succeeded",
    ),
    ("pipelineruns/workspaces.yaml", Run, "Succeeded"),
    (
        "taskruns/5080-entrypoint-init-regression.yaml",
        Run,
        "Succeeded",
    ),
    ("taskruns/alpha/compressed-results.yaml", Run, "Succeeded"),
    ("taskruns/alpha/step-stream-volumes.yaml", Run, "Succeeded"),
    ("taskruns/alpha/task-artifacts.yaml", Run, "Succeeded"),
    ("taskruns/beta/emit-array-results.yaml", Run, "Succeeded"),
    ("taskruns/beta/param_array_indexing.yaml", Run, "Succeeded"),
    (
        "taskruns/beta/workspace-in-sidecar.yaml",
        Planned,
        "spec::sidecars_not_run_yet",
    ),
    ("taskruns/configmap.yaml", Run, "Succeeded"),
    ("taskruns/custom-volume.yaml", Run, "Succeeded"),
    ("taskruns/home-is-set.yaml", Run, "Succeeded"),
    ("taskruns/ignore-step-error.yaml", Run, "Succeeded"),
    ("taskruns/optional-workspaces.yaml", Run, "Succeeded"),
    ("taskruns/propagating_workspaces.yaml", Run, "Succeeded"),
    // It calls `ps`, and is about users.
    ("taskruns/run-steps-as-non-root.yaml", Planned, "StepFailed"),
    ("taskruns/secret-env.yaml", Run, "Succeeded"),
    ("taskruns/secret-volume.yaml", Run, "Succeeded"),
    (
        "taskruns/sidecar-ready-script.yaml",
        Planned,
        "spec::sidecars_not_run_yet",
    ),
    ("taskruns/step-by-digest.yaml", Run, "Succeeded"),
    ("taskruns/stepaction-passing-results.yaml", Run, "Succeeded"),
    ("taskruns/stepaction.yaml", Run, "Succeeded"),
    ("taskruns/steps-run-in-order.yaml", Run, "Succeeded"),
    (
        "taskruns/steptemplate-variable-interop.yaml",
        Run,
        "Succeeded",
    ),
    ("taskruns/task-volume-args.yaml", Run, "Succeeded"),
    ("taskruns/unnamed-steps.yaml", Run, "Succeeded"),
    // Only an image has a folder there.
    (
        "taskruns/workingdir.yaml",
        Planned,
        "which is in no workspace",
    ),
    ("taskruns/workspace-readonly.yaml", Run, "Succeeded"),
    (
        "taskruns/workspace-with-volumeClaimTemplate.yaml",
        Run,
        "Succeeded",
    ),
];

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "where Tekton's examples are is said in the environment"
)]
fn examples_of_tekton_reach_what_they_reached() {
    let Some(folder) = std::env::var_os("STEPWELL_TEKTON_EXAMPLES").map(PathBuf::from) else {
        println!("skipped: STEPWELL_TEKTON_EXAMPLES does not name a folder with Tekton's examples");
        return;
    };
    let expected: BTreeMap<&str, (Reach, &str)> = EXPECTED
        .iter()
        .map(|(name, reach, why)| (*name, (*reach, *why)))
        .collect();
    let mut different = Vec::new();
    let found = documents(&folder);
    for (name, path) in &found {
        let (reach, why) = reached(path);
        println!("{reach:<10} {name:<90} {why}");
        match expected.get(name.as_str()) {
            Some((wanted, reason)) if *wanted == reach && why.contains(reason) => {}
            Some((wanted, reason)) => {
                different.push(format!(
                    "{name}: was {wanted} ({reason}), is {reach} ({why})"
                ));
            }
            None => different.push(format!("{name}: is not in the table; is {reach} ({why})")),
        }
    }
    for name in expected.keys().filter(|name| !found.contains_key(**name)) {
        different.push(format!("{name}: is not in the folder"));
    }
    assert!(different.is_empty(), "\n{}", different.join("\n"));
}

/// The documents of a folder, by their path in it.
fn documents(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|kind| kind == "yaml") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), path);
            }
        }
    }
    found
}

/// Takes a document as far as it goes.
fn reached(path: &Path) -> (Reach, String) {
    let stage = Stage::new();
    let file = path.to_str().unwrap();
    let listed = stage.stepwell(&["list", "--output=json", file]);
    if !listed.status.success() {
        return (Reach::Nowhere, complaint(&listed));
    }
    let validated = stage.stepwell(&["validate", file, in_place_of_images()]);
    if !validated.status.success() {
        return (Reach::Parsed, complaint(&validated));
    }
    let chosen = runs(&listed);
    let call = |command: &[&str], name: &Option<String>| {
        let choice = name.iter().map(|name| format!("--name={name}"));
        let choice: Vec<String> = choice.collect();
        let mut args = command.to_vec();
        args.extend([file, in_place_of_images()]);
        args.extend(choice.iter().map(String::as_str));
        stage.stepwell(&args)
    };
    for name in &chosen {
        let planned = call(&["plan"], name);
        if !planned.status.success() {
            return (Reach::Validated, complaint(&planned));
        }
    }
    let mut reasons = Vec::new();
    for name in &chosen {
        let ran = call(&["run", "--output=json"], name);
        match reason(&ran) {
            Some(reason) => reasons.push(reason),
            None => return (Planned, complaint(&ran)),
        }
    }
    let failing = FAILING.iter().find(|(name, _)| path.ends_with(name));
    let is_right = |reason: &String| match failing {
        Some((_, expected)) => reason == expected,
        None => reason == "Succeeded" || reason == "Completed",
    };
    let reach = if reasons.iter().all(is_right) {
        Reach::Run
    } else {
        Reach::Planned
    };
    (reach, reasons.join(", "))
}

/// Which runs a file holds: nothing to choose where there is one.
fn runs(listed: &Output) -> Vec<Option<String>> {
    let rows = String::from_utf8_lossy(&listed.stdout);
    let rows = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap());
    let names: Vec<String> = rows
        .filter(|row| matches!(row["kind"].as_str(), Some("TaskRun" | "PipelineRun")))
        .map(|row| row["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    match names.as_slice() {
        [_] => vec![None],
        _ => names.into_iter().map(Some).collect(),
    }
}

/// The reason with which a run ended, if it came to that.
fn reason(ran: &Output) -> Option<String> {
    let events = String::from_utf8_lossy(&ran.stdout);
    let last: Value = serde_json::from_str(events.lines().last()?).ok()?;
    (last["type"] == "run-end").then(|| last["reason"].as_str().unwrap_or_default().to_owned())
}

/// The first thing that was said against a document.
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.iter().take(3).copied().collect::<Vec<_>>().join(" ")
}
