//! Bytes over a socket with open handles beside them: how a pipe or a terminal gets into a container and out of it.
//!
//! It knows nothing of what the bytes mean.

use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix_namespaces::cmsg_space;
use rustix_namespaces::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// As many go with one message: a socket and three streams.
const MOST: usize = 4;

/// Sends `bytes`, of which there is at least one, and `handles`, at most four, with the first of them.
pub(crate) fn send(
    mut socket: &UnixStream,
    bytes: &[u8],
    handles: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut space = [0; cmsg_space!(ScmRights(MOST))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !handles.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(handles)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent = sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut beside,
        SendFlags::NOSIGNAL,
    )?;
    socket.write_all(&bytes[sent..])
}

/// Waits for bytes: how many there were, 0 at the end, and the handles that came with them.
pub(crate) fn receive(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [0; cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut beside, flags) {
            Err(rustix_namespaces::io::Errno::INTR) => {}
            received => break received?,
        }
    };
    let mut handles = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            handles.extend(received);
        }
    }
    Ok((received.bytes, handles))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_handle_arrives_with_its_byte_and_is_the_same_pipe() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut read, write) = io::pipe().unwrap();
        send(&ours, b"ab", &[write.as_fd()]).unwrap();
        send(&ours, b"c", &[]).unwrap();
        drop((write, ours));
        let mut buffer = [0; 1];
        let (length, mut handles) = receive(&theirs, &mut buffer).unwrap();
        assert_eq!((length, buffer, handles.len()), (1, *b"a", 1));
        std::fs::File::from(handles.remove(0))
            .write_all(b"through")
            .unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
        for expected in [(1, b'b'), (1, b'c'), (0, b'c')] {
            let (length, handles) = receive(&theirs, &mut buffer).unwrap();
            assert_eq!(((length, buffer[0]), handles.len()), (expected, 0));
        }
    }
}
