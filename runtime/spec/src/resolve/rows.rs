//! The rows of a pipeline task's matrix, with their references filled in.

use std::sync::Arc;

use serde_json::Value as Json;
use stepwell_contract::{ParamType, ParamValue};

use crate::document::matrix::Include;
use crate::document::param::GivenParam;
use crate::document::pipeline_task::PipelineTask as Decl;
use crate::problem::{PipelineProblem, Problems};
use crate::resolve::children::Stop;
use crate::resolve::matrix::{self, Axis, MAX_ROWS, NoRows, Row};
use crate::resolve::{refusal, when};
use crate::substitute::{Scope, is_pending};
use crate::value::with_article;

/// What the rows give; one that gives nothing where there is no matrix.
pub(super) fn of(decl: &Decl, scope: &Scope<'_>, problems: &Problems) -> Result<Vec<Row>, Stop> {
    let Some(matrix) = &decl.matrix else {
        return Ok(vec![Row::new()]);
    };
    let mut wrong = false;
    let mut pending = Row::new();
    let mut mistyped = |param: &GivenParam, found: ParamType, expected: &'static str| {
        wrong = true;
        problems.refuse(refusal::failed(
            "InvalidMatrixParameterTypes",
            format!(
                "parameters of type {} only are allowed, but param {:?} has type {:?} in pipelineTask {:?}",
                if expected == "an array" { "array" } else { "string" },
                param.name.value,
                found.as_str(),
                decl.name.value
            ),
        ));
        problems.push(PipelineProblem::MatrixParam {
            param: param.name.value.clone(),
            place: "`matrix`",
            found: with_article(found),
            expected,
            help: "rows are made of lists of strings, and `include` of one string for each param",
            span: param.value.span,
        });
    };
    let mut axes = Vec::new();
    for param in &matrix.params {
        let name: Arc<str> = param.name.value.as_str().into();
        match scope.value(&param.value, problems) {
            ParamValue::Array(values) => {
                // An item that waits for a result may become many.
                axes.push(Axis { name, values });
            }
            ParamValue::String(text) if is_pending(&text) => {
                pending.insert(name, text);
            }
            other => mistyped(param, other.param_type(), "an array"),
        }
    }
    let mut include = Vec::new();
    for item in &matrix.include {
        if !counts(item, scope, problems)? {
            continue;
        }
        let mut row = Row::new();
        for param in &item.params {
            match scope.value(&param.value, problems) {
                ParamValue::String(text) => {
                    row.insert(param.name.value.as_str().into(), text);
                }
                other => mistyped(param, other.param_type(), "a string"),
            }
        }
        include.push(row);
    }
    if wrong {
        return Err(Stop::Wrong);
    }
    if !pending.is_empty() {
        // How many rows there will be is not known: one stands for all.
        for axis in axes {
            if let Some(value) = axis.values.into_iter().next() {
                pending.insert(axis.name, value);
            }
        }
        return Ok(vec![pending]);
    }
    match matrix::rows(&axes, &include) {
        Ok(rows) => Ok(rows),
        Err(NoRows::Empty) => Err(Stop::EmptyMatrix),
        Err(NoRows::TooMany(rows)) => {
            problems.refuse(refusal::failed(
                "PipelineValidationFailed",
                format!("expected 0 <= {rows} <= {MAX_ROWS}: matrix"),
            ));
            problems.push(PipelineProblem::MatrixTooLarge {
                task: decl.name.value.clone(),
                rows: rows.to_string(),
                limit: MAX_ROWS,
                span: matrix.span,
            });
            Err(Stop::Wrong)
        }
    }
}

/// Whether the `when` of an item of `include` holds. What waits for a result counts until it is known.
fn counts(item: &Include, scope: &Scope<'_>, problems: &Problems) -> Result<bool, Stop> {
    let expressions: Vec<Json> = item
        .when
        .iter()
        .map(|expression| when::filled(expression, scope, problems))
        .collect();
    if expressions
        .iter()
        .any(|filled| is_pending(&filled.to_string()))
    {
        return Ok(true);
    }
    when::all_hold(&expressions).map_err(|message| {
        problems.refuse(refusal::failed("CELEvaluationFailed", message));
        Stop::Wrong
    })
}

/// What a person calls the row: the task's display name, and the names of the items of `include` that are in it.
pub(super) fn display_name(decl: &Decl, row: &Row, of_task: Option<&str>) -> Option<Arc<str>> {
    let mut name = of_task.unwrap_or_default().to_owned();
    let include = decl.matrix.iter().flat_map(|matrix| &matrix.include);
    for item in include {
        let in_row = item.params.iter().all(|param| {
            let value = row.get(param.name.value.as_str());
            matches!(&param.value.value, ParamValue::String(text) if Some(text) == value)
        });
        if let (true, Some(own)) = (in_row, &item.name) {
            name = format!("{name} {}", own.value);
        }
    }
    for (param, value) in row {
        if crate::reference::is_in(&name) {
            name = name.replace(&format!("$(params.{param})"), value);
        }
    }
    let name = name.trim();
    (!name.is_empty()).then(|| name.into())
}
