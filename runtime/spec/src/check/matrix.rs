//! `matrix`: what its params may be, and how many rows it makes.

use std::collections::HashSet;

use stepwell_contract::ParamValue;

use super::param::check_given;
use super::when::check_when;
use crate::document::matrix::Matrix;
use crate::document::param::GivenParam;
use crate::document::pipeline_task::PipelineTask;
use crate::problem::{PipelineProblem, Problems};
use crate::reference::{self, Index};
use crate::resolve::matrix::MAX_ROWS;
use crate::value::with_article;

/// Checks the matrix of a task.
pub(super) fn check_matrix(task: &PipelineTask, matrix: &Matrix, problems: &Problems) {
    check_given(&matrix.params, problems);
    for param in &matrix.params {
        let is_array = match &param.value.value {
            ParamValue::Array(_) => true,
            ParamValue::String(text) => is_whole_array(text),
            ParamValue::Object(_) => false,
        };
        if !is_array {
            problems.push(PipelineProblem::MatrixParam {
                param: param.name.value.clone(),
                place: "`matrix`",
                found: with_article(param.value.value.param_type()),
                expected: "an array",
                help: "give a list of strings, or a whole array such as `$(params.NAME[*])`; one value belongs under `params`",
                span: param.value.span,
            });
        }
    }
    for include in &matrix.include {
        check_when(&include.when, "an item of `include`", problems);
        check_given(&include.params, problems);
        for param in &include.params {
            if !matches!(param.value.value, ParamValue::String(_)) {
                problems.push(PipelineProblem::MatrixParam {
                    param: param.name.value.clone(),
                    place: "`matrix.include`",
                    found: with_article(param.value.value.param_type()),
                    expected: "a string",
                    help: "a row has one value for each param; a list of values belongs under `matrix.params`",
                    span: param.value.span,
                });
            }
        }
    }
    check_shared(task, matrix, problems);
    check_rows(task, matrix, problems);
}

/// Whether a text is a whole array and nothing else.
fn is_whole_array(text: &str) -> bool {
    reference::find(text)
        .next()
        .is_some_and(|found| found.text == text && found.index == Some(Index::All))
}

fn check_shared(task: &PipelineTask, matrix: &Matrix, problems: &Problems) {
    let name = |param: &GivenParam| param.name.value.to_ascii_lowercase();
    let of_matrix: HashSet<String> = matrix.all_params().map(name).collect();
    for param in &task.params {
        if of_matrix.contains(&name(param)) {
            problems.push(PipelineProblem::MatrixAndParams {
                param: param.name.value.clone(),
                span: param.name.span,
            });
        }
    }
}

/// Counts the rows as far as they are written out.
fn check_rows(task: &PipelineTask, matrix: &Matrix, problems: &Problems) {
    let mut lengths = matrix.params.iter().map(|param| match &param.value.value {
        // An item may become several, or none.
        ParamValue::Array(items) if !items.iter().any(|item| is_whole_array(item)) => {
            Some(items.len())
        }
        _ => None,
    });
    let product = lengths.try_fold(1_usize, |rows, len| Some(rows.saturating_mul(len?)));
    let rows = match matrix.params.is_empty() {
        true => Some(matrix.include.len()),
        false => product,
    };
    if let Some(rows) = rows.filter(|rows| *rows > MAX_ROWS) {
        problems.push(PipelineProblem::MatrixTooLarge {
            task: task.name.value.clone(),
            rows: match rows {
                usize::MAX => "more than can be counted".to_owned(),
                rows => rows.to_string(),
            },
            limit: MAX_ROWS,
            span: matrix.span,
        });
    }
}
