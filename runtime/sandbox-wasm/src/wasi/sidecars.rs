//! Sidecars, where one is granted: connections that the host makes in the network of the task.
//!
//! A guest connects to its own loopback, which it does not have. Where the port is a granted sidecar's, the host connects to
//! that port of the task's loopback instead; the machine's own is never asked. Everything else about a socket is
//! wasmtime-wasi's.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;

use stepwell_contract::{Grants, Loopback};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network as WasiNetwork,
};
use wasmtime_wasi::p2::bindings::sync::sockets::tcp::{
    self, Duration, HostTcpSocket, ShutdownType, TcpSocket,
};
use wasmtime_wasi::p2::pipe::{AsyncReadStream, AsyncWriteStream};
use wasmtime_wasi::p2::{SocketError, SocketResult};
use wasmtime_wasi::runtime::with_ambient_tokio_runtime;
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use crate::guest::Guest;

/// How much a guest may have written that a sidecar has not read: stops one that only writes from filling memory.
const UNREAD: usize = 64 << 10;

/// Who stands for every sidecar in a guest's sight.
const LOCALHOST: &str = "127.0.0.1";

/// The sidecars that a guest may talk to, and what it says to them.
pub(crate) struct Sidecars {
    /// Names in lower case, with the port that is granted of each.
    granted: Vec<(String, u16)>,
    loopback: Option<Arc<dyn Loopback>>,
    /// By the socket that the guest knows.
    sockets: BTreeMap<u32, Connection>,
}

enum Connection {
    /// Asked for, with what came of it.
    Asked(Result<TcpStream, ErrorCode>),
    /// Handed to the guest.
    Made(TcpStream),
    /// Asked for at an address that is no sidecar's: wasmtime-wasi makes it or refuses it.
    Elsewhere(SocketAddr),
}

impl Sidecars {
    pub(crate) fn new(grants: &Grants, loopback: Option<Arc<dyn Loopback>>) -> Self {
        let granted = grants.sidecars.iter();
        Self {
            granted: granted
                .map(|port| (port.sidecar.to_ascii_lowercase(), port.port))
                .collect(),
            loopback,
            sockets: BTreeMap::new(),
        }
    }

    /// What is looked up in the place of `name`, where that is a sidecar's, or the task's own network.
    pub(crate) fn address_of(&self, name: &str) -> Option<&'static str> {
        let known = |(sidecar, _): &(String, u16)| sidecar == name || name == "localhost";
        self.granted.iter().any(known).then_some(LOCALHOST)
    }

    fn is_granted(&self, address: SocketAddr) -> bool {
        let mut ports = self.granted.iter();
        address.ip().to_canonical().is_loopback() && ports.any(|(_, port)| *port == address.port())
    }

    fn connect(&self, port: u16) -> Result<TcpStream, ErrorCode> {
        let loopback = self.loopback.as_ref();
        let loopback = loopback.ok_or(ErrorCode::RemoteUnreachable)?;
        let connection = loopback.connect(port);
        connection.map_err(|_| ErrorCode::ConnectionRefused)
    }

    fn made(&self, socket: &Resource<TcpSocket>) -> Option<&TcpStream> {
        match self.sockets.get(&socket.rep()) {
            Some(Connection::Made(connection)) => Some(connection),
            _ => None,
        }
    }
}

/// The two halves of a connection, as a guest reads and writes them.
fn streams(connection: &TcpStream) -> std::io::Result<(DynInputStream, DynOutputStream)> {
    let connection = connection.try_clone()?;
    connection.set_nonblocking(true)?;
    with_ambient_tokio_runtime(|| {
        let (input, output) = tokio::net::TcpStream::from_std(connection)?.into_split();
        let input: DynInputStream = Box::new(AsyncReadStream::new(input));
        let output: DynOutputStream = Box::new(AsyncWriteStream::new(UNREAD, output));
        Ok((input, output))
    })
}

impl Guest {
    /// Hands over a connection to `address`, which is no sidecar's; one that is refused is told of.
    fn finish_elsewhere(
        &mut self,
        socket: Resource<TcpSocket>,
        address: SocketAddr,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let id = socket.rep();
        let finished = HostTcpSocket::finish_connect(&mut self.sockets(), socket);
        if let Err(error) = &finished {
            self.tell_of(error, address);
            if let Some(ErrorCode::WouldBlock) = error.downcast_ref() {
                let elsewhere = Connection::Elsewhere(address);
                self.sidecars.sockets.insert(id, elsewhere);
            }
        }
        finished
    }

    /// Says which line would grant a connection to `address`, where that is what was wrong with it.
    fn tell_of(&mut self, error: &SocketError, address: SocketAddr) {
        if let Some(ErrorCode::AccessDenied) = error.downcast_ref() {
            self.refused(&address.to_string());
        }
    }
}

impl tcp::Host for Guest {}

