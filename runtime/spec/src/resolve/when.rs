//! `when`: expressions with their references filled in, and whether they hold.

use serde_json::{Value as Json, json};

use crate::document::when::WhenDecl;
use crate::fields::At;
use crate::problem::Problems;
use crate::resolve::cel;
use crate::substitute::Scope;

/// The expression as Tekton would show it, with what `scope` knows filled in.
pub(crate) fn filled(when: &WhenDecl, scope: &Scope<'_>, problems: &Problems) -> Json {
    if let Some(cel) = &when.cel {
        return json!({ "cel": scope.text(cel, problems) });
    }
    let empty = At {
        value: String::new(),
        span: when.span,
    };
    let input = when.input.as_ref().unwrap_or(&empty);
    json!({
        "input": scope.text(input, problems),
        "operator": when.operator.as_ref().map_or("", |operator| &operator.value),
        "values": scope.items(&when.values, problems),
    })
}

/// Whether a filled expression holds.
///
/// # Errors
///
/// What is wrong with an expression in CEL.
pub(crate) fn holds(expression: &Json) -> Result<bool, String> {
    let text = |field: &str| expression[field].as_str().unwrap_or_default();
    if let Some(cel) = expression["cel"].as_str() {
        return cel::evaluate(cel).map_err(|error| {
            format!(
                "the CEL expression `{}` cannot be evaluated: {error}",
                short(cel)
            )
        });
    }
    let input = text("input");
    let values = expression["values"].as_array();
    let found = values.into_iter().flatten().any(|value| value == input);
    Ok(match text("operator") {
        "notin" => !found,
        _ => found,
    })
}

/// Whether all of them hold.
///
/// # Errors
///
/// What is wrong with the first that cannot be evaluated.
pub(crate) fn all_hold(expressions: &[Json]) -> Result<bool, String> {
    let mut all = true;
    for expression in expressions {
        all &= holds(expression)?;
    }
    Ok(all)
}

fn short(text: &str) -> String {
    match text.chars().count() {
        0..=120 => text.to_owned(),
        _ => text.chars().take(119).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_in_values_or_not() {
        for (operator, values, expected) in [
            ("in", json!(["a", "b"]), true),
            ("in", json!(["b"]), false),
            ("notin", json!(["a"]), false),
            ("notin", json!([]), true),
        ] {
            let expression = json!({"input": "a", "operator": operator, "values": values});
            assert_eq!(holds(&expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn all_must_hold_and_each_is_looked_at() {
        let (yes, no) = (json!({"cel": "true"}), json!({"cel": "1 == 2"}));
        assert_eq!(all_hold(&[]), Ok(true));
        assert_eq!(all_hold(&[yes.clone(), yes.clone()]), Ok(true));
        assert_eq!(all_hold(&[yes, no.clone()]), Ok(false));
        let error = all_hold(&[no, json!({"cel": "'a'"})]).unwrap_err();
        assert!(
            error.contains("`'a'`") && error.contains("not bool"),
            "{error}"
        );
    }
}
