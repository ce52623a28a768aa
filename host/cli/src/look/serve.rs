//! The run's side: listens in the run's folder, and gives each that connects a thread of its own.
//!
//! Whoever can connect is this user, who can also end the process. What is held against is a broken client: one that says
//! nothing, says nonsense, never reads or goes away costs a thread and a bounded piece of memory, and no more of them are let
//! in than [`MOST`].

use std::collections::BTreeMap;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use cap_std::fs::Dir;
use stepwell_contract::power::{ShellSpec, TerminalSize};
use stepwell_engine::Places;
use stepwell_engine::places::GoOn;

use super::ask::{Ask, Begun, Ended, Refused, VERSION, What};
use super::frames::{self, Frame, Kind};
use super::line::Line;
use super::{choose, hand_out, session, socket};

/// How many may look into one run at once.
const MOST: usize = 64;

/// How long the end of a run waits for those who are being told of it.
const PARTING: Duration = Duration::from_secs(1);

/// Listens until it is dropped.
pub(crate) struct Server {
    served: Arc<Served>,
    folder: Arc<Dir>,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

struct Served {
    places: Places,
    closing: AtomicBool,
    /// Those that are connected, by their numbers.
    guests: Mutex<Guests>,
    /// One of them has gone.
    gone: Condvar,
}

#[derive(Default)]
struct Guests {
    last: u64,
    streams: BTreeMap<u64, UnixStream>,
}

impl Server {
    /// Listens in the `folder` of a run, which is at `path`, and serves its `places`.
    ///
    /// # Errors
    ///
    /// The system does not let us listen.
    pub(crate) fn start(folder: &Arc<Dir>, path: &Path, places: Places) -> anyhow::Result<Self> {
        let listener = socket::listen(folder.as_fd(), path)
            .with_context(|| format!("failed to listen in `{}`", path.display()))?;
        let served = Arc::new(Served {
            places,
            closing: AtomicBool::new(false),
            guests: Mutex::default(),
            gone: Condvar::new(),
        });
        let thread = std::thread::Builder::new()
            .name("look".to_owned())
            .spawn({
                let served = Arc::clone(&served);
                move || served.listen(&listener)
            })
            .context("failed to start a thread")?;
        Ok(Self {
            served,
            folder: Arc::clone(folder),
            path: path.to_owned(),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.served.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that listens.
        let woken = socket::connect(self.folder.as_fd(), &self.path);
        socket::remove(self.folder.as_fd());
        if let Some(thread) = self.thread.take().filter(|_| woken.is_ok()) {
            // It only ends by returning.
            let _ = thread.join();
        }
        self.served.part();
    }
}

impl Served {
    fn guests(&self) -> MutexGuard<'_, Guests> {
        // One call at a time.
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nobody ask for more, and waits until each has its last word.
    fn part(&self) {
        let guests = self.guests();
        for stream in guests.streams.values() {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Read);
        }
        let talking = |guests: &mut Guests| !guests.streams.is_empty();
        let waited = self.gone.wait_timeout_while(guests, PARTING, talking);
        let (guests, _) = waited.unwrap_or_else(PoisonError::into_inner);
        for stream in guests.streams.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn farewell(&self, number: u64) {
        self.guests().streams.remove(&number);
        self.gone.notify_all();
    }

    fn listen(self: &Arc<Self>, listener: &UnixListener) {
        for stream in listener.incoming() {
            if self.closing.load(Ordering::SeqCst) {
                return;
            }
            match stream {
                Ok(stream) => self.let_in(stream),
                // What is out of files now may have some later; nobody else is kept from the run by that.
                Err(error) => {
                    tracing::warn!(?error, "nobody can look into this run any more");
                    return;
                }
            }
        }
    }

    fn let_in(self: &Arc<Self>, mut stream: UnixStream) {
        if !socket::is_ours(&stream) {
            tracing::warn!("another user wants to look into this run");
            return;
        }
        let Some(number) = self.admit(&stream) else {
            let refused = Refused::asker(format!("{MOST} look into this run already"));
            // It fits into the socket's own buffer.
            let _ = frames::say(&mut stream, Kind::Refused, &refused);
            return;
        };
        let served = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("look".to_owned())
            .spawn(move || {
                if let Err(error) = served.talk(stream) {
                    tracing::debug!(?error, "whoever looked into this run has gone");
                }
                served.farewell(number);
            });
        if spawned.is_err() {
            self.farewell(number);
        }
    }

    fn admit(&self, stream: &UnixStream) -> Option<u64> {
        let mut guests = self.guests();
        if guests.streams.len() >= MOST {
            return None;
        }
        guests.last += 1;
        let number = guests.last;
        guests.streams.insert(number, stream.try_clone().ok()?);
        Some(number)
    }

    /// One conversation.
    fn talk(&self, mut stream: UnixStream) -> io::Result<()> {
        let line = Line::new(&stream)?;
        let Some(frame) = Frame::read(&mut stream)? else {
            return Ok(());
        };
        match self.answer(&frame, &mut stream, line.clone())? {
            Ok(()) => Ok(()),
            Err(refused) => line.say(Kind::Refused, &refused),
        }
    }

    fn answer(
        &self,
        frame: &Frame,
        stream: &mut UnixStream,
        line: Line,
    ) -> io::Result<Result<(), Refused>> {
        let asked = match (frame.kind, frame.parse::<Ask>()) {
            (Kind::Ask, Ok(asked)) if asked.version == VERSION => asked,
            _ => {
                let other = "another version of stepwell runs this; use that one to look into it";
                return Ok(Err(Refused::asker(other)));
            }
        };
        let paused = matches!(asked.what, What::Continue { .. });
        let seen = match choose::choose(self.places.list(), asked.part.as_deref(), paused) {
            Ok(seen) => seen,
            Err(refused) => return Ok(Err(refused)),
        };
        let line = line.until(seen.over.clone());
        match asked.what {
            What::Shell { command, terminal } => {
                let terminal = terminal.map(|(rows, columns)| TerminalSize { rows, columns });
                session::shell(&seen, ShellSpec { command, terminal }, stream, &line)
            }
            What::Copy { path } => hand_out::copy(&seen, &path, &line),
            What::Archive => hand_out::archive(&seen, &line),
            What::Continue { fail } => {
                let how = match fail {
                    true => GoOn::Fail,
                    false => GoOn::Continue,
                };
                if !self.places.go_on(&seen, how) {
                    return Ok(Err(Refused::asker("the step has gone on already")));
                }
                let begun = Begun {
                    step: choose::name(&seen),
                    folder: false,
                };
                line.say(Kind::Begun, &begun)?;
                line.say(Kind::Ended, &Ended::WELL).map(Ok)
            }
        }
    }
}
