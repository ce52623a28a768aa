//! CEL: one expression, without variables, to a boolean.
//!
//! Tekton fills references in first, so that what is evaluated consists of literals alone.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::{Context, Program, Value};

/// Stops a text that takes long to parse.
const MAX_TEXT: usize = 32 << 10;
/// Stops `list.map(x, list.map(y, …))`, whose work is the product of the lists' lengths.
const MAX_LOOPS: usize = 2;
/// The same, where there is such a loop at all.
const MAX_TEXT_WITH_LOOPS: usize = 4 << 10;

/// Evaluates `text`.
///
/// # Errors
///
/// Why it is no expression, or has no boolean value.
pub(crate) fn evaluate(text: &str) -> Result<bool, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("the expression is longer than {MAX_TEXT} bytes"));
    }
    let program = Program::compile(text).map_err(|error| one_line(&error.to_string()))?;
    let loops = loops(program.expression());
    if loops > MAX_LOOPS {
        return Err(format!("the expression has more than {MAX_LOOPS} loops"));
    }
    if loops > 0 && text.len() > MAX_TEXT_WITH_LOOPS {
        return Err(format!(
            "an expression with a loop is longer than {MAX_TEXT_WITH_LOOPS} bytes"
        ));
    }
    match program.execute(&Context::default()) {
        Ok(Value::Bool(value)) => Ok(value),
        Ok(other) => Err(format!(
            "the expression is of type {}, not bool",
            other.type_of()
        )),
        Err(error) => Err(one_line(&error.to_string())),
    }
}

/// Why `text` is no expression, where it is none.
pub(crate) fn mistake(text: &str) -> Option<String> {
    if text.len() > MAX_TEXT {
        return Some(format!("it is longer than {MAX_TEXT} bytes"));
    }
    let error = Program::compile(text).err()?;
    Some(one_line(&error.to_string()))
}

fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(300).collect();
    line
}

/// How many macros that loop the expression has. The parser bounds how deep it is.
fn loops(expression: &IdedExpr) -> usize {
    match &expression.expr {
        Expr::Comprehension(comprehension) => {
            1 + [
                &comprehension.iter_range,
                &comprehension.accu_init,
                &comprehension.loop_cond,
                &comprehension.loop_step,
                &comprehension.result,
            ]
            .into_iter()
            .map(loops)
            .sum::<usize>()
        }
        Expr::Call(call) => {
            let target = call.target.as_deref().map_or(0, loops);
            target + call.args.iter().map(loops).sum::<usize>()
        }
        Expr::List(list) => list.elements.iter().map(loops).sum(),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| entry_loops(&entry.expr))
            .sum(),
        Expr::Struct(fields) => fields
            .entries
            .iter()
            .map(|entry| entry_loops(&entry.expr))
            .sum(),
        Expr::Select(select) => loops(&select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

fn entry_loops(entry: &EntryExpr) -> usize {
    match entry {
        EntryExpr::StructField(field) => loops(&field.value),
        EntryExpr::MapEntry(entry) => loops(&entry.key) + loops(&entry.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_tekton_shows_are_understood() {
        for (text, value) in [
            ("'foo' == 'foo'", true),
            ("'foo'.matches('b')", false),
            ("'branch-1'.startsWith('branch') && 1 < 2", true),
            ("'x' in ['x', 'y'] || false", true),
            ("{'a': 1}['a'] == 1", true),
            ("[1, 2, 3].exists(x, x > 2)", true),
            ("size('abc') == 3 ? true : false", true),
        ] {
            assert_eq!(evaluate(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_boolean_is_said() {
        for text in ["", "'a'", "1 +", "unknown == 1", "1 / 0 == 1", "'a' == "] {
            let error = evaluate(text).unwrap_err();
            assert!(
                !error.is_empty() && !error.contains('\n'),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn attack_loops_in_loops_are_refused() {
        let deep = "[1].all(a, [1].all(b, [1].all(c, true)))";
        assert!(evaluate(deep).unwrap_err().contains("loops"));
        let hidden = "{'k': [1].map(a, a)}['k'] == [1].map(a, a) && [[1].map(c, c)].size() == 1";
        assert!(evaluate(hidden).unwrap_err().contains("loops"));
        assert_eq!(evaluate("[1].all(a, [1].all(b, true))"), Ok(true));
        let long = format!("[{}].all(a, true)", "1,".repeat(3000));
        assert!(evaluate(&long).unwrap_err().contains("longer"));
    }

    #[test]
    fn attack_a_text_of_brackets_is_refused() {
        let deep = format!("{}true{}", "(".repeat(5000), ")".repeat(5000));
        assert!(evaluate(&deep).is_err());
        let long = format!("'{}' == ''", "a".repeat(MAX_TEXT));
        assert!(evaluate(&long).unwrap_err().contains("longer"));
        let most = format!("'{}' == ''", "a".repeat(MAX_TEXT / 2));
        assert_eq!(evaluate(&most), Ok(false));
    }
}
