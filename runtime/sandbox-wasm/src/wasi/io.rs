//! Streams and pollables, each call a plain function on the step's own thread.

use bytes::Bytes;
use wasmtime::component::Resource;
use wasmtime_wasi_io::bindings::wasi::io::{error, poll as shared_poll};
use wasmtime_wasi_io::poll::{DynPollable, subscribe};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream, StreamError, StreamResult};

use crate::bindings::imports::wasi::io::{poll, streams};
use crate::guest::Guest;
use crate::wait;

/// What one read gives and one write takes at most: stops a guest that makes the host allocate without bound in one
/// call (GHSA-852m-cvvp-9p4w), and is large enough that a call's own cost does not matter.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;

fn chunk(length: u64) -> usize {
    usize::try_from(length)
        .unwrap_or(usize::MAX)
        .min(CHUNK_BYTES)
}

fn interrupted(error: wait::Interrupted) -> StreamError {
    StreamError::Trap(error.into())
}

impl Guest {
    /// Waits until `stream` can be written to, and says how much it takes.
    fn writable(&mut self, stream: &Resource<DynOutputStream>) -> StreamResult<usize> {
        let stream = self.table.get_mut(stream)?;
        wait::block_on(stream.write_ready(), &self.io.cancel).map_err(interrupted)?
    }

    fn write_all(
        &mut self,
        stream: &Resource<DynOutputStream>,
        mut bytes: Bytes,
    ) -> StreamResult<()> {
        while !bytes.is_empty() {
            let permit = self.writable(stream)?;
            let part = bytes.split_to(permit.min(bytes.len()));
            self.table.get_mut(stream)?.write(part)?;
        }
        self.table.get_mut(stream)?.flush()?;
        self.writable(stream).map(drop)
    }
}

impl streams::Host for Guest {
    fn convert_stream_error(
        &mut self,
        error: StreamError,
    ) -> wasmtime::Result<streams::StreamError> {
        match error {
            StreamError::Closed => Ok(streams::StreamError::Closed),
            StreamError::LastOperationFailed(cause) => Ok(
                streams::StreamError::LastOperationFailed(self.table.push(cause)?),
            ),
            StreamError::Trap(cause) => Err(cause),
        }
    }
}

impl streams::HostInputStream for Guest {
    fn read(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<Vec<u8>> {
        Ok(self.table.get_mut(&stream)?.read(chunk(length))?.into())
    }

    fn blocking_read(
        &mut self,
        stream: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<Vec<u8>> {
        let stream = self.table.get_mut(&stream)?;
        let read = wait::block_on(stream.blocking_read(chunk(length)), &self.io.cancel);
        Ok(read.map_err(interrupted)??.into())
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<u64> {
        Ok(self.table.get_mut(&stream)?.skip(chunk(length))? as u64)
    }

    fn blocking_skip(
        &mut self,
        stream: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        let stream = self.table.get_mut(&stream)?;
        let skipped = wait::block_on(stream.blocking_skip(chunk(length)), &self.io.cancel);
        Ok(skipped.map_err(interrupted)?? as u64)
    }

    fn subscribe(
        &mut self,
        stream: Resource<DynInputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, stream)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        let mut stream = self.table.delete(stream)?;
        wait::block_on(stream.cancel(), &self.io.cancel)?;
        Ok(())
    }
}

impl streams::HostOutputStream for Guest {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Ok(self.table.get_mut(&stream)?.check_write()? as u64)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.table.get_mut(&stream)?.write(bytes.into())
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.write_all(&stream, bytes.into())
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.table.get_mut(&stream)?.flush()
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.table.get_mut(&stream)?.flush()?;
        self.writable(&stream).map(drop)
    }

    fn subscribe(
        &mut self,
        stream: Resource<DynOutputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, length: u64) -> StreamResult<()> {
        let stream = self.table.get_mut(&stream)?;
        let permit = stream.check_write()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > permit {
            return Err(StreamError::trap("more zeroes than `check-write` allowed"));
        }
        stream.write(Bytes::from(vec![0; length]))
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        length: u64,
    ) -> StreamResult<()> {
        self.meter
            .host_call(length)
            .map_err(|error| StreamError::Trap(error.into()))?;
        self.write_all(
            &stream,
            vec![0; usize::try_from(length).unwrap_or_default()].into(),
        )
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        let permit = self.table.get_mut(&to)?.check_write()?;
        let part = self.table.get_mut(&from)?.read(chunk(length).min(permit))?;
        let moved = part.len() as u64;
        self.table.get_mut(&to)?.write(part)?;
        Ok(moved)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        self.writable(&to)?;
        let stream = self.table.get_mut(&from)?;
        wait::block_on(stream.ready(), &self.io.cancel).map_err(interrupted)?;
        self.splice(to, from, length)
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        let mut stream = self.table.delete(stream)?;
        wait::block_on(stream.cancel(), &self.io.cancel)?;
        Ok(())
    }
}

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn to_debug_string(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<String> {
        error::HostError::to_debug_string(&mut self.table, error)
    }

    fn drop(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<()> {
        error::HostError::drop(&mut self.table, error)
    }
}

impl poll::Host for Guest {
    fn poll(&mut self, list: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        wait::block_on(
            shared_poll::Host::poll(&mut self.table, list),
            &self.io.cancel,
        )?
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        let ready = shared_poll::HostPollable::ready(&mut self.table, pollable);
        wait::block_on(ready, &self.io.cancel)?
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        let ready = shared_poll::HostPollable::block(&mut self.table, pollable);
        wait::block_on(ready, &self.io.cancel)?
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        shared_poll::HostPollable::drop(&mut self.table, pollable)
    }
}
