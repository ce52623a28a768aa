//! What a step finds in its environment: what it was given, unchanged, and nothing of the host's.

use stepwell_contract::SandboxErrorKind;

use crate::stage::{Stage, Step};
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "env_set",
        "a variable has its value, whatever is in it",
        set,
    ),
    Case::new(
        "env_unset",
        "nothing of the host's environment is seen",
        unset,
    ),
    Case::new(
        "env_conflict",
        "a variable that is set twice is a conflict, before anything runs",
        conflict,
    ),
    Case::new(
        "env_malformed",
        "what cannot be a variable is malformed, before anything runs",
        malformed,
    ),
    Case::new(
        "env_malformed_argument",
        "so is an argument with a zero byte",
        malformed_argument,
    ),
];

fn set(stage: &Stage<'_>) {
    let values = [
        "Hello World",
        "",
        " a=b ",
        "$HOME `x` 'y' \"z\"",
        "Übergröße ✓",
    ];
    for value in values {
        let step = stage
            .work(&[act::env("STEP_VALUE")])
            .env("STEP_VALUE", value);
        let end = stage.run(step);
        assert!(end.ending.is_success(), "{end:#?}");
        assert_eq!(end.stdout.trim_end(), format!("ok {value}").trim_end());
    }
}

/// Cargo sets it for every test: a variable that the host certainly has.
const OF_THE_HOST: &str = "CARGO_MANIFEST_DIR";

fn unset(stage: &Stage<'_>) {
    let host_has_it = std::env::vars_os().any(|(name, _)| name == OF_THE_HOST);
    assert!(host_has_it, "run this with cargo");
    stage.play(&[act::env(OF_THE_HOST)]).says(&["refused"]);
}

fn refused(stage: &Stage<'_>, step: Step, is_right: fn(&SandboxErrorKind) -> bool) {
    let task = stage.task(&["ws"]);
    match task.try_prepare(step) {
        Ok(_) => panic!("prepared"),
        Err(error) => assert!(is_right(&error.kind), "{error:?}"),
    }
    task.close();
}

fn conflict(stage: &Stage<'_>) {
    let step = stage.work(&[]).env("TWICE", "Hello World").env("OTHER", "");
    let once = step.clone().env("twice", "Hello World");
    stage.run(once).says(&[]);
    refused(stage, step.env("TWICE", "Hello World"), |kind| {
        matches!(kind, SandboxErrorKind::Conflict)
    });
}

fn malformed(stage: &Stage<'_>) {
    for (name, value) in [("", "x"), ("A=B", "x"), ("A\0B", "x"), ("A", "x\0y")] {
        refused(stage, stage.work(&[]).env(name, value), |kind| {
            matches!(kind, SandboxErrorKind::Malformed)
        });
    }
}

fn malformed_argument(stage: &Stage<'_>) {
    let mut step = stage.work(&[]);
    step.spec.argv.push("a\0b".to_owned());
    refused(stage, step, |kind| {
        matches!(kind, SandboxErrorKind::Malformed)
    });
}
