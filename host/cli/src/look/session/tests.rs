//! One conversation about a shell, over a real socket, with a place whose shell is a closure.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use stepwell_contract::{Ending, NoPowers, Place, Sandbox, StepName, TaskName};

use super::*;
use crate::look::frames;

/// What happens to a shell.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Typed(Vec<u8>),
    End,
    Size(u16, u16),
}

type Body = Box<dyn FnOnce(&Receiver<Key>, &StepIo) -> Ending + Send>;

/// Has one shell.
struct OneShell(Mutex<Option<Body>>);

impl Place for OneShell {
    fn backend(&self) -> &'static str {
        "test"
    }

    fn shell(&self, spec: ShellSpec) -> Result<Shell, SandboxError> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (keys, typed) = channel();
        if let Some(TerminalSize { rows, columns }) = spec.terminal {
            keys.send(Key::Size(rows, columns)).unwrap();
        }
        Ok(Shell {
            sandbox: Box::new(Playing {
                body: body.unwrap(),
                typed,
            }),
            terminal: Arc::new(Keyboard(Mutex::new(keys))),
        })
    }
}

struct Keyboard(Mutex<Sender<Key>>);

impl Keyboard {
    fn press(&self, key: Key) -> io::Result<()> {
        let pressed = self.0.lock().unwrap().send(key);
        pressed.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Terminal for Keyboard {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.press(Key::Typed(bytes.to_vec()))
    }

    fn end_input(&self) {
        let _ = self.press(Key::End);
    }

    fn resize(&self, size: TerminalSize) {
        let _ = self.press(Key::Size(size.rows, size.columns));
    }
}

struct Playing {
    body: Body,
    typed: Receiver<Key>,
}

impl Sandbox for Playing {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(NoPowers("test"))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        Ok((self.body)(&self.typed, &io))
    }
}

fn seen(place: Arc<dyn Place>) -> Seen {
    Seen {
        task: TaskName::new("build"),
        attempt: 0,
        step: StepName::new("make"),
        state: StepState::Running,
        held: false,
        place,
        over: Cancel::new(),
        workspaces: Arc::from([(Arc::from("src"), "/on/the/host".into())]),
    }
}

/// A shell that does what `body` does, and the other end of its line.
fn begin(
    body: impl FnOnce(&Receiver<Key>, &StepIo) -> Ending + Send + 'static,
) -> (
    UnixStream,
    Cancel,
    JoinHandle<io::Result<Result<(), Refused>>>,
) {
    let (mut client, mut stream) = UnixStream::pair().unwrap();
    let seen = seen(Arc::new(OneShell(Mutex::new(Some(Box::new(body))))));
    let over = seen.over.clone();
    let spec = ShellSpec {
        command: Vec::new(),
        terminal: Some(TerminalSize {
            rows: 24,
            columns: 80,
        }),
    };
    let served = std::thread::spawn(move || {
        let line = Line::new(&stream)?.until(seen.over.clone());
        shell(&seen, spec, &mut stream, &line)
    });
    let begun = Frame::read(&mut client).unwrap().unwrap();
    assert_eq!(begun.kind, Kind::Begun);
    assert_eq!(begun.parse::<Begun>().unwrap().step, "build/make");
    (client, over, served)
}

/// What comes until the end.
fn rest(client: &mut UnixStream) -> Vec<(Kind, String)> {
    let mut all = Vec::new();
    while let Ok(Some(frame)) = Frame::read(client) {
        all.push((frame.kind, String::from_utf8(frame.content).unwrap()));
    }
    all
}

#[test]
fn what_is_typed_arrives_and_what_is_said_comes_out() {
    let (mut client, _over, served) = begin(|typed, io| {
        assert_eq!(typed.recv().unwrap(), Key::Size(24, 80));
        assert_eq!(typed.recv().unwrap(), Key::Typed(b"ls\n".to_vec()));
        io.sink.log(LogStream::Stdout, b"file\n");
        io.sink.log(LogStream::Stderr, b"oh\n");
        assert_eq!(typed.recv().unwrap(), Key::Size(50, 300));
        assert_eq!(typed.recv().unwrap(), Key::End);
        Ending::Exited { code: 7 }
    });
    frames::write(&mut client, Kind::Input, b"ls\n").unwrap();
    frames::write(&mut client, Kind::Resize, &[0, 50, 1, 44]).unwrap();
    frames::write(&mut client, Kind::EndInput, b"").unwrap();
    assert_eq!(
        rest(&mut client),
        [
            (Kind::Stdout, "file\n".to_owned()),
            (Kind::Stderr, "oh\n".to_owned()),
            (Kind::Ended, r#"{"code":7,"words":null}"#.to_owned()),
        ]
    );
    assert_eq!(served.join().unwrap().unwrap(), Ok(()));
}

/// Waits until it is told to stop.
fn until_stopped(_: &Receiver<Key>, io: &StepIo) -> Ending {
    io.cancel.sleep(std::time::Duration::MAX);
    Ending::Cancelled
}

#[test]
fn attack_a_client_that_goes_away_or_says_nonsense_leaves_no_shell_behind() {
    for nonsense in [
        &b""[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[Kind::Input as u8, 255, 255, 255, 255],
        &[Kind::Resize as u8, 0, 0, 0, 1, 1],
        &[Kind::Ask as u8, 0, 0, 0, 0],
    ] {
        let (mut client, _over, served) = begin(until_stopped);
        client.write_all(nonsense).unwrap();
        drop(client);
        assert_eq!(served.join().unwrap().unwrap(), Ok(()));
    }
}

#[test]
fn a_task_that_ends_ends_its_shells() {
    let (mut client, over, served) = begin(until_stopped);
    over.cancel(CancelReason::Asked);
    let last = rest(&mut client);
    assert!(last[0].1.contains("the task has ended"), "{last:?}");
    assert_eq!(served.join().unwrap().unwrap(), Ok(()));
}

#[test]
fn attack_a_client_that_never_reads_does_not_keep_the_task_from_ending() {
    let (mut client, over, served) = begin(|_, io| {
        while io.cancel.reason().is_none() {
            io.sink.log(LogStream::Stdout, &[b'x'; 1 << 16]);
        }
        Ending::Cancelled
    });
    // The shell has begun to say something, and nobody reads on.
    client.read_exact(&mut [0; 5]).unwrap();
    over.cancel(CancelReason::Asked);
    assert_eq!(served.join().unwrap().unwrap(), Ok(()));
}

#[test]
fn where_there_is_no_shell_the_files_are_named() {
    let (_client, mut stream) = UnixStream::pair().unwrap();
    let line = Line::new(&stream).unwrap();
    let seen = seen(Arc::new(NoPowers("wasm")));
    let refused = shell(&seen, ShellSpec::default(), &mut stream, &line);
    let refused = refused.unwrap().unwrap_err();
    assert_eq!(
        refused.message,
        "failed to open a shell in the wasm sandbox: the wasm backend has no shell\n\
         workspace src is in /on/the/host"
    );
}
