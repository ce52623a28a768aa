//! A task's life: order, failure, trouble of ours and clean-up.

use stepwell_contract::{
    Access, Ending, EventKind, LogStream, ParamType, ParamValue, SandboxErrorKind,
    TerminationReason,
};
use stepwell_engine::{Control, EngineError, Refused, Why};
use stepwell_spec::OnError;

use crate::scripted::{Fault, Task, folder, host_error};

#[tokio::test]
async fn steps_run_in_order_and_everything_is_told() {
    let mut task = Task::new();
    task.step("a", |_, io| {
        io.sink.log(LogStream::Stdout, b"hello\nand");
        io.sink.progress(1, None, "half");
        Ok(Ending::SUCCESS)
    });
    task.ends("b", 0);
    let played = task.play().await;
    assert_eq!(
        played.verdict(),
        ("Succeeded", "All Steps have completed executing")
    );
    assert_eq!(
        played.shape(),
        [
            "run-start",
            "task-start",
            "step-start a",
            "step-log a",
            "step-progress a",
            "step-log a",
            "step-end a",
            "step-start b",
            "step-end b",
            "task-end",
            "run-end"
        ]
    );
    assert_eq!(
        played.log,
        [
            "admit ./step.wasm",
            "open",
            "prepare a",
            "run a",
            "prepare b",
            "run b",
            "close"
        ]
    );
    assert_eq!(played.left, 0);
}

#[tokio::test]
async fn the_first_failure_skips_the_rest() {
    let mut task = Task::new();
    task.ends("a", 0);
    task.ends("b", 3);
    task.ends("c", 0);
    let played = task.play().await;
    assert_eq!(
        played.verdict(),
        ("StepFailed", r#""step-b" exited with code 3: Error"#)
    );
    assert_eq!(
        played.step_ends()[1..],
        [
            (
                "b".to_owned(),
                TerminationReason::Error,
                3,
                Some(Ending::Exited { code: 3 })
            ),
            ("c".to_owned(), TerminationReason::Skipped, 1, None),
        ]
    );
    assert_eq!(
        played.calls(),
        ["open", "prepare a", "run a", "prepare b", "run b", "close"]
    );
}

#[tokio::test]
async fn on_error_continue_goes_on() {
    let mut task = Task::new();
    task.ends("a", 3).on_error = OnError::Continue;
    task.ends("b", 0);
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    assert_eq!(
        played.words(),
        [TerminationReason::Continued, TerminationReason::Completed]
    );
}

#[tokio::test]
async fn a_panic_in_the_sandbox_is_our_trouble_and_no_crash() {
    let mut task = Task::new();
    task.step("a", |_, io| {
        io.sink.log(LogStream::Stderr, b"last words");
        panic!("scripted panic")
    });
    task.ends("b", 0);
    let played = task.play().await;
    let said = "failed to run step `a`: a defect of stepwell: scripted panic";
    assert!(
        matches!(&played.ended, Err(error @ EngineError::Panicked { .. }) if error.to_string() == said)
    );
    assert_eq!(played.errors(), [[said]]);
    assert_eq!(
        played.step_ends(),
        [
            ("a".to_owned(), TerminationReason::Error, 1, None),
            ("b".to_owned(), TerminationReason::Skipped, 1, None),
        ]
    );
    assert_eq!(played.lines(), ["last words"]);
    assert_eq!(
        (played.calls().last(), played.left),
        (Some(&"close"), 0),
        "cleaned up"
    );
    let last = &played.events.last().unwrap().kind;
    assert!(
        matches!(last, EventKind::RunEnd { verdict, .. } if verdict.message == said),
        "{last:?}"
    );
}

#[tokio::test]
async fn what_the_host_cannot_do_is_an_error_with_its_causes() {
    for (fault, calls, message) in [
        (Fault::Open, vec!["open"], "failed to open the task"),
        (
            Fault::Prepare,
            vec!["open", "prepare a", "close"],
            "failed to prepare step `a`",
        ),
    ] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.fault = fault;
        let played = task.play().await;
        assert_eq!(played.calls(), calls);
        assert_eq!(played.ended.as_ref().unwrap_err().to_string(), message);
        let doing = calls[1..].first().map_or("open", |_| "prepare");
        assert_eq!(
            played.errors(),
            [[
                message.to_owned(),
                format!("failed to {doing} in the scripted sandbox"),
                "as the script says".to_owned()
            ]]
        );
        assert_eq!(played.left, 0);
    }
    let mut task = Task::new();
    task.step("a", |_, _| Err(host_error("run")));
    let played = task.play().await;
    assert!(matches!(played.ended, Err(EngineError::Run { .. })));
    assert_eq!(played.calls().last(), Some(&"close"));
}

