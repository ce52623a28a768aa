//! How each of Tekton's examples ends in a cluster, and which of them need containers.

use super::Reach::{self, Planned};

/// The reasons with which the runs of each document end. The one that fails has a variable of the shell within one of
/// Tekton's, so that its results are never written.
pub(super) const ENDINGS: [(&str, &str); 58] = [
    ("pipelineruns/4808-regression.yaml", "Succeeded"),
    ("pipelineruns/alpha/param-enum.yaml", "Succeeded"),
    (
        "pipelineruns/alpha/pipelinerun-with-cel-when-expressions.yaml",
        "Completed",
    ),
    (
        "pipelineruns/alpha/pipelines-in-pipelines-ref.yaml",
        "Succeeded",
    ),
    ("pipelineruns/beta/7392-regression.yaml", "Succeeded"),
    ("pipelineruns/beta/isolated-workspaces.yaml", "Succeeded"),
    (
        "pipelineruns/beta/pipeline-with-when-expressions-using-array-results.yaml",
        "Completed",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix-and-taskrunspecs-param-substitution.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix-context-variables.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix-include-explicit.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/beta/pipelinerun-with-matrix.yaml",
        "Completed",
    ),
    (
        "pipelineruns/beta/using-retries-and-retry-count-variables.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/ignore-step-error.yaml",
        "Succeeded, Succeeded",
    ),
    (
        "pipelineruns/no-ci/compressed-results-pipeline.yaml",
        "InvalidTaskResultReference",
    ),
    (
        "pipelineruns/pipeline-object-param-and-result.yaml",
        "Succeeded",
    ),
    ("pipelineruns/pipeline-with-displayname.yaml", "Succeeded"),
    (
        "pipelineruns/pipelinerun-param-array-indexing.yaml",
        "Succeeded",
    ),
    ("pipelineruns/pipelinerun-results.yaml", "Succeeded"),
    (
        "pipelineruns/pipelinerun-using-different-subpaths-of-workspace.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-extra-params.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-parallel-tasks-using-pvc.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-pipelinespec-and-taskspec.yaml",
        "Succeeded, Succeeded, Succeeded",
    ),
    (
        "pipelineruns/pipelinerun-with-task-timeout-override.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/propagating-workspaces-in-pipelines.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/propagating_params_implicit_parameters.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/propagating_params_with_scope_precedence.yaml",
        "Succeeded",
    ),
    (
        "pipelineruns/propagating_results_implicit_resultref.yaml",
        "Succeeded",
    ),
    ("pipelineruns/stepaction-params.yaml", "Succeeded"),
    (
        "pipelineruns/using-optional-workspaces-in-when-expressions.yaml",
        "Completed",
    ),
    (
        "pipelineruns/workspace-from-volumeclaimtemplate.yaml",
        "Succeeded",
    ),
    ("pipelineruns/workspaces.yaml", "Succeeded"),
    ("taskruns/5080-entrypoint-init-regression.yaml", "Succeeded"),
    ("taskruns/alpha/compressed-results.yaml", "Succeeded"),
    ("taskruns/alpha/step-stream-volumes.yaml", "Succeeded"),
    ("taskruns/alpha/task-artifacts.yaml", "Succeeded"),
    ("taskruns/beta/emit-array-results.yaml", "Succeeded"),
    ("taskruns/beta/param_array_indexing.yaml", "Succeeded"),
    ("taskruns/beta/workspace-in-sidecar.yaml", "Succeeded"),
    ("taskruns/configmap.yaml", "Succeeded"),
    ("taskruns/custom-volume.yaml", "Succeeded"),
    ("taskruns/home-is-set.yaml", "Succeeded"),
    ("taskruns/ignore-step-error.yaml", "Succeeded"),
    ("taskruns/optional-workspaces.yaml", "Succeeded"),
    ("taskruns/propagating_workspaces.yaml", "Succeeded"),
    ("taskruns/run-steps-as-non-root.yaml", "Succeeded"),
    ("taskruns/secret-env.yaml", "Succeeded"),
    ("taskruns/secret-volume.yaml", "Succeeded"),
    ("taskruns/sidecar-ready-script.yaml", "Succeeded"),
    ("taskruns/step-by-digest.yaml", "Succeeded"),
    ("taskruns/stepaction-passing-results.yaml", "Succeeded"),
    ("taskruns/stepaction.yaml", "Succeeded"),
    ("taskruns/steps-run-in-order.yaml", "Succeeded"),
    ("taskruns/steptemplate-variable-interop.yaml", "Succeeded"),
    ("taskruns/task-volume-args.yaml", "Succeeded"),
    ("taskruns/unnamed-steps.yaml", "Succeeded"),
    ("taskruns/workingdir.yaml", "Succeeded"),
    ("taskruns/workspace-readonly.yaml", "Succeeded"),
    (
        "taskruns/workspace-with-volumeClaimTemplate.yaml",
        "Succeeded",
    ),
];

/// The documents that do not end so with a component for their images: how far they go, and what is said then.
pub(super) const NEED_CONTAINERS: [(&str, Reach, &str); 3] = [
    // Its script runs a command that is not there, and `[[` of ash takes that for an answer.
    (
        "pipelineruns/beta/pipeline-with-when-expressions-using-array-results.yaml",
        Planned,
        "Failed",
    ),
    // It calls `ps`, and is about users.
    ("taskruns/run-steps-as-non-root.yaml", Planned, "StepFailed"),
    // Only an image has a folder there.
    (
        "taskruns/workingdir.yaml",
        Planned,
        "which is in no workspace",
    ),
];
