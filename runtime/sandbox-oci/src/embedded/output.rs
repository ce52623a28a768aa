//! A container's outputs: read as they come, handed on as they are, and held back when whoever takes them is slow.
//!
//! The kernel's pipe is all the memory that a container which prints without end can have.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix_namespaces::event::{PollFd, PollFlags, poll};
use rustix_namespaces::io::{Errno, read};
use stepwell_contract::{LogStream, StepSink};

/// What is read at once: as much as a pipe holds.
const READ_BYTES: usize = 64 << 10;

/// Reads `from`, a pipe or a terminal, to its end. Once the other end of `over` is closed, what has not been written yet is not
/// waited for: an end of the pipe may have been handed to another container.
pub(crate) fn forward(from: impl AsFd, over: &OwnedFd, stream: LogStream, sink: &dyn StepSink) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let Ok((ready, is_over)) = wait(&from, PollFlags::IN, over) else {
            return;
        };
        if !ready {
            if is_over {
                return;
            }
            continue;
        }
        match read(&from, &mut buffer) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(0) | Err(_) => return,
            Ok(read) => sink.log(stream, &buffer[..read]),
        }
    }
}

/// Waits until `one` is as `flags` have it, or broken, or the other end of `over` is closed: which of both.
pub(crate) fn wait(one: impl AsFd, flags: PollFlags, over: &OwnedFd) -> io::Result<(bool, bool)> {
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(one.as_fd(), flags),
            PollFd::from_borrowed_fd(over.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, -1) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok((!fds[0].revents().is_empty(), !fds[1].revents().is_empty())),
        }
    }
}
