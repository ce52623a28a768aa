use stepwell_contract::{EventKind, TerminationReason};

use super::*;
use crate::samples::{cancelled, event, failure, show, step_end, success, task_start};

fn yaml(events: &[Event]) -> String {
    let mut out = Vec::new();
    show(&mut Yaml::new(&mut out), events);
    String::from_utf8(out).unwrap()
}

#[test]
fn success_is_written_as_tekton_writes_it() {
    insta::assert_snapshot!(yaml(&success()), @r##"
    apiVersion: tekton.dev/v1
    kind: TaskRun
    metadata:
      name: site-abcde
      uid: 4b1d0e5c-0000-4000-8000-000000000001
    spec:
      params:
      - name: level
        value: "3"
      taskRef:
        kind: Task
        name: site
    status:
      completionTime: "2026-11-22T09:30:01Z"
      conditions:
      - lastTransitionTime: "2026-11-22T09:30:01Z"
        message: All Steps have completed executing
        reason: Succeeded
        status: "True"
        type: Succeeded
      podName: site-abcde-pod
      results:
      - name: pages
        type: string
        value: |
          12
      - name: broken
        type: array
        value:
        - a.md
        - "no"
      - name: digest
        type: string
        value: "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
      - name: size
        type: object
        value:
          html: "12"
      startTime: "2026-11-22T09:30:00Z"
      steps:
      - container: step-links
        imageID: ./links.wasm@blake3:ed7553a17d1a12166623ac99f8de27e9cd8c135767f350e2ed067f0a9c7791ba
        name: links
        terminated:
          exitCode: 0
          finishedAt: "2026-11-22T09:30:00Z"
          reason: Completed
          startedAt: "2026-11-22T09:30:00Z"
        terminationReason: Completed
      - container: step-render
        imageID: ./render.wasm@blake3:0181c33ec6e979b5405ca27bd7c0c2a7108e9cc9aa15d162e28dd8390d72bf29
        name: render
        terminated:
          exitCode: 0
          finishedAt: "2026-11-22T09:30:01Z"
          reason: Completed
          startedAt: "2026-11-22T09:30:00Z"
        terminationReason: Completed
      taskSpec:
        results:
        - name: pages
        steps:
        - args:
          - "8"
          - "yes"
          - "1e3"
          - "~"
          - ""
          - " x"
          - "a: b"
          - "#c"
          image: ./links.wasm
          name: links
          script: |
            #!/usr/bin/env site
            first
            second
        - args:
          - "8"
          - "yes"
          - "1e3"
          - "~"
          - ""
          - " x"
          - "a: b"
          - "#c"
          image: ./render.wasm
          name: render
          script: |
            #!/usr/bin/env site
            first
            second
    "##);
}

fn status(events: &[Event]) -> String {
    let text = yaml(events);
    let status = text.split_once("\nstatus:\n").unwrap().1;
    status.split_once("  taskSpec:").unwrap().0.to_owned()
}

#[test]
fn failure_keeps_every_steps_own_exit_code() {
    insta::assert_snapshot!(status(&failure()), @r#"
    completionTime: "2026-11-22T09:30:00Z"
    conditions:
    - lastTransitionTime: "2026-11-22T09:30:00Z"
      message: "\"step-render\" exited with code 134: Error"
      reason: Failed
      status: "False"
      type: Succeeded
    podName: site-abcde-pod
    startTime: "2026-11-22T09:30:00Z"
    steps:
    - container: step-lint
      imageID: ./lint.wasm@blake3:0d26d356a250f94e79f0d06ccb25d4a2ce820ae79cd666b72bcf2dd57066393e
      name: lint
      terminated:
        exitCode: 3
        finishedAt: "2026-11-22T09:30:00Z"
        reason: Completed
        startedAt: "2026-11-22T09:30:00Z"
      terminationReason: Continued
    - container: step-render
      imageID: ./render.wasm@blake3:0181c33ec6e979b5405ca27bd7c0c2a7108e9cc9aa15d162e28dd8390d72bf29
      name: render
      terminated:
        exitCode: 134
        finishedAt: "2026-11-22T09:30:00Z"
        reason: Error
        startedAt: "2026-11-22T09:30:00Z"
      terminationReason: Error
    - container: step-manifest
      name: manifest
      terminated:
        exitCode: 1
        finishedAt: "2026-11-22T09:30:00Z"
        reason: Error
        startedAt: "2026-11-22T09:30:00Z"
      terminationReason: Skipped
    "#);
}

#[test]
fn a_cancelled_run_ends_every_step_as_a_deleted_pod_does() {
    insta::assert_snapshot!(status(&cancelled()), @r#"
    completionTime: "2026-11-22T09:30:02Z"
    conditions:
    - lastTransitionTime: "2026-11-22T09:30:02Z"
      message: "TaskRun \"site-abcde\" was cancelled. "
      reason: TaskRunCancelled
      status: "False"
      type: Succeeded
    podName: site-abcde-pod
    startTime: "2026-11-22T09:30:00Z"
    steps:
    - container: step-links
      imageID: ./links.wasm@blake3:ed7553a17d1a12166623ac99f8de27e9cd8c135767f350e2ed067f0a9c7791ba
      name: links
      terminated:
        exitCode: 1
        finishedAt: "2026-11-22T09:30:02Z"
        message: Step links terminated as pod site-abcde-pod is terminated
        reason: TaskRunCancelled
        startedAt: "2026-11-22T09:30:00Z"
      terminationReason: TaskRunCancelled
    - container: step-render
      name: render
      terminated:
        exitCode: 1
        finishedAt: "2026-11-22T09:30:02Z"
        message: Step render terminated as pod site-abcde-pod is terminated
        reason: TaskRunCancelled
        startedAt: "2026-11-22T09:30:02Z"
      terminationReason: TaskRunCancelled
    "#);
}

#[test]
fn a_run_that_broke_is_not_said_to_have_ended() {
    let mut events = failure();
    events.truncate(6);
    insta::assert_snapshot!(status(&events), @r#"
    conditions:
    - lastTransitionTime: "2026-11-22T09:30:00Z"
      message: Not all Steps in the Task have finished executing
      reason: Running
      status: Unknown
      type: Succeeded
    podName: site-abcde-pod
    startTime: "2026-11-22T09:30:00Z"
    steps:
    - container: step-lint
      imageID: ./lint.wasm@blake3:0d26d356a250f94e79f0d06ccb25d4a2ce820ae79cd666b72bcf2dd57066393e
      name: lint
      terminated:
        exitCode: 3
        finishedAt: "2026-11-22T09:30:00Z"
        reason: Completed
        startedAt: "2026-11-22T09:30:00Z"
      terminationReason: Continued
    - container: step-render
      imageID: ./render.wasm@blake3:0181c33ec6e979b5405ca27bd7c0c2a7108e9cc9aa15d162e28dd8390d72bf29
      name: render
      running:
        startedAt: "2026-11-22T09:30:00Z"
    - container: step-manifest
      name: manifest
      waiting:
        reason: PodInitializing
    "#);
}

#[test]
fn an_earlier_attempt_is_archived() {
    let mut events = success();
    for event in &mut events {
        if let EventKind::TaskEnd { retried, .. } = &mut event.kind {
            *retried = true;
        }
    }
    let mut retry = vec![
        event(2000, None, task_start(&["links"])),
        event(
            2001,
            Some("links"),
            step_end(TerminationReason::Skipped, None, 0),
        ),
    ];
    retry.iter_mut().for_each(|event| event.attempt = 1);
    events.extend(retry);
    let value: Value = serde_saphyr::from_str(&yaml(&events)).unwrap();
    assert_eq!(value["status"]["podName"], "site-abcde-pod-retry1");
    let archived = value["status"]["retriesStatus"].as_array().unwrap();
    assert_eq!(archived.len(), 1);
    assert_eq!(archived[0]["podName"], "site-abcde-pod");
    assert_eq!(archived[0]["conditions"][0]["reason"], "Succeeded");
}

#[test]
fn a_run_that_never_began_is_nothing() {
    assert_eq!(yaml(&success()[..1]), "");
}

#[test]
fn strings_stay_strings_on_the_way_through_yaml() {
    let texts = [
        "8",
        "1e3",
        "0x10",
        "0o7",
        "1_000",
        "12:30:45",
        "yes",
        "No",
        "on",
        "true",
        "null",
        "~",
        "",
        " x",
        "x ",
        "a: b",
        "#c",
        "- a",
        "? a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{}",
        "[]",
        "a\nb",
        "a\n",
        "\n",
        "\n\n a\n",
        "\t",
        "'",
        "\"",
        "\\",
        "2026-11-22",
        ".inf",
        "NaN",
        "---",
        "...",
        "é",
        "\u{7f}\u{85}\u{feff}",
        "a\r\nb",
        "<<",
        "=",
        "  leading\nblock\n",
        "trailing  \n",
        "x\n\n\n",
    ];
    let long = "word ".repeat(100);
    for text in texts.into_iter().chain([long.as_str()]) {
        let mut events = success();
        let value = stepwell_contract::ParamValue::from(text);
        events.insert(12, event(1, None, crate::samples::result("t", value)));
        let yaml = yaml(&events);
        let value: Value = serde_saphyr::from_str(&yaml).unwrap();
        let results = value["status"]["results"].as_array().unwrap();
        let found = results.iter().find(|result| result["name"] == "t").unwrap();
        assert_eq!(found["value"], text, "{yaml}");
    }
}
