//! The value of every param: from the command line, else from the TaskRun, else the default.

use std::collections::BTreeMap;

use stepwell_contract::{ParamType, ParamValue};

use crate::check::{check_allowed, list};
use crate::document::param::{GivenParam, ParamDecl};
use crate::document::task::TaskSpec;
use crate::fields::At;
use crate::nearest::suggest;
use crate::problem::{Problems, RequestProblem, RunProblem};
use crate::value::with_article;

/// Params as they are given, from both sides.
pub(crate) struct Given<'a> {
    /// By the TaskRun.
    pub(crate) run: &'a [GivenParam],
    /// By the command line.
    pub(crate) flags: &'a [(String, String)],
    /// Whether the TaskRun's params reach the steps without being declared: its Task is inline.
    pub(crate) propagate: bool,
}

impl Given<'_> {
    fn by_run(&self, name: &str) -> Option<&At<ParamValue>> {
        let param = self.run.iter().find(|param| param.name.value == name);
        param.map(|param| &param.value)
    }

    fn by_flag(&self, name: &str) -> Option<&str> {
        let flag = self.flags.iter().find(|(flag, _)| flag == name);
        flag.map(|(_, text)| text.as_str())
    }
}

/// Chooses the value of every param that the Task declares, and of those that reach it undeclared.
pub(crate) fn resolve(
    spec: &TaskSpec,
    given: &Given<'_>,
    problems: &Problems,
) -> BTreeMap<String, ParamValue> {
    let mut values = BTreeMap::new();
    for param in &spec.params {
        let name = &param.name.value;
        let value = match (given.by_flag(name), given.by_run(name)) {
            (Some(text), _) => from_flag(param, text, problems),
            (None, Some(value)) => from_run(param, value, problems),
            (None, None) => from_default(param, problems),
        };
        if let Some(value) = value {
            values.insert(name.clone(), value);
        }
    }
    let declared = |name: &str| spec.params.iter().any(|param| param.name.value == name);
    let mut known: Vec<&str> = spec
        .params
        .iter()
        .map(|param| param.name.value.as_str())
        .collect();
    if given.propagate {
        for param in given
            .run
            .iter()
            .filter(|param| !declared(&param.name.value))
        {
            let (name, value) = (&param.name.value, &param.value.value);
            known.push(name);
            let value = match given.by_flag(name) {
                Some(text) => parse(name, value.param_type(), text, problems),
                None => Some(value.clone()),
            };
            if let Some(value) = value {
                values.insert(name.clone(), value);
            }
        }
    }
    check_flags(given.flags, &known, problems);
    values
}

fn check_flags(flags: &[(String, String)], known: &[&str], problems: &Problems) {
    for (index, (name, _)) in flags.iter().enumerate() {
        if flags[..index].iter().any(|(earlier, _)| earlier == name) {
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
    if found != param.param_type {
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
    if !missing.is_empty() {
        problems.push(RunProblem::MissingKeys {
            param: param.name.value.clone(),
            keys: list(missing),
            span: given.span,
        });
    }
    Some(value)
}

fn from_default(param: &ParamDecl, problems: &Problems) -> Option<ParamValue> {
    let Some(default) = &param.default else {
        let (example, or) = match param.param_type {
            ParamType::String => ("VALUE", ", or give the param a `default`"),
            ParamType::Array => ("ONE,TWO", ", or give the param a `default`"),
            ParamType::Object => ("KEY=VALUE,…", ", or give the param a `default`"),
        };
        problems.push(RunProblem::MissingParam {
            param: param.name.value.clone(),
            example,
            or,
            span: param.name.span,
        });
        return None;
    };
    let mut value = default.value.clone();
    // A default may leave keys for the run to give; here the run gave none.
    let missing = complete(param, &mut value);
    if !missing.is_empty() {
        problems.push(RunProblem::MissingKeys {
            param: param.name.value.clone(),
            keys: list(missing),
            span: default.span,
        });
    }
    (value.param_type() == param.param_type).then_some(value)
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
    let keys = param.properties.iter().map(|key| key.value.as_str());
    keys.filter(|key| !pairs.contains_key(*key)).collect()
}
