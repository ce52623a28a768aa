//! Proxies: attached when a task opens, told to its steps, and what they know is hidden.

use std::sync::Arc;

use stepwell_contract::power::{ProxyHandler, ProxyRequest, ProxyResponse};
use stepwell_contract::{Ending, LogStream};

use crate::scripted::Task;

struct Nobody;

impl ProxyHandler for Nobody {
    fn handle(&self, _: ProxyRequest<'_>) -> ProxyResponse {
        ProxyResponse {
            status: 502,
            headers: Vec::new(),
            body: Box::new(std::io::empty()),
        }
    }
}

/// A task that asks for the proxy `my-forge`.
fn asking() -> Task {
    let mut task = Task::new();
    task.containers = true;
    task.run.proxies = vec!["my-forge".into()];
    task
}

/// Says which of its variables are of proxies.
fn tells(task: &mut Task, image: &str) {
    task.step("a", |place, io| {
        for (name, value) in &place.spec.env {
            io.sink
                .log(LogStream::Stdout, format!("{name}={value}\n").as_bytes());
        }
        io.sink.log(LogStream::Stdout, b"a token\n");
        Ok(Ending::SUCCESS)
    })
    .image = image.into();
}

#[tokio::test]
async fn a_step_is_told_the_address_and_nobody_what_the_proxy_knows() {
    let mut task = asking();
    tells(&mut task, "app:1");
    task.proxies
        .handlers
        .insert("my-forge".into(), Arc::new(Nobody));
    task.proxies.secrets.push("token".into());
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    let lines = played.lines();
    assert!(
        lines.contains(&"STEPWELL_PROXY_MY_FORGE=http://my-forge"),
        "{lines:?}"
    );
    assert!(lines.contains(&"a ***"), "{lines:?}");
}

#[tokio::test]
async fn a_backend_without_proxies_is_an_error_unless_another_has_them() {
    let mut task = asking();
    task.proxies
        .handlers
        .insert("my-forge".into(), Arc::new(Nobody));
    task.ends("a", 0);
    let played = task.play().await;
    assert!(played.text().contains("has no proxy"), "{}", played.text());

    let mut task = asking();
    task.proxies
        .handlers
        .insert("my-forge".into(), Arc::new(Nobody));
    task.ends("component", 0);
    tells(&mut task, "app:1");
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn a_proxy_that_there_is_not_is_named() {
    let mut task = asking();
    task.ends("a", 0);
    let played = task.play().await;
    let (_, message) = played.verdict();
    assert!(message.contains("no `[proxies.my-forge]`"), "{message}");
    assert_eq!(played.left, 0);
}
