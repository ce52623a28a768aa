//! The keyboard and the window of a shell.
//!
//! What is typed goes into a pipe: the shell's own standard input, or, for one with a terminal, what is typed on it. The
//! kernel's pipe is all that can be typed ahead. It knows nothing of containers.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix_namespaces::event::PollFlags;
use rustix_namespaces::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix_namespaces::io::{Errno, read, write};
use rustix_namespaces::termios::{Winsize, tcsetwinsize};
use stepwell_contract::power::{Terminal, TerminalSize};

use crate::embedded::output::wait;

/// What is typed at once.
const TYPED_BYTES: usize = 4096;

/// What ends the input of a terminal; twice, for what is typed before it in a line only ends the line.
const END: [u8; 2] = [4, 4];

/// What is typed, and how large the window is.
pub(crate) struct Keyboard {
    typing: Mutex<Option<Typing>>,
    /// Ready when nothing can be typed any more.
    over: OwnedFd,
    window: Mutex<Window>,
}

struct Typing {
    pipe: Arc<PipeWriter>,
    /// The other end of `over`.
    #[expect(dead_code, reason = "what counts is when it is closed")]
    over: PipeWriter,
}

struct Window {
    size: TerminalSize,
    terminal: Option<OwnedFd>,
}

impl Keyboard {
    /// A keyboard, and what is typed on it.
    pub(crate) fn new(size: Option<TerminalSize>) -> io::Result<(Self, PipeReader)> {
        let (typed, pipe) = io::pipe()?;
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        let (over, over_end) = io::pipe()?;
        let none = TerminalSize {
            rows: 0,
            columns: 0,
        };
        let keyboard = Self {
            typing: Mutex::new(Some(Typing {
                pipe: Arc::new(pipe),
                over: over_end,
            })),
            over: over.into(),
            window: Mutex::new(Window {
                size: size.unwrap_or(none),
                terminal: None,
            }),
        };
        Ok((keyboard, typed))
    }

    /// Nobody reads what is typed any more.
    pub(crate) fn close(&self) {
        self.end_input();
        self.window().terminal = None;
    }

    /// The shell has this terminal now; its window is as large as was said last.
    pub(crate) fn appears_on(&self, terminal: OwnedFd) {
        let mut window = self.window();
        window.terminal = Some(terminal);
        window.apply();
    }

    fn typing(&self) -> MutexGuard<'_, Option<Typing>> {
        // It is there or it is not.
        self.typing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn apply(&self) {
        if let Some(terminal) = &self.terminal {
            let size = Winsize {
                ws_row: self.size.rows,
                ws_col: self.size.columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            };
            // A terminal that is gone has no size.
            let _ = tcsetwinsize(terminal, size);
        }
    }
}

impl Terminal for Keyboard {
    fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let pipe = self
            .typing()
            .as_ref()
            .map(|typing| Arc::clone(&typing.pipe));
        let pipe = pipe.ok_or(io::ErrorKind::BrokenPipe)?;
        while !bytes.is_empty() {
            let (_, is_over) = wait(&*pipe, PollFlags::OUT, &self.over)?;
            if is_over {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            match (&*pipe).write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn end_input(&self) {
        *self.typing() = None;
    }

    fn resize(&self, size: TerminalSize) {
        let mut window = self.window();
        window.size = size;
        window.apply();
    }
}

/// Types what comes out of `typed` on `terminal`, and in the end that this is all, until the other end of `over` is closed.
pub(crate) fn type_on(typed: &PipeReader, terminal: &OwnedFd, over: &OwnedFd) -> io::Result<()> {
    let mut buffer = [0; TYPED_BYTES];
    loop {
        if let (_, true) = wait(typed, PollFlags::IN, over)? {
            return Ok(());
        }
        let (bytes, is_end) = match read(typed.as_fd(), &mut buffer) {
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Ok(0) => (&END[..], true),
            read => (&buffer[..read?], false),
        };
        let mut left = bytes;
        while !left.is_empty() {
            if let (_, true) = wait(terminal, PollFlags::OUT, over)? {
                return Ok(());
            }
            match write(terminal, left) {
                Ok(written) => left = &left[written..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if is_end {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn attack_a_shell_that_does_not_read_holds_nobody_for_longer_than_it_runs() {
        let (keyboard, mut typed) = Keyboard::new(None).unwrap();
        keyboard.write(b"ahead").unwrap();
        let mut ahead = [0; 5];
        typed.read_exact(&mut ahead).unwrap();
        assert_eq!(&ahead, b"ahead");
        std::thread::scope(|threads| {
            // More than a pipe holds, and the reader stays open.
            let writer = threads.spawn(|| keyboard.write(&[b'x'; 1 << 20]));
            typed.read_exact(&mut [0; 1]).unwrap();
            keyboard.close();
            let error = writer.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        });
        let error = keyboard.write(b"more").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn what_is_typed_before_the_input_ends_is_read() {
        let (keyboard, mut typed) = Keyboard::new(None).unwrap();
        keyboard.write(b"exit\n").unwrap();
        keyboard.end_input();
        let mut text = String::new();
        typed.read_to_string(&mut text).unwrap();
        assert_eq!(text, "exit\n");
    }
}