#[tokio::test]
async fn a_panic_in_any_other_call_is_our_trouble_too() {
    for (fault, last) in [(Fault::OpenPanics, "open"), (Fault::PreparePanics, "close")] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.fault = fault;
        let played = task.play().await;
        assert!(matches!(played.ended, Err(EngineError::Panicked { .. })));
        assert_eq!((played.calls().last(), played.left), (Some(&last), 0));
    }
}

#[tokio::test]
async fn what_cannot_be_cleaned_up_is_told_and_changes_nothing() {
    for (fault, said) in [
        (Fault::Close, "failed to close in the scripted sandbox"),
        (
            Fault::ClosePanics,
            "failed to clean up: a defect of stepwell: scripted panic",
        ),
    ] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.fault = fault;
        let played = task.play().await;
        assert_eq!(played.verdict().0, "Succeeded");
        assert_eq!((played.errors()[0][0].as_str(), played.left), (said, 0));
    }
}

#[tokio::test]
async fn a_step_that_is_not_admitted_keeps_every_step_from_running() {
    let mut task = Task::new();
    task.ends("a", 0);
    task.ends("b", 0);
    task.fault = Fault::Admit;
    let started = task.start();
    let refused = started.engine.admit(started.run).unwrap_err();
    assert_eq!(refused.to_string(), "failed to admit `a`, `b`");
    assert!(
        started
            .log
            .lock()
            .unwrap()
            .iter()
            .all(|call| call.starts_with("admit"))
    );
}

#[tokio::test]
async fn results_are_read_back_also_from_a_task_that_failed() {
    let mut task = Task::new();
    task.declare("text", ParamType::String);
    task.declare("list", ParamType::Array);
    task.declare("unwritten", ParamType::String);
    task.step("a", |place, io| {
        let results = place.dir("/tekton/results");
        results.write("text", "first").unwrap();
        results.write("undeclared", "ignored").unwrap();
        io.sink
            .emit("list", ParamValue::Array(vec!["x".into()]))
            .unwrap();
        Ok(Ending::SUCCESS)
    });
    task.step("b", |place, _| {
        place
            .dir("/tekton/results")
            .write("text", "last\n")
            .unwrap();
        Ok(Ending::Exited { code: 1 })
    });
    let played = task.play().await;
    assert_eq!(played.verdict().0, "StepFailed");
    assert_eq!(
        played.results(),
        [
            ("text".to_owned(), ParamValue::from("last\n")),
            ("list".to_owned(), ParamValue::Array(vec!["x".into()])),
        ]
    );
}

#[tokio::test]
async fn a_result_that_cannot_be_taken_fails_the_task_and_keeps_the_others() {
    for (text, reason, message) in [
        (
            "x".repeat(5_000),
            "TaskRunResultLargerThanAllowedLimit",
            r#"TaskRun "run" failed: results exceeded size limit 4096 bytes"#,
        ),
        (
            "x".to_owned(),
            "TaskRunValidationFailed",
            "Provided results don't match declared results; may be invalid JSON or missing result declaration:  \
             \"bad\": task result is expected to be \"array\" type but was initialized to a different type \"string\"",
        ),
    ] {
        let mut task = Task::new();
        task.declare("bad", ParamType::Array);
        task.declare("good", ParamType::String);
        task.step("a", move |place, _| {
            let results = place.dir("/tekton/results");
            results.write("bad", text).unwrap();
            results.write("good", "1").unwrap();
            Ok(Ending::SUCCESS)
        });
        let played = task.play().await;
        assert_eq!(played.verdict(), (reason, message));
        assert_eq!(played.words(), [TerminationReason::Completed]);
        assert_eq!(played.results(), [("good".to_owned(), "1".into())]);
    }
}

#[tokio::test]
async fn a_larger_limit_takes_a_larger_result() {
    let mut task = Task::new();
    task.declare("r", ParamType::String);
    let step = task.step("a", |place, _| {
        place
            .dir("/tekton/results")
            .write("r", "x".repeat(5_000))
            .unwrap();
        Ok(Ending::SUCCESS)
    });
    step.limits.apply("result=8Ki").unwrap();
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn steps_share_the_tasks_folders_and_see_its_scripts() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("src")).unwrap();
    std::fs::write(temp.path().join("src/file"), "theirs").unwrap();
    let mut task = Task::new();
    task.run.workspaces = vec![
        folder("src", temp.path().join("src"), None, Access::ReadOnly),
        folder(
            "new",
            temp.path().to_owned(),
            Some("made/here"),
            Access::ReadWrite,
        ),
    ];
    task.step("a", |place, _| {
        let script = place.dir("/tekton/scripts");
        assert_eq!(script.read_to_string("script-0").unwrap(), "1 + 1");
        let theirs = place.dir("/workspace/src").read_to_string("file").unwrap();
        place.dir("/workspace/new").write("copy", theirs).unwrap();
        place.dir("/workspace").write("between", "1").unwrap();
        Ok(Ending::SUCCESS)
    })
    .script = Some("1 + 1".to_owned());
    task.step("b", |place, _| {
        assert!(place.dir("/workspace").exists("between"));
        Ok(Ending::SUCCESS)
    });
    assert_eq!(task.play().await.verdict().0, "Succeeded");
    let copy = temp.path().join("made/here/copy");
    assert_eq!(std::fs::read(copy).unwrap(), b"theirs");
}

