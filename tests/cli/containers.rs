//! Steps in containers, by the command: a layout with Debian's static busybox is all that they have.
//!
//! They need root, `busybox-static` and `bash-static`. Without, each test says so and passes; where `STEPWELL_REQUIRE_CONTAINERS` is set,
//! it fails instead.

use crate::boxes::{are_possible, root};
use crate::images;
use crate::stage::Stage;

/// A Task with these steps.
fn task(steps: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: task}}\nspec:\n  steps:\n{steps}"
    )
}

pub(crate) fn stage() -> Stage {
    let stage = Stage::with(&["hello.wat"]);
    images::lay_out(&stage, "layout", &images::container(&root()));
    stage
}

#[test]
fn components_and_containers_share_a_task() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    stage.file(
        "task.yaml",
        "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec:
  results: [{name: who}]
  steps:
  - {name: component, image: ./hello.wat}
  - name: write
    image: oci:./layout
    env: [{name: WHO, value: step}]
    securityContext: {runAsUser: 1234}
    script: |
      echo \"$WHO in $PWD as $(id -u)\" > /workspace/said
  - name: read
    image: oci:./layout
    command: [cat]
    args: [/workspace/said]
  - name: tell
    image: oci:./layout
    workingDir: /workspace
    script: |
      #!/bin/sh
      printf \"$WHO\" > $(results.who.path)
",
    );
    let ended = stage.stepwell(&["run", "task.yaml", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("step in /srv as 1234"), "{ended:?}");
    assert!(ended.stdout.contains(r#""value":"image""#), "{ended:?}");
    assert_eq!(stage.left_behind(), [""; 0], "nothing is left of it");
}

#[test]
fn a_container_that_fails_fails_the_run_with_its_exit_code() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    stage.file(
        "task.yaml",
        &task(
            "  - {name: fails, image: \"oci:./layout\", script: exit 7}
  - {name: never, image: \"oci:./layout\", script: echo never}
",
        ),
    );
    let ended = stage.stepwell(&["run", "task.yaml", "-o", "json"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stdout.contains(r#""exitCode":7"#), "{ended:?}");
    assert!(!ended.stdout.contains(r#""text":"never"#), "{ended:?}");
}

#[test]
fn attack_a_document_alone_makes_no_step_privileged() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    stage.file(
        "task.yaml",
        &task(
            "  - name: root
    image: oci:./layout
    securityContext: {privileged: true}
    script: echo in
",
        ),
    );
    let allowed = stage.stepwell(&["run", "task.yaml", "--privileged"]);
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("privileged") || ended.stdout.contains("privileged"),
        "{ended:?}"
    );
}

/// A Task with these sidecars and steps.
fn beside(sidecars: &str, steps: &str) -> String {
    task(steps).replace("  steps:\n", &format!("  sidecars:\n{sidecars}  steps:\n"))
}

const SERVER: &str = "  - name: db
    image: oci:./layout
    command: [sh, -c, \"echo up; exec nc -ll -p 5432 -e echo from-db\"]
    ports: [{name: sql, containerPort: 5432}]
";

#[test]
fn a_step_talks_to_a_sidecar_that_said_that_it_is_ready() {
    if !are_possible() {
        return;
    }
    let probes = [
        // Port 5432 is 1538 in there.
        "exec: {command: [sh, -c, \"grep -q :1538 /proc/net/tcp /proc/net/tcp6\"]}",
        "tcpSocket: {port: sql}",
    ];
    for probe in probes {
        let stage = stage();
        let server = format!("{SERVER}    readinessProbe: {{periodSeconds: 1, {probe}}}\n");
        let step =
            "  - {name: ask, image: \"oci:./layout\", script: nc 127.0.0.1 5432 < /dev/null}\n";
        stage.file("task.yaml", &beside(&server, step));
        let ended = stage.stepwell(&["run", "task.yaml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("[sidecar-db] up"), "{ended:?}");
        assert!(ended.stdout.contains("[ask] from-db"), "{ended:?}");
        assert_eq!(stage.left_behind(), [""; 0], "nothing is left of it");
    }
}

#[test]
fn a_sidecar_that_never_begins_fails_the_run() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    let probe = "{failureThreshold: 1, exec: {command: [\"false\"]}}";
    let server = format!("{SERVER}    startupProbe: {probe}\n");
    let step = "  - {name: a, image: \"oci:./layout\", script: echo ran}\n";
    stage.file("task.yaml", &beside(&server, step));
    let ended = stage.stepwell(&["run", "task.yaml", "-o", "yaml"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stdout.contains("reason: SidecarFailed"), "{ended:?}");
    assert!(ended.stdout.contains("container: sidecar-db"), "{ended:?}");
    assert_eq!(stage.left_behind(), [""; 0], "nothing is left of it");
}

#[test]
fn what_a_sidecar_and_a_step_share_is_a_volume_and_no_workspace_folder() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    let sidecar = "  - name: writer
    image: oci:./layout
    volumeMounts: [{name: shared, mountPath: /shared}]
    script: |
      [ -e /workspace ] || echo apart > /shared/said
      sleep 1000
    readinessProbe: {periodSeconds: 1, exec: {command: [cat, /shared/said]}}
";
    let step = "  - name: read
    image: oci:./layout
    volumeMounts: [{name: shared, mountPath: /shared}]
    command: [cat, /shared/said]
  volumes: [{name: shared, emptyDir: {}}]
";
    stage.file("task.yaml", &beside(sidecar, step));
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("[read] apart"), "{ended:?}");
    assert_eq!(stage.left_behind(), [""; 0], "nothing is left of it");
}
