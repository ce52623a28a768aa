//! The keyboard and the window of a shell in a daemon.
//!
//! What is typed goes through a buffer on the daemon's thread, which is all that can be typed ahead, and from there over the
//! shell's connection. The window is what the daemon is told, once there is one. It does not know how the shell is run.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::Docker;
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
    window: Arc<Mutex<Window>>,
}

struct Window {
    size: Option<TerminalSize>,
    of: Option<WindowOf>,
}

/// What has a window.
#[derive(Clone)]
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
            window: Arc::new(Mutex::new(Window { size, of: None })),
        };
        (keyboard, typed)
    }

    /// The shell is about to run. What is given ends when its window is as large as was said last, so that what is typed
    /// then finds it so; a daemon waits for a shell that never begins, and whoever runs this does not have to.
    pub(super) fn appears(&self, of: WindowOf) -> impl Future<Output = ()> + Send + use<> {
        self.window().of = Some(of.clone());
        Daemon::closing(of.tell(self.daemon.docker(), Arc::clone(&self.window)))
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
        locked(&self.window)
    }
}

impl WindowOf {
    /// Tells how large the window is, until that is what was told last.
    async fn tell(self, docker: Docker, window: Arc<Mutex<Window>>) {
        let mut told = None;
        loop {
            let size = locked(&window).size;
            match size {
                Some(size) if told != Some(size) => {
                    self.clone().resize(docker.clone(), size).await;
                    told = Some(size);
                }
                _ => return,
            }
        }
    }

    async fn resize(self, docker: Docker, size: TerminalSize) {
        let (rows, columns) = (i32::from(size.rows), i32::from(size.columns));
        // A terminal that is gone has no size.
        let _ = match self {
            Self::Exec(id) => {
                let options = ResizeExecOptionsBuilder::new().h(rows).w(columns).build();
                docker.resize_exec(&id, options).await
            }
            Self::Container(id) => {
                let options = ResizeContainerTTYOptionsBuilder::new()
                    .h(rows)
                    .w(columns)
                    .build();
                docker.resize_container_tty(&id, options).await
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
        if window.size.is_none() {
            return;
        }
        window.size = Some(size);
        let of = window.of.clone();
        // The daemon's thread looks at it too.
        drop(window);
        if let Some(of) = of {
            let window = Arc::clone(&self.window);
            let told = self.daemon.spawn(of.tell(self.daemon.docker(), window));
            let _ = told.recv();
        }
    }
}

fn locked(window: &Mutex<Window>) -> MutexGuard<'_, Window> {
    window.lock().unwrap_or_else(PoisonError::into_inner)
}
