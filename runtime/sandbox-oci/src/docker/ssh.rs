//! A connection that the system's program `ssh` carries, to `docker system dial-stdio` on another machine.
//!
//! Whom to trust and how to log in is the user's own settings of `ssh`; nothing is asked of anybody. What the program says on
//! its standard error is kept, for an error that it is the cause of, and never shown else.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

/// How much of what the program says is kept: it is partly the other machine's text.
const SAID: usize = 1000;

/// The program ended before anything came from the other machine.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`ssh` says: {0}")]
pub(super) struct SshEnded(String);

/// A connection that the program `ssh` carries.
pub(super) struct Ssh {
    stream: UnixStream,
    program: Child,
    /// Its standard error, until it is closed.
    errors: Option<pipe::Receiver>,
    said: Vec<u8>,
    answered: bool,
}

impl Ssh {
    pub(super) fn start(destination: &str, port: Option<u16>) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new("ssh");
        // Nobody is there to type a password.
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15"]);
        if let Some(port) = port {
            command.args(["-p", &port.to_string()]);
        }
        command
            .args(["--", destination, "docker", "system", "dial-stdio"])
            .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped());
        let started = command.spawn();
        let mut program = started.map_err(|error| {
            io::Error::new(error.kind(), format!("failed to start `ssh`: {error}"))
        })?;
        // The other end is the program's alone, or its end would not be heard.
        drop(command);
        let errors = program.stderr.take().map(OwnedFd::from);
        let ssh = Self {
            stream: UnixStream::from_std(ours)?,
            program,
            errors: errors.map(pipe::Receiver::from_owned_fd).transpose()?,
            said: Vec::new(),
            answered: false,
        };
        Ok(ssh)
    }

    /// Takes what it says on its standard error, so that it never waits for somebody to read that.
    fn listen(&mut self, context: &mut Context<'_>) {
        while let Some(errors) = &mut self.errors {
            let mut piece = [0; 1024];
            let mut buffer = ReadBuf::new(&mut piece);
            match Pin::new(errors).poll_read(context, &mut buffer) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let room = SAID.saturating_sub(self.said.len());
                    let kept = buffer.filled().iter().take(room);
                    self.said.extend(kept);
                }
                Poll::Ready(_) => self.errors = None,
            }
        }
    }

    /// Why nothing came.
    fn ended(&mut self, context: &mut Context<'_>) -> io::Error {
        // What it said last came before its end.
        self.listen(context);
        let said = String::from_utf8_lossy(&self.said);
        let lines: Vec<_> = said.lines().map(str::trim).collect();
        let said = lines.join("; ");
        let said = match said.is_empty() {
            true => "nothing, and the other machine neither".to_owned(),
            false => said.escape_debug().to_string(),
        };
        io::Error::other(SshEnded(said))
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl AsyncRead for Ssh {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.listen(context);
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.answered |= buffer.filled().len() > before;
        match read {
            Poll::Ready(_) if !self.answered => Poll::Ready(Err(self.ended(context))),
            read => read,
        }
    }
}

impl AsyncWrite for Ssh {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(Err(_)) if !self.answered => Poll::Ready(Err(self.ended(context))),
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
