//! A shell of the mock: it reads actions, one a line, and does them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use stepwell_contract::power::{Shell, ShellSpec, Terminal, TerminalSize};
use stepwell_contract::{
    Cancel, CancelReason, Ending, NoPowers, Place, Sandbox, SandboxError, StepIo,
};

use super::obey::Obedient;
use super::scope::Proxies;
use super::sight::Sight;
use super::{BETWEEN, Flaw, NAME};
use crate::Action;

/// How much may be typed ahead.
const AHEAD: usize = 64 << 10;

/// What is typed, and how large the window is.
struct Keyboard {
    state: Mutex<State>,
    changed: Condvar,
    takes_all: bool,
    is_fixed: bool,
}

struct State {
    typed: VecDeque<u8>,
    /// No more is typed.
    ended: bool,
    /// Nobody reads.
    closed: bool,
    size: TerminalSize,
}

impl Terminal for Keyboard {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if self.takes_all {
            self.state.lock().unwrap().typed.extend(bytes);
            self.changed.notify_all();
            return Ok(());
        }
        for byte in bytes {
            let state = self.state.lock().unwrap();
            let full =
                |state: &mut State| state.typed.len() >= AHEAD && !state.ended && !state.closed;
            let mut state = self.changed.wait_while(state, full).unwrap();
            if state.ended || state.closed {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            state.typed.push_back(*byte);
            self.changed.notify_all();
        }
        Ok(())
    }

    fn end_input(&self) {
        self.state.lock().unwrap().ended = true;
        self.changed.notify_all();
    }

    fn resize(&self, size: TerminalSize) {
        if !self.is_fixed {
            self.state.lock().unwrap().size = size;
        }
    }
}

impl Keyboard {
    /// The next line; `None` at the end of the input, and when somebody asks to stop.
    fn line(&self, cancel: &Cancel) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let state = self.state.lock().unwrap();
            let nothing = |state: &mut State| {
                state.typed.is_empty() && !state.ended && cancel.reason().is_none()
            };
            let mut state = self.changed.wait_while(state, nothing).unwrap();
            if cancel.reason().is_some() {
                return None;
            }
            match state.typed.pop_front() {
                Some(b'\n') => return String::from_utf8(line).ok(),
                Some(byte) => line.push(byte),
                None => return None,
            }
            self.changed.notify_all();
        }
    }
}

/// Opens a shell that sees what `sight` shows, until `ends` is asked for.
pub(super) fn open(spec: ShellSpec, sight: Sight, proxies: Arc<Proxies>, ends: Cancel) -> Shell {
    let keyboard = Arc::new(Keyboard {
        state: Mutex::new(State {
            typed: VecDeque::new(),
            ended: false,
            closed: false,
            size: spec.terminal.unwrap_or(TerminalSize {
                rows: 0,
                columns: 0,
            }),
        }),
        changed: Condvar::new(),
        takes_all: sight.shared.has(Flaw::ShellTakesAll),
        is_fixed: sight.shared.has(Flaw::FixedWindow),
    });
    let terminal: Arc<dyn Terminal> = Arc::<Keyboard>::clone(&keyboard);
    Shell {
        sandbox: Box::new(MockShell {
            keyboard,
            sight,
            proxies,
            ends,
        }),
        terminal,
    }
}

struct MockShell {
    keyboard: Arc<Keyboard>,
    sight: Sight,
    proxies: Arc<Proxies>,
    ends: Cancel,
}

impl Drop for MockShell {
    fn drop(&mut self) {
        self.keyboard.state.lock().unwrap().closed = true;
        self.keyboard.changed.notify_all();
    }
}

impl Sandbox for MockShell {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(NoPowers(NAME))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        let shared = Arc::clone(&self.sight.shared);
        // It ends when it is told to, and when the task ends.
        let cancel = Cancel::new();
        let either = [&io.cancel, &self.ends].map(|request| {
            let (cancel, keyboard) = (cancel.clone(), Arc::clone(&self.keyboard));
            let reason = request.clone();
            request.on_cancel(move || {
                cancel.cancel(reason.reason().unwrap_or(CancelReason::Asked));
                // The lock makes sure that whoever looked already sleeps, and is woken.
                drop(keyboard.state.lock().unwrap());
                keyboard.changed.notify_all();
            })
        });
        if shared.has(Flaw::ShellStays) {
            let [_, ends] = either;
            drop(ends);
        }
        let shell_io = StepIo {
            cancel: cancel.clone(),
            ..io
        };
        let (sight, proxies) = (self.sight.clone(), Arc::clone(&self.proxies));
        let mut program = Obedient::new(Arc::clone(&shared), sight, proxies, shell_io);
        let keyboard = Arc::clone(&self.keyboard);
        program.window = Some(Box::new(move || {
            let size = keyboard.state.lock().unwrap().size;
            (size.rows, size.columns)
        }));
        let mut ending = None;
        while ending.is_none()
            && let Some(line) = self.keyboard.line(&cancel)
        {
            let words: Vec<String> = line.split(BETWEEN).map(str::to_owned).collect();
            let actions = Action::parse(&words).unwrap_or_default();
            ending = match program.obey(&actions) {
                Ending::SUCCESS if !actions.iter().any(|act| matches!(act, Action::Exit(_))) => {
                    None
                }
                ended => Some(ended),
            };
        }
        let ending = ending.or_else(|| program.stopped());
        if shared.has(Flaw::ShellAlwaysFine) {
            return Ok(Ending::SUCCESS);
        }
        Ok(ending.unwrap_or(Ending::SUCCESS))
    }
}
