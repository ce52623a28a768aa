//! What is only known when a step is about to begin: whether it runs, what earlier steps left, and which try it is.

#![expect(clippy::unwrap_used, reason = "part of a test")]

use serde_json::json;
use stepwell_contract::{Ending, ParamType, ParamValue, ResultDecl, TerminationReason};

use crate::scripted::Task;

/// A task whose first step has the result `r` with this text.
fn after(text: &str) -> Task {
    let text = text.to_owned();
    let mut task = Task::new();
    let step = task.step("first", move |place, _| {
        let own = place.dir("/tekton/steps/step-first/results");
        own.write("r", text).unwrap();
        Ok(Ending::SUCCESS)
    });
    step.results = vec![ResultDecl {
        name: "r".into(),
        result_type: ParamType::String,
        properties: Vec::new(),
    }];
    task
}

#[tokio::test]
async fn a_step_that_its_when_leaves_out_is_passed_over() {
    for (text, words) in [
        ("yes", [TerminationReason::Completed; 3]),
        (
            "no",
            [
                TerminationReason::Completed,
                TerminationReason::Skipped,
                TerminationReason::Completed,
            ],
        ),
    ] {
        let mut task = after(text);
        task.run.reads_exit_codes = true;
        task.ends("maybe", 0).when =
            vec![json!({"input": "$(steps.first.results.r)", "operator": "in", "values": ["yes"]})];
        task.step("last", |place, _| {
            let steps = place.dir("/tekton/steps");
            assert_eq!(steps.read_to_string("step-maybe/exitCode").unwrap(), "0");
            Ok(Ending::SUCCESS)
        });
        let played = task.play().await;
        assert_eq!(played.words(), words, "{text}");
        assert_eq!(played.step_ends()[1].2, 0, "its exit code");
        assert_eq!(played.verdict().0, "Succeeded");
    }
}

#[tokio::test]
async fn results_of_earlier_steps_are_filled_in_and_change_the_seed() {
    let mut seeds = Vec::new();
    for text in ["one", "two"] {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut task = after(text);
        task.declare("whole", ParamType::String);
        task.run.step_results = vec![("whole".into(), "$(steps.first.results.r)".to_owned())];
        let step = task.step("second", move |place, _| {
            assert_eq!(place.spec.argv[1..], [text]);
            assert_eq!(place.spec.env[0].1, format!("<{text}>"));
            sender.send(place.spec.ambient.seed).unwrap();
            Ok(Ending::SUCCESS)
        });
        step.args = vec!["$(steps.first.results.r)".to_owned()];
        step.env = vec![("R".to_owned(), "<$(steps.first.results.r)>".to_owned())];
        step.is_late = true;
        let played = task.play().await;
        assert_eq!(played.verdict().0, "Succeeded");
        let results = played.results();
        assert_eq!(results.last().unwrap(), &("whole".to_owned(), text.into()));
        seeds.push(receiver.recv().unwrap());
    }
    assert_ne!(seeds[0], seeds[1]);
}

#[tokio::test]
async fn a_step_that_refers_to_what_is_not_there_does_not_begin() {
    let mut task = Task::new();
    task.ends("first", 0).results = vec![ResultDecl {
        name: "r".into(),
        result_type: ParamType::String,
        properties: Vec::new(),
    }];
    let step = task.ends("second", 0);
    step.args = vec!["$(steps.first.results.r)".to_owned()];
    step.is_late = true;
    let played = task.play().await;
    assert_eq!(
        played.verdict(),
        ("StepFailed", r#""step-second" exited with code 1: Error"#)
    );
    assert_eq!(played.notices().len(), 1);
    assert!(!played.calls().contains(&"prepare second"));
}

#[tokio::test]
async fn a_result_of_a_step_of_another_type_than_the_tasks_fails_it() {
    let mut task = after("text");
    task.declare("whole", ParamType::Array);
    task.run.step_results = vec![("whole".into(), "$(steps.first.results.r)".to_owned())];
    let played = task.play().await;
    assert_eq!(played.verdict().0, "TaskRunValidationFailed");
    let own = played.results();
    assert_eq!(own, [("r".to_owned(), ParamValue::from("text"))]);
}

#[tokio::test]
async fn a_script_knows_which_try_it_is() {
    let mut task = Task::new();
    task.run.retries = 1;
    let sees = |text: &'static str, code| {
        move |place: crate::scripted::Place, _| {
            let scripts = place.dir("/tekton/scripts");
            assert_eq!(scripts.read_to_string("script-0").unwrap(), text);
            Ok(Ending::Exited { code })
        }
    };
    let step = task.step("a", sees("try 0", 1));
    step.script = Some("try $(context.task.retry-count)".to_owned());
    step.is_late = true;
    step.retry_count = true;
    task.again("a", sees("try 1", 0));
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}
