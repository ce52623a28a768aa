//! The value of every param: from the command line, else from the run, else the default.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;
use stepwell_contract::event::Verdict;
use stepwell_contract::{ParamType, ParamValue};

use crate::check::{check_allowed, list};
use crate::document::param::{GivenParam, ParamDecl};
use crate::fields::At;
use crate::nearest::suggest;
use crate::problem::{Problems, RequestProblem, RunProblem};
use crate::resolve::refusal;
use crate::resolve::stored::{self, Identified};
use crate::source::Span;
use crate::substitute::{Params, is_open};
use crate::value::with_article;

/// Params as they are given, from both sides.
pub(crate) struct Given<'a> {
    /// By the run.
    pub(crate) run: &'a [GivenParam],
    /// By the command line.
    pub(crate) flags: &'a [(String, String)],
    /// Whether the run's params reach what is inside without being declared: its spec is inline.
    pub(crate) propagate: bool,
    /// Where the run names the component that the Task is made of: nobody can give a param of that a default.
    pub(crate) component: Option<Span>,
}

/// Where it is told that a param has no value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lack {
    /// Where it is declared, or what declares it is used.
    Declared(Span),
    /// Where a component is used that declares it.
    OfComponent(Span),
}

/// Chooses the value of every param that is declared, and of those that reach in undeclared.
pub(crate) fn resolve(declared: &[ParamDecl], given: &Given<'_>, problems: &Problems) -> Params {
    let by_run = by_name(given.run);
    let by_flag: HashMap<&str, &str> = given
        .flags
        .iter()
        .rev()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let mut values = Params::new();
    for param in declared {
        let name = param.name.value.as_str();
        let value = match (by_flag.get(name), by_run.get(name)) {
            (Some(text), _) => from_flag(param, text, problems),
            (None, Some(given)) => from_run(param, &given.value, problems),
            (None, None) => {
                let lack = given
                    .component
                    .map_or(Lack::Declared(param.name.span), Lack::OfComponent);
                from_default(param, lack, problems)
            }
        };
        if let Some(value) = value {
            values.insert(name.to_owned(), value);
        }
    }
    let names = |declared: &ParamDecl| declared.name.value.clone();
    let known_names: HashSet<String> = declared.iter().map(names).collect();
    let mut known: Vec<&str> = known_names.iter().map(String::as_str).collect();
    if given.propagate {
        let undeclared = |param: &&GivenParam| !known_names.contains(&param.name.value);
        for param in given.run.iter().filter(undeclared) {
            let (name, value) = (&param.name.value, &param.value.value);
            known.push(name);
            let value = match by_flag.get(name.as_str()) {
                Some(text) => parse(name, value.param_type(), text, problems),
                None => Some(value.clone()),
            };
            if let Some(value) = value {
                values.insert(name.clone(), value);
            }
        }
    }
    known.sort_unstable();
    check_flags(given.flags, &known, problems);
    values
}

fn by_name(given: &[GivenParam]) -> HashMap<&str, &GivenParam> {
    // Of two with one name the first counts; the second was noted when it was read.
    let pairs = given.iter().rev();
    pairs
        .map(|param| (param.name.value.as_str(), param))
        .collect()
}

/// The params of something that a document hands values to: a pipeline's task, a nested pipeline, a StepAction. Params of
/// `outer` come before defaults.
pub(crate) fn of_child(
    declared: &[ParamDecl],
    given: &[GivenParam],
    outer: Option<&Params>,
    lack: Lack,
    problems: &Problems,
) -> Params {
    let by_name = by_name(given);
    let mut values = Params::new();
    for param in declared {
        let name = param.name.value.as_str();
        let of_outer = outer.and_then(|outer| outer.get(name));
        let of_outer = of_outer.filter(|value| value.param_type() == param.param_type);
        let value = match (by_name.get(name), of_outer) {
            (Some(given), of_outer) => match of_outer {
                Some(of_outer) => from_run(param, &over(&given.value, of_outer), problems),
                None => from_run(param, &given.value, problems),
            },
            (None, Some(value)) => Some(value.clone()),
            (None, None) => from_default(param, lack, problems),
        };
        if let Some(value) = value {
            values.insert(name.to_owned(), value);
        }
    }
    for param in given {
        let name = &param.name.value;
        if !values.contains_key(name) {
            let value = match outer.and_then(|outer| outer.get(name)) {
                Some(of_outer) => over(&param.value, of_outer).value,
                None => param.value.value.clone(),
            };
            values.insert(name.clone(), value);
        }
    }
    values
}

