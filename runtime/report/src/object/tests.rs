use serde_json::{Value, json};
use stepwell_contract::event::Verdict;
use stepwell_contract::{EventKind, Timestamp};

use super::*;
use crate::objects::Objects;
use crate::samples::pipelines::{self, of, of_step, release, run_start, task_end};
use crate::samples::{self, show, verdict};
use crate::yaml::Yaml;

fn yaml(events: &[Event]) -> String {
    let mut out = Vec::new();
    show(&mut Yaml::new(&mut out), events);
    String::from_utf8(out).unwrap()
}

fn lines(events: &[Event]) -> Vec<Value> {
    let mut out = Vec::new();
    show(&mut Objects::new(&mut out), events);
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_pipeline_run_is_written_as_tekton_writes_it() {
    insta::assert_snapshot!(yaml(&release()), @r#"
    apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata:
      name: release
      namespace: default
    spec:
      pipelineRef:
        name: ship
    status:
      childReferences:
      - apiVersion: tekton.dev/v1
        kind: TaskRun
        name: release-build
        pipelineTaskName: build
      - apiVersion: tekton.dev/v1
        kind: TaskRun
        name: release-flaky
        pipelineTaskName: flaky
      - apiVersion: tekton.dev/v1
        kind: TaskRun
        name: release-test-0
        pipelineTaskName: test
      - apiVersion: tekton.dev/v1
        kind: TaskRun
        name: release-test-1
        pipelineTaskName: test
      - apiVersion: tekton.dev/v1
        kind: TaskRun
        name: release-lint
        pipelineTaskName: lint
      - apiVersion: tekton.dev/v1
        kind: TaskRun
        name: release-publish
        pipelineTaskName: publish
      - apiVersion: tekton.dev/v1
        kind: PipelineRun
        name: release-sign
        pipelineTaskName: sign
      - apiVersion: tekton.dev/v1
        kind: TaskRun
        name: release-tidy
        pipelineTaskName: tidy
      completionTime: "2026-11-22T09:30:00Z"
      conditions:
      - lastTransitionTime: "2026-11-22T09:30:00Z"
        message: "Tasks Completed: 8 (Failed: 2 (Ignored: 1), Cancelled 0), Skipped: 2"
        reason: Failed
        status: "False"
        type: Succeeded
      finallyStartTime: "2026-11-22T09:30:00Z"
      pipelineSpec:
        finally:
        - name: tidy
          taskRef:
            kind: Task
            name: tidy
        tasks:
        - name: build
          taskRef:
            kind: Task
            name: build
        - name: flaky
          taskRef:
            kind: Task
            name: flaky
        - name: test
          taskRef:
            kind: Task
            name: test
        - name: docs
          taskRef:
            kind: Task
            name: docs
        - name: lint
          taskRef:
            kind: Task
            name: lint
        - name: publish
          taskRef:
            kind: Task
            name: publish
        - name: announce
          taskRef:
            kind: Task
            name: announce
        - name: sign
          taskRef:
            kind: Task
            name: sign
      results:
      - name: digest
        value: abc
      skippedTasks:
      - name: docs
        reason: When Expressions evaluated to false
        whenExpressions:
        - input: quick
          operator: in
          values:
          - full
      - name: announce
        reason: PipelineRun was stopping
      startTime: "2026-11-22T09:30:00Z"
    "#);
}

#[test]
fn each_object_is_one_line_and_the_runs_own_is_the_last() {
    let names: Vec<_> = lines(&release())
        .iter()
        .map(|object| {
            let condition = &object["status"]["conditions"][0];
            format!(
                "{} {} {}",
                object["kind"].as_str().unwrap(),
                object["metadata"]["name"].as_str().unwrap(),
                condition["reason"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    TaskRun release-flaky Succeeded
    TaskRun release-build Succeeded
    TaskRun release-test-1 Succeeded
    TaskRun release-test-0 Succeeded
    TaskRun release-sign-key Succeeded
    PipelineRun release-sign Completed
    TaskRun release-lint FailureIgnored
    TaskRun release-publish Failed
    TaskRun release-tidy Succeeded
    PipelineRun release Failed
    ");
}

#[test]
fn steps_keep_their_results_and_artifacts_and_a_retry_archives_what_failed() {
    let mut events = release();
    let artifacts = serde_json::json!({"inputs": [], "outputs": [{"name": "image", "values": []}]});
    let kind = EventKind::Artifacts {
        artifacts: artifacts.clone(),
    };
    let link_ends = events
        .iter()
        .position(|event| {
            event
                .step
                .as_ref()
                .is_some_and(|step| step.as_str() == "link")
        })
        .unwrap();
    events.insert(link_ends + 1, of_step(503, "build", "link", kind.clone()));
    events.insert(link_ends + 2, of(503, Some("build"), kind));
    let objects = lines(&events);
    let named = |name: &str| {
        objects
            .iter()
            .find(|object| object["metadata"]["name"] == name)
            .unwrap()
    };
    let build = &named("release-build")["status"];
    assert_eq!(build["artifacts"], artifacts);
    assert_eq!(build["steps"][1]["outputs"], artifacts["outputs"]);
    assert_eq!(build["steps"][1]["results"][0]["value"], "7");
    assert_eq!(build["steps"][0].get("results"), None);
    let flaky = &named("release-flaky")["status"];
    assert_eq!(flaky["podName"], "release-flaky-pod-retry1");
    let archived = &flaky["retriesStatus"][0];
    assert_eq!(archived["conditions"][0]["reason"], "Failed");
    assert_eq!(archived["steps"][0]["terminated"]["exitCode"], 7);
    assert_eq!(archived.get("retriesStatus"), None);
}

#[test]
fn where_a_document_came_from_and_what_a_person_calls_it_are_kept() {
    let mut events = pipelines::everything();
    // The last events are a nested pipeline and a task with every optional field.
    let tail = events.split_off(events.len() - 4);
    events.truncate(2);
    events.extend(tail);
    let value: Value = serde_saphyr::from_str(&yaml(&events)).unwrap();
    assert_eq!(value["status"]["conditions"][0]["status"], "Unknown");
    let children = value["status"]["childReferences"].as_array().unwrap();
    assert_eq!(children[0]["displayName"], "Build it");
    assert_eq!(children[0]["whenExpressions"][0]["input"], "full");
    assert_eq!(children[1]["kind"], "PipelineRun");
    assert_eq!(children[1]["displayName"], "Sign it");
    events.push(of(9, Some("build"), task_end(pipelines::good(), false, 1)));
    let source = &lines(&events)[0]["status"]["provenance"]["refSource"];
    assert_eq!(source["uri"], "git+https://example.com/a.git");
}

#[test]
fn the_spec_of_a_task_that_was_tried_again_is_that_of_its_last_try() {
    let start = |number: u32| {
        let mut start = pipelines::task_start("build", "build", &[]);
        if let EventKind::TaskStart { task_spec, .. } = &mut start {
            *task_spec = std::sync::Arc::new(json!({"steps": [{"script": number.to_string()}]}));
        }
        start
    };
    let failed = || verdict(false, "StepFailed", "no");
    let again = |mut event: Event| {
        event.attempt = 1;
        event
    };
    let events = [
        of(0, None, run_start(1)),
        of(1, Some("build"), start(0)),
        of(2, Some("build"), task_end(failed(), true, 1)),
        again(of(3, Some("build"), start(1))),
        again(of(4, Some("build"), task_end(failed(), false, 1))),
    ];
    let status = &lines(&events)[0]["status"];
    assert_eq!(status["taskSpec"]["steps"][0]["script"], "1");
    assert!(status["retriesStatus"][0].get("taskSpec").is_none());
}

#[test]
fn a_run_that_is_pending_has_neither_failed_nor_ended() {
    let pending = verdict(false, "TaskRunPending", "TaskRun is pending");
    let events = [
        of(0, None, run_start(1)),
        of(1, Some("a"), pipelines::task_start("a", "a", &[])),
        of(2, Some("a"), task_end(pending, false, 1)),
    ];
    let status = &lines(&events)[0]["status"];
    assert_eq!(status["conditions"][0]["status"], "Unknown");
    assert!(status.get("completionTime").is_none());
}

#[test]
fn a_task_run_that_could_not_start_has_no_pod_and_no_steps() {
    let mut start = pipelines::task_start("release-x", "x", &[]);
    if let EventKind::TaskStart { task_spec, .. } = &mut start {
        *task_spec = std::sync::Arc::default();
    }
    let wrong = verdict(
        false,
        "TaskRunValidationFailed",
        "missing values for these params",
    );
    let events = [
        of(0, None, run_start(1)),
        of(
            1,
            None,
            pipelines::pipeline_start("release", None, &["x"], &[]),
        ),
        of(2, Some("x"), start),
        of(2, Some("x"), task_end(wrong, false, 0)),
    ];
    insta::assert_snapshot!(serde_json::to_string_pretty(&lines(&events)[0]).unwrap(), @r#"
    {
      "apiVersion": "tekton.dev/v1",
      "kind": "TaskRun",
      "metadata": {
        "name": "release-x"
      },
      "spec": {
        "taskRef": {
          "name": "x",
          "kind": "Task"
        }
      },
      "status": {
        "completionTime": "2026-11-22T09:30:00Z",
        "conditions": [
          {
            "lastTransitionTime": "2026-11-22T09:30:00Z",
            "message": "missing values for these params",
            "reason": "TaskRunValidationFailed",
            "status": "False",
            "type": "Succeeded"
          }
        ],
        "podName": "",
        "startTime": "2026-11-22T09:30:00Z"
      }
    }
    "#);
}

fn refusal(kind: &str) -> Value {
    let object =
        serde_json::json!({"kind": kind, "apiVersion": "tekton.dev/v1", "metadata": {"name": "x"}});
    let verdict = Verdict {
        succeeded: false,
        reason: "ParameterMissing".to_owned(),
        message: "missing".to_owned(),
    };
    let mut out = Vec::new();
    crate::yaml::refused(&mut out, &object, &verdict, Timestamp(1_795_339_800_045)).unwrap();
    serde_saphyr::from_str(std::str::from_utf8(&out).unwrap()).unwrap()
}

#[test]
fn a_run_that_is_refused_begins_and_ends_at_once() {
    let object = refusal("PipelineRun");
    let status = &object["status"];
    assert_eq!(status["conditions"][0]["reason"], "ParameterMissing");
    assert_eq!(status["conditions"][0]["status"], "False");
    assert_eq!(status["startTime"], "2026-11-22T09:30:00Z");
    assert_eq!(status["completionTime"], status["startTime"]);
    assert_eq!(status.get("podName"), None);
    assert_eq!(refusal("TaskRun")["status"]["podName"], "");
}

#[test]
fn what_is_complete_is_not_kept() {
    let mut collector = Collector::new(Wanted::All);
    for event in &release()[..release().len() - 3] {
        collector.event(event);
    }
    assert!(collector.tasks.is_empty());
    assert_eq!(collector.pipelines.len(), 1);
}

#[test]
fn attack_a_million_tries_are_not_all_kept() {
    let start = pipelines::pipeline_start("release", None, &["x"], &[]);
    let mut events = vec![of(0, None, run_start(1)), of(1, None, start)];
    for attempt in 0..1000 {
        let end = task_end(pipelines::bad("main", 1), attempt < 999, 1);
        for kind in [pipelines::task_start("release-x", "x", &["main"]), end] {
            events.push(pipelines::on_try(attempt, of(2, Some("x"), kind)));
        }
    }
    let status = &lines(&events)[0]["status"];
    assert_eq!(status["podName"], "release-x-pod-retry999");
    let archived = status["retriesStatus"].as_array().unwrap();
    assert_eq!(archived.len(), 99);
    assert_eq!(archived[98]["podName"], "release-x-pod-retry998");
}

#[test]
fn what_a_person_calls_a_nested_pipeline_may_stand_in_the_document_alone() {
    let mut start = pipelines::pipeline_start("release", None, &["sign"], &[]);
    if let EventKind::PipelineStart { pipeline_spec, .. } = &mut start {
        let task = serde_json::json!({"name": "sign", "displayName": "Sign it"});
        *pipeline_spec = std::sync::Arc::new(serde_json::json!({ "tasks": [task] }));
    }
    let nested = pipelines::pipeline_start("release-sign", Some("sign"), &[], &[]);
    let events = [
        of(0, None, run_start(1)),
        of(1, None, start),
        of(2, Some("sign"), nested),
    ];
    let value: Value = serde_saphyr::from_str(&yaml(&events)).unwrap();
    let child = &value["status"]["childReferences"][0];
    assert_eq!(child["displayName"], "Sign it");
}

#[test]
fn sidecars_are_listed_as_a_cluster_lists_them() {
    let objects = lines(&samples::beside(Some(3)));
    let listed = json!([{
        "container": "sidecar-db",
        "imageID": format!("./db.wasm@{}", stepwell_contract::Digest::of(b"db")),
        "name": "db",
        "terminated": {
            "exitCode": 3,
            "finishedAt": "2026-11-22T09:30:00Z",
            "reason": "Error",
            "startedAt": "2026-11-22T09:30:00Z",
        },
    }]);
    assert_eq!(objects[0]["status"]["sidecars"], listed);
}
