//! The resolver `component`: a Task made of a component, checked before it runs and run like any other.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::stage::{Stage, checkout};

/// Puts the plugin `guest` into the stage at `path`.
fn put(stage: &Stage, guest: &str, path: &str) {
    let built = checkout().join(format!("target/guests/{guest}.wasm"));
    let path = stage.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(built, path).unwrap();
}

/// A pipeline with one task, which has these `params` and is made of the component `ref`.
fn pipeline(reference: &str, params: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {{name: check}}
spec:
  workspaces: [{{name: code}}]
  tasks:
    - name: lint
      taskRef:
        resolver: component
        params: [{{name: ref, value: {reference}}}]
      params: {params}
      workspaces: [{{name: source, workspace: code}}]
"
    )
}

fn said(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// What `validate` finds: of each its code, its line and column, and its help.
fn found(stage: &Stage, document: &str) -> Vec<(String, u64, u64, String)> {
    let output = stage.stepwell(&["validate", document, "-o", "json"]);
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap());
    rows.map(|row| {
        assert_eq!(row["file"], document, "{row}");
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        let number = |field: &str| row[field].as_u64().unwrap();
        (text("code"), number("line"), number("column"), text("help"))
    })
    .collect()
}

#[test]
fn a_whole_task_is_made_of_it() {
    let stage = Stage::new();
    put(&stage, "task-wants", "ci/lint.wasm");
    let folder = stage.path("ci");
    fs::write(
        folder.join("check.yaml"),
        pipeline("./lint.wasm", "[{name: level, value: high}]"),
    )
    .unwrap();
    let output = stage.stepwell(&["validate", "ci/check.yaml"]);
    assert!(output.status.success(), "{}", said(&output));
    let told = stage.run_at(&folder.join("check.yaml"), &["-w", "code=."]);
    let told = told.succeeded();
    let bytes = fs::read(folder.join("lint.wasm")).unwrap();
    let hex = blake3::hash(&bytes).to_hex().to_string();
    let task = told.of_type("task-start").next().unwrap();
    assert_eq!(task["provenance"]["digest"]["blake3"], *hex);
    let step = told.of_type("step-start").next().unwrap();
    assert_eq!(step["digest"], format!("blake3:{hex}"));
}

