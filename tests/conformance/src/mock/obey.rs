//! Does what actions say.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::power::ProxyRequest;
use stepwell_contract::{CancelReason, Ending, LogStream, StepIo};

use super::ports::Ports;
use super::scope::{Attached, Proxies};
use super::sight::Sight;
use super::{Flaw, Shared};
use crate::Action;

/// How much a step prints at once.
const PIECE: usize = 64 << 10;

/// How long a line of a flood is.
const LINE: usize = 64;

/// One program that runs.
pub(super) struct Obedient {
    pub(super) shared: Arc<Shared>,
    pub(super) sight: Sight,
    pub(super) env: Vec<(String, String)>,
    pub(super) proxies: Arc<Proxies>,
    /// What it may listen on; a shell listens on nothing.
    pub(super) ports: Option<Arc<Ports>>,
    pub(super) window: Option<Box<dyn Fn() -> (u16, u16) + Send>>,
    pub(super) io: StepIo,
    /// What is said at the end, for the flaw that does so.
    held: Vec<u8>,
    lines: u64,
}

impl Obedient {
    pub(super) fn new(
        shared: Arc<Shared>,
        sight: Sight,
        proxies: Arc<Proxies>,
        io: StepIo,
    ) -> Self {
        Self {
            shared,
            sight,
            env: Vec::new(),
            proxies,
            ports: None,
            window: None,
            io,
            held: Vec::new(),
            lines: 0,
        }
    }

