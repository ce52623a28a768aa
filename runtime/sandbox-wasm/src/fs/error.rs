//! From the kernel's words to WASI's.

use std::fmt;
use std::io;

use rustix::io::Errno;
use wasmtime::component::{Resource, ResourceTableError};

use crate::bindings::imports::wasi::filesystem::types::ErrorCode;
use crate::meter::LimitHit;

/// What a file operation fails with: an error that the guest sees, or the end of the step.
#[derive(Debug)]
pub(crate) enum FsError {
    /// Told to the guest.
    Code(ErrorCode),
    /// Ends the guest.
    Trap(wasmtime::Error),
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code:?}"),
            Self::Trap(cause) => cause.fmt(f),
        }
    }
}

pub(crate) type FsResult<T> = Result<T, FsError>;

impl From<ErrorCode> for FsError {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<LimitHit> for FsError {
    fn from(hit: LimitHit) -> Self {
        Self::Trap(hit.into())
    }
}

impl From<ResourceTableError> for FsError {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl From<Errno> for FsError {
    fn from(errno: Errno) -> Self {
        Self::Code(code_of_errno(errno))
    }
}

impl From<io::Error> for FsError {
    fn from(error: io::Error) -> Self {
        Self::Code(code(&error))
    }
}

/// WASI's word for an error of the host's.
pub(crate) fn code(error: &io::Error) -> ErrorCode {
    if let Some(errno) = Errno::from_io_error(error) {
        return code_of_errno(errno);
    }
    match error.kind() {
        io::ErrorKind::NotFound => ErrorCode::NoEntry,
        // What cap-std says to a path that would leave its directory.
        io::ErrorKind::PermissionDenied => ErrorCode::NotPermitted,
        io::ErrorKind::AlreadyExists => ErrorCode::Exist,
        io::ErrorKind::InvalidInput => ErrorCode::Invalid,
        io::ErrorKind::NotADirectory => ErrorCode::NotDirectory,
        io::ErrorKind::IsADirectory => ErrorCode::IsDirectory,
        _ => ErrorCode::Io,
    }
}

fn code_of_errno(errno: Errno) -> ErrorCode {
    match errno {
        Errno::ACCESS => ErrorCode::Access,
        Errno::AGAIN => ErrorCode::WouldBlock,
        Errno::BADF => ErrorCode::BadDescriptor,
        Errno::BUSY => ErrorCode::Busy,
        Errno::DEADLK => ErrorCode::Deadlock,
        Errno::DQUOT => ErrorCode::Quota,
        Errno::EXIST => ErrorCode::Exist,
        Errno::FBIG => ErrorCode::FileTooLarge,
        Errno::ILSEQ => ErrorCode::IllegalByteSequence,
        Errno::INTR => ErrorCode::Interrupted,
        Errno::INVAL => ErrorCode::Invalid,
        Errno::ISDIR => ErrorCode::IsDirectory,
        Errno::LOOP => ErrorCode::Loop,
        Errno::MLINK => ErrorCode::TooManyLinks,
        Errno::NAMETOOLONG => ErrorCode::NameTooLong,
        Errno::NODEV => ErrorCode::NoDevice,
        Errno::NOENT => ErrorCode::NoEntry,
        Errno::NOLCK => ErrorCode::NoLock,
        Errno::NOMEM => ErrorCode::InsufficientMemory,
        Errno::NOSPC => ErrorCode::InsufficientSpace,
        Errno::NOTDIR => ErrorCode::NotDirectory,
        Errno::NOTEMPTY => ErrorCode::NotEmpty,
        Errno::NOTSUP => ErrorCode::Unsupported,
        Errno::NOTTY => ErrorCode::NoTty,
        Errno::NXIO => ErrorCode::NoSuchDevice,
        Errno::OVERFLOW => ErrorCode::Overflow,
        Errno::PERM => ErrorCode::NotPermitted,
        Errno::PIPE => ErrorCode::Pipe,
        Errno::ROFS => ErrorCode::ReadOnly,
        Errno::SPIPE => ErrorCode::InvalidSeek,
        Errno::TXTBSY => ErrorCode::TextFileBusy,
        Errno::XDEV => ErrorCode::CrossDevice,
        _ => ErrorCode::Io,
    }
}

/// A host's error that a stream handed to the guest, as WASI's word where there is one.
pub(crate) fn code_of_stream_error(
    table: &wasmtime::component::ResourceTable,
    error: &Resource<wasmtime::Error>,
) -> wasmtime::Result<Option<ErrorCode>> {
    Ok(table.get(error)?.downcast_ref::<io::Error>().map(code))
}
