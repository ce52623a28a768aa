//! What a step leaves behind: results of its own, artifacts, exit codes and copies of its output.

use serde_json::json;
use stepwell_contract::{
    Access, Ending, EventKind, LogStream, Network, ParamType, ParamValue, ResultDecl,
    TerminationReason,
};
use stepwell_spec::{OnError, Tee};

use crate::scripted::{Task, folder};

fn declared(name: &str, result_type: ParamType) -> ResultDecl {
    ResultDecl {
        name: name.into(),
        result_type,
        properties: Vec::new(),
    }
}

#[tokio::test]
async fn a_steps_own_results_are_told_and_nobody_else_may_write_them() {
    let own = "/tekton/steps/step-a/results";
    let mut task = Task::new();
    task.declare("shared", ParamType::String);
    let step = task.step("a", move |place, io| {
        place.dir(own).write("list", r#"["x"]"#).unwrap();
        io.sink.emit("text", "typed".into()).unwrap();
        io.sink.emit("shared", "tasks".into()).unwrap();
        Ok(Ending::Exited { code: 1 })
    });
    step.results = vec![
        declared("text", ParamType::String),
        declared("list", ParamType::Array),
        declared("unwritten", ParamType::String),
    ];
    step.on_error = OnError::Continue;
    task.step("b", move |place, _| {
        let steps = place.dir("/tekton/steps");
        assert_eq!(
            steps.read_to_string("step-a/results/text").unwrap(),
            "typed"
        );
        let mounts = place.spec.mounts.iter();
        let steps = mounts.filter(|mount| mount.path.starts_with("/tekton/steps"));
        assert!(
            steps
                .into_iter()
                .all(|mount| mount.access == Access::ReadOnly)
        );
        Ok(Ending::SUCCESS)
    });
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    let told: Vec<_> = played
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Result { name, value, .. } => {
                let step = event.step.as_ref().map(ToString::to_string);
                Some((step.unwrap_or_default(), name.to_string(), value.clone()))
            }
            _ => None,
        })
        .collect();
    let list = ParamValue::Array(vec!["x".into()]);
    assert_eq!(
        told,
        [
            ("a".to_owned(), "text".to_owned(), "typed".into()),
            ("a".to_owned(), "list".to_owned(), list),
            (String::new(), "shared".to_owned(), "tasks".into()),
        ]
    );
}

#[tokio::test]
async fn a_steps_result_that_cannot_be_taken_fails_the_task() {
    for (text, reason) in [
        ("x".repeat(5_000), "TaskRunResultLargerThanAllowedLimit"),
        ("x".to_owned(), "TaskRunValidationFailed"),
    ] {
        let mut task = Task::new();
        let step = task.step("a", move |place, _| {
            let own = place.dir("/tekton/steps/step-a/results");
            own.write("r", text).unwrap();
            Ok(Ending::SUCCESS)
        });
        step.results = vec![declared("r", ParamType::Array)];
        assert_eq!(task.play().await.verdict().0, reason);
    }
}

#[tokio::test]
async fn artifacts_of_a_step_and_of_the_task_are_told() {
    let of_step = json!({"outputs": [{"name": "image", "values": [{"uri": "u"}]}]});
    let of_task = json!({"inputs": []});
    let (step_text, task_text) = (of_step.to_string(), of_task.to_string());
    let mut task = Task::new();
    task.run.uses_artifacts = true;
    task.step("a", move |place, _| {
        let own = place.dir("/tekton/steps/step-a/artifacts");
        own.write("provenance.json", step_text).unwrap();
        let whole = place.dir("/tekton/artifacts");
        whole.write("provenance.json", task_text).unwrap();
        Ok(Ending::SUCCESS)
    });
    task.step("b", |place, _| {
        let own = place.dir("/tekton/steps/step-b/artifacts");
        own.write("provenance.json", "[").unwrap();
        Ok(Ending::SUCCESS)
    });
    let played = task.play().await;
    let told: Vec<_> = played
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Artifacts { artifacts } => Some((event.step.is_some(), artifacts)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(true, &of_step), (false, &of_task)]);
    assert_eq!(
        played.notices().len(),
        1,
        "what is no JSON is told and passed over"
    );
    assert_eq!(played.verdict().0, "Succeeded");
}

