//! `when`: an expression says what is compared with what, or is one of CEL.

use crate::document::when::WhenDecl;
use crate::problem::{FieldProblem, Problems, TaskProblem};
use crate::reference;
use crate::resolve::cel;

/// Checks the expressions of `owner`, such as "the step `a`".
pub(super) fn check_when(expressions: &[WhenDecl], owner: &str, problems: &Problems) {
    for when in expressions {
        check_expression(when, owner, problems);
    }
}

fn check_expression(when: &WhenDecl, owner: &str, problems: &Problems) {
    let bad = |fault, help| {
        problems.push(TaskProblem::BadWhen {
            owner: owner.to_owned(),
            fault,
            help,
            span: when.span,
        });
    };
    let compares = when.input.is_some() || when.operator.is_some() || !when.values.is_empty();
    if let Some(cel) = &when.cel {
        // One with references is an expression only when they are filled in.
        let broken = (!reference::is_in(&cel.value)).then(|| cel::mistake(&cel.value));
        if let Some(mistake) = broken.flatten() {
            problems.push(FieldProblem::BadValue {
                field: "cel".to_owned(),
                value: cel.value.clone(),
                expected: format!("an expression of CEL: {mistake}"),
                span: cel.span,
            });
        }
        if compares {
            bad(
                "has `cel` beside `input`, `operator` or `values`",
                "keep `cel` alone, or write two expressions: all of them have to hold",
            );
        }
        return;
    }
    match &when.operator {
        None => bad(
            "has no `operator`",
            "write `operator: in` or `operator: notin`, with `input` and `values`",
        ),
        Some(operator) if !matches!(operator.value.as_str(), "in" | "notin") => {
            problems.push(FieldProblem::BadValue {
                field: "operator".to_owned(),
                value: operator.value.clone(),
                expected: "in or notin".to_owned(),
                span: operator.span,
            });
        }
        Some(_) => {}
    }
    if when.values.is_empty() {
        bad(
            "has no `values`",
            "list what `input` is compared with: `values: [\"yes\"]`",
        );
    }
}
