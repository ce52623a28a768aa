//! What a backend without a power has to say: that one, refused by name, and nothing broken by asking.

use std::io::{self, Cursor};
use std::sync::Arc;

use stepwell_contract::power::{ProxyHandler, ProxyRequest, ProxyResponse, ShellSpec};
use stepwell_contract::{Feature, SandboxError, SandboxErrorKind};

use crate::act;
use crate::stage::{Stage, causes};

/// Asks for `feature` in every way, and demands the refusal and a step that runs none the less.
pub(crate) fn check(stage: &Stage<'_>, feature: Feature) {
    let task = stage.task(&["ws"]);
    let attached = match feature {
        Feature::Proxy => vec![task.scope.attach_proxy("hub", Arc::new(Nobody)).map(drop)],
        Feature::Connection => vec![task.scope.connect(80).map(drop)],
        _ => Vec::new(),
    };
    let sandbox = task.prepare(stage.work(&[act::print("ran")]));
    let place = sandbox.place();
    task.set_off(sandbox).end().says(&["ran"]);
    let answers = match feature {
        Feature::Shell => vec![place.shell(ShellSpec::default()).map(drop)],
        Feature::Display => vec![
            place.displays().map(drop),
            place.open_display("screen").map(drop),
        ],
        Feature::Extract => vec![
            place.extract_file("/ws/file").map(drop),
            place.extract_folder("/ws", &mut |_, _| Ok(())),
        ],
        Feature::Archive => vec![place.archive(&mut io::sink())],
        _ => attached,
    };
    assert!(!answers.is_empty(), "nobody asks for {feature}");
    for answer in answers {
        refused(answer, feature, stage.backend.name());
    }
    drop(place);
    task.close();
}

fn refused(answer: Result<(), SandboxError>, feature: Feature, backend: &str) {
    let error = answer.expect_err("a power that the harness does not name");
    assert!(
        matches!(error.kind, SandboxErrorKind::Unsupported(named) if named == feature),
        "{error:?}"
    );
    assert_eq!(error.backend, backend);
    assert!(causes(&error).contains(backend), "{}", causes(&error));
}

struct Nobody;

impl ProxyHandler for Nobody {
    fn handle(&self, _: ProxyRequest<'_>) -> ProxyResponse {
        ProxyResponse {
            status: 404,
            headers: Vec::new(),
            body: Box::new(Cursor::new(Vec::new())),
        }
    }
}
