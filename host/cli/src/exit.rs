//! What `stepwell` ends with, and how an error finds its number.

use std::fmt;

use stepwell_contract::grant::GrantError;
use stepwell_contract::limit::LimitError;
use stepwell_contract::{SandboxError, SandboxErrorKind};
use stepwell_store::StoreError;

use crate::images::Unfit;

/// How `stepwell` ended. `exec` is the exception: where its component ended by itself, the component's own code is
/// passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Everything that was asked for was done.
    Success = 0,
    /// Stepwell itself failed.
    OurTrouble = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// This machine lacks something: a private cache folder, support for container images.
    Environment = 3,
    /// A document or a component is not valid, or asks for more than it is granted. Nothing has run.
    DocumentInvalid = 4,
    /// The run failed.
    RunFailed = 5,
    /// The run, or a step of it, took longer than it may.
    TimedOut = 6,
    /// Somebody pressed Ctrl-C, or sent SIGTERM.
    Cancelled = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// A message with an exit code of its own. The outermost line of an error, or all of it.
#[derive(Debug)]
pub(crate) struct Coded {
    /// What to end with.
    pub(crate) code: ExitCode,
    message: String,
}

impl Coded {
    /// A message that ends `stepwell` with `code`.
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// What the command line got wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

/// The exit code for an error that reached `main`.
pub(crate) fn code_of(error: &anyhow::Error) -> ExitCode {
    // A file that is no component knows best whose mistake that is.
    if let Some(unfit) = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Unfit>())
    {
        return match unfit {
            Unfit::Unreadable(_) => ExitCode::Usage,
            Unfit::Native(_) | Unfit::NotWasm(_) => ExitCode::DocumentInvalid,
        };
    }
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return coded.code;
    }
    error
        .chain()
        .find_map(code_of_cause)
        .unwrap_or(ExitCode::OurTrouble)
}

fn code_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<ExitCode> {
    if let Some(coded) = cause.downcast_ref::<Coded>() {
        return Some(coded.code);
    }
    if cause.is::<GrantError>() || cause.is::<LimitError>() {
        return Some(ExitCode::Usage);
    }
    if let Some(StoreError::Exposed { .. }) = cause.downcast_ref() {
        return Some(ExitCode::Environment);
    }
    match cause.downcast_ref::<SandboxError>()?.kind {
        SandboxErrorKind::Refused(_)
        | SandboxErrorKind::BadGuest
        | SandboxErrorKind::Conflict
        | SandboxErrorKind::Malformed => Some(ExitCode::DocumentInvalid),
        SandboxErrorKind::Unsupported(_) => Some(ExitCode::Environment),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_a_promise() {
        use ExitCode::*;
        let all = [
            Success,
            OurTrouble,
            Usage,
            Environment,
            DocumentInvalid,
            RunFailed,
            TimedOut,
            Cancelled,
        ];
        let table: Vec<_> = all.map(|code| format!("{:3} {code:?}", code as u8)).into();
        insta::assert_snapshot!(table.join("\n"), @"
          0 Success
          1 OurTrouble
          2 Usage
          3 Environment
          4 DocumentInvalid
          5 RunFailed
          6 TimedOut
        130 Cancelled
        ");
    }

    #[test]
    fn the_page_on_exit_codes_has_every_number() {
        let page = include_str!("../../../docs/reference/exit-codes.md");
        let table = page.split("\n## ").nth(1).unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
        let numbers: Vec<u8> = rows
            .filter_map(|row| row.split(" | ").next()?.parse().ok())
            .collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 130]);
    }

    #[test]
    fn an_error_is_known_wherever_it_is_in_the_chain() {
        let sandbox = |kind| SandboxError::new("wasm", "admit `x`", kind);
        let refused = anyhow::Error::new(sandbox(SandboxErrorKind::Refused(Vec::new())));
        assert_eq!(
            code_of(&refused.context("failed to run")),
            ExitCode::DocumentInvalid
        );
        let host = anyhow::Error::new(sandbox(SandboxErrorKind::Host));
        assert_eq!(code_of(&host), ExitCode::OurTrouble);
        let host = host.context(Coded::usage("no"));
        assert_eq!(code_of(&host), ExitCode::Usage);
        let wrong = anyhow::Error::new(LimitError::NotASetting("x".to_owned()));
        assert_eq!(
            code_of(&wrong.context("failed to read `--limit`")),
            ExitCode::Usage
        );
        assert_eq!(code_of(&anyhow::anyhow!("no")), ExitCode::OurTrouble);
        let gone = anyhow::Error::new(Unfit::Unreadable("no such file".to_owned()));
        assert_eq!(code_of(&gone.context("failed to read")), ExitCode::Usage);
    }
}
