//! Params and results: declared, and given.

use std::collections::HashSet;

use stepwell_contract::{ParamType, ParamValue};

use super::{KEEP_ONE, RENAME, list};
use crate::document::container::Place;
use crate::document::param::{GivenParam, ParamDecl, ResultDecl};
use crate::document::when::WhenDecl;
use crate::fields::{At, Text};
use crate::name::{self, Case, check_unique};
use crate::problem::{Problems, TaskProblem};
use crate::source::Span;
use crate::value::with_article;

/// Checks the params that a document declares.
pub(super) fn check_params(params: &[ParamDecl], problems: &Problems) {
    for param in params {
        check_param(param, problems);
    }
    let names = params.iter().map(|param| &param.name);
    let help = "upper and lower case make no difference here; give one of them another name";
    check_unique(names, "params", help, Case::Ignored, problems);
}

/// Checks the params that something is given. What their names may be is said where they are declared.
pub(super) fn check_given(params: &[GivenParam], problems: &Problems) {
    let names = params.iter().map(|param| &param.name);
    check_unique(names, "params", KEEP_ONE, Case::Ignored, problems);
}

/// Checks the results that a document declares, but for their values.
pub(super) fn check_results(results: &[ResultDecl], problems: &Problems) {
    for result in results {
        name::RESULT.check(&result.name, problems);
        check_properties(
            "the result",
            &result.name,
            result.result_type,
            result.properties.is_some(),
            problems,
        );
    }
    let names = results.iter().map(|result| &result.name);
    check_unique(names, "results", RENAME, Case::Matters, problems);
}

fn check_param(param: &ParamDecl, problems: &Problems) {
    match param.param_type {
        ParamType::Object => name::OBJECT_PARAM.check(&param.name, problems),
        _ => name::PARAM.check(&param.name, problems),
    }
    for key in param.keys() {
        name::OBJECT_KEY.check(key, problems);
    }
    check_properties(
        "the param",
        &param.name,
        param.param_type,
        param.properties.is_some(),
        problems,
    );
    check_enum(param, problems);
    let Some(default) = &param.default else {
        return;
    };
    let found = default.value.param_type();
    if found != param.param_type {
        problems.push(TaskProblem::DefaultType {
            param: param.name.value.clone(),
            found: with_article(found),
            found_type: found.as_str(),
            declared: with_article(param.param_type),
            span: default.span,
        });
    }
    check_allowed(param, &default.value, default.span, problems);
}

fn check_enum(param: &ParamDecl, problems: &Problems) {
    let Some(first) = param.allowed.first() else {
        return;
    };
    let bad = |fault: String, help, span| {
        problems.push(TaskProblem::BadEnum {
            param: param.name.value.clone(),
            fault,
            help,
            span,
        });
    };
    if param.param_type != ParamType::String {
        let fault = format!(
            "is of no use: the param is {}",
            with_article(param.param_type)
        );
        bad(fault, "only a string can have an `enum`", first.span);
    }
    let mut seen = HashSet::new();
    for allowed in &param.allowed {
        if !seen.insert(&allowed.value) {
            let fault = format!("has `{}` twice", allowed.value);
            bad(fault, "keep one of the two", allowed.span);
        }
    }
}

/// Notes a value that is not in the param's `enum`.
pub(crate) fn check_allowed(
    param: &ParamDecl,
    value: &ParamValue,
    span: Span,
    problems: &Problems,
) {
    let ParamValue::String(value) = value else {
        return;
    };
    if !param.allowed.is_empty() && !param.allowed.iter().any(|allowed| allowed.value == *value) {
        problems.push(TaskProblem::NotInEnum {
            param: param.name.value.clone(),
            value: value.clone(),
            allowed: list(param.allowed.iter().map(|allowed| allowed.value.as_str())),
            span,
        });
    }
}

/// Notes an object that says nothing of its keys. Like Tekton, takes it where it says that there are none.
fn check_properties(
    what: &'static str,
    name: &Text,
    declared: ParamType,
    has_properties: bool,
    problems: &Problems,
) {
    if declared == ParamType::Object && !has_properties {
        problems.push(TaskProblem::NoProperties {
            what,
            name: name.value.clone(),
            span: name.span,
        });
    }
}

/// Hands every string of a param's value to `check`, with how it stands there.
pub(super) fn each_text(value: &At<ParamValue>, check: &impl Fn(&Text, Place)) {
    let at = |text: &String| At {
        value: text.clone(),
        span: value.span,
    };
    match &value.value {
        ParamValue::String(text) => check(&at(text), Place::Value),
        ParamValue::Array(items) => items.iter().for_each(|text| check(&at(text), Place::Item)),
        ParamValue::Object(pairs) => pairs
            .values()
            .for_each(|text| check(&at(text), Place::Text)),
    }
}

/// Hands every text of a `when` expression to `check`, with how it stands there.
pub(super) fn each_when_text(when: &WhenDecl, check: &impl Fn(&Text, Place)) {
    for text in when.input.iter().chain(&when.cel) {
        check(text, Place::Text);
    }
    for text in &when.values {
        check(text, Place::Item);
    }
}
