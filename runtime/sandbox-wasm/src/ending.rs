//! From what the engine says to how the step ended.

use stepwell_contract::{CancelReason, Ending, Frame, Limit, SandboxError, SandboxErrorKind};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::BACKEND;
use crate::guest::Guest;
use crate::meter::LimitHit;
use crate::wait::Interrupted;
use crate::wasi::cli::Exit;

/// Frames of a backtrace that are kept: deep recursion has a million.
const MAX_FRAMES: usize = 32;

/// The step was cancelled while its own code ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the step was told to stop")]
pub(crate) struct Stopped;

/// How a step ended whose entry returned, or did not even begin, with `error`.
///
/// # Errors
///
/// The host, not the guest, is to blame: the pool is used up.
pub(crate) fn of_error(error: &wasmtime::Error, guest: &Guest) -> Result<Ending, SandboxError> {
    if let Some(Exit(code)) = error.downcast_ref() {
        return Ok(Ending::Exited { code: *code });
    }
    if error.is::<PoolConcurrencyLimitError>() {
        let cause = format!("{error:#}");
        return Err(
            SandboxError::new(BACKEND, "find room for the step", SandboxErrorKind::Host)
                .because(cause),
        );
    }
    let trap = error.downcast_ref::<Trap>();
    let stopped =
        error.is::<Interrupted>() || error.is::<Stopped>() || trap == Some(&Trap::Interrupt);
    if let (true, Some(reason)) = (stopped, guest.io.cancel.reason()) {
        return Ok(of_cancellation(reason));
    }
    if let Some(limit) = limit_reached(error, trap, guest) {
        let value = guest.meter.limits().get(limit);
        return Ok(Ending::LimitReached {
            limit,
            value,
            backtrace: backtrace(error),
        });
    }
    let reason = match trap {
        Some(trap) => trap
            .to_string()
            .trim_start_matches("wasm trap: ")
            .to_owned(),
        None => format!("{:#}", error.root_cause()),
    };
    Ok(Ending::Trapped {
        reason,
        message: guest.last_words.message(),
        backtrace: backtrace(error),
    })
}

/// How a step ends that was told to stop.
pub(crate) fn of_cancellation(reason: CancelReason) -> Ending {
    match reason {
        CancelReason::Asked => Ending::Cancelled,
        CancelReason::TimedOut(after) => Ending::TimedOut { after },
    }
}

fn limit_reached(error: &wasmtime::Error, trap: Option<&Trap>, guest: &Guest) -> Option<Limit> {
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return Some(hit.limit);
    }
    match trap {
        Some(Trap::StackOverflow) => return Some(Limit::Stack),
        Some(Trap::OutOfFuel) => return Some(Limit::Fuel),
        _ => {}
    }
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some(Limit::Handles);
    }
    // The engine has no types for these; a test per limit holds the words.
    let cause = error.root_cause().to_string();
    for (words, limit) in [
        (
            "fuel allocated for hostcalls has been exhausted",
            Limit::HostCall,
        ),
        ("store handle limit exceeded", Limit::Handles),
        ("count too high", Limit::Instances),
    ] {
        if cause.contains(words) {
            return Some(limit);
        }
    }
    // A guest that was refused memory and then gave up.
    guest.meter.refused()
}

fn backtrace(error: &wasmtime::Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let frames = backtrace.frames().iter().take(MAX_FRAMES);
    let frames = frames
        .flat_map(|frame| {
            let unnamed = || format!("<wasm function {}>", frame.func_index());
            let symbols: Vec<Frame> = frame
                .symbols()
                .iter()
                .map(|symbol| Frame {
                    function: symbol
                        .name()
                        .or(frame.func_name())
                        .map(demangle)
                        .unwrap_or_else(unnamed),
                    location: symbol.file().map(|file| match symbol.line() {
                        Some(line) => format!("{file}:{line}"),
                        None => file.to_owned(),
                    }),
                })
                .collect();
            if symbols.is_empty() {
                let function = frame.func_name().map(demangle).unwrap_or_else(unnamed);
                vec![Frame {
                    function,
                    location: None,
                }]
            } else {
                symbols
            }
        })
        .collect();
    without_rust_machinery(frames)
}

/// Leaves out what every panic and every `main` of a Rust program has around it: the frames beyond the two marks that
/// Rust's own short backtraces go by.
fn without_rust_machinery(mut frames: Vec<Frame>) -> Vec<Frame> {
    let marked = |frame: &Frame, mark: &str| frame.function.contains(mark);
    if let Some(main) = frames
        .iter()
        .position(|frame| marked(frame, "__rust_begin_short_backtrace"))
    {
        frames.truncate(main);
    }
    if let Some(panic) = frames
        .iter()
        .rposition(|frame| marked(frame, "__rust_end_short_backtrace"))
    {
        frames.drain(..=panic);
        let own = frames.iter().position(|frame| !is_panic_machinery(frame));
        frames.drain(..own.unwrap_or(0));
    }
    frames
}

/// By its name, or, where debug information gives names without their modules, by its file.
fn is_panic_machinery(frame: &Frame) -> bool {
    let names = ["rust_begin_unwind", "core::panicking::"];
    let files = ["/core/src/panicking.rs:", "/std/src/panicking.rs:"];
    let location = frame.location.as_deref().unwrap_or_default();
    names.iter().any(|name| frame.function.contains(name))
        || files.iter().any(|file| location.contains(file))
}

fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trimmed(functions: &[&str]) -> Vec<String> {
        let frame = |function: &&str| Frame {
            function: (*function).to_owned(),
            location: None,
        };
        let frames = without_rust_machinery(functions.iter().map(frame).collect());
        frames.into_iter().map(|frame| frame.function).collect()
    }

    #[test]
    fn a_panic_begins_where_the_program_panicked() {
        let functions = [
            "std::process::abort",
            "std::sys::backtrace::__rust_end_short_backtrace::<x>",
            "__rustc::rust_begin_unwind",
            "core::panicking::panic_fmt",
            "tool::parse",
            "tool::main",
            "std::sys::backtrace::__rust_begin_short_backtrace::<y>",
            "std::rt::lang_start",
        ];
        assert_eq!(trimmed(&functions), ["tool::parse", "tool::main"]);
    }

    #[test]
    fn a_standard_library_with_debug_information_is_left_out_by_its_files() {
        let frame = |function: &str, location: &str| Frame {
            function: function.to_owned(),
            location: Some(location.to_owned()),
        };
        let library = "/usr/src/library";
        let frames = without_rust_machinery(vec![
            frame(
                "__rust_end_short_backtrace<x>",
                &format!("{library}/std/src/sys/backtrace.rs:170"),
            ),
            frame(
                "panic_handler",
                &format!("{library}/std/src/panicking.rs:689"),
            ),
            frame("panic_fmt", &format!("{library}/core/src/panicking.rs:80")),
            frame("parse", "src/panicking.rs:2"),
        ]);
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].function, "parse");
    }

    #[test]
    fn other_traps_and_other_languages_keep_their_frames() {
        assert_eq!(
            trimmed(&["memcpy", "main", "_start"]),
            ["memcpy", "main", "_start"]
        );
    }
}
