//! What was found, for a machine, and that nothing was, for a person.

use std::sync::Arc;

use anyhow::Context as _;
use miette::Diagnostic as _;
use serde::Serialize;
use stepwell_report::clean::clean;
use stepwell_spec::{Outline, Span, SpecErrors, SpecProblem};

/// How many images are named that were not looked at.
const MOST_NAMED: usize = 8;

/// One problem, for an editor or for CI.
#[derive(Serialize)]
struct Row<'a> {
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<End>,
}

/// The first place that no longer belongs to the problem.
#[derive(Serialize)]
struct End {
    line: usize,
    column: usize,
}

/// One JSON object a line.
///
/// # Errors
///
/// It cannot be written, which is a defect.
pub(super) fn json(errors: &SpecErrors) -> anyhow::Result<String> {
    let rows = errors.problems().map(|problem| {
        let row = row(problem, errors);
        serde_json::to_string(&row).context("failed to write JSON")
    });
    rows.map(|row| Ok(row? + "\n")).collect()
}

fn row<'a>(problem: &SpecProblem, errors: &'a SpecErrors) -> Row<'a> {
    let sources = errors.sources();
    let span = problem.span();
    let start = span.map(|span| sources.line_and_column(span));
    let end = span.map(|span| {
        let (line, column) = sources.line_and_column(Span {
            start: span.start.saturating_add(span.len),
            ..span
        });
        End { line, column }
    });
    Row {
        code: problem
            .code()
            .map(|code| code.to_string())
            .unwrap_or_default(),
        message: problem.to_string(),
        help: problem.help().map(|help| help.to_string()),
        file: span.map(|span| sources.name(span.source)),
        line: start.map(|(line, _)| line),
        column: start.map(|(_, column)| column),
        end,
    }
}

/// `✓ 1 Pipeline and 3 Tasks are valid`, and which images were not looked at.
pub(super) fn summary(outlines: &[Outline], containers: &[Arc<str>]) -> String {
    let mut counts = Vec::<(&str, usize)>::new();
    for one in outlines {
        match counts.iter_mut().find(|(kind, _)| *kind == one.kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((&one.kind, 1)),
        }
    }
    let mut parts: Vec<_> = counts
        .iter()
        .map(|(kind, count)| match count {
            1 => format!("1 {kind}"),
            count => format!("{count} {kind}s"),
        })
        .collect();
    let are = if outlines.len() == 1 { "is" } else { "are" };
    let last = parts.pop().unwrap_or_else(|| "nothing".to_owned());
    let list = match parts.is_empty() {
        true => last,
        false => format!("{} and {last}", parts.join(", ")),
    };
    let mut text = format!("✓ {list} {are} valid\n");
    if !containers.is_empty() {
        let named: Vec<_> = containers
            .iter()
            .take(MOST_NAMED)
            .map(|one| clean(one))
            .collect();
        let more = match containers.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text += &format!(
            "  not looked at, because they are container images: {}{more}\n",
            named.join(", ")
        );
    }
    text
}
