//! The keyboard and the window of a shell in a daemon.
//!
//! What is typed goes through a buffer on the daemon's thread, which is all that can be typed ahead, and from there over the
//! shell's connection. The window is what the daemon is told, once there is one. It does not know how the shell is run.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::query_parameters::{ResizeContainerTTYOptionsBuilder, ResizeExecOptionsBuilder};
use stepwell_contract::power::{Terminal, TerminalSize};
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};

use super::daemon::Daemon;

/// What can be typed ahead: as much as a pipe holds.
const AHEAD_BYTES: usize = 64 << 10;

/// What is typed, and how large the window is.
pub(super) struct Keyboard {
    daemon: Arc<Daemon>,
    typing: Mutex<Option<Arc<tokio::sync::Mutex<DuplexStream>>>>,
    window: Mutex<Window>,
}

struct Window {
    size: Option<TerminalSize>,
    of: Option<WindowOf>,
}

/// What has a window.
pub(super) enum WindowOf {
    /// A program beside that of a container.
    Exec(String),
    /// A container's own program.
    Container(String),
}

impl Keyboard {
    /// A keyboard, and what is typed on it: `size` where there is a terminal.
    pub(super) fn new(daemon: &Arc<Daemon>, size: Option<TerminalSize>) -> (Self, DuplexStream) {
        let (typing, typed) = duplex(AHEAD_BYTES);
        let keyboard = Self {
            daemon: Arc::clone(daemon),
            typing: Mutex::new(Some(Arc::new(typing.into()))),
            window: Mutex::new(Window { size, of: None }),
        };
        (keyboard, typed)
    }

    /// The shell runs; its window is as large as was said last. Returns when the daemon knows, so that what is typed then
    /// finds it so.
    pub(super) fn appears(&self, of: WindowOf) {
        let mut window = self.window();
        window.of = Some(of);
        self.apply(&window);
    }

    /// Nobody reads what is typed any more.
    pub(super) fn close(&self) {
        self.end_input();
        self.window().of = None;
    }

    fn typing(&self) -> MutexGuard<'_, Option<Arc<tokio::sync::Mutex<DuplexStream>>>> {
        // It is there or it is not.
        self.typing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, window: &Window) {
        let (Some(size), Some(of)) = (window.size, &window.of) else {
            return;
        };
        let (rows, columns) = (i32::from(size.rows), i32::from(size.columns));
        // A terminal that is gone has no size.
        let _ = match of {
            WindowOf::Exec(id) => {
                let id = id.clone();
                let options = ResizeExecOptionsBuilder::new().h(rows).w(columns).build();
                self.daemon
                    .ask(|docker| async move { docker.resize_exec(&id, options).await })
            }
            WindowOf::Container(id) => {
                let id = id.clone();
                let options = ResizeContainerTTYOptionsBuilder::new()
                    .h(rows)
                    .w(columns)
                    .build();
                self.daemon
                    .ask(|docker| async move { docker.resize_container_tty(&id, options).await })
            }
        };
    }
}

impl Terminal for Keyboard {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let typing = self.typing().clone().ok_or(io::ErrorKind::BrokenPipe)?;
        let bytes = bytes.to_vec();
        let written = self
            .daemon
            .spawn(async move { typing.lock().await.write_all(&bytes).await });
        written.recv().map_err(|_| io::ErrorKind::BrokenPipe)?
    }

    fn end_input(&self) {
        *self.typing() = None;
    }

    fn resize(&self, size: TerminalSize) {
        let mut window = self.window();
        if window.size.is_some() {
            window.size = Some(size);
            self.apply(&window);
        }
    }
}
