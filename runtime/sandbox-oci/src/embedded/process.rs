//! A container's first process: started, asked to stop, and waited for.
//!
//! A thread that does nothing else enters the task's network, makes a process namespace, and starts our own binary in it,
//! which becomes the container (`init`). The kernel ends that process with the thread, and all of the container with that
//! process: nothing is left however Stepwell ends. It does not know what an end means to a step.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use rustix_namespaces::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix_namespaces::thread::{UnshareFlags, unshare};
use stepwell_contract::{LogStream, StepIo};

use crate::embedded::cgroup::Group;
use crate::embedded::disk::LOOK;
use crate::embedded::events;
use crate::embedded::handles;
use crate::embedded::output;
use crate::embedded::request::{Order, Reply, Request, SHELL};
use crate::embedded::site::Site;

/// A container in which a program can be started.
pub(crate) struct Live(UnixStream);

impl Live {
    /// Hands the container one more program to start: the socket over which it is talked about, and its streams, if it is
    /// to have no terminal.
    pub(crate) fn open(&self, socket: UnixStream, streams: &[OwnedFd]) -> io::Result<()> {
        let handles: Vec<_> = [socket.as_fd()]
            .into_iter()
            .chain(streams.iter().map(|stream| stream.as_fd()))
            .collect();
        handles::send(&self.0, &[SHELL], &handles)
    }
}

/// What happens to a container that runs.
enum Event {
    /// Its first process is there.
    Born(OwnedFd),
    /// Its first process says something.
    Said(Reply),
    /// Its first process says nothing more.
    Silent,
    /// Somebody asks it to stop.
    Asked,
    /// All of it is gone.
    Gone(io::Result<ExitStatus>),
}

/// How a container ended.
pub(crate) struct Ended {
    /// What its first process said last.
    pub(crate) reply: Option<Reply>,
    /// How that process ended.
    pub(crate) status: ExitStatus,
    /// Whether it was ended because the disk was nearly full.
    pub(crate) disk_full: bool,
}

/// Runs a container to its end. Calls `started` once its program runs.
pub(crate) fn run(
    site: &Site,
    request: &Request,
    group: &Group,
    io: &StepIo,
    started: &dyn Fn(Live),
) -> io::Result<Ended> {
    let (out, out_end) = io::pipe()?;
    let (err, err_end) = io::pipe()?;
    let (over, over_end) = io::pipe()?;
    let over = OwnedFd::from(over);
    let (ours, theirs) = UnixStream::pair()?;
    let (socket, said_to, live) = (ours.try_clone()?, ours.try_clone()?, ours.try_clone()?);
    let (events, happens) = channel();
    std::thread::scope(|scope| {
        let over = &over;
        scope.spawn(move || output::forward(&out, over, LogStream::Stdout, &*io.sink));
        scope.spawn(move || output::forward(&err, over, LogStream::Stderr, &*io.sink));
        let said = events.clone();
        scope.spawn(move || listen(socket, &said));
        let asked = events.clone();
        let _hook = io.cancel.on_cancel(move || {
            // Nobody listens any more once it has ended.
            let _ = asked.send(Event::Asked);
        });
        let keeper = events.clone();
        scope.spawn(move || {
            let status = keep(
                site, request, group, theirs, out_end, err_end, said_to, &keeper,
            );
            let _ = keeper.send(Event::Gone(status));
        });
        let mut live = Some(Live(live));
        let ended = follow(site, &happens, &ours, &mut || {
            if let Some(live) = live.take() {
                started(live);
                io.sink.started();
            }
        });
        // Whoever still waits for what was said, or printed, stops waiting.
        let _ = ours.shutdown(std::net::Shutdown::Both);
        drop(over_end);
        ended
    })
}

/// Starts the first process and waits for it, all on one thread: with the thread it would be killed.
#[expect(
    clippy::too_many_arguments,
    reason = "each is an end of something that this thread alone holds"
)]
fn keep(
    site: &Site,
    request: &Request,
    group: &Group,
    socket: UnixStream,
    out: io::PipeWriter,
    err: io::PipeWriter,
    mut said_to: UnixStream,
    events: &Sender<Event>,
) -> io::Result<ExitStatus> {
    if let Some(network) = &site.network {
        network.enter()?;
    }
    if request.joined.is_none() {
        // What this thread starts next is the first process of a namespace.
        unshare(UnshareFlags::NEWPID)?;
    }
    let init = &site.options.init;
    let mut command = Command::new(&init.program);
    command
        .args(&init.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(out)
        .stderr(err);
    let mut child = group.start(&mut command)?;
    // The pipes' other ends are the container's alone.
    drop(command);
    let begun = i32::try_from(child.id())
        .ok()
        .and_then(rustix_namespaces::process::Pid::from_raw)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
        .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?))
        .and_then(|process| {
            let _ = events.send(Event::Born(process));
            let mut line = serde_json::to_vec(&Order::Container(Box::new(request.clone())))?;
            line.push(b'\n');
            said_to.write_all(&line)
        });
    if let Err(error) = begun {
        let _ = child.kill();
        child.wait()?;
        return Err(error);
    }
    child.wait()
}

/// Takes what happens until all of the container is gone. Asked to stop, it asks the program, and after the grace
/// period no longer asks; it does not ask either where the disk is nearly full.
fn follow(
    site: &Site,
    happens: &Receiver<Event>,
    mut socket: &UnixStream,
    started: &mut dyn FnMut(),
) -> io::Result<Ended> {
    let mut reply = None;
    let mut process: Option<OwnedFd> = None;
    let (mut asked, mut runs) = (false, false);
    let mut deadline: Option<Instant> = None;
    let mut gone = None;
    let mut silent = false;
    let mut disk_full = false;
    loop {
        let end = deadline.into_iter().chain([Instant::now() + LOOK]).min();
        let Some(event) = events::next(happens, end)? else {
            let late = deadline.take_if(|end| *end <= Instant::now()).is_some();
            disk_full |= site.disk.is_full();
            // Asked again with each look, for it may have been too young to hear.
            if let Some(process) = process.as_ref().filter(|_| late || disk_full) {
                // Where it only watches over the container, it ends that first.
                let signal = match site.request.joined {
                    None => Signal::Kill,
                    Some(_) => Signal::Term,
                };
                let _ = pidfd_send_signal(process, signal);
            }
            continue;
        };
        match event {
            Event::Born(born) => process = Some(born),
            Event::Said(Reply::Started) => {
                runs = true;
                started();
                if asked {
                    let _ = socket.write_all(&[site.stop as u8]);
                }
            }
            Event::Said(said) => reply = Some(said),
            Event::Silent => silent = true,
            Event::Asked => {
                asked = true;
                deadline = Some(Instant::now() + site.options.grace);
                // Before the program runs there is nobody to ask; it is asked when it starts.
                if runs {
                    let _ = socket.write_all(&[site.stop as u8]);
                }
            }
            Event::Gone(status) => gone = Some(status?),
        }
        if let (Some(status), true) = (gone, silent) {
            return Ok(Ended {
                reply,
                status,
                disk_full,
            });
        }
    }
}

/// Takes what the first process says, line by line, until it closes the socket.
fn listen(socket: UnixStream, events: &Sender<Event>) {
    for line in BufReader::new(socket).lines() {
        let Ok(line) = line else { break };
        if let Ok(reply) = serde_json::from_str(&line) {
            let _ = events.send(Event::Said(reply));
        }
    }
    let _ = events.send(Event::Silent);
}