/// Hands calls on to wasmtime-wasi as they are.
macro_rules! as_they_are {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&mut self, socket: Resource<TcpSocket>, $($argument: $kind),*) -> $answer {
            HostTcpSocket::$name(&mut self.sockets(), socket, $($argument),*)
        })*
    };
}

impl HostTcpSocket for Guest {
    as_they_are! {
        start_bind(network: Resource<WasiNetwork>, address: IpSocketAddress) -> SocketResult<()>;
        finish_bind() -> SocketResult<()>;
        start_listen() -> SocketResult<()>;
        finish_listen() -> SocketResult<()>;
        accept() -> SocketResult<(Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>)>;
        is_listening() -> wasmtime::Result<bool>;
        address_family() -> wasmtime::Result<IpAddressFamily>;
        set_listen_backlog_size(size: u64) -> SocketResult<()>;
        keep_alive_enabled() -> SocketResult<bool>;
        set_keep_alive_enabled(enabled: bool) -> SocketResult<()>;
        keep_alive_idle_time() -> SocketResult<Duration>;
        set_keep_alive_idle_time(time: Duration) -> SocketResult<()>;
        keep_alive_interval() -> SocketResult<Duration>;
        set_keep_alive_interval(time: Duration) -> SocketResult<()>;
        keep_alive_count() -> SocketResult<u32>;
        set_keep_alive_count(count: u32) -> SocketResult<()>;
        hop_limit() -> SocketResult<u8>;
        set_hop_limit(limit: u8) -> SocketResult<()>;
        receive_buffer_size() -> SocketResult<u64>;
        set_receive_buffer_size(size: u64) -> SocketResult<()>;
        send_buffer_size() -> SocketResult<u64>;
        set_send_buffer_size(size: u64) -> SocketResult<()>;
        subscribe() -> wasmtime::Result<Resource<DynPollable>>;
    }

    fn start_connect(
        &mut self,
        socket: Resource<TcpSocket>,
        network: Resource<WasiNetwork>,
        remote: IpSocketAddress,
    ) -> SocketResult<()> {
        let address = SocketAddr::from(remote);
        if !self.sidecars.is_granted(address) {
            let id = socket.rep();
            HostTcpSocket::start_connect(&mut self.sockets(), socket, network, remote)
                .inspect_err(|error| self.tell_of(error, address))?;
            let elsewhere = Connection::Elsewhere(address);
            self.sidecars.sockets.insert(id, elsewhere);
            return Ok(());
        }
        // Both handles are what gives the right to ask.
        self.table.get(&network)?;
        self.table.get(&socket)?;
        if self.sidecars.sockets.contains_key(&socket.rep()) {
            return Err(SocketError::from(ErrorCode::InvalidState));
        }
        let connection = self.sidecars.connect(address.port());
        let asked = Connection::Asked(connection);
        self.sidecars.sockets.insert(socket.rep(), asked);
        Ok(())
    }

    fn finish_connect(
        &mut self,
        socket: Resource<TcpSocket>,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        match self.sidecars.sockets.remove(&socket.rep()) {
            None => HostTcpSocket::finish_connect(&mut self.sockets(), socket),
            Some(Connection::Elsewhere(address)) => self.finish_elsewhere(socket, address),
            Some(Connection::Asked(connection)) => {
                let connection = connection?;
                let (input, output) = streams(&connection)?;
                let input = self.table.push_child(input, &socket)?;
                let output = self.table.push_child(output, &socket)?;
                let made = Connection::Made(connection);
                self.sidecars.sockets.insert(socket.rep(), made);
                Ok((input, output))
            }
            Some(made) => {
                self.sidecars.sockets.insert(socket.rep(), made);
                Err(SocketError::from(ErrorCode::NotInProgress))
            }
        }
    }

    fn local_address(&mut self, socket: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        match self.sidecars.made(&socket) {
            Some(connection) => Ok(connection.local_addr()?.into()),
            None => HostTcpSocket::local_address(&mut self.sockets(), socket),
        }
    }

    fn remote_address(&mut self, socket: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        match self.sidecars.made(&socket) {
            Some(connection) => {
                let port = connection.peer_addr()?.port();
                Ok(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).into())
            }
            None => HostTcpSocket::remote_address(&mut self.sockets(), socket),
        }
    }

    fn shutdown(&mut self, socket: Resource<TcpSocket>, how: ShutdownType) -> SocketResult<()> {
        let Some(connection) = self.sidecars.made(&socket) else {
            return HostTcpSocket::shutdown(&mut self.sockets(), socket, how);
        };
        let how = match how {
            ShutdownType::Receive => Shutdown::Read,
            ShutdownType::Send => Shutdown::Write,
            ShutdownType::Both => Shutdown::Both,
        };
        Ok(connection.shutdown(how)?)
    }

    fn drop(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<()> {
        self.sidecars.sockets.remove(&socket.rep());
        HostTcpSocket::drop(&mut self.sockets(), socket)
    }
}
