//! A task's own network: a namespace with nothing but loopback.
//!
//! It lives as long as the handle does, with no process and no name: the kernel takes it away when the last container and
//! the handle are gone, however Stepwell ends.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustix_namespaces::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};
use rustix_namespaces::thread::{
    LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare,
};
use stepwell_contract::CONNECT_PATIENCE;

/// The kernel's answer to a request is shorter.
const ANSWER_BYTES: usize = 4096;

/// A network namespace.
#[derive(Debug)]
pub(crate) struct Network(File);

impl Network {
    /// Makes one, with loopback up.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn new() -> io::Result<Self> {
        // A namespace is a thread's own: one that does nothing else goes there, and leaves the handle behind.
        elsewhere(|| {
            unshare(UnshareFlags::NEWNET)?;
            raise_loopback()?;
            File::open("/proc/thread-self/ns/net")
        })
        .map(Self)
    }

    /// The one that a process is in.
    ///
    /// # Errors
    ///
    /// There is no such process, or it is another user's.
    pub(crate) fn of_process(pid: i64) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/ns/net")).map(Self)
    }

    /// Does something in the namespace, on a thread of its own: what is opened there stays there.
    ///
    /// # Errors
    ///
    /// What the kernel refused, and what `work` says.
    pub(crate) fn inside<T: Send>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        elsewhere(|| {
            self.enter()?;
            work()
        })
    }

    /// Moves this thread, and what it starts, into the namespace.
    pub(crate) fn enter(&self) -> io::Result<()> {
        move_into_link_name_space(self.fd(), Some(LinkNameSpaceType::Network))?;
        Ok(())
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Does something on a thread that does nothing else.
fn elsewhere<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("network".to_owned())
            .spawn_scoped(scope, work)?;
        worker
            .join()
            .map_err(|_| io::Error::other("a thread in a network panicked"))?
    })
}

/// Listens on a free port of the loopback of the namespace that this thread is in.
pub(crate) fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Connects to `port` of the loopback of the namespace that this thread is in.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    let to = |address: IpAddr| {
        TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT_PATIENCE)
    };
    to(Ipv4Addr::LOCALHOST.into())
        .or_else(|error| to(Ipv6Addr::LOCALHOST.into()).map_err(|_| error))
}

/// Sets the one device of a new namespace up: one message of rtnetlink's, and its answer.
pub(crate) fn raise_loopback() -> io::Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const LOOPBACK: i32 = 1;
    const UP: u32 = 1;
    let mut message = Vec::with_capacity(32);
    // The header: length, type, flags, number, sender.
    message.extend(32u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend(1u32.to_ne_bytes());
    message.extend(0u32.to_ne_bytes());
    // The device: family and type, number, flags, which flags change.
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes());

    let kernel = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    send(&kernel, &message, SendFlags::empty())?;
    let mut answer = [0; ANSWER_BYTES];
    let length = recv(&kernel, &mut answer, RecvFlags::empty())?;
    // After the header comes the error, 0 for none, else an error number made negative.
    let error = answer[..length]
        .get(16..20)
        .and_then(|bytes| bytes.try_into().ok())
        .map(i32::from_ne_bytes);
    match error {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(error.wrapping_neg())),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
