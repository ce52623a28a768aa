//! Asks whether every step may run, before any does, and says what its author has to change where it may not.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use stepwell_contract::{Refusal, SandboxError, SandboxErrorKind};
use stepwell_engine::{Admitted, Control, Engine, NotAdmitted, Why};
use stepwell_spec::{Run, Span, SpecErrors, SpecProblem};

use crate::containers;
use crate::exit::{Coded, ExitCode};
use crate::inputs::Texts;
use crate::trouble::{Trouble, say};

/// How often to look whether the user still wants to wait.
const MOMENT: Duration = Duration::from_millis(20);

/// How long a person waits for the compiler before being told what is going on.
const NOTICE: Duration = Duration::from_millis(500);

/// Asks the backend about every step that is known; `None` where the user asked for the end before the backend had an
/// answer. `tell` says whether a person waits, who wants to know why.
pub(super) fn admit_until(
    control: &Control,
    engine: &Engine,
    run: Run,
    tell: bool,
) -> anyhow::Result<Option<Result<Admitted, NotAdmitted>>> {
    let (answer, answers) = mpsc::channel();
    let engine = engine.clone();
    // Left behind when the user does not want to wait: it ends with the process. Nobody may be waiting any more.
    std::thread::Builder::new()
        .name("admit".to_owned())
        .spawn(move || drop(answer.send(engine.admit(run))))
        .context("failed to start a thread")?;
    let began = Instant::now();
    let mut tell = tell;
    loop {
        let answer = answers.recv_timeout(MOMENT);
        // A compiler that was interrupted with us has failed, but that is not what the user wants to know.
        if control.asked().is_some() {
            return Ok(None);
        }
        match answer {
            Err(RecvTimeoutError::Timeout) => {}
            answered => {
                let answer = answered.context("failed to admit the steps: a defect of stepwell")?;
                return Ok(Some(answer));
            }
        }
        if tell && began.elapsed() > NOTICE {
            tell = false;
            say(
                &mut io::stderr(),
                "compiling components; the next run finds them compiled",
            );
        }
    }
}

/// What the author has to change, where it is the author who can; else our trouble.
pub(crate) fn refusal(texts: &Texts, not_admitted: NotAdmitted) -> Trouble {
    let mut found = Vec::new();
    for refused in &not_admitted.refused {
        let (Some(step), Some(span)) = (&refused.step, refused.image_span) else {
            return contradiction(not_admitted);
        };
        let Why::Sandbox(error) = &refused.why else {
            return contradiction(not_admitted);
        };
        let image = texts.sources.slice(span);
        match problems(step.as_str(), image, span, error) {
            Some(problems) => found.extend(problems),
            None => return anyhow::Error::from(not_admitted).into(),
        }
    }
    SpecErrors::new(texts.sources.clone(), found).into()
}

/// What no place in a document can be named for: a task that contradicts itself, code that went away since it was found.
fn contradiction(not_admitted: NotAdmitted) -> Trouble {
    let message = "the run cannot be made";
    let coded = Coded::new(ExitCode::DocumentInvalid, message);
    anyhow::Error::from(not_admitted).context(coded).into()
}

/// What the author of a step has to change for its code to be admitted; `None` where it is not the author who can.
pub(crate) fn problems(
    step: &str,
    image: &str,
    span: Span,
    error: &SandboxError,
) -> Option<Vec<SpecProblem>> {
    match &error.kind {
        SandboxErrorKind::Refused(refusals) => {
            let refusals = together(refusals);
            let problem = |refusal| SpecProblem::grant_missing(span, step, refusal);
            Some(refusals.iter().map(problem).collect())
        }
        SandboxErrorKind::BadGuest => {
            let why = std::error::Error::source(error);
            let why = why.map_or_else(|| error.to_string(), ToString::to_string);
            let problem = match error.backend {
                name if containers::is_backend(name) => {
                    let help = "look at how the image was built, and for which machine";
                    SpecProblem::image_not_pulled(span, image, &why, help)
                }
                _ => SpecProblem::image_not_wasm(span, image, &why),
            };
            Some(vec![problem])
        }
        _ => None,
    }
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