/// An object with the keys of another that it does not have itself.
fn over(value: &At<ParamValue>, below: &ParamValue) -> At<ParamValue> {
    let mut value = value.clone();
    if let (ParamValue::Object(own), ParamValue::Object(below)) = (&mut value.value, below) {
        for (key, text) in below {
            own.entry(key.clone()).or_insert_with(|| text.clone());
        }
    }
    value
}

/// `params` of a run as it would be stored: as it gives them, with those of the command line.
pub(crate) fn shown(given: &[GivenParam], values: &Params, flags: &[(String, String)]) -> Json {
    let by_flag: HashSet<&str> = flags.iter().map(|(name, _)| name.as_str()).collect();
    let own = given.iter().map(|param| {
        let name = param.name.value.as_str();
        let value = by_flag.get(name).and_then(|name| values.get(*name));
        (name, value.unwrap_or(&param.value.value))
    });
    let names: HashSet<&str> = given
        .iter()
        .map(|param| param.name.value.as_str())
        .collect();
    let added = flags.iter().filter_map(|(name, _)| {
        let name = name.as_str();
        let value = values.get(name)?;
        (!names.contains(name)).then_some((name, value))
    });
    stored::params(own.chain(added))
}

/// What is wrong with the params of a Task, as the controller says it of those of a Pipeline.
pub(crate) fn of_pipeline(verdict: Verdict, run: Identified<'_>, pipeline: &str) -> Verdict {
    let Identified {
        name, namespace, ..
    } = run;
    let message = verdict.message.as_str();
    let list = message.rsplit_once(": ").map_or("", |(_, list)| list);
    if message.starts_with("missing values") {
        return refusal::failed(
            "ParameterMissing",
            format!(
                "PipelineRun {namespace}/{name} is missing some parameters required by Pipeline {namespace}/{pipeline}: pipelineRun missing parameters: {list}"
            ),
        );
    }
    if message.starts_with("param types") {
        return refusal::failed(
            "ParameterTypeMismatch",
            format!(
                "PipelineRun {namespace}/{name} parameters have mismatching types with Pipeline {namespace}/{pipeline}'s parameters: parameters have inconsistent types : {list}"
            ),
        );
    }
    if let Some((_, keys)) = message
        .split_once("map[")
        .filter(|_| message.starts_with("missing keys"))
    {
        return refusal::failed(
            "ObjectParameterMissKeys",
            format!(
                "PipelineRun {namespace}/{name} parameters is missing object keys required by Pipeline {namespace}/{pipeline}'s parameters: pipelineRun missing object keys for parameters: map[{keys}"
            ),
        );
    }
    verdict
}

fn check_flags(flags: &[(String, String)], known: &[&str], problems: &Problems) {
    let mut seen = HashSet::new();
    for (name, _) in flags {
        if !seen.insert(name) {
            problems.push(RequestProblem::Twice {
                flag: "-p",
                name: name.clone(),
            });
        } else if !known.contains(&name.as_str()) {
            problems.push(RequestProblem::UnknownParam {
                name: name.clone(),
                help: suggest(name, known, "params"),
            });
        }
    }
}

fn from_flag(param: &ParamDecl, text: &str, problems: &Problems) -> Option<ParamValue> {
    let name = &param.name.value;
    let mut value = parse(name, param.param_type, text, problems)?;
    let bad = |help| {
        problems.push(RequestProblem::BadParam {
            name: name.clone(),
            value: text.to_owned(),
            help,
        });
    };
    let missing = complete(param, &mut value);
    if !missing.is_empty() {
        bad(format!("it lacks the keys {}", list(missing)));
    }
    if !param.allowed.is_empty() && !param.allowed.iter().any(|allowed| allowed.value == text) {
        let allowed = param.allowed.iter().map(|allowed| allowed.value.as_str());
        bad(format!("allowed values: {}", list(allowed)));
    }
    Some(value)
}

/// Reads a value from the command line as a `param_type`.
fn parse(name: &str, param_type: ParamType, text: &str, problems: &Problems) -> Option<ParamValue> {
    let value = match param_type {
        ParamType::String => Some(ParamValue::String(text.to_owned())),
        ParamType::Array if text.trim_start().starts_with('[') => {
            serde_json::from_str(text).ok().map(ParamValue::Array)
        }
        ParamType::Array if text.is_empty() => Some(ParamValue::Array(Vec::new())),
        ParamType::Array => Some(ParamValue::Array(
            text.split(',').map(str::to_owned).collect(),
        )),
        ParamType::Object if text.trim_start().starts_with('{') => {
            serde_json::from_str(text).ok().map(ParamValue::Object)
        }
        ParamType::Object => text
            .split(',')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                pair.split_once('=')
                    .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
            })
            .collect::<Option<_>>()
            .map(ParamValue::Object),
    };
    if value.is_none() {
        problems.push(RequestProblem::BadParam {
            name: name.to_owned(),
            value: text.to_owned(),
            help: match param_type {
                ParamType::Object => {
                    format!(
                    "it is an object: write `-p {name}=key=value,other=value`, or a JSON object of strings"
                )
                }
                _ => format!("it is an array: write `-p {name}=one,two`, or a JSON array of strings"),
            },
        });
    }
    value
}

