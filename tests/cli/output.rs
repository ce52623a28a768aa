//! The three formats, and what `--quiet` leaves of them.

use serde_json::Value;

use crate::stage::Stage;

const RESULT: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: task
spec:
  results:
  - name: answer
  steps:
  - name: hello
    image: ./hello.wat
  - name: result
    image: ./result.wat
";

fn with_result() -> Stage {
    let stage = Stage::with(&["hello.wat", "result.wat"]);
    stage.file("task.yaml", RESULT);
    stage
}

#[test]
fn pretty_in_a_pipe_is_plain_lines_and_a_summary() {
    insta::assert_snapshot!(with_result().stepwell(&["run", "task.yaml"]).text(), @r"
    task: 2 steps
    [hello] hello
    [hello] to stderr
    ✓ hello [TIME]
    ✓ result [TIME]

    Results
      answer  42

    Time
      hello [TIME] [SHARE]
      result [TIME] [SHARE]
      (stepwell) [TIME] [SHARE]

    ✓ task-run-[ID] succeeded in [TIME]
    --- exit 0
    ");
}

#[test]
fn json_is_one_event_a_line() {
    let ended = with_result().stepwell(&["run", "task.yaml", "-o", "json"]);
    insta::assert_snapshot!(ended.text(), @r#"
    {"at":"[TIME]","run":"task-run-[ID]","task":null,"step":null,"attempt":null,"type":"run-start","tasks":1,"steps":2}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":null,"attempt":0,"type":"task-start","name":"task-run-[ID]","steps":["hello","result"]}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"hello","attempt":0,"type":"step-start","image":"./hello.wat","digest":"blake3:[DIGEST]"}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"hello","attempt":0,"type":"step-log","stream":"stdout","line":"hello"}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"hello","attempt":0,"type":"step-log","stream":"stderr","line":"to stderr"}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"hello","attempt":0,"type":"step-cache","key":"blake3:[DIGEST]","state":"kept","outcome":"blake3:[DIGEST]","observations":0}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"hello","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":[MS]}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"result","attempt":0,"type":"step-start","image":"./result.wat","digest":"blake3:[DIGEST]"}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"result","attempt":0,"type":"step-cache","key":"blake3:[DIGEST]","state":"kept","outcome":"blake3:[DIGEST]","observations":1}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":"result","attempt":0,"type":"step-end","terminationReason":"Completed","exitCode":0,"ending":{"how":"exited","code":0},"durationMs":[MS]}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":null,"attempt":0,"type":"result","name":"answer","resultType":"string","value":"42"}
    {"at":"[TIME]","run":"task-run-[ID]","task":"task","step":null,"attempt":0,"type":"task-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":[MS]}
    {"at":"[TIME]","run":"task-run-[ID]","task":null,"step":null,"attempt":null,"type":"run-end","succeeded":true,"reason":"Succeeded","message":"All Steps have completed executing","durationMs":[MS]}
    --- exit 0
    "#);
}

#[test]
fn yaml_is_the_completed_task_run() {
    let ended = with_result().stepwell(&["run", "task.yaml", "-o", "yaml"]);
    insta::assert_snapshot!(ended.text(), @r#"
    apiVersion: tekton.dev/v1
    kind: TaskRun
    metadata:
      labels:
        app.kubernetes.io/managed-by: stepwell
        tekton.dev/task: task
      name: task-run-[ID]
      namespace: default
      uid: [UUID]
    spec:
      serviceAccountName: default
      taskRef:
        kind: Task
        name: task
      timeout: 1h0m0s
    status:
      completionTime: "[TIME]"
      conditions:
      - lastTransitionTime: "[TIME]"
        message: All Steps have completed executing
        reason: Succeeded
        status: "True"
        type: Succeeded
      podName: task-run-[ID]-pod
      results:
      - name: answer
        type: string
        value: "42"
      startTime: "[TIME]"
      steps:
      - container: step-hello
        imageID: ./hello.wat@blake3:[DIGEST]
        name: hello
        terminated:
          exitCode: 0
          finishedAt: "[TIME]"
          reason: Completed
          startedAt: "[TIME]"
        terminationReason: Completed
      - container: step-result
        imageID: ./result.wat@blake3:[DIGEST]
        name: result
        terminated:
          exitCode: 0
          finishedAt: "[TIME]"
          reason: Completed
          startedAt: "[TIME]"
        terminationReason: Completed
      taskSpec:
        results:
        - name: answer
          type: string
        steps:
        - computeResources: {}
          image: ./hello.wat
          name: hello
        - computeResources: {}
          image: ./result.wat
          name: result
    --- exit 0
    "#);
}

#[test]
fn a_failing_step_is_explained_and_the_next_ones_are_skipped() {
    let stage = Stage::with(&["hello.wat", "trap.wat"]);
    stage.task("task.yaml", &["trap.wat", "hello.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @r#"
    task: 2 steps
    ✗ trap failed [TIME]
    - hello skipped

    step trap trapped: wasm `unreachable` instruction executed
        at inner
        at <wasm function 1>
        at wasi:cli/run@0.2.12#run

    Time
      trap [TIME] [SHARE]
      (stepwell) [TIME] [SHARE]

    ✗ task-run-[ID] failed after [TIME]: "step-trap" exited with code 134: Error
    --- exit 5
    "#);
}

#[test]
fn an_exit_code_is_named_in_every_format() {
    let stage = Stage::with(&["exit.wat"]);
    stage.task("task.yaml", &["exit.wat"]);
    let pretty = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(pretty.code, Some(5));
    assert!(
        pretty.stdout.contains("step exit exited with code 3"),
        "{pretty:?}"
    );
    let json = stage.stepwell(&["run", "task.yaml", "-o", "json"]);
    assert!(
        json.stdout
            .contains(r#""ending":{"how":"exited","code":3}"#),
        "{json:?}"
    );
    let yaml = stage.stepwell(&["run", "task.yaml", "-o", "yaml"]);
    let document: Value = serde_saphyr::from_str(&yaml.stdout).unwrap();
    let step = &document["status"]["steps"][0];
    assert_eq!(step["terminated"]["exitCode"], 3);
    assert_eq!(step["terminationReason"], "Error");
    assert_eq!((json.code, yaml.code), (Some(5), Some(5)));
}

#[test]
fn quiet_success_is_one_line() {
    let ended = with_result().stepwell(&["run", "task.yaml", "--quiet"]);
    insta::assert_snapshot!(ended.text(), @r"
    ✓ task-run-[ID] succeeded in [TIME]
    --- exit 0
    ");
}

#[test]
fn quiet_failure_is_the_failure() {
    let stage = Stage::with(&["hello.wat", "exit.wat"]);
    stage.task("task.yaml", &["hello.wat", "exit.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml", "-q"]).text(), @r#"
    step exit exited with code 3
    ✗ task-run-[ID] failed after [TIME]: "step-exit" exited with code 3: Error
    --- exit 5
    "#);
}

#[test]
fn colour_is_for_terminals_or_for_whoever_asks() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    let colour = |flags: &[&str], no_color: &str| {
        let mut command = stage.command(&["run", "task.yaml"]);
        let ended = stage.end(command.args(flags).env("NO_COLOR", no_color), b"");
        assert_eq!(ended.code, Some(0));
        ended.stdout.contains('\x1b')
    };
    assert!(!colour(&[], ""));
    assert!(colour(&["--color", "always"], ""));
    assert!(
        colour(&["--color", "always"], "1"),
        "a flag is stronger than a variable"
    );
    assert!(!colour(&["--color", "never"], ""));
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_run() {
    let stage = Stage::with(&["flood.wat"]);
    stage.task("task.yaml", &["flood.wat"]);
    for format in ["pretty", "json", "yaml"] {
        let mut command = stage.command(&["run", "task.yaml", "-o", format]);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), stderr.as_str()),
            (Some(0), ""),
            "{format}"
        );
    }
}