    /// Does all of it: how it ended.
    pub(super) fn obey(&mut self, actions: &[Action]) -> Ending {
        let ended = actions.iter().find_map(|action| {
            let stopped = self.stopped();
            stopped.or_else(|| self.act(action))
        });
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.io.sink.log(LogStream::Stdout, &held);
        }
        ended.unwrap_or(Ending::SUCCESS)
    }

    /// How it ends if it was told to stop.
    pub(super) fn stopped(&self) -> Option<Ending> {
        if self.shared.has(Flaw::NeverStops) {
            return None;
        }
        let everybody = self.shared.everybody.reason();
        match self.io.cancel.reason().or(everybody)? {
            CancelReason::TimedOut(after) if !self.shared.has(Flaw::NoTimeOuts) => {
                Some(Ending::TimedOut { after })
            }
            _ => Some(Ending::Cancelled),
        }
    }

    /// Waits until it is told to stop, or for so long.
    fn wait(&self, duration: Duration) {
        if self.shared.has(Flaw::NeverStops) {
            self.shared.release.sleep(duration);
        } else {
            self.io.cancel.sleep(duration);
        }
    }

    /// Does one thing: how it ended, where it did.
    fn act(&mut self, action: &Action) -> Option<Ending> {
        let answer = match action {
            Action::Print(line) => return self.line(LogStream::Stdout, line),
            Action::Complain(line) => return self.line(LogStream::Stderr, line),
            Action::Flood(bytes) => return self.flood(*bytes),
            Action::Exit(code) if *code != 0 && self.shared.has(Flaw::OneExitCode) => {
                return Some(Ending::Exited { code: 1 });
            }
            Action::Exit(code) => return Some(Ending::Exited { code: *code }),
            Action::Hang => {
                self.wait(Duration::MAX);
                return Some(self.stopped().unwrap_or(Ending::SUCCESS));
            }
            Action::Await(path) => match self.wait_for(path) {
                Some(ending) => return Some(ending),
                None => Ok(String::new()),
            },
            Action::Env(name) => self.env(name).ok_or(io::ErrorKind::NotFound.into()),
            Action::Write(path, text) => done(self.sight.write(path, &mut text.as_bytes())),
            Action::Fill(path, bytes) => {
                done(self.sight.write(path, &mut io::repeat(0).take(*bytes)))
            }
            Action::WriteBinary(path) => {
                done(self.sight.write(path, &mut [0xff, 0xfe, 0].as_slice()))
            }
            Action::Read(path) => self.sight.read(path),
            Action::List(path) => self.sight.names(path).map(|names| names.join(" ")),
            Action::MakeFolder(path) => done(self.sight.make_folder(path)),
            Action::Link(target, path) => done(self.sight.link(target, path)),
            Action::Remove(path) => done(self.sight.remove(path)),
            Action::Serve(port, text) => match self.serve(*port, text) {
                Ok(()) => return self.stopped(),
                Err(error) => Err(error),
            },
            Action::Get(url) => self.get(url),
            Action::Window => self
                .window
                .as_ref()
                .map(|window| {
                    let (rows, columns) = window();
                    format!("{rows} {columns}")
                })
                .ok_or(io::ErrorKind::Unsupported.into()),
        };
        let line = match answer {
            Ok(found) => format!("ok {found}").trim_end().to_owned(),
            Err(_) => "refused".to_owned(),
        };
        self.line(LogStream::Stdout, &line)
    }

    fn line(&mut self, stream: LogStream, line: &str) -> Option<Ending> {
        self.lines += 1;
        if self.shared.has(Flaw::LosesLines) && self.lines.is_multiple_of(2) {
            return None;
        }
        self.say(stream, format!("{line}\n").as_bytes());
        None
    }

    fn say(&mut self, stream: LogStream, bytes: &[u8]) {
        if self.shared.has(Flaw::Mute) {
            return;
        }
        if self.shared.has(Flaw::WholeLinesOnly) && !bytes.ends_with(b"\n") {
            return;
        }
        if self.shared.has(Flaw::SaysItAtTheEnd) {
            self.held.extend(bytes);
            return;
        }
        if self.shared.has(Flaw::KeepsOutput) {
            let mut remembered = self.shared.remembered.lock().unwrap();
            remembered.output.extend(bytes);
        }
        let stream = match self.shared.has(Flaw::OneOutput) {
            true => LogStream::Stdout,
            false => stream,
        };
        self.io.sink.log(stream, bytes);
    }

    fn flood(&mut self, bytes: u64) -> Option<Ending> {
        let piece: Vec<u8> = (1..=PIECE)
            .map(|index| {
                if index.is_multiple_of(LINE) {
                    b'\n'
                } else {
                    b'x'
                }
            })
            .collect();
        let mut left = bytes;
        while left > 0 {
            if let Some(ending) = self.stopped() {
                return Some(ending);
            }
            let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            self.say(LogStream::Stdout, &piece[..now]);
            left -= now as u64;
            if self.shared.has(Flaw::NeverStops) && self.shared.release.reason().is_some() {
                return Some(Ending::SUCCESS);
            }
        }
        None
    }

    fn wait_for(&self, path: &str) -> Option<Ending> {
        while !self.sight.is_there(path) {
            if let Some(ending) = self.stopped() {
                return Some(ending);
            }
            self.wait(Duration::from_millis(1));
            if self.shared.release.reason().is_some() {
                return Some(Ending::SUCCESS);
            }
        }
        None
    }

    fn env(&self, name: &str) -> Option<String> {
        let mut env = self.env.clone();
        if self.shared.has(Flaw::RemembersEnvironment) {
            let mut remembered = self.shared.remembered.lock().unwrap();
            remembered.env.extend(env);
            env = remembered.env.clone();
        }
        if self.shared.has(Flaw::InheritsEnvironment) {
            let host = std::env::vars_os().filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.into_string().ok()?))
            });
            env.extend(host);
        }
        let found = env.into_iter().find(|(known, _)| known == name);
        found.map(|(_, value)| match self.shared.has(Flaw::TrimsVariables) {
            true => value.trim().to_owned(),
            false => value,
        })
    }

    fn serve(&self, port: u16, text: &str) -> io::Result<()> {
        let ports = self.ports.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let over = || self.stopped().is_some() || self.shared.release.reason().is_some();
        let sink = &self.io.sink;
        let ready = || sink.log(LogStream::Stdout, b"ok\n");
        ports.serve(port, text, ready, over, |time| self.wait(time))
    }

    /// Asks a proxy: what it answers with status 200.
    fn get(&self, url: &str) -> io::Result<String> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let rest = url.strip_prefix("http://").ok_or_else(missing)?;
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let Attached { handler, .. } = self.proxies.find(name).ok_or_else(missing)?;
        if self.shared.has(Flaw::ProxyAnswers) {
            return Ok("pong 42".to_owned());
        }
        let _turn = self
            .shared
            .has(Flaw::ProxyOneAtATime)
            .then(|| self.shared.turn.lock().unwrap());
        let mut answer = handler.handle(ProxyRequest {
            method: "GET".to_owned(),
            target: format!("/{path}"),
            headers: vec![("Host".to_owned(), name.to_owned())],
            body: None,
        });
        let mut body = String::new();
        answer.body.read_to_string(&mut body)?;
        if answer.status == 200 || self.shared.has(Flaw::ProxyIsAlwaysFine) {
            Ok(body)
        } else {
            Err(missing())
        }
    }
}

fn done(answer: io::Result<()>) -> io::Result<String> {
    answer.map(|()| String::new())
}