fn from_run(param: &ParamDecl, given: &At<ParamValue>, problems: &Problems) -> Option<ParamValue> {
    let found = given.value.param_type();
    if is_open(&given.value) {
        return Some(given.value.clone());
    }
    if found != param.param_type {
        problems.refuse(refusal::task_run(format!(
            "param types don't match the user-specified type: {}",
            refusal::names([param.name.value.as_str()])
        )));
        problems.push(RunProblem::ParamType {
            param: param.name.value.clone(),
            found: with_article(found),
            declared: with_article(param.param_type),
            help: match param.param_type {
                ParamType::String => "give one value".to_owned(),
                ParamType::Array => {
                    "give a list of strings: `[a, b]`; numbers need quotes".to_owned()
                }
                ParamType::Object => {
                    "give a mapping to strings: `{key: value}`; numbers need quotes".to_owned()
                }
            },
            span: given.span,
        });
        return None;
    }
    check_allowed(param, &given.value, given.span, problems);
    let mut value = given.value.clone();
    let missing = complete(param, &mut value);
    check_keys(param, missing, given.span, problems);
    Some(value)
}

fn from_default(param: &ParamDecl, lack: Lack, problems: &Problems) -> Option<ParamValue> {
    let Some(default) = &param.default else {
        problems.refuse(refusal::task_run(format!(
            "missing values for these params which have no default values: {}",
            refusal::names([param.name.value.as_str()])
        )));
        problems.push(missing(param, lack));
        return None;
    };
    let mut value = default.value.clone();
    // A default may leave keys for the run to give; here the run gave none.
    let missing = complete(param, &mut value);
    check_keys(param, missing, default.span, problems);
    (value.param_type() == param.param_type).then_some(value)
}

/// That nobody gives `param` a value, and who could.
fn missing(param: &ParamDecl, lack: Lack) -> RunProblem {
    let name = param.name.value.clone();
    match lack {
        Lack::Declared(span) => RunProblem::MissingParam {
            param: name,
            example: match param.param_type {
                ParamType::String => "VALUE",
                ParamType::Array => "ONE,TWO",
                ParamType::Object => "KEY=VALUE,…",
            },
            or: ", or give the param a `default`",
            span,
        },
        Lack::OfComponent(span) => RunProblem::ComponentLacksParam {
            param: name,
            example: match param.param_type {
                ParamType::String => "VALUE",
                ParamType::Array => "[ONE, TWO]",
                ParamType::Object => "{KEY: VALUE}",
            },
            span,
        },
    }
}

/// Notes what is given to a component and not declared by it.
pub(crate) fn check_declared(declared: &[ParamDecl], given: &[GivenParam], problems: &Problems) {
    let known: Vec<&str> = declared
        .iter()
        .map(|param| param.name.value.as_str())
        .collect();
    for param in given {
        let name = &param.name.value;
        if !known.contains(&name.as_str()) {
            problems.push(RunProblem::ParamOfComponent {
                param: name.clone(),
                help: suggest(name, &known, "params of the component"),
                span: param.name.span,
            });
        }
    }
}

/// Notes the keys of `param` that are `missing` from its value.
fn check_keys(param: &ParamDecl, missing: Vec<&str>, span: Span, problems: &Problems) {
    if missing.is_empty() {
        return;
    }
    let param = &param.name.value;
    problems.refuse(refusal::task_run(format!(
        "missing keys for these params which are required in ParamSpec's properties map[{param}:{}]",
        refusal::names(missing.iter().copied())
    )));
    problems.push(RunProblem::MissingKeys {
        param: param.clone(),
        keys: list(missing),
        span,
    });
}

/// Adds the default's keys that an object lacks, and gives the keys that it lacks even then.
fn complete<'a>(param: &'a ParamDecl, value: &mut ParamValue) -> Vec<&'a str> {
    let ParamValue::Object(pairs) = value else {
        return Vec::new();
    };
    if let Some(ParamValue::Object(default)) = param.default.as_ref().map(|default| &default.value)
    {
        for (key, value) in default {
            pairs.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    let keys = param.keys().map(|key| key.value.as_str());
    keys.filter(|key| !pairs.contains_key(*key)).collect()
}
