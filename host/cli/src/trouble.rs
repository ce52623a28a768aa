//! Tells the user what went wrong, on standard error.
//!
//! A mistake in a document is shown with its line underlined; trouble of ours as a sentence and its causes.

mod shown;

use std::io::{self, IsTerminal, Write};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, Report};
use stepwell_report::clean::clean;
use stepwell_spec::SpecErrors;

use crate::args::ColorChoice;
use crate::environment::Environment;
use crate::exit::{ExitCode, code_of};
use shown::Shown;

/// Room for a diagnostic's text.
const WIDTH: usize = 100;

/// How many problems are shown in full. A document with more of them has one cause; showing each costs a look through the
/// whole text, which a hostile document could make take for ever.
const MOST_SHOWN: usize = 100;

/// Why something was not done.
pub(crate) enum Trouble {
    /// The author's mistakes, all of them.
    Document(Box<SpecErrors>, ExitCode),
    /// All that is wrong with documents that were looked at, and were not to be run.
    Invalid(Box<SpecErrors>, ExitCode),
    /// What is wrong with the project's settings, all of it.
    Config(Vec<Report>),
    /// Anything else.
    Failed(anyhow::Error),
}

impl From<SpecErrors> for Trouble {
    fn from(errors: SpecErrors) -> Self {
        Self::Document(Box::new(errors), ExitCode::DocumentInvalid)
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Trouble {
    /// What to end with.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Document(_, code) | Self::Invalid(_, code) => *code,
            Self::Config(_) => ExitCode::DocumentInvalid,
            Self::Failed(error) => code_of(error),
        }
    }

    /// Says it. Standard error may be closed; then nobody wants to know.
    pub(crate) fn show(&self, color: ColorChoice, env: &Environment) {
        let color = use_color(color, env, io::stderr().is_terminal());
        let text = match self {
            Self::Document(errors, _) => {
                let last = format!("{errors}; nothing has run");
                related(errors, color) + &sentence([last])
            }
            Self::Invalid(errors, _) => {
                let last = match errors.problems().count() {
                    1 => "found 1 problem".to_owned(),
                    count => format!("found {count} problems"),
                };
                related(errors, color) + &sentence([last])
            }
            Self::Config(reports) => {
                let text = diagnostics(
                    reports.iter().map(|report| &**report as &dyn Diagnostic),
                    color,
                );
                text + &sentence(["the settings cannot be read; nothing has run".to_owned()])
            }
            Self::Failed(error) => sentence(error.chain().map(ToString::to_string)),
        };
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// All problems of documents.
fn related(errors: &SpecErrors, color: bool) -> String {
    diagnostics(errors.related().into_iter().flatten(), color)
}

/// Whether to use colour on an output.
pub(crate) fn use_color(choice: ColorChoice, env: &Environment, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !env.no_color(),
    }
}

/// One line for a person on `out`, mostly standard error, which may be closed: then nobody wants to know. What documents
/// and names of files say in it is hostile to a terminal.
pub(crate) fn say(out: &mut dyn Write, text: &str) {
    let _ = writeln!(out, "stepwell: {}", clean(text));
}

/// A message and its causes, one a line.
pub(crate) fn sentence(messages: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for message in messages {
        let before = if text.is_empty() {
            "stepwell: "
        } else {
            "  caused by: "
        };
        // A cause of more than one line stays under its own mark.
        // What a guest or a document says in it is hostile to a terminal.
        let lines: Vec<_> = message.trim_end().lines().map(clean).collect();
        text += &format!("{before}{}\n", lines.join("\n    "));
    }
    text
}

/// Problems for a person, each with its line underlined.
pub(crate) fn diagnostics<'a>(
    problems: impl Iterator<Item = &'a (dyn Diagnostic + 'a)>,
    color: bool,
) -> String {
    let theme = match color {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_context_lines(shown::CONTEXT_LINES)
        .with_links(false);
    let mut text = String::new();
    let mut more = 0;
    for (index, problem) in problems.enumerate() {
        if index >= MOST_SHOWN {
            more += 1;
            continue;
        }
        // Writing to a string cannot fail.
        let _ = handler.render_report(&mut text, &Shown::new(problem));
        text.push('\n');
    }
    if more > 0 {
        text += &format!("… and {more} more\n\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_below_one_another() {
        let error = anyhow::anyhow!("no space\nleft").context("failed to write `x`");
        let messages = error.chain().map(ToString::to_string);
        insta::assert_snapshot!(sentence(messages), @r"
        stepwell: failed to write `x`
          caused by: no space
            left
        ");
    }

    #[test]
    fn colour_is_for_terminals_unless_something_else_is_said() {
        let env = Environment::default();
        assert!(use_color(ColorChoice::Auto, &env, true));
        assert!(!use_color(ColorChoice::Auto, &env, false));
        assert!(use_color(ColorChoice::Always, &env, false));
        assert!(!use_color(ColorChoice::Never, &env, true));
    }
}
