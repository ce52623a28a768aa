//! `stepwell validate`: everything that is wrong, and nothing runs.

use serde_json::Value;

use crate::stage::Stage;

const WRONG: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: needs}
spec:
  params: [{name: level}]
  workspaces: [{name: src}]
  steps: [{name: a, image: ./gone.wasm, args: [$(params.level), $(params.levle)]}]
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: gives-nothing}
spec: {taskRef: {name: lost}}
";

#[test]
fn a_task_by_itself_is_given_stand_ins_and_a_run_is_not() {
    let stage = Stage::with(&["hello.wat", "sockets.wat"]);
    stage.file(
        "task.yaml",
        "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec:
  params: [{name: level}, {name: image}, {name: files, type: array}]
  workspaces: [{name: src}]
  steps: [{name: a, image: ./hello.wat, args: ['$(params.files[7])']}, {name: b, image: $(params.image)}, {name: c, image: alpine}]
",
    );
    insta::assert_snapshot!(stage.stepwell(&["validate", "task.yaml"]).text(), @r"
    ✓ 1 Task is valid
      not looked at, because they are container images: alpine
    --- exit 0
    ");
    stage.task("sockets.yaml", &["sockets.wat"]);
    let refused = stage.stepwell(&["validate", "sockets.yaml"]);
    assert_eq!(refused.code, Some(4));
    assert!(
        refused.stderr.contains("--grant network=any"),
        "{refused:?}"
    );
    assert!(
        refused.stderr.ends_with("\nstepwell: found 1 problem\n"),
        "{refused:?}"
    );
    let blind = stage.stepwell(&["validate", "sockets.yaml", "--no-images"]);
    assert_eq!(blind.code, Some(0), "{blind:?}");
}

#[test]
fn every_problem_is_one_json_object() {
    let stage = Stage::new();
    stage.file("wrong.yaml", WRONG);
    let ended = stage.stepwell(&["validate", "wrong.yaml", "-o", "json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let problems: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<_> = problems
        .iter()
        .map(|one| format!("{}:{} {}", one["line"], one["column"], one["code"]))
        .collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    7:65 "spec::unknown_reference"
    12:24 "spec::task_not_found"
    "#);
    let end = &problems[0]["end"];
    assert_eq!((&end["line"], &end["column"]), (&7.into(), &80.into()));
    assert_eq!(problems[0]["file"], "wrong.yaml");
    let pretty = stage.stepwell(&["validate", "wrong.yaml"]);
    assert_eq!(pretty.code, Some(4), "{pretty:?}");
    assert!(
        pretty.stderr.ends_with("\nstepwell: found 2 problems\n"),
        "{pretty:?}"
    );
}
