//! Reading and writing a file through a stream, inline.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread, pwrite};
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, OutputStream, StreamError, StreamResult};

use super::open::CountedFile;
use crate::meter::WriteMeter;
use crate::wasi::io::CHUNK_BYTES;

/// What a guest reads of a file from some place on.
pub(crate) struct FileReader {
    file: Arc<CountedFile>,
    position: u64,
}

impl FileReader {
    pub(crate) fn new(file: Arc<CountedFile>, position: u64) -> Self {
        Self { file, position }
    }
}

/// Reads up to `size` bytes at `position`; nothing at the end of the file.
pub(crate) fn read_at(file: &CountedFile, size: usize, position: u64) -> Result<Vec<u8>, Errno> {
    if file
        .seen
        .as_ref()
        .is_some_and(|seen| seen.ends_at(position))
    {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::with_capacity(size.min(CHUNK_BYTES));
    loop {
        match pread(file.file.as_fd(), spare_capacity(&mut bytes), position) {
            Err(Errno::INTR) => {}
            Ok(_) => {
                if let Some(seen) = &file.seen {
                    seen.read(&file.file, position, &bytes);
                }
                return Ok(bytes);
            }
            Err(errno) => {
                if let Some(seen) = &file.seen {
                    seen.unread(&errno);
                }
                return Err(errno);
            }
        }
    }
}

/// What a write at `position` adds before its own bytes: a hole, which takes no disk until somebody copies the file.
pub(crate) fn hole_before(file: &CountedFile, position: u64) -> Result<u64, Errno> {
    if position == 0 {
        return Ok(0);
    }
    let stat = rustix::fs::fstat(file.file.as_fd())?;
    Ok(position.saturating_sub(u64::try_from(stat.st_size).unwrap_or(0)))
}

/// Writes all of `bytes` at `position`.
pub(crate) fn write_at(file: &CountedFile, bytes: &[u8], position: u64) -> Result<(), Errno> {
    let written = write_all_at(file, bytes, position);
    if let (Err(errno), Some(seen)) = (&written, &file.seen) {
        seen.refused("write", errno);
    }
    written
}

fn write_all_at(file: &CountedFile, mut bytes: &[u8], mut position: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match pwrite(file.file.as_fd(), bytes, position) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                bytes = &bytes[written..];
                position += written as u64;
            }
        }
    }
    Ok(())
}

#[async_trait::async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let bytes = read_at(&self.file, size, self.position)
            .map_err(|errno| StreamError::LastOperationFailed(io::Error::from(errno).into()))?;
        if bytes.is_empty() {
            return Err(StreamError::Closed);
        }
        self.position += bytes.len() as u64;
        Ok(bytes.into())
    }
}

/// What a guest writes to a file from some place on.
pub(crate) struct FileWriter {
    file: Arc<CountedFile>,
    /// `None` for the end of the file, wherever it is by then.
    position: Option<u64>,
    /// Whether nothing was written yet: the first write may leave a hole, the others follow it.
    first: bool,
    meter: WriteMeter,
    failed: Option<Errno>,
}

impl FileWriter {
    pub(crate) fn new(file: Arc<CountedFile>, position: Option<u64>, meter: WriteMeter) -> Self {
        Self {
            file,
            position,
            first: true,
            meter,
            failed: None,
        }
    }

    fn hole(&mut self) -> Result<u64, Errno> {
        match self.position {
            Some(position) if std::mem::take(&mut self.first) => hole_before(&self.file, position),
            _ => Ok(0),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let position = match self.position {
            Some(position) => position,
            None => {
                let stat = rustix::fs::fstat(self.file.file.as_fd())?;
                u64::try_from(stat.st_size).unwrap_or(0)
            }
        };
        write_at(&self.file, bytes, position)?;
        if let Some(position) = &mut self.position {
            *position += bytes.len() as u64;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let hole = match self.hole() {
            Ok(hole) => hole,
            Err(errno) => {
                self.failed = Some(errno);
                return Ok(());
            }
        };
        self.meter
            .write(hole.saturating_add(bytes.len() as u64))
            .map_err(|hit| StreamError::Trap(hit.into()))?;
        if let Err(errno) = self.put(&bytes) {
            self.failed = Some(errno);
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_write().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match self.failed.take() {
            None => Ok(CHUNK_BYTES),
            Some(errno) => Err(StreamError::LastOperationFailed(
                io::Error::from(errno).into(),
            )),
        }
    }
}