#[test]
fn a_wrong_param_is_found_before_anything_runs() {
    let stage = Stage::new();
    put(&stage, "task-wants", "lint.wasm");
    let check = |params: &str| {
        let text = pipeline("./lint.wasm", params);
        fs::write(stage.path("check.yaml"), text).unwrap();
        found(&stage, "check.yaml")
    };
    assert_eq!(check("[{name: level, value: high}]"), []);
    let code = |code: &str| format!("spec::{code}");
    assert_eq!(
        check("[{name: levle, value: high}]"),
        [
            (
                code("component_lacks_param"),
                7,
                13,
                "add `{name: level, value: VALUE}` to the `params` beside `taskRef`".to_owned()
            ),
            (
                code("param_of_component"),
                11,
                23,
                "did you mean `level`?".to_owned()
            ),
        ]
    );
    let wrong_type = check("[{name: level, value: [high]}]");
    let [(code_found, 11, _, _)] = &wrong_type[..] else {
        panic!("{wrong_type:?}");
    };
    assert_eq!(*code_found, code("param_type"));
    let output = stage.stepwell(&["run", "check.yaml", "-w", "code=."]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(!stage.path("state/runs").exists(), "nothing may have run");
}

#[test]
fn a_taskrun_is_told_what_it_lacks_where_it_names_the_component() {
    let stage = Stage::new();
    put(&stage, "task-wants", "lint.wasm");
    let run = |params: &str| {
        let text = format!(
            "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: run}}\nspec:\n  taskRef:\n    \
             resolver: component\n    params: [{{name: ref, value: ./lint.wasm}}]\n  params: {params}\n  \
             workspaces: [{{name: source, emptyDir: {{}}}}]\n"
        );
        fs::write(stage.path("run.yaml"), text).unwrap();
        found(&stage, "run.yaml")
    };
    assert_eq!(run("[{name: level, value: low}]"), []);
    let lacks = run("[]");
    assert_eq!(
        (&*lacks[0].0, lacks[0].1),
        ("spec::component_lacks_param", 6)
    );
}

#[test]
fn what_is_no_plugin_makes_no_task() {
    let stage = Stage::new();
    put(&stage, "cli_hello", "hello.wasm");
    for (reference, why) in [
        ("./hello.wasm", "is an ordinary"),
        ("./missing.wasm", "missing.wasm"),
        ("''", "the param `ref` has to be"),
    ] {
        fs::write(stage.path("check.yaml"), pipeline(reference, "[]")).unwrap();
        let output = stage.stepwell(&["validate", "check.yaml"]);
        assert_eq!(output.status.code(), Some(4), "{}", said(&output));
        assert!(said(&output).contains(why), "{}", said(&output));
        assert!(said(&output).contains("check.yaml:9"), "{}", said(&output));
    }
}

#[test]
fn each_document_names_components_of_its_own_folder() {
    let stage = Stage::new();
    put(&stage, "task-wants", "one/lint.wasm");
    put(&stage, "manifest", "two/lint.wasm");
    let params = "[{name: level, value: high}]";
    for folder in ["one", "two"] {
        let text =
            pipeline("./lint.wasm", params).replace("name: check", &format!("name: {folder}"));
        fs::write(stage.path(&format!("{folder}/check.yaml")), text).unwrap();
    }
    let output = stage.stepwell(&["validate", "one/check.yaml", "two/check.yaml"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("declares no param `level`"), "{said}");
    assert!(said.contains("two/check.yaml:11"), "{said}");
    assert!(!said.contains("one/check.yaml"), "{said}");
}

#[test]
fn one_that_a_step_names_is_made_while_the_pipeline_runs() {
    let stage = Stage::new();
    put(&stage, "task-wants", "lint.wasm");
    put(&stage, "sh", "sh.wasm");
    let pick = |name: &str| {
        pipeline("$(tasks.pick.results.file)", "[{name: level, value: high}]").replace(
            "  tasks:\n",
            &format!(
                "  tasks:
    - name: pick
      taskSpec:
        results: [{{name: file}}]
        steps:
          - name: pick
            image: ./sh.wasm
            script: printf {name} > $(results.file.path)
"
            ),
        )
    };
    fs::write(stage.path("check.yaml"), pick("./lint.wasm")).unwrap();
    let told = stage.run_at(&stage.path("check.yaml"), &["-w", "code=."]);
    told.succeeded();
    // A registry is not told what a step knows.
    fs::write(stage.path("check.yaml"), pick("127.0.0.1:1/lint:1")).unwrap();
    let output = stage.stepwell(&["run", "check.yaml", "-w", "code=."]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    let why = "none is pulled while a run is under way";
    assert!(said(&output).contains(why), "{}", said(&output));
}

#[test]
fn attack_a_document_from_elsewhere_makes_a_task_of_a_file_of_this_machine() {
    let stage = Stage::new();
    put(&stage, "task-wants", "lint.wasm");
    let remote = stage.folder("remote");
    let git = |args: &[&str]| {
        let git = std::process::Command::new("git")
            .args(["-c", "user.name=n", "-c", "user.email=e@example.org"])
            .args(args)
            .current_dir(&remote)
            .output()
            .unwrap();
        assert!(git.status.success(), "{}", said(&git));
    };
    let secret = stage.path("lint.wasm").display().to_string();
    fs::write(
        remote.join("check.yaml"),
        pipeline(&secret, "[{name: level, value: high}]"),
    )
    .unwrap();
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "check"]);
    let run = format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n  pipelineRef:\n    \
         resolver: git\n    params: [{{name: url, value: {}}}, {{name: pathInRepo, value: check.yaml}}]\n  \
         workspaces: [{{name: code, emptyDir: {{}}}}]\n",
        remote.display()
    );
    fs::write(stage.path("run.yaml"), run).unwrap();
    let mut stage = stage;
    stage.set("PATH", "/usr/bin:/bin");
    let output = stage.stepwell(&["run", "run.yaml"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    let why = "a document from elsewhere names no file of this machine";
    assert!(said(&output).contains(why), "{}", said(&output));
    // The same text among the files of this machine may.
    let output = stage.stepwell(&["run", "remote/check.yaml", "-w", "code=."]);
    assert!(output.status.success(), "{}", said(&output));
}
