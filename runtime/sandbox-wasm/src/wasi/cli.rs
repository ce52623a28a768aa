//! Arguments, environment, exit, and the three standard streams.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use stepwell_contract::{LogStream, StepSink};
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, StreamError, StreamResult,
};

use super::io::CHUNK_BYTES;
use crate::bindings::imports::wasi::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use crate::guest::Guest;

/// How much of what a guest said last is kept, to be shown beside a trap.
const TAIL_BYTES: usize = 4096;

/// The guest called `exit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest exited with code {0}")]
pub(crate) struct Exit(pub(crate) i32);

/// The last bytes that a guest wrote to stderr.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = (tail.len() + bytes.len()).saturating_sub(TAIL_BYTES);
        tail.drain(..excess);
        tail.extend(bytes);
    }

    /// The end of all that it said.
    pub(crate) fn text(&self) -> String {
        let tail: Vec<u8> = {
            let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            tail.iter().copied().collect()
        };
        String::from_utf8_lossy(&tail).trim().to_owned()
    }

    /// What a guest said before it trapped: the panic message of a Rust guest, else its last line.
    pub(crate) fn message(&self) -> Option<String> {
        let text = self.text();
        let start = match text.rfind("panicked at ") {
            Some(panic) => text[..panic].rfind('\n').map_or(0, |line| line + 1),
            None => text.rfind('\n').map_or(0, |line| line + 1),
        };
        let message = text[start..]
            .split("\nnote: run with `RUST_BACKTRACE")
            .next()
            .unwrap_or_default();
        (!message.is_empty()).then(|| message.to_owned())
    }
}

/// stdout or stderr: what is written goes to the step's log at once, on this thread.
struct LogWriter {
    stream: LogStream,
    sink: Arc<dyn StepSink>,
    tail: Option<Tail>,
}

#[async_trait::async_trait]
impl Pollable for LogWriter {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for LogWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if let Some(tail) = &self.tail {
            tail.push(&bytes);
        }
        self.sink.log(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES)
    }
}

/// stdin: there is nothing to read.
struct Nothing;

#[async_trait::async_trait]
impl Pollable for Nothing {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl InputStream for Nothing {
    fn read(&mut self, _size: usize) -> StreamResult<Bytes> {
        Err(StreamError::Closed)
    }
}

impl Guest {
    fn log_stream(&mut self, stream: LogStream) -> wasmtime::Result<Resource<DynOutputStream>> {
        let tail = (stream == LogStream::Stderr).then(|| self.last_words.clone());
        let writer = LogWriter {
            stream,
            sink: Arc::clone(&self.io.sink),
            tail,
        };
        Ok(self.table.push(Box::new(writer) as DynOutputStream)?)
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        Ok(self.table.push(Box::new(Nothing) as DynInputStream)?)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.log_stream(LogStream::Stdout)
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.log_stream(LogStream::Stderr)
    }
}

impl environment::Host for Guest {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.env.clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.argv.clone())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(Some(self.working_dir.to_string()))
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Exit(status.map_or(1, |()| 0)).into())
    }

    fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(Exit(i32::from(code)).into())
    }
}

// A step has no terminal.

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, terminal: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(
        &mut self,
        terminal: Resource<terminal_output::TerminalOutput>,
    ) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_after(text: &str) -> Option<String> {
        let tail = Tail::default();
        for chunk in text.as_bytes().chunks(7) {
            tail.push(chunk);
        }
        tail.message()
    }

    #[test]
    fn a_panic_message_is_found_whole() {
        let text = "reading\n\nthread 'main' panicked at src/main.rs:3:5:\nno such thing\n\
                    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        assert_eq!(
            message_after(text).as_deref(),
            Some("thread 'main' panicked at src/main.rs:3:5:\nno such thing")
        );
    }

    #[test]
    fn else_the_last_line_is_the_message() {
        assert_eq!(message_after("one\ntwo\n").as_deref(), Some("two"));
        assert_eq!(message_after(""), None);
    }

    #[test]
    fn a_flood_keeps_only_its_end() {
        let tail = Tail::default();
        tail.push(&vec![b'x'; 1 << 20]);
        tail.push(b"\nend");
        assert_eq!(tail.message().as_deref(), Some("end"));
        assert_eq!(tail.0.lock().unwrap().len(), TAIL_BYTES);
    }
}
