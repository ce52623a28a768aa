//! Tells the user what went wrong, on standard error.
//!
//! A mistake in a document is shown with its line underlined; trouble of ours as a sentence and its causes.

use std::io::{self, IsTerminal, Write};

use miette::{Diagnostic as _, GraphicalReportHandler, GraphicalTheme};
use stepwell_spec::SpecErrors;

use crate::args::ColorChoice;
use crate::environment::Environment;
use crate::exit::{ExitCode, code_of};

/// Room for a diagnostic's text.
const WIDTH: usize = 100;

/// How many problems are shown in full. A document with more of them has one cause; showing each costs a look through the
/// whole text, which a hostile document could make take for ever.
const MOST_SHOWN: usize = 100;

/// Why something was not done.
pub(crate) enum Trouble {
    /// The author's mistakes, all of them.
    Document(Box<SpecErrors>, ExitCode),
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
            Self::Document(_, code) => *code,
            Self::Failed(error) => code_of(error),
        }
    }

    /// Says it. Standard error may be closed; then nobody wants to know.
    pub(crate) fn show(&self, color: ColorChoice, env: &Environment) {
        let text = match self {
            Self::Document(errors, _) => {
                diagnostics(errors, use_color(color, env, io::stderr().is_terminal()))
            }
            Self::Failed(error) => sentence(error.chain().map(ToString::to_string)),
        };
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// Whether to use colour on an output.
pub(crate) fn use_color(choice: ColorChoice, env: &Environment, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !env.no_color(),
    }
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
        text += &format!("{before}{}\n", message.trim_end().replace('\n', "\n    "));
    }
    text
}

fn diagnostics(errors: &SpecErrors, color: bool) -> String {
    let theme = match color {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_links(false);
    let mut text = String::new();
    for problem in errors.related().into_iter().flatten().take(MOST_SHOWN) {
        // Writing to a string cannot fail.
        let _ = handler.render_report(&mut text, problem);
        text.push('\n');
    }
    let more = errors.problems().count().saturating_sub(MOST_SHOWN);
    if more > 0 {
        text += &format!("… and {more} more\n\n");
    }
    text += &sentence([format!("{errors}; nothing has run")]);
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
