//! Pipelines through the built command: order, results, what is written beside the run.

use std::fs;

use serde_json::Value;

use crate::stage::Stage;

/// Two tasks that need each other's result, one that is skipped, and one that always runs.
pub(crate) const PIPELINE: &str = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: release}
spec:
  tasks:
  - name: use
    params: [{name: answer, value: $(tasks.make.results.answer)}]
    taskSpec:
      params: [{name: answer}]
      steps: [{name: print, image: ./args.wat, args: [$(params.answer)]}]
  - name: make
    taskSpec:
      results: [{name: answer}]
      steps: [{name: write, image: ./result.wat}]
  - name: never
    when: [{input: a, operator: in, values: [b]}]
    taskSpec: {steps: [{name: hello, image: ./hello.wat}]}
  finally:
  - name: last
    taskSpec: {steps: [{name: hello, image: ./hello.wat}]}
  results: [{name: answer, value: $(tasks.make.results.answer)}]
";

pub(crate) fn stage() -> Stage {
    let stage = Stage::with(&[
        "hello.wat",
        "args.wat",
        "result.wat",
        "exit.wat",
        "spin.wat",
    ]);
    stage.file("pipeline.yaml", PIPELINE);
    stage
}

#[test]
fn a_pipeline_runs_in_the_order_of_its_results() {
    let ended = stage().stepwell(&["run", "pipeline.yaml", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Lines of logs have nothing in them that is redacted.
    let said: Vec<String> = ended
        .stdout
        .lines()
        .filter(|line| line.contains(r#""type":"step-log""#))
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            format!("{} {}", event["task"], event["line"])
        })
        .collect();
    assert_eq!(said[..2], [r#""use" "args.wat""#, r#""use" "42""#]);
    assert!(said.contains(&r#""last" "hello""#.to_owned()), "{said:?}");
    let end = ended.stdout.lines().last().unwrap();
    assert!(
        end.contains(r#""type":"run-end","succeeded":true,"reason":"Completed""#),
        "{end}"
    );
}

#[test]
fn the_completed_pipeline_run_is_printed_as_yaml() {
    let ended = stage().stepwell(&["run", "pipeline.yaml", "-o", "yaml"]);
    let object: Value = serde_saphyr::from_str(&ended.stdout).unwrap();
    assert_eq!(object["kind"], "PipelineRun");
    assert_eq!(object["status"]["results"][0]["value"], "42");
    assert_eq!(object["status"]["skippedTasks"][0]["name"], "never");
    assert_eq!(
        object["status"]["childReferences"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn reports_for_ci_are_written_to_files() {
    let stage = stage();
    let args = [
        "run",
        "pipeline.yaml",
        "-q",
        "--junit",
        "junit.xml",
        "--trace",
        "trace.json",
    ];
    assert_eq!(stage.stepwell(&args).code, Some(0));
    let junit = fs::read_to_string(stage.path("junit.xml")).unwrap();
    assert!(
        junit.contains("<testsuite") && junit.contains("name=\"make\""),
        "{junit}"
    );
    let trace: Value =
        serde_json::from_str(&fs::read_to_string(stage.path("trace.json")).unwrap()).unwrap();
    assert!(!trace.is_null());
    let nowhere = stage.stepwell(&["run", "pipeline.yaml", "--junit", "no/such/folder.xml"]);
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
}

#[test]
fn a_failure_is_exit_code_5_and_a_time_out_6() {
    let stage = stage();
    let pipeline = |name: &str, image: &str, timeout: &str| {
        stage.file(
            name,
            &format!(
                "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n  \
                 timeouts: {{pipeline: {timeout}}}\n  pipelineSpec:\n    tasks:\n    - name: one\n      \
                 taskSpec: {{steps: [{{name: a, image: ./{image}}}]}}\n"
            ),
        );
        stage.stepwell(&["run", name]).code
    };
    assert_eq!(pipeline("fails.yaml", "exit.wat", "1m"), Some(5));
    assert_eq!(pipeline("spins.yaml", "spin.wat", "500ms"), Some(6));
}

#[test]
fn a_run_that_cannot_start_has_an_object_too() {
    let stage = stage();
    stage.file(
        "run.yaml",
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: run}\nspec: {pipelineRef: {name: lost}}\n",
    );
    let ended = stage.stepwell(&["run", "run.yaml", "-o", "yaml"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let object: Value = serde_saphyr::from_str(&ended.stdout).unwrap();
    let condition = &object["status"]["conditions"][0];
    assert_eq!(
        (&condition["status"], &condition["reason"]),
        (&"False".into(), &"CouldntGetPipeline".into())
    );
}

#[test]
fn offline_nothing_is_fetched() {
    let stage = stage();
    stage.file(
        "run.yaml",
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: run}\nspec:\n  taskRef:\n    resolver: http\n    \
         params: [{name: url, value: \"http://127.0.0.1:1/task.yaml\"}]\n",
    );
    let ended = stage.stepwell(&["run", "run.yaml", "--offline"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("spec::not_fetched") && ended.stderr.contains("--offline"),
        "{ended:?}"
    );
}

#[test]
fn attack_a_step_prints_a_secret() {
    let stage = stage();
    stage.file(
        "run.yaml",
        "\
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: hunter2-hunter2}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: run}
spec:
  params: [{name: copied, value: hunter2-hunter2}]
  pipelineSpec:
    tasks:
    - name: leak
      taskSpec: {steps: [{name: print, image: ./args.wat, args: [$(params.copied), harmless]}]}
",
    );
    let files = ["--junit", "junit.xml", "--trace", "trace.json"];
    for format in ["pretty", "json", "yaml"] {
        let mut args = vec!["run", "run.yaml", "-o", format];
        args.extend(files);
        let ended = stage.stepwell(&args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            !ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"),
            "{ended:?}"
        );
        if format != "yaml" {
            assert!(
                ended.stdout.contains("***") && ended.stdout.contains("harmless"),
                "{ended:?}"
            );
        }
    }
    let mut kept = Vec::new();
    for name in ["junit.xml", "trace.json"] {
        kept.push(fs::read_to_string(stage.path(name)).unwrap());
    }
    let runs = fs::read_dir(stage.path("state/runs")).unwrap();
    for run in runs
        .map(|run| run.unwrap().path())
        .filter(|run| run.is_dir())
    {
        for file in fs::read_dir(run).unwrap() {
            kept.push(fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }
    assert!(
        kept.len() >= 2 + 3 * 5,
        "three runs were kept: {}",
        kept.len()
    );
    assert!(kept.iter().all(|text| !text.contains("hunter2")));
}