#[tokio::test]
async fn exit_codes_are_there_by_number_too() {
    let mut task = Task::new();
    task.run.reads_exit_codes = true;
    task.ends("a", 3).on_error = OnError::Continue;
    task.step("b", |place, _| {
        let steps = place.dir("/tekton/steps");
        assert_eq!(steps.read_to_string("0/exitCode").unwrap(), "3");
        Ok(Ending::SUCCESS)
    });
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

fn tee(path: &str) -> Option<Tee> {
    let path = path.to_owned();
    Some(Tee { path })
}

#[tokio::test]
async fn output_is_copied_to_its_file_and_shown_as_well() {
    let temp = tempfile::tempdir().unwrap();
    let mut task = Task::new();
    task.run.workspaces = vec![folder("w", temp.path().to_owned(), None, Access::ReadWrite)];
    task.declare("out", ParamType::String);
    let step = task.step("a", |_, io| {
        io.sink.log(LogStream::Stdout, b"one ");
        io.sink.log(LogStream::Stderr, b"two ");
        io.sink.log(LogStream::Stdout, b"three\n");
        Ok(Ending::SUCCESS)
    });
    step.stdout = tee("/workspace/w/logs/both");
    step.stderr = tee("/workspace/w//logs/./both");
    let step = task.step("b", |_, io| {
        io.sink.log(LogStream::Stdout, b"result");
        io.sink.log(LogStream::Stderr, b"not copied");
        Ok(Ending::SUCCESS)
    });
    step.stdout = tee("/tekton/results/out");
    let played = task.play().await;
    let both = std::fs::read_to_string(temp.path().join("logs/both")).unwrap();
    assert_eq!(both, "one two three\n");
    assert_eq!(
        played.lines(),
        ["one three", "two ", "result", "not copied"]
    );
    assert_eq!(played.results(), [("out".to_owned(), "result".into())]);
}

#[tokio::test]
async fn attack_a_copy_goes_nowhere_but_into_the_steps_own_folders() {
    let temp = tempfile::tempdir().unwrap();
    let workspace = temp.path().join("w");
    std::fs::create_dir(&workspace).unwrap();
    std::os::unix::fs::symlink("../out", workspace.join("link")).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        workspace.join("pipe"),
        rustix::fs::Mode::RWXU,
    )
    .unwrap();
    for path in [
        "/etc/stepwell-test",
        "/workspace/w/../../x",
        "/workspace/w/link",
        "/workspace/w/pipe",
        "/workspace/w",
        "/tekton/steps/step-a/exitCode",
        "/workspace/look/x",
    ] {
        let mut task = Task::new();
        task.run.reads_exit_codes = true;
        task.run.workspaces = vec![
            folder("w", workspace.clone(), None, Access::ReadWrite),
            folder("look", workspace.clone(), None, Access::ReadOnly),
        ];
        task.ends("a", 0).stdout = tee(path);
        let played = task.play().await;
        assert_eq!(played.words(), [TerminationReason::Error], "{path}");
        assert!(played.notices()[0].contains(path), "{:?}", played.notices());
        assert_eq!(played.calls(), ["open", "close"], "it never ran");
    }
    assert!(!temp.path().join("out").exists() && !workspace.join("x").exists());
}

#[tokio::test]
async fn a_hermetic_task_is_granted_no_network() {
    for (hermetic, asked, given) in [
        (true, "network=any", Network::None),
        (true, "network=off", Network::Off),
        (false, "network=any", Network::Any),
    ] {
        let mut task = Task::new();
        task.run.hermetic = hermetic;
        let step = task.step("a", move |place, _| {
            assert_eq!(place.spec.grants.network, given);
            Ok(Ending::SUCCESS)
        });
        step.grants.apply(asked).unwrap();
        assert_eq!(task.play().await.verdict().0, "Succeeded");
    }
}
