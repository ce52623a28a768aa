//! A container's outputs: read as they come, handed on as they are, and held back when whoever takes them is slow.
//!
//! The kernel's pipe is all the memory that a container which prints without end can have.

use std::io::{PipeReader, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix_namespaces::event::{PollFd, PollFlags, poll};
use stepwell_contract::{LogStream, StepSink};

/// What is read at once: as much as a pipe holds.
const READ_BYTES: usize = 64 << 10;

/// Reads `pipe` to its end. Once the other end of `over` is closed, what has not been written yet is not waited for: an end
/// of the pipe may have been handed to another container.
pub(crate) fn forward(
    mut pipe: PipeReader,
    over: &OwnedFd,
    stream: LogStream,
    sink: &dyn StepSink,
) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let (ready, is_over) = {
            let mut fds = [
                PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(over.as_fd(), PollFlags::IN),
            ];
            match poll(&mut fds, -1) {
                Err(rustix_namespaces::io::Errno::INTR) => continue,
                Err(_) => return,
                Ok(_) => (!fds[0].revents().is_empty(), !fds[1].revents().is_empty()),
            }
        };
        if !ready {
            if is_over {
                return;
            }
            continue;
        }
        match pipe.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => sink.log(stream, &buffer[..read]),
        }
    }
}
