//! Asks whether every step may run, before any does, and says what its author has to change where it may not.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::Context as _;
use stepwell_contract::{Cancel, Refusal, SandboxErrorKind};
use stepwell_engine::{Admitted, Engine, NotAdmitted, Why};
use stepwell_spec::{Run, SpecErrors, SpecProblem};

use crate::exit::{Coded, ExitCode};
use crate::inputs::Texts;
use crate::trouble::Trouble;

/// How long a person waits for the compiler before being told what is going on.
const NOTICE: Duration = Duration::from_millis(500);

/// Asks the backend about every step; `None` where the user asked for the end before the backend had an answer. `tell`
/// says whether a person waits, who wants to know why.
pub(crate) fn admit_until(
    cancel: &Cancel,
    engine: &Engine,
    run: Run,
    tell: bool,
) -> anyhow::Result<Option<Result<Admitted, NotAdmitted>>> {
    let (answer, answers) = mpsc::channel();
    let hook = {
        let answer = answer.clone();
        // Nobody may be waiting any more.
        cancel.on_cancel(move || drop(answer.send(None)))
    };
    let engine = engine.clone();
    // Left behind when the user does not want to wait: it ends with the process.
    std::thread::Builder::new()
        .name("admit".to_owned())
        .spawn(move || drop(answer.send(Some(engine.admit(run)))))
        .context("failed to start a thread")?;
    let answer = match answers.recv_timeout(NOTICE) {
        Err(RecvTimeoutError::Timeout) => {
            if tell {
                let text = "stepwell: compiling components; the next run finds them compiled\n";
                // Standard error may be closed; then nobody wants to know.
                let _ = io::stderr().write_all(text.as_bytes());
            }
            answers.recv().ok()
        }
        answered => answered.ok(),
    };
    drop(hook);
    // A compiler that was interrupted with us has failed, but that is not what the user wants to know.
    if cancel.reason().is_some() {
        return Ok(None);
    }
    answer.context("failed to admit the steps: a defect of stepwell")
}

/// What the author has to change, where it is the author who can; else our trouble.
pub(crate) fn refusal(texts: &Texts, not_admitted: NotAdmitted) -> Trouble {
    let mut problems = Vec::new();
    for refused in &not_admitted.refused {
        let (Some(span), Some(step), Why::Sandbox(error)) =
            (refused.image_span, &refused.step, &refused.why)
        else {
            let code = Coded::new(ExitCode::DocumentInvalid, "failed to plan the run");
            return anyhow::Error::from(not_admitted).context(code).into();
        };
        match &error.kind {
            SandboxErrorKind::Refused(refusals) => {
                let step = step.as_str();
                let refusals = together(refusals);
                problems.extend(
                    refusals
                        .iter()
                        .map(|refusal| SpecProblem::grant_missing(span, step, refusal)),
                );
            }
            SandboxErrorKind::BadGuest => {
                let image = texts.sources.slice(span);
                let why = std::error::Error::source(error);
                let why = why.map_or_else(|| error.to_string(), ToString::to_string);
                problems.push(SpecProblem::image_not_wasm(span, image, &why));
            }
            _ => return anyhow::Error::from(not_admitted).into(),
        }
    }
    SpecErrors::new(texts.sources.clone(), problems).into()
}

/// What one line grants is one thing to say, however many imports it is about.
fn together(refusals: &[Refusal]) -> Vec<Refusal> {
    let mut merged = Vec::<Refusal>::new();
    for refusal in refusals {
        let known = merged.iter_mut().find(|known| {
            (&known.capability, &known.grant) == (&refusal.capability, &refusal.grant)
        });
        match known {
            Some(known) => known.import += &format!("`, `{}", refusal.import),
            None => merged.push(refusal.clone()),
        }
    }
    merged
}
