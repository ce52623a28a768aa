//! The ports of a task: what listens there, on ports of the machine's that only this file knows.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_contract::{SandboxError, SandboxErrorKind};

use super::{Flaw, NAME, Shared};

/// By the port that a step knows: the one that it listens on.
type Open = BTreeMap<u16, u16>;

/// What listens in a task.
pub(super) struct Ports {
    shared: Arc<Shared>,
    open: Mutex<Open>,
}

impl Ports {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            open: Mutex::default(),
        }
    }

    fn look_up(&self, port: u16) -> Option<u16> {
        if self.shared.has(Flaw::ConnectionIsPublic) {
            let remembered = self.shared.remembered.lock().unwrap();
            return remembered.ports.get(&port).copied();
        }
        self.open.lock().unwrap().get(&port).copied()
    }

    pub(super) fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        let missing = |error: io::Error| {
            let doing = format!("connect to port {port}");
            SandboxError::new(NAME, doing, SandboxErrorKind::NotFound).because(error)
        };
        let real = match self.look_up(port) {
            Some(real) => real,
            None if self.shared.has(Flaw::ConnectionReachesHost) => port,
            None if self.shared.has(Flaw::ConnectionIsAlwaysThere) => {
                return mute().map_err(missing);
            }
            None => return Err(missing(io::ErrorKind::ConnectionRefused.into())),
        };
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, real)).map_err(missing)?;
        match self.shared.has(Flaw::ConnectionIsMute) {
            true => mute().map_err(missing),
            false => Ok(connection),
        }
    }

    /// Says `text` to whoever connects to `port`, until `stopped`, which is asked again after `wait`.
    pub(super) fn serve(
        &self,
        port: u16,
        text: &str,
        ready: impl FnOnce(),
        stopped: impl Fn() -> bool,
        wait: impl Fn(Duration),
    ) -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let real = listener.local_addr()?.port();
        self.open.lock().unwrap().insert(port, real);
        if self.shared.has(Flaw::ConnectionIsPublic) {
            let mut remembered = self.shared.remembered.lock().unwrap();
            remembered.ports.insert(port, real);
        }
        ready();
        while !stopped() {
            match listener.accept() {
                Ok((mut connection, _)) => connection.write_all(text.as_bytes())?,
                Err(_) => wait(Duration::from_millis(1)),
            }
        }
        match self.shared.has(Flaw::ConnectionStays) {
            true => std::mem::forget(listener),
            false => {
                self.open.lock().unwrap().remove(&port);
            }
        }
        Ok(())
    }
}

/// A connection on which nothing is said.
fn mute() -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    TcpStream::connect(listener.local_addr()?)
}
