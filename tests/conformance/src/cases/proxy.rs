//! Proxies: steps ask by a name, the host answers with what only it knows.

use std::io::Cursor;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use stepwell_contract::power::{ProxyHandler, ProxyRequest, ProxyResponse};
use stepwell_contract::{Feature, SandboxErrorKind};

use crate::stage::Stage;
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::with(
        Feature::Proxy,
        "proxy_ping",
        "a step asks a proxy, and hears what the host answers",
        ping,
    ),
    Case::with(
        Feature::Proxy,
        "proxy_not_found",
        "a refusal of the host's is one for the step",
        not_found,
    ),
    Case::with(
        Feature::Proxy,
        "proxy_live",
        "a step is heard while it waits for an answer",
        live,
    ),
    Case::with(
        Feature::Proxy,
        "proxy_parallel",
        "requests of several steps are answered at once",
        parallel,
    ),
    Case::with(
        Feature::Proxy,
        "proxy_several",
        "several proxies of a task are apart",
        several,
    ),
    Case::with(
        Feature::Proxy,
        "proxy_conflict",
        "a name that is taken is a conflict",
        conflict,
    ),
    Case::with(
        Feature::Proxy,
        "proxy_malformed",
        "what is no name of a host is malformed",
        malformed,
    ),
    Case::with(
        Feature::Proxy,
        "proxy_private",
        "another task does not reach it, nor anybody after the task",
        private,
    ),
];

/// Answers with a closure, and remembers what was asked.
struct Answers<F> {
    answer: F,
    asked: Mutex<Vec<String>>,
}

impl<F: Fn() -> (u16, String) + Send + Sync> Answers<F> {
    fn new(answer: F) -> Arc<Self> {
        Arc::new(Self {
            answer,
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl<F: Fn() -> (u16, String) + Send + Sync> ProxyHandler for Answers<F> {
    fn handle(&self, request: ProxyRequest<'_>) -> ProxyResponse {
        let line = format!("{} {}", request.method, request.target);
        self.asked.lock().unwrap().push(line);
        let (status, body) = (self.answer)();
        ProxyResponse {
            status,
            headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())],
            body: Box::new(Cursor::new(body)),
        }
    }
}

fn always(status: u16, body: &str) -> Arc<Answers<impl Fn() -> (u16, String) + Send + Sync>> {
    let body = body.to_owned();
    Answers::new(move || (status, body.clone()))
}

fn ping(stage: &Stage<'_>) {
    let handler = always(200, "pong 42");
    let task = stage.task(&["ws"]);
    let url = task.scope.attach_proxy("hub", handler.clone()).unwrap();
    task.run(stage.work(&[act::get(format!("{url}/v1/ping?x=1"))]))
        .says(&["ok pong 42"]);
    assert_eq!(handler.asked(), ["GET /v1/ping?x=1"]);
    task.close();
}

fn not_found(stage: &Stage<'_>) {
    let handler = always(404, "no such thing");
    let task = stage.task(&["ws"]);
    let url = task.scope.attach_proxy("hub", handler.clone()).unwrap();
    task.run(stage.work(&[act::get(format!("{url}/v1/ping"))]))
        .says(&["refused"]);
    assert_eq!(handler.asked(), ["GET /v1/ping"]);
    task.close();
}

/// A door that one thread opens for others.
#[derive(Default)]
struct Door {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Door {
    fn come(&self) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    /// Waits until so many came: whether they did.
    fn wait(&self, many: usize, patience: Duration) -> bool {
        let count = self.count.lock().unwrap();
        let missing = |count: &mut usize| *count < many;
        let (_count, waited) = self
            .changed
            .wait_timeout_while(count, patience, missing)
            .unwrap();
        !waited.timed_out()
    }
}

fn live(stage: &Stage<'_>) {
    let patience = stage.harness.patience();
    let door = Arc::new(Door::default());
    let opened = Arc::clone(&door);
    let handler = Answers::new(move || {
        let heard = opened.wait(1, patience);
        (if heard { 200 } else { 504 }, "pong".to_owned())
    });
    let task = stage.task(&["ws"]);
    let url = task.scope.attach_proxy("hub", handler).unwrap();
    let step = task.start(stage.work(&[act::print("Pinging"), act::get(url)]));
    step.wait_for("Pinging");
    door.come();
    step.end().says(&["Pinging", "ok pong"]);
    task.close();
}

fn parallel(stage: &Stage<'_>) {
    const MANY: usize = 3;
    let patience = stage.harness.patience();
    let door = Arc::new(Door::default());
    let handler = Answers::new(move || {
        door.come();
        let met = door.wait(MANY, patience);
        (if met { 200 } else { 504 }, "pong".to_owned())
    });
    let task = stage.task(&["ws"]);
    let url = task.scope.attach_proxy("hub", handler).unwrap();
    let steps = [(); MANY].map(|()| task.start(stage.work(&[act::get(url.clone())])));
    for step in steps {
        step.end().says(&["ok pong"]);
    }
    task.close();
}

fn several(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let one = task.scope.attach_proxy("one", always(200, "1")).unwrap();
    let two = task.scope.attach_proxy("two", always(200, "2")).unwrap();
    task.run(stage.work(&[act::get(two), act::get(one)]))
        .says(&["ok 2", "ok 1"]);
    task.close();
}

fn conflict(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let url = task.scope.attach_proxy("hub", always(200, "1")).unwrap();
    let error = task
        .scope
        .attach_proxy("hub", always(200, "2"))
        .unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::Conflict),
        "{error:?}"
    );
    task.run(stage.work(&[act::get(url)])).says(&["ok 1"]);
    task.close();
    // The name is taken in that task only.
    let task = stage.task(&["ws"]);
    task.scope.attach_proxy("hub", always(200, "3")).unwrap();
    task.close();
}

fn malformed(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    for name in [
        "",
        "Hub",
        "hub.example",
        "a/b",
        "-hub",
        "hub\r\nHost: x",
        "\0",
    ] {
        let error = task.scope.attach_proxy(name, always(200, "")).unwrap_err();
        assert!(
            matches!(error.kind, SandboxErrorKind::Malformed),
            "{name:?}: {error:?}"
        );
    }
    task.close();
}

fn private(stage: &Stage<'_>) {
    let handler = always(200, "credentials");
    let task = stage.task(&["ws"]);
    let url = task.scope.attach_proxy("hub", handler.clone()).unwrap();
    let other = stage.task(&["ws"]);
    other
        .run(stage.work(&[act::get(url.clone())]))
        .says(&["refused"]);
    task.close();
    other.run(stage.work(&[act::get(url)])).says(&["refused"]);
    other.close();
    assert!(handler.asked().is_empty());
}
