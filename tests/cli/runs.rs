//! `stepwell runs`: what is kept of runs.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::pipelines::stage;
use crate::stage::{Stage, wait};

const RUN: &str = "\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: said}
spec: {taskSpec: {steps: [{name: hello, image: ./hello.wat}, {name: args, image: ./args.wat, args: [x]}]}}
";

#[test]
fn a_run_is_kept_listed_shown_and_removed() {
    let stage = stage();
    stage.file("run.yaml", RUN);
    assert_eq!(stage.stepwell(&["run", "run.yaml", "-q"]).code, Some(0));
    insta::assert_snapshot!(stage.stepwell(&["runs", "list"]).text(), @r"
    RUN   KIND     STATUS     STARTED               TOOK
    said  TaskRun  Succeeded  [TIME]  [TIME]
    --- exit 0
    ");
    insta::assert_snapshot!(stage.stepwell(&["runs", "logs", "sa"]).text(), @r"
    [hello] hello
    [hello] to stderr
    [args] args.wat
    [args] x
    --- exit 0
    ");
    assert_eq!(
        stage.stepwell(&["runs", "logs", "said/args"]).stdout,
        "[args] args.wat\n[args] x\n"
    );
    insta::assert_snapshot!(stage.stepwell(&["runs", "logs", "said/none"]).text(), @r"
    --- stderr
    stepwell: no part of `said` is called `none`; it has said/hello, said/args
    --- exit 2
    ");
    insta::assert_snapshot!(stage.stepwell(&["runs", "show", "said"]).text(), @r"
    said  TaskRun  Succeeded
      All Steps have completed executing
      started [TIME], took [TIME]
      from run.yaml
      kept in [TEMP]/state/runs/said

    TASK  STATUS     STEPS           MESSAGE
    said  Succeeded  ✓ hello ✓ args  All Steps have completed executing
    --- exit 0
    ");
    let yaml = stage.stepwell(&["runs", "show", "said", "-o", "yaml"]);
    let object: Value = serde_saphyr::from_str(&yaml.stdout).unwrap();
    assert_eq!(object["status"]["conditions"][0]["reason"], "Succeeded");
    assert_eq!(stage.stepwell(&["runs", "cancel", "said"]).code, Some(2));
    assert_eq!(
        stage.stepwell(&["runs", "rm", "said"]).stdout,
        "removed 1 run\n"
    );
    assert_eq!(
        stage.stepwell(&["runs", "list"]).stdout,
        "there are no runs\n"
    );
    assert_eq!(stage.stepwell(&["runs", "show", "said"]).code, Some(2));
}

#[test]
fn task_runs_of_a_pipeline_are_shown_by_the_name_of_their_task() {
    let stage = stage();
    assert_eq!(
        stage.stepwell(&["run", "pipeline.yaml", "-q"]).code,
        Some(0)
    );
    let shown = stage.stepwell(&["runs", "show", "release", "-o", "pretty"]);
    assert!(
        shown
            .stdout
            .contains("- never skipped: When Expressions evaluated to false"),
        "{shown:?}"
    );
    let one = stage.stepwell(&["runs", "show", "release/make", "-o", "yaml"]);
    let object: Value = serde_saphyr::from_str(&one.stdout).unwrap();
    assert_eq!(object["kind"], "TaskRun");
    assert_eq!(object["status"]["results"][0]["value"], "42");
}

#[test]
fn no_record_is_kept_where_none_is_wanted() {
    let stage = stage();
    stage.file("run.yaml", RUN);
    assert_eq!(
        stage
            .stepwell(&["run", "run.yaml", "-q", "--no-record"])
            .code,
        Some(0)
    );
    assert_eq!(
        stage.stepwell(&["runs", "list"]).stdout,
        "there are no runs\n"
    );
}

#[test]
fn only_so_many_runs_are_kept_as_the_project_says() {
    let stage = stage();
    stage.file("run.yaml", RUN);
    stage.file("stepwell.toml", "[runs]\nkeep = 2\n");
    for _ in 0..4 {
        assert_eq!(stage.stepwell(&["run", "run.yaml", "-q"]).code, Some(0));
    }
    let listed = stage.stepwell(&["runs", "list", "-o", "json"]).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[test]
fn a_run_under_way_is_followed_and_cancelled() {
    let stage = Stage::with(&["spin.wat"]);
    stage.task("task.yaml", &["spin.wat"]);
    let mut run = stage
        .command(&["run", "task.yaml", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It is there once it is listed; its process is there until it ends.
    while !stage.stepwell(&["runs", "list"]).stdout.contains("running") {
        assert_eq!(run.try_wait().unwrap(), None, "the run ended by itself");
    }
    let mut follow = stage
        .command(&["runs", "logs", "task", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(follow.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "[spin] ready\n");
    assert_eq!(
        stage.stepwell(&["runs", "rm", "task"]).code,
        Some(2),
        "it is under way"
    );
    assert_eq!(stage.stepwell(&["runs", "cancel", "task"]).code, Some(0));
    assert_eq!(wait(&mut run), Some(130));
    assert_eq!(
        wait(&mut follow),
        Some(0),
        "there is nothing more to follow"
    );
    let listed = stage.stepwell(&["runs", "list"]).stdout;
    assert!(listed.contains("TaskRunCancelled"), "{listed}");
}
