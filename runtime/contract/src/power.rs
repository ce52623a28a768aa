//! What a backend may be able to do beyond running steps: optional powers, each refused by name where it is missing.
//!
//! A power over one step is asked of its [`Place`], a power over a whole task of its
//! [`TaskScope`](crate::TaskScope). This file knows neither who uses a power nor how a backend has it.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::{Sandbox, SandboxError, SandboxErrorKind};

/// A power that not every backend has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// An interactive shell beside a step.
    Shell,
    /// Looking at what a step draws.
    Display,
    /// An HTTP proxy whose handler is on the host.
    Proxy,
    /// Connections from the host to what listens in a task.
    Connection,
    /// Files of a step, read from outside.
    Extract,
    /// Everything that a step sees, in one archive.
    Archive,
}

impl Feature {
    /// Every power, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Shell,
        Self::Display,
        Self::Proxy,
        Self::Connection,
        Self::Extract,
        Self::Archive,
    ];

    /// What it is called in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Display => "display",
            Self::Proxy => "proxy",
            Self::Connection => "connection",
            Self::Extract => "extraction",
            Self::Archive => "archive",
        }
    }

    /// The refusal of this power by `backend`.
    pub fn refused_by(self, backend: &'static str) -> SandboxError {
        let doing = match self {
            Self::Shell => "open a shell",
            Self::Display => "open a display",
            Self::Proxy => "attach a proxy",
            Self::Connection => "connect to a port",
            Self::Extract => "extract files",
            Self::Archive => "archive the step",
        };
        SandboxError::new(backend, doing, SandboxErrorKind::Unsupported(self))
            .because(format!("the {backend} backend has no {self}"))
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where one step runs, seen from outside: asked of a [`Sandbox`] before it runs, and good until it is dropped or the
/// task's scope ends. While somebody holds it, what the step leaves in there is kept.
pub trait Place: Send + Sync {
    /// The backend's name, for refusals.
    fn backend(&self) -> &'static str;

    /// Prepares a shell beside the step. Called while the step runs or after it ended, any number of times.
    ///
    /// # Errors
    ///
    /// [`Feature::Shell`] is not there; the step has not begun; what the host could not do.
    fn shell(&self, spec: ShellSpec) -> Result<Shell, SandboxError> {
        let _ = spec;
        Err(Feature::Shell.refused_by(self.backend()))
    }

    /// What the step draws on. Called while the step runs.
    ///
    /// # Errors
    ///
    /// [`Feature::Display`] is not there; what the host could not do.
    fn displays(&self) -> Result<Vec<Display>, SandboxError> {
        Err(Feature::Display.refused_by(self.backend()))
    }

    /// Connects to one of [`displays`](Self::displays), speaking RFB. The connection ends with the step.
    ///
    /// # Errors
    ///
    /// [`Feature::Display`] is not there; [`SandboxErrorKind::NotFound`] where no display has the name.
    fn open_display(&self, name: &str) -> Result<DisplayStream, SandboxError> {
        let _ = name;
        Err(Feature::Display.refused_by(self.backend()))
    }

    /// Opens a regular file at the absolute `path`, as the step sees it: a symlink is followed as the step would follow it,
    /// and never out of what the step sees. Called after the step ended.
    ///
    /// # Errors
    ///
    /// [`Feature::Extract`] is not there; [`SandboxErrorKind::Malformed`] for a path that is not absolute;
    /// [`SandboxErrorKind::NotFound`] where the step sees no regular file.
    fn extract_file(&self, path: &str) -> Result<Box<dyn Read + Send>, SandboxError> {
        let _ = path;
        Err(Feature::Extract.refused_by(self.backend()))
    }

    /// Hands every regular file below the folder `path` to `each`, in the order of their paths, which are relative to the
    /// folder. A symlink to a file is that file, where the step would see it so; one to a folder is left out, as is what
    /// is neither file nor folder. Called after the step ended.
    ///
    /// # Errors
    ///
    /// As [`extract_file`](Self::extract_file), and [`SandboxErrorKind::Interrupted`] with the error of `each`, after
    /// which no file is handed out.
    fn extract_folder(&self, path: &str, each: &mut EachFile<'_>) -> Result<(), SandboxError> {
        let _ = (path, each);
        Err(Feature::Extract.refused_by(self.backend()))
    }

    /// Writes all that the step sees as a tar stream; symlinks stay what they are. Called after the step ended.
    ///
    /// # Errors
    ///
    /// [`Feature::Archive`] is not there; [`SandboxErrorKind::Interrupted`] with the error of `to`.
    fn archive(&self, to: &mut dyn Write) -> Result<(), SandboxError> {
        let _ = to;
        Err(Feature::Archive.refused_by(self.backend()))
    }
}

/// Takes a file that is extracted: its relative path and its content. An error ends the extraction.
pub type EachFile<'a> = dyn FnMut(&str, &mut dyn Read) -> io::Result<()> + 'a;

/// Where an archive goes. Remembers whose trouble it is when one cannot be written.
pub struct Outlet<'a> {
    to: &'a mut dyn Write,
    has_failed: bool,
}

