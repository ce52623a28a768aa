//! Which documents a command is about: folders, `.tekton`, and what is none of ours.

use std::fs;

use crate::stage::Stage;

const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec:
  description: Says hello.
  params: [{name: level, default: low}]
  workspaces: [{name: src, optional: true}]
  steps: [{name: hello, image: ../hello.wat}]
";

const FOREIGN: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
# Beside tekton.dev/ documents.
";

fn project() -> Stage {
    let stage = Stage::with(&["hello.wat"]);
    fs::create_dir_all(stage.path(".tekton/.hidden")).unwrap();
    fs::create_dir_all(stage.path("src/deep")).unwrap();
    stage.file(".tekton/task.yaml", TASK);
    stage.file(".tekton/kustomization.yaml", FOREIGN);
    stage.file(".tekton/package.json", "{\"name\": \"x\"}");
    stage.file(".tekton/.hidden/broken.yaml", "tekton.dev/ [");
    stage
}

#[test]
fn with_no_file_the_nearest_tekton_folder_is_read() {
    let stage = project();
    let mut command = stage.command(&["run", "-q"]);
    command.current_dir(stage.path("src/deep"));
    insta::assert_snapshot!(stage.end(&mut command, b"").text(), @r"
    ✓ task-run-[ID] succeeded in [TIME]
    --- stderr
    stepwell: documents from ../../.tekton
    stepwell: passed over what is not Tekton's: ../../.tekton/kustomization.yaml (Kustomization)
    --- exit 0
    ");
    let shown = stage.stepwell(&["runs", "show", "task"]);
    assert!(
        shown.stdout.contains("\n  from ../../.tekton\n"),
        "{shown:?}"
    );
}

#[test]
fn the_search_ends_at_the_root_of_a_repository() {
    let stage = project();
    fs::create_dir(stage.path("src/.git")).unwrap();
    let mut command = stage.command(&["run"]);
    command.current_dir(stage.path("src/deep"));
    insta::assert_snapshot!(stage.end(&mut command, b"").text(), @r"
    --- stderr
    stepwell: there is no folder `.tekton` in `[TEMP]/src/deep` or above it; name the files or folders to read, or `-` for standard input
    --- exit 2
    ");
}

#[test]
fn a_document_of_others_is_a_mistake_where_it_is_named() {
    let stage = project();
    let ended = stage.stepwell(&["run", ".tekton/kustomization.yaml", ".tekton/task.yaml"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("Kustomization"), "{ended:?}");
}

#[test]
fn a_folder_lists_what_it_holds() {
    let stage = project();
    insta::assert_snapshot!(stage.stepwell(&["list", ".tekton"]).text(), @r"
    KIND  NAME  WHERE                TAKES
    Task  task  .tekton/task.yaml:3  -p level=low [-w src]
          Says hello.
    --- stderr
    stepwell: passed over what is not Tekton's: .tekton/kustomization.yaml (Kustomization)
    --- exit 0
    ");
    let json = stage.stepwell(&["list", ".tekton", "-o", "json"]);
    insta::assert_snapshot!(json.stdout, @r#"{"kind":"Task","apiVersion":"tekton.dev/v1","name":"task","generated":false,"file":".tekton/task.yaml","line":3,"description":"Says hello.","params":[{"name":"level","value":"low"}],"workspaces":[{"name":"src","optional":true}],"results":[]}"#);
}
