//! What runs at the same time, what is tried again, and what is known only when a task's turn comes.

use serde_json::Value;

use crate::stage::{Ended, Stage};

/// A PipelineRun of tasks that never end, each with its own name.
fn endless(stage: &Stage, tasks: &[&str], timeout: &str) {
    let mut text = format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n  \
         timeouts: {{pipeline: {timeout}}}\n  pipelineSpec:\n    tasks:\n"
    );
    for task in tasks {
        text += &format!(
            "    - name: {task}\n      taskSpec: {{steps: [{{name: spin, image: ./spin.wat}}]}}\n"
        );
    }
    stage.file("run.yaml", &text);
}

fn started(ended: &Ended) -> usize {
    ended.stdout.matches(r#""type":"step-start""#).count()
}

#[test]
fn as_many_tasks_run_at_once_as_the_flag_says_or_else_the_settings() {
    let stage = Stage::with(&["spin.wat"]);
    // None ever ends: as many begin as may run at once.
    endless(&stage, &["a", "b", "c"], "1s");
    let run = |flags: &[&str]| {
        let ended = stage.stepwell(&[&["run", "run.yaml", "-o", "json"], flags].concat());
        assert_eq!(ended.code, Some(6), "{ended:?}");
        started(&ended)
    };
    assert_eq!(run(&["--max-parallel", "1"]), 1);
    assert_eq!(run(&["--max-parallel", "2"]), 2);
    stage.file("stepwell.toml", "[run]\nmax-parallel = 2\n");
    assert_eq!(run(&[]), 2);
    assert_eq!(run(&["--max-parallel", "8"]), 3);
}

const LATE: &str = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: late}
spec:
  tasks:
  - name: make
    taskSpec:
      results: [{name: answer}]
      steps: [{name: write, image: ./result.wat}]
  - name: use
    params: [{name: image, value: $(tasks.make.results.answer)}]
    taskSpec:
      params: [{name: image}]
      steps: [{name: print, image: $(params.image), args: [late]}]
";

#[test]
fn an_image_that_a_result_names_is_found_when_its_task_runs() {
    let stage = Stage::with(&["result.wat", "args.wat"]);
    stage.file("late.yaml", LATE);
    let run = |image: &str| stage.stepwell(&["run", "late.yaml", "--image", image]);
    let found = run("42=./args.wat");
    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(found.stdout.contains("[use] late\n"), "{found:?}");
    // Nothing can be said of it before the run, and its task alone has failed.
    let missing = run("43=./args.wat");
    assert_eq!(missing.code, Some(5), "{missing:?}");
    assert!(missing.stdout.contains("✓ make "), "{missing:?}");
    let said = r#"The step "print" in TaskRun "late-run-[ID]-use" failed to pull the image "". The pod errored with the message: "the image `42` cannot be had: `docker.io/library/42:latest` is not here, and none is pulled while a run is under way.""#;
    assert!(missing.stdout.contains(said), "{missing:?}");
}

#[test]
fn attack_a_result_names_a_file_that_is_no_component() {
    let stage = Stage::with(&["result.wat", "args.wat"]);
    stage.file("late.yaml", LATE);
    stage.file("native", "\x7fELF and so on");
    let ended = stage.stepwell(&["run", "late.yaml", "--image", "42=./native"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stdout.contains("is native code"), "{ended:?}");
}

#[test]
fn a_task_run_by_itself_is_tried_again_and_its_object_has_every_try() {
    let stage = Stage::with(&["exit.wat"]);
    stage.file(
        "run.yaml",
        "\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: again}
spec:
  retries: 2
  taskSpec: {steps: [{name: exit, image: ./exit.wat}]}
",
    );
    let json = stage.stepwell(&["run", "run.yaml", "-o", "json"]);
    assert_eq!(started(&json), 3, "{json:?}");
    let yaml = stage.stepwell(&["run", "run.yaml", "-o", "yaml"]);
    assert_eq!((json.code, yaml.code), (Some(5), Some(5)), "{yaml:?}");
    let object: Value = serde_saphyr::from_str(&yaml.stdout).unwrap();
    let status = &object["status"];
    let tries = status["retriesStatus"].as_array().unwrap();
    assert_eq!(tries.len(), 2, "{yaml:?}");
    for attempt in tries.iter().chain([status]) {
        assert_eq!(attempt["conditions"][0]["reason"], "StepFailed");
        assert_eq!(attempt["steps"][0]["terminated"]["exitCode"], 3);
    }
}

#[test]
fn a_task_run_that_succeeds_is_not_tried_again() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file(
        "run.yaml",
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: once}\nspec:\n  retries: 2\n  \
         taskSpec: {steps: [{name: hello, image: ./hello.wat}]}\n",
    );
    let ended = stage.stepwell(&["run", "run.yaml", "-o", "yaml"]);
    let object: Value = serde_saphyr::from_str(&ended.stdout).unwrap();
    assert_eq!(object["status"].get("retriesStatus"), None, "{ended:?}");
    assert_eq!(object["status"]["conditions"][0]["reason"], "Succeeded");
}