impl<'a> Outlet<'a> {
    /// Writes to `to`.
    pub fn new(to: &'a mut dyn Write) -> Self {
        Self {
            to,
            has_failed: false,
        }
    }

    /// Whether it is the other end that did not take what was written.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes);
        self.has_failed |= written.is_err();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The place of a backend that has no powers.
#[derive(Debug, Clone, Copy)]
pub struct NoPowers(
    /// The backend's name.
    pub &'static str,
);

impl Place for NoPowers {
    fn backend(&self) -> &'static str {
        self.0
    }
}

/// How large a terminal's window is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// How many lines.
    pub rows: u16,
    /// How many characters in a line.
    pub columns: u16,
}

/// What shell is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellSpec {
    /// The program and its arguments; empty for the shell that the place has.
    pub command: Vec<String>,
    /// The window, where it is to have a terminal: its outputs are then one. Without one they stay apart.
    pub terminal: Option<TerminalSize>,
}

/// A shell that has not begun: one more sandbox, with a keyboard.
pub struct Shell {
    /// The shell itself. It ends as every sandbox does, and as cancelled when the task's scope ends.
    pub sandbox: Box<dyn Sandbox>,
    /// Its keyboard and window.
    pub terminal: Arc<dyn Terminal>,
}

/// The keyboard and the window of a [`Shell`]; for another thread than the one that runs it. What is typed before it
/// runs waits for it.
pub trait Terminal: Send + Sync {
    /// Types `bytes`. Blocks while the shell does not read, and no longer than it runs.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` where the shell has ended or its input was ended.
    fn write(&self, bytes: &[u8]) -> io::Result<()>;

    /// Ends the input: the shell reads what was typed, and then its end.
    fn end_input(&self);

    /// Says that the window has another size now. Does nothing for a shell without a terminal, or one that has ended.
    fn resize(&self, size: TerminalSize);
}

/// Something that a step draws on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Display {
    /// What it is opened by.
    pub name: String,
    /// What is to be seen there, for a person.
    pub description: String,
    /// Width and height in pixels, where they are known.
    pub size: Option<(u16, u16)>,
}

/// A connection to a [`Display`]: bytes both ways. What it reads ends when the step does.
pub struct DisplayStream {
    /// What the display says.
    pub input: Box<dyn Read + Send>,
    /// What it is told.
    pub output: Box<dyn Write + Send>,
}

/// What a step asks of a proxy.
pub struct ProxyRequest<'a> {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path and the query, beginning with a slash.
    pub target: String,
    /// The headers, in order, without those that say how long the body is.
    pub headers: Vec<(String, String)>,
    /// The body, where the step sends one.
    pub body: Option<ProxyBody<'a>>,
}

/// What a step sends to a proxy.
pub struct ProxyBody<'a> {
    /// How many bytes it has, where the step said so beforehand.
    pub length: Option<u64>,
    /// The bytes, as many as the step makes them.
    pub bytes: &'a mut dyn Read,
}

/// What a proxy answers.
pub struct ProxyResponse {
    /// The status.
    pub status: u16,
    /// The headers, in order, without those that say how long the body is.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Box<dyn Read + Send>,
}

/// Answers, on the host, what steps ask of a proxy: whatever it knows to do so, a credential above all, stays there.
pub trait ProxyHandler: Send + Sync {
    /// Answers one request. Called on a thread of the backend's, for several requests at once.
    fn handle(&self, request: ProxyRequest<'_>) -> ProxyResponse;
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn without_powers_each_is_refused_by_name() {
        let place = NoPowers("plain");
        let refusals = [
            place.shell(ShellSpec::default()).err(),
            place.displays().err(),
            place.extract_file("/f").err(),
            place.archive(&mut io::sink()).err(),
        ];
        let refused = [
            Feature::Shell,
            Feature::Display,
            Feature::Extract,
            Feature::Archive,
        ];
        for (error, feature) in refusals.into_iter().zip(refused) {
            let error = error.unwrap();
            assert!(
                matches!(error.kind, SandboxErrorKind::Unsupported(named) if named == feature),
                "{error:?}"
            );
            assert_eq!(error.backend, "plain");
            assert_eq!(
                error.source().unwrap().to_string(),
                format!("the plain backend has no {feature}")
            );
        }
    }
}
