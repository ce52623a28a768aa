//! The annotations of ours: `stepwell.dev/limits` and `stepwell.dev/grants`, for every step or with `.STEP` for one, and
//! `stepwell.dev/proxies` and `stepwell.dev/cache`, for the whole task.
//!
//! Tekton keeps annotations and ignores these, so that a document with them still runs on a cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_contract::{Grants, Limits};

use crate::fields::Text;
use crate::nearest::suggest;
use crate::problem::{FieldProblem, Problems, TaskProblem};
use crate::run::CacheSetting;
use crate::source::Sources;

const PREFIX: &str = "stepwell.dev/";
const KNOWN: [&str; 4] = [
    "stepwell.dev/limits",
    "stepwell.dev/grants",
    "stepwell.dev/proxies",
    "stepwell.dev/cache",
];

/// The longest name of a proxy: it is one label of a host's name.
const LONGEST_PROXY: usize = 63;

/// What an annotation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What bounds a step.
    Limits,
    /// What a step is granted.
    Grants,
    /// Which proxies a task reaches.
    Proxies,
    /// Whether what its steps do is kept.
    Cache,
}

impl Kind {
    /// A setting that could stand there.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Limits => "memory=64Mi",
            Self::Grants => "clock=real",
            Self::Proxies => "forge",
            Self::Cache => "off",
        }
    }

    /// Applies one setting; what is wrong with it, in words.
    pub(crate) fn apply(
        self,
        setting: &str,
        limits: &mut Limits,
        grants: &mut Grants,
    ) -> Result<(), String> {
        match self {
            Self::Limits => limits.apply(setting).map_err(|error| error.to_string()),
            Self::Grants => grants.apply(setting).map_err(|error| error.to_string()),
            Self::Proxies => match is_proxy(setting) {
                true => Ok(()),
                false => Err(format!(
                    "`{setting}` is no name of a proxy: small letters, digits and `-`"
                )),
            },
            Self::Cache => match cache_setting(setting) {
                Some(_) => Ok(()),
                None => Err(format!("`{setting}` is neither `on` nor `off`")),
            },
        }
    }
}

/// One annotation of ours.
#[derive(Debug, Clone)]
pub(crate) struct Annotation {
    kind: Kind,
    key: Text,
    /// The step it is about; every step where there is none.
    step: Option<String>,
    settings: Vec<String>,
}

/// Finds our annotations among all of a document's, and checks what they set.
pub(crate) fn read(
    annotations: &[(Text, Text)],
    sources: &Sources,
    problems: &Problems,
) -> Vec<Annotation> {
    annotations
        .iter()
        .filter_map(|(key, value)| {
            let name = key.value.strip_prefix(PREFIX)?;
            let (kind, step) = match name.split_once('.') {
                Some((kind, step)) => (kind, Some(step.to_owned())),
                None => (name, None),
            };
            let kind = match kind {
                "limits" => Kind::Limits,
                "grants" => Kind::Grants,
                "proxies" if step.is_none() => Kind::Proxies,
                "cache" if step.is_none() => Kind::Cache,
                _ => {
                    problems.push(FieldProblem::UnknownAnnotation {
                        name: key.value.clone(),
                        help: suggest(&key.value, &KNOWN, "annotations with this prefix"),
                        span: key.span,
                    });
                    return None;
                }
            };
            Some(Annotation {
                kind,
                key: key.clone(),
                step,
                settings: read_settings(kind, value, sources, problems),
            })
        })
        .collect()
}

fn read_settings(kind: Kind, value: &Text, sources: &Sources, problems: &Problems) -> Vec<String> {
    let mut settings = Vec::new();
    for setting in value
        .value
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        match kind.apply(setting, &mut Limits::default(), &mut Grants::default()) {
            Ok(()) => settings.push(setting.to_owned()),
            Err(message) => problems.push(FieldProblem::BadSetting {
                message,
                example: kind.example(),
                span: sources.narrow(value.span, setting),
            }),
        }
    }
    settings
}

/// Notes annotations for steps that are not there.
pub(crate) fn check_steps(annotations: &[Annotation], steps: &[&str], problems: &Problems) {
    for annotation in annotations {
        if let Some(step) = annotation
            .step
            .as_deref()
            .filter(|step| !steps.contains(step))
        {
            problems.push(TaskProblem::UnknownStep {
                setting: annotation.key.value.clone(),
                help: suggest(step, steps, "steps"),
                span: annotation.key.span,
            });
        }
    }
}

/// Whether `name` is one label of a host's name.
fn is_proxy(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = name.starts_with('-') || name.ends_with('-');
    !name.is_empty() && name.len() <= LONGEST_PROXY && name.chars().all(inside) && !ends
}

/// The proxies that the annotations ask for, each once.
pub(crate) fn proxies(annotations: &[&[Annotation]]) -> Vec<Arc<str>> {
    let all = annotations.iter().copied().flatten();
    let asked = all.filter(|annotation| annotation.kind == Kind::Proxies);
    let names: BTreeSet<&String> = asked.flat_map(|annotation| &annotation.settings).collect();
    names.into_iter().map(|name| name.as_str().into()).collect()
}

fn cache_setting(setting: &str) -> Option<CacheSetting> {
    match setting {
        "on" => Some(CacheSetting::On),
        "off" => Some(CacheSetting::Off),
        _ => None,
    }
}

/// What the annotations say about the cache; what is said last counts.
pub(crate) fn cache(annotations: &[&[Annotation]]) -> CacheSetting {
    let all = annotations.iter().copied().flatten();
    let said = all.filter(|annotation| annotation.kind == Kind::Cache);
    let settings = said.flat_map(|annotation| &annotation.settings);
    let last = settings.filter_map(|setting| cache_setting(setting));
    last.fold(CacheSetting::default(), |_, last| last)
}

/// Applies what the annotations say about `step`: first what is for every step, then what is for this one.
pub(crate) fn apply(
    annotations: &[&[Annotation]],
    step: &str,
    limits: &mut Limits,
    grants: &mut Grants,
) {
    let all = || annotations.iter().copied().flatten();
    let general = all().filter(|annotation| annotation.step.is_none());
    let own = all().filter(|annotation| annotation.step.as_deref() == Some(step));
    for annotation in general.chain(own) {
        for setting in &annotation.settings {
            // What cannot be meant was noted when the annotation was read.
            let _ = annotation.kind.apply(setting, limits, grants);
        }
    }
}
