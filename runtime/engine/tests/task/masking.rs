//! Values of Secrets in everything that is told, and in nothing else.

use serde_json::json;
use std::sync::Arc;
use stepwell_contract::{Ending, FailureClass, LogStream, ParamType};

use crate::scripted::{Task, host_error};

const SECRET: &str = "hunter2-hunter2";

fn task() -> Task {
    let mut task = Task::new();
    task.run.secrets = [Arc::from(SECRET), "xy\nsecond line\n".into()].into();
    task
}

#[tokio::test]
async fn attack_a_secret_is_shown_nowhere() {
    let mut task = task();
    task.run.retries = 1;
    task.run.task_spec = Arc::new(json!({"steps": [{"script": format!("echo {SECRET}")}]}));
    task.run.display_name = Some(format!("deploy with {SECRET}").into());
    task.declare("r", ParamType::String);
    task.step("a", |place, io| {
        place.dir("/tekton/results").write("r", SECRET).unwrap();
        let (first, second) = SECRET.split_at(5);
        for part in ["pw=", first, second, "\n", SECRET] {
            io.sink.log(LogStream::Stdout, part.as_bytes());
            io.sink.log(LogStream::Stderr, b"second line, plain\n");
        }
        io.sink.progress(1, None, SECRET);
        let message = format!("refused {SECRET}");
        let class = FailureClass::Failed;
        Ok(Ending::Failed { class, message })
    });
    task.again("a", |_, _| {
        let cause = format!("no such user: {SECRET}");
        Err(host_error("run").because(cause))
    });
    let played = task.play().await;
    let told = played.text();
    assert!(
        !told.contains(SECRET) && !told.contains("second line"),
        "{told}"
    );
    let lines = played.lines();
    assert!(
        lines.contains(&"pw=***") && lines.contains(&"***, plain"),
        "{lines:?}"
    );
    for shown in [
        "refused ***",
        "no such user: ***",
        "echo ***",
        "deploy with ***",
    ] {
        assert!(told.contains(shown), "{shown}: {told}");
    }
    assert_eq!(played.results()[0].1, "***".into());
}

#[tokio::test]
async fn steps_find_each_others_secrets_as_they_are() {
    let mut task = task();
    task.step("a", |place, _| {
        place.dir("/workspace").write("x", SECRET).unwrap();
        Ok(Ending::SUCCESS)
    });
    task.step("b", |place, io| {
        let text = place.dir("/workspace").read_to_string("x").unwrap();
        assert_eq!(text, SECRET);
        io.sink
            .log(LogStream::Stdout, b"hunter2 alone is no secret");
        Ok(Ending::SUCCESS)
    });
    assert_eq!(task.play().await.lines(), ["hunter2 alone is no secret"]);
}

#[tokio::test]
async fn attack_secrets_that_cannot_be_hidden_let_nothing_run() {
    let mut task = task();
    task.run.secrets = [Arc::from("x".repeat(17 << 20))].into();
    task.step("a", |_, _| panic!("it must not run"));
    let played = task.play().await;
    assert!(played.events.is_empty(), "{:?}", played.events);
    let error = played.ended.unwrap_err().to_string();
    assert!(error.contains("failed to hide the values"), "{error}");
}
