//! A problem as a terminal may show it.
//!
//! Messages name what a document or a plugin says, and the lines that are underlined are theirs. A terminal obeys what
//! is in them, and a minified document is one line, which nobody can underline on a screen.

use std::error::Error;
use std::fmt;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};
use stepwell_report::clean::clean;

/// A line with more bytes is not drawn, but told by its place.
const LONGEST_LINE: usize = 2000;

/// How many lines are drawn before and after a label.
pub(super) const CONTEXT_LINES: usize = 1;

/// A problem in which nothing is left that a terminal would obey.
pub(super) struct Shown<'a> {
    problem: &'a dyn Diagnostic,
    message: String,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    drawn: Option<&'a dyn SourceCode>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(problem: &'a dyn Diagnostic) -> Self {
        let labels: Vec<_> = problem.labels().into_iter().flatten().collect();
        let source = problem.source_code();
        let drawn = source.filter(|source| labels.iter().all(|label| is_drawable(*source, label)));
        let mut message = harmless(&problem.to_string());
        if drawn.is_none()
            && let Some(place) = source.and_then(|source| place(source, &labels))
        {
            message += &format!("\nat {place}");
        }
        let harmless_label = |label: &LabeledSpan| {
            let text = label.label().map(harmless);
            match label.primary() {
                true => LabeledSpan::new_primary_with_span(text, *label.inner()),
                false => LabeledSpan::new_with_span(text, *label.inner()),
            }
        };
        Self {
            message,
            help: problem.help().map(|help| harmless(&help.to_string())),
            labels: labels.iter().map(harmless_label).collect(),
            drawn,
            problem,
        }
    }
}

fn harmless(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(clean).collect();
    lines.join("\n")
}

/// Whether the lines around a label can be put on a screen as they are.
fn is_drawable(source: &dyn SourceCode, label: &LabeledSpan) -> bool {
    let Ok(around) = source.read_span(label.inner(), CONTEXT_LINES, CONTEXT_LINES) else {
        return false;
    };
    let Ok(text) = std::str::from_utf8(around.data()) else {
        return false;
    };
    // The text begins amid its first line where there are no lines before it.
    around.column() <= LONGEST_LINE
        && around.name().is_none_or(is_clean)
        && text
            .lines()
            .all(|line| line.len() <= LONGEST_LINE && is_clean(line))
}

fn is_clean(text: &str) -> bool {
    clean(text) == text
}

/// The file, line and column of the first label.
fn place(source: &dyn SourceCode, labels: &[LabeledSpan]) -> Option<String> {
    let label = labels.iter().find(|label| label.primary());
    let label = label.or_else(|| labels.iter().min_by_key(|label| label.offset()))?;
    let there = source.read_span(label.inner(), 0, 0).ok()?;
    Some(format!(
        "{}:{}:{}",
        clean(there.name().unwrap_or("the text")),
        there.line() + 1,
        there.column() + 1
    ))
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&self.message).finish()
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.problem.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.problem.severity()
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.drawn
    }
}

#[cfg(test)]
mod tests {
    use miette::{MietteDiagnostic, NamedSource, Report};

    use crate::trouble::diagnostics;

    fn shown(name: &str, text: String, at: usize, message: &str) -> String {
        let problem = MietteDiagnostic::new(message)
            .with_code("spec::x")
            .with_help("mend \u{1b}[2Jit")
            .with_label(miette::LabeledSpan::at(at..at + 3, "th\u{7}is"));
        let report = Report::new(problem).with_source_code(NamedSource::new(name, text));
        diagnostics([&*report as _].into_iter(), false)
    }

    #[test]
    fn a_line_is_underlined() {
        let text = "a: 1\r\nbad: 2\r\nc: 3\r\n".to_owned();
        let shown = shown("x.yaml", text, 6, "no field `bad`");
        assert!(shown.contains("x.yaml:2:1"), "{shown}");
        assert!(shown.contains("bad: 2"), "{shown}");
    }

    #[test]
    fn attack_nothing_of_a_problem_is_obeyed_by_a_terminal() {
        let text = "a: 1\n\u{1b}]0;title\u{7}: 2\n".to_owned();
        for at in [0, 5] {
            let shown = shown(
                "x\u{9b}.yaml",
                text.clone(),
                at,
                "\u{1b}]0;title\u{7}\u{202e}",
            );
            let hostile = shown.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(hostile, None, "{shown}");
            assert!(!shown.contains('\u{202e}'), "{shown}");
            assert!(shown.contains("\\x1b]0;title\\x07"), "{shown}");
            assert!(shown.contains(".yaml:"), "{shown}");
        }
    }

    #[test]
    fn attack_a_mistake_far_along_a_line_is_told_by_its_place() {
        let text = format!("{{\"a\": \"{}\", \"bad\": 1}}", "x".repeat(70_000));
        let at = text.find("bad").unwrap();
        let shown = shown("x.json", text, at, "no field `bad`");
        assert!(
            shown.contains(&format!("at x.json:1:{}", at + 1)),
            "{shown}"
        );
        assert!(shown.contains("mend"), "{shown}");
        assert!(shown.len() < 1000, "{shown}");
    }
}