#[tokio::test]
async fn a_workspace_that_is_not_there_is_named() {
    let temp = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc", temp.path().join("out")).unwrap();
    for (path, sub_path, access) in [
        (temp.path().join("gone"), None, Access::ReadWrite),
        (temp.path().to_owned(), Some("gone"), Access::ReadOnly),
        // A folder below the user's is below it, whatever links say.
        (temp.path().to_owned(), Some("out"), Access::ReadOnly),
        (temp.path().to_owned(), Some("../up"), Access::ReadWrite),
    ] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.run.workspaces = vec![folder("src", path, sub_path, access)];
        let played = task.play().await;
        let error = played.ended.as_ref().unwrap_err();
        assert!(
            matches!(error, EngineError::Volume { owner, .. } if owner == "workspace `src`"),
            "{error}"
        );
        assert_eq!((played.calls().len(), played.left), (0, 0));
    }
}

#[tokio::test]
async fn exit_codes_are_left_for_later_steps_that_ask() {
    let mut task = Task::new();
    task.run.reads_exit_codes = true;
    task.ends("a", 3).on_error = OnError::Continue;
    task.step("b", |place, _| {
        let steps = place.dir("/tekton/steps");
        assert_eq!(steps.read_to_string("step-a/exitCode").unwrap(), "3");
        assert!(!steps.exists("step-b"));
        Ok(Ending::SUCCESS)
    });
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn output_beyond_the_limit_is_told_with_the_end() {
    let mut task = Task::new();
    let step = task.step("a", |_, io| {
        for _ in 0..1_000 {
            io.sink.log(LogStream::Stdout, &[b'x'; 1_000]);
        }
        Ok(Ending::SUCCESS)
    });
    step.limits.apply("output=1k").unwrap();
    let played = task.play().await;
    let dropped = played.events.iter().find_map(|event| match event.kind {
        EventKind::StepEnd { dropped_bytes, .. } => Some(dropped_bytes),
        _ => None,
    });
    assert_eq!(dropped, Some(999_000));
    assert_eq!(
        played.lines()[1..],
        ["[stepwell: output limit of 1000 reached; 999000 bytes dropped]"]
    );
    assert_eq!(played.verdict().0, "Succeeded");
}

#[tokio::test]
async fn a_run_whose_events_nobody_reads_still_ends() {
    let mut task = Task::new();
    for name in ["a", "b"] {
        task.step(name, |_, io| {
            io.sink.log(LogStream::Stdout, &b"line\n".repeat(1_000));
            Ok(Ending::SUCCESS)
        });
    }
    let started = task.start();
    let admitted = started.engine.admit(started.run).unwrap();
    let scratch = started.store.scratch().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let verdict = started
        .engine
        .run(admitted, scratch, sender, Control::new())
        .await;
    assert!(verdict.unwrap().succeeded);
}

#[tokio::test]
async fn a_task_mixes_components_and_containers_over_the_same_folders() {
    let mut task = Task::new();
    task.containers = true;
    task.step("a", |place, _| {
        place
            .dir("/workspace")
            .write("file", "from a component")
            .unwrap();
        Ok(Ending::SUCCESS)
    });
    let step = task.step("b", |place, _| {
        assert_eq!(place.spec.argv, ["/bin/app"]);
        assert_eq!(&*place.spec.working_dir, "/");
        let text = place.dir("/workspace").read_to_string("file").unwrap();
        assert_eq!(text, "from a component");
        Ok(Ending::SUCCESS)
    });
    step.image = "app:1".into();
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    assert_eq!(
        played.calls(),
        [
            "container: open",
            "open",
            "prepare a",
            "run a",
            "container: prepare b",
            "container: run b",
            "close",
            "container: close",
        ]
    );
}

#[tokio::test]
async fn a_backend_that_no_step_needs_is_not_opened() {
    let mut task = Task::new();
    task.containers = true;
    task.ends("a", 0).image = "app:1".into();
    let calls = task.play().await;
    assert_eq!(calls.calls().first(), Some(&"container: open"));
    assert_eq!(calls.calls().last(), Some(&"container: close"));
}

#[tokio::test]
async fn a_container_without_a_backend_for_it_is_not_admitted() {
    let mut task = Task::new();
    task.ends("a", 0).image = "app:1".into();
    let started = task.start();
    let refused = started.engine.admit(started.run).unwrap_err().refused;
    let [
        Refused {
            why: Why::Sandbox(error),
            ..
        },
    ] = &*refused
    else {
        panic!("{refused:?}");
    };
    assert!(matches!(error.kind, SandboxErrorKind::NotFound));
}
