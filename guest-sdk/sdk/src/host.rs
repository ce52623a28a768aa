//! What a plugin tells the host while it runs, results and progress, and what it asks of it: native programs.
//!
//! Outside WebAssembly there is no host; a plugin's own tests see what it emitted through [`emitted`].

use std::error::Error;
use std::fmt;

use crate::bindings::stepwell::task::tools::Command;
use crate::{EmitRefusal, ParamValue, Ran, ToolRefusal};

/// A result was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmitError {
    /// The result.
    pub name: String,
    /// Why the host did not take it.
    pub refusal: EmitRefusal,
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.refusal {
            EmitRefusal::Undeclared => write!(f, "the task declares no result `{name}`"),
            EmitRefusal::WrongType(declared) => {
                write!(f, "result `{name}` is declared as {}", declared.as_str())
            }
            EmitRefusal::TooLarge(limit) => {
                write!(f, "result `{name}` is larger than {limit} bytes")
            }
            EmitRefusal::NotKept(cause) => write!(f, "result `{name}` was not kept: {cause}"),
        }
    }
}

impl Error for EmitError {}

/// Hands one result to the host; a name that is emitted again replaces the value.
///
/// # Errors
///
/// Says why the host did not take it. The run may go on without it.
pub fn emit(name: &str, value: impl Into<ParamValue>) -> Result<(), EmitError> {
    hand_over(name, value.into()).map_err(|refusal| EmitError {
        name: name.to_owned(),
        refusal,
    })
}

#[cfg(target_arch = "wasm32")]
fn hand_over(name: &str, value: ParamValue) -> Result<(), EmitRefusal> {
    crate::bindings::stepwell::task::results::emit(name, &value)
}

#[cfg(not(target_arch = "wasm32"))]
fn hand_over(name: &str, value: ParamValue) -> Result<(), EmitRefusal> {
    EMITTED.with_borrow_mut(|emitted| emitted.insert(name.to_owned(), value));
    Ok(())
}

#[cfg(not(target_arch = "wasm32"))]
thread_local! {
    static EMITTED: std::cell::RefCell<std::collections::BTreeMap<String, ParamValue>> = const {
        std::cell::RefCell::new(std::collections::BTreeMap::new())
    };
}

/// Takes out what this thread has emitted since the last call: for a plugin's own tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn emitted() -> std::collections::BTreeMap<String, ParamValue> {
    EMITTED.take()
}

/// Says that `done` of `total` are finished, in the plugin's own unit; `total` is left out while it is not known.
pub fn progress(done: u64, total: Option<u64>, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::stepwell::task::progress::report(done, total, message);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (done, total, message);
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn run_tool(command: &Command) -> Result<Ran, ToolRefusal> {
    let done = crate::bindings::stepwell::task::tools::run(command)?;
    Ok(Ran {
        exit_code: done.exit_code,
        limit: done.limit,
        stdout: done.stdout.bytes,
        stderr: done.stderr.bytes,
        dropped: done.stdout.dropped + done.stderr.dropped,
    })
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn run_tool(_: &Command) -> Result<Ran, ToolRefusal> {
    let why = "there is no host outside of WebAssembly";
    Err(ToolRefusal::NotRun(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, ParamType};

    #[test]
    fn the_last_value_of_a_name_stays() {
        emit("pages", "1").unwrap();
        emit("pages", "2").unwrap();
        assert_eq!(emitted(), [("pages".to_owned(), "2".into())].into());
        assert_eq!(emitted(), [].into());
    }

    #[test]
    fn a_refusal_becomes_a_failure_that_names_the_result() {
        let messages = [
            EmitRefusal::Undeclared,
            EmitRefusal::WrongType(ParamType::Array),
            EmitRefusal::TooLarge(4096),
            EmitRefusal::NotKept("disk full".to_owned()),
        ]
        .map(|refusal| {
            let name = "pages".to_owned();
            Failure::from(EmitError { name, refusal }).message
        });
        assert_eq!(
            messages,
            [
                "the task declares no result `pages`",
                "result `pages` is declared as array",
                "result `pages` is larger than 4096 bytes",
                "result `pages` was not kept: disk full",
            ]
        );
    }
}
