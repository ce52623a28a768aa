//! `stepwell shell`: the keyboard and the screen of a shell beside a step of another process's run.

use std::io::{self, Read as _, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode as Status;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;

use super::ask::{Ended, What};
use super::client;
use super::frames::{self, Kind};
use super::terminal::{self, Raw};
use crate::args::ShellArgs;
use crate::environment::Environment;
use crate::runs;
use crate::trouble::say;

/// How much is typed at once.
const CHUNK: usize = 16 << 10;

/// Frames to the run, from several threads.
type Out = Arc<Mutex<UnixStream>>;

/// Opens a shell and gives its exit code.
///
/// # Errors
///
/// There is no such step, or no shell in it; the run has gone.
pub(crate) fn shell(args: &ShellArgs, env: &Environment) -> anyhow::Result<Status> {
    let terminal = terminal::is_there().then(terminal::size);
    let what = What::Shell {
        command: args.command.clone(),
        terminal,
    };
    let runs = runs::open(env)?;
    let mut stream = client::ask(&runs, args.step.as_deref().unwrap_or_default(), what)?;
    let begun = client::next(&mut stream)?;
    if begun.kind != Kind::Begun {
        return Err(client::odd(&begun));
    }
    let raw = match terminal {
        Some(_) => Some(Raw::begin()?),
        None => None,
    };
    let out: Out = Arc::new(Mutex::new(stream.try_clone().context("failed to type")?));
    heed_signals(&out, terminal)?;
    type_on(Arc::clone(&out), terminal.is_some())?;
    let ended = show(&mut stream);
    drop(raw);
    let Ended { code, words } = ended?;
    if let Some(words) = words {
        say(&mut io::stderr(), &words);
    }
    // As the system shows a code to whoever waits.
    Ok(Status::from(code.to_le_bytes()[0]))
}

/// Shows what the shell says until it has ended.
fn show(stream: &mut UnixStream) -> anyhow::Result<Ended> {
    loop {
        let frame = client::next(stream)?;
        // Nobody may be reading; then the shell still has somebody who types.
        let _ = match frame.kind {
            Kind::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout
                    .write_all(&frame.content)
                    .and_then(|()| stdout.flush())
            }
            Kind::Stderr => io::stderr().lock().write_all(&frame.content),
            Kind::Ended => return frame.parse().context("failed to understand the run"),
            _ => return Err(client::odd(&frame)),
        };
    }
}

fn send(out: &Out, kind: Kind, content: &[u8]) -> io::Result<()> {
    // A frame goes out as a whole, or the line is dead.
    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
    frames::write(&mut *out, kind, content)
}

/// Types what standard input says. The thread is left behind: it may wait for a key when the shell has ended.
fn type_on(out: Out, terminal: bool) -> anyhow::Result<()> {
    let typing = move || {
        let mut chunk = [0; CHUNK];
        let mut stdin = io::stdin().lock();
        loop {
            let sent = match stdin.read(&mut chunk) {
                Ok(0) => send(&out, Kind::EndInput, b""),
                Ok(count) => {
                    if send(&out, Kind::Input, &chunk[..count]).is_err() {
                        return;
                    }
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A terminal that is gone takes its shell with it.
                Err(_) if terminal => hang_up(&out),
                Err(_) => send(&out, Kind::EndInput, b""),
            };
            drop(sent);
            return;
        }
    };
    let spawned = std::thread::Builder::new().name("keyboard".to_owned());
    spawned.spawn(typing).context("failed to start a thread")?;
    Ok(())
}

/// Passes a new size on, and ends the shell when this process is told to end, so that the terminal is given back.
fn heed_signals(out: &Out, terminal: Option<(u16, u16)>) -> anyhow::Result<()> {
    let mut wanted = vec![SIGINT, SIGTERM, SIGHUP];
    wanted.extend(terminal.map(|_| SIGWINCH));
    let mut signals = Signals::new(wanted).context("failed to listen for signals")?;
    // It may have changed between the look at it and here.
    if let Some(before) = terminal
        && terminal::size() != before
    {
        // The line may be dead; whoever shows says so.
        let _ = resize(out);
    }
    let out = Arc::clone(out);
    let heeding = move || {
        for signal in signals.forever() {
            let _ = match signal {
                SIGWINCH => resize(&out),
                _ => hang_up(&out),
            };
        }
    };
    let spawned = std::thread::Builder::new().name("signals".to_owned());
    spawned.spawn(heeding).context("failed to start a thread")?;
    Ok(())
}

fn resize(out: &Out) -> io::Result<()> {
    let (rows, columns) = terminal::size();
    let [r0, r1] = rows.to_be_bytes();
    let [c0, c1] = columns.to_be_bytes();
    send(out, Kind::Resize, &[r0, r1, c0, c1])
}

/// Says that nobody types any more; the run then ends the shell and says how it ended.
fn hang_up(out: &Out) -> io::Result<()> {
    let out = out.lock().unwrap_or_else(PoisonError::into_inner);
    out.shutdown(Shutdown::Write)
}
