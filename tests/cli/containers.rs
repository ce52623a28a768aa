//! Steps in containers, by the command: a layout with Debian's static busybox is all that they have.
//!
//! They need root, `busybox-static` and `bash-static`. Without, each test says so and passes; where `STEPWELL_REQUIRE_CONTAINERS` is set,
//! it fails instead.

use stepwell_guest_artifacts as guests;

use crate::boxes::{are_possible, root};
use crate::images;
use crate::stage::{Ended, Stage};

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

/// How `stepwell run` of a document ended, with `args`, of which nothing was left; nothing where there can be no containers.
fn ran(document: &str, args: &[&str]) -> Option<Ended> {
    are_possible().then(|| ran_on(&stage(), document, args))
}

fn ran_on(stage: &Stage, document: &str, args: &[&str]) -> Ended {
    stage.file("task.yaml", document);
    let ended = stage.stepwell(&[&["run", "task.yaml"], args].concat());
    assert_eq!(stage.left_behind(), [""; 0], "nothing is left of it");
    ended
}

#[test]
fn components_and_containers_share_a_task() {
    let document = "\
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
";
    let Some(ended) = ran(document, &["-o", "json"]) else {
        return;
    };
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("step in /srv as 1234"), "{ended:?}");
    assert!(ended.stdout.contains(r#""value":"image""#), "{ended:?}");
}

#[test]
fn a_container_that_fails_fails_the_run_with_its_exit_code() {
    let steps = "  - {name: fails, image: \"oci:./layout\", script: exit 7}
  - {name: never, image: \"oci:./layout\", script: echo never}
";
    let Some(ended) = ran(&task(steps), &["-o", "json"]) else {
        return;
    };
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stdout.contains(r#""exitCode":7"#), "{ended:?}");
    assert!(!ended.stdout.contains(r#""text":"never"#), "{ended:?}");
}

#[test]
fn attack_a_document_alone_makes_no_step_privileged() {
    let document = task(
        "  - name: root
    image: oci:./layout
    securityContext: {privileged: true}
    script: echo in
",
    );
    let Some(allowed) = ran(&document, &["--privileged"]) else {
        return;
    };
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    let ended = ran(&document, &[]).unwrap();
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("privileged") || ended.stdout.contains("privileged"),
        "{ended:?}"
    );
}

/// Where a sandbox cannot be made as one task wants it, that task has failed: what is beside it goes on.
#[test]
fn a_container_that_cannot_be_made_fails_its_task_and_no_other() {
    let document = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: pipeline}
spec:
  tasks:
  - name: bad
    retries: 1
    taskSpec:
      steps: [{name: s, image: \"oci:./layout\", securityContext: {runAsNonRoot: true}, script: id}]
  - name: other
    taskSpec: {steps: [{name: s, image: \"oci:./layout\", script: sleep 1; echo went on}]}
  finally:
  - name: cleanup
    taskSpec: {steps: [{name: s, image: \"oci:./layout\", script: echo cleaned up}]}
";
    let Some(ended) = ran(document, &["-o", "json"]) else {
        return;
    };
    assert_eq!(ended.code, Some(5), "{ended:?}");
    for told in [
        "went on",
        "cleaned up",
        "CreateContainerConfigError",
        "runAsNonRoot",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {ended:?}");
    }
    let tries = ended.stdout.matches(r#""retried":true"#).count();
    assert_eq!(tries, 1, "{ended:?}");
}

#[test]
fn a_container_is_the_same_whatever_the_users_umask_is() {
    let steps = "  - {name: root, image: \"oci:./layout\", script: umask; touch /workspace/f; stat -c %a /workspace/f /tekton}
  - {name: other, image: \"oci:./layout\", securityContext: {runAsUser: 1234}, script: echo as 1234}
";
    if !are_possible() {
        return;
    }
    let stage = stage();
    stage.file("task.yaml", &task(steps));
    let plain = stage.command(&["run", "task.yaml"]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "umask 077; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    if let Some(folder) = plain.get_current_dir() {
        command.current_dir(folder);
    }
    let ended = stage.end(&mut command, b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for told in ["0022", "644", "755", "as 1234"] {
        assert!(ended.text().contains(told), "{told}: {ended:?}");
    }
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
    let probes = [
        // Port 5432 is 1538 in there.
        "exec: {command: [sh, -c, \"grep -q :1538 /proc/net/tcp /proc/net/tcp6\"]}",
        "tcpSocket: {port: sql}",
    ];
    for probe in probes {
        let server = format!("{SERVER}    readinessProbe: {{periodSeconds: 1, {probe}}}\n");
        let step =
            "  - {name: ask, image: \"oci:./layout\", script: nc 127.0.0.1 5432 < /dev/null}\n";
        let Some(ended) = ran(&beside(&server, step), &[]) else {
            return;
        };
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("[sidecar-db] up"), "{ended:?}");
        assert!(ended.stdout.contains("[ask] from-db"), "{ended:?}");
    }
}

#[test]
fn attack_a_component_reaches_no_sidecar_but_the_one_it_is_granted() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    std::fs::copy(guests::net_connect(), stage.path("connect.wasm")).unwrap();
    // It hears whoever asks to the end.
    let echo = SERVER.replace("echo from-db", "cat");
    let server =
        format!("{echo}    readinessProbe: {{periodSeconds: 1, tcpSocket: {{port: sql}}}}\n");
    let step = |port: u16| {
        format!("  - {{name: ask, image: ./connect.wasm, args: [\"127.0.0.1:{port}\", hello]}}\n")
    };
    let told = |port, args: &[&str]| {
        let ended = ran_on(&stage, &beside(&server, &step(port)), args);
        format!("{}{}", ended.stdout, ended.stderr)
    };
    let granted = ["--grant", "sidecar=db:5432"];
    assert!(told(5432, &granted).contains("ok hello"));
    assert!(told(5433, &granted).contains("access-denied"));
    let refused = told(5432, &[]);
    assert!(
        refused.contains("sidecar=db:5432"),
        "the line that grants it: {refused}"
    );
}

#[test]
fn a_sidecar_that_never_begins_fails_the_run() {
    let probe = "{failureThreshold: 1, exec: {command: [\"false\"]}}";
    let server = format!("{SERVER}    startupProbe: {probe}\n");
    let step = "  - {name: a, image: \"oci:./layout\", script: echo ran}\n";
    let Some(ended) = ran(&beside(&server, step), &["-o", "yaml"]) else {
        return;
    };
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stdout.contains("reason: SidecarFailed"), "{ended:?}");
    assert!(ended.stdout.contains("container: sidecar-db"), "{ended:?}");
}

#[test]
fn what_a_sidecar_and_a_step_share_is_a_volume_and_no_workspace_folder() {
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
    let Some(ended) = ran(&beside(sidecar, step), &[]) else {
        return;
    };
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("[read] apart"), "{ended:?}");
}
