//! Files of a container, read from outside: one at a time, as the archives that a daemon makes of them.
//!
//! The daemon finds a path in the container's own root, and a symbolic link leads it nowhere else. What it sends is looked at
//! as it comes, and never kept whole.

use std::io::{self, Read};
use std::sync::Arc;

use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder,
};
use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::daemon::Daemon;
use super::error::ApiError;

/// Pieces of an archive that wait to be looked at.
const PIECES: usize = 4;

/// What is read of a list of users: stops one of gigabytes.
const LIST_BYTES: u64 = 4 << 20;

/// What Go calls everything that is no regular file, and what it calls a folder and a symbolic link.
const NOT_REGULAR: u32 = 0x8f28_0000;
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A regular file, at this path with no link in it.
    File(String),
    /// A folder, likewise.
    Folder(String),
    /// Nothing, or what is neither.
    Nothing,
}

/// What is at `path`, where links lead to.
///
/// # Errors
///
/// The daemon does not say.
pub(super) fn find(daemon: &Daemon, id: &str, path: &str) -> Result<Found, ApiError> {
    let mut path = path.to_owned();
    // The daemon resolves a link at once; should what it names be one again, something changes it meanwhile.
    for _ in 0..2 {
        let options = ContainerArchiveInfoOptionsBuilder::new()
            .path(&path)
            .build();
        let named = id.to_owned();
        let found = daemon.ask(|docker| async move {
            docker
                .get_container_archive_info(&named, Some(options))
                .await
        });
        let found = match found {
            // Missing, a link that leads round, or a path through a file.
            Err(ApiError::Refused { .. }) => return Ok(Found::Nothing),
            found => found?,
        };
        let mode = found.file_mode;
        if mode & LINK == 0 {
            return Ok(match mode {
                mode if mode & FOLDER != 0 => Found::Folder(path),
                mode if mode & NOT_REGULAR == 0 => Found::File(path),
                _ => Found::Nothing,
            });
        }
        path = found.link_target;
        if !path.starts_with('/') {
            return Ok(Found::Nothing);
        }
    }
    Ok(Found::Nothing)
}

/// An archive that a daemon sends, as it comes.
pub(super) struct Download {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
    ended: std::sync::mpsc::Receiver<()>,
}

impl Download {
    /// Asks for what is at `path`.
    pub(super) fn new(daemon: &Arc<Daemon>, id: &str, path: &str) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(path)
            .build();
        let (docker, id) = (daemon.docker(), id.to_owned());
        let endpoint = daemon.endpoint().to_string();
        let ended = daemon.spawn(async move {
            let mut sent = docker.download_from_container(&id, Some(options));
            while let Some(piece) = sent.next().await {
                let piece = piece.map_err(|error| io::Error::other(ApiError::of(error, &endpoint)));
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
        });
        Self {
            pieces,
            piece: Bytes::new(),
            ended,
        }
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece?,
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // Whoever sends hears that nobody listens; its connection is closed when this returns.
        self.pieces.close();
        while self.pieces.try_recv().is_ok() {}
        let _ = self.ended.recv();
    }
}

/// The content of one regular file, read out of the archive of it.
pub(super) struct Content {
    archive: Download,
    left: u64,
}

impl Content {
    /// Takes the file at `path`, which has no link in it.
    ///
    /// # Errors
    ///
    /// What is sent is no archive of one file.
    pub(super) fn new(daemon: &Arc<Daemon>, id: &str, path: &str) -> io::Result<Option<Self>> {
        let mut archive = Download::new(daemon, id, path);
        loop {
            let mut block = [0; 512];
            archive.read_exact(&mut block)?;
            let header = tar::Header::from_byte_slice(&block);
            let size = header.entry_size()?;
            match header.entry_type() {
                tar::EntryType::Regular => {
                    return Ok(Some(Self {
                        archive,
                        left: size,
                    }));
                }
                // A long name, or a time in fractions of a second, of what comes next.
                tar::EntryType::XHeader | tar::EntryType::GNULongName if size <= LIST_BYTES => {
                    let padded = size.next_multiple_of(512);
                    io::copy(&mut (&mut archive).take(padded), &mut io::sink())?;
                }
                _ => return Ok(None),
            }
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.archive.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// The number of the user called `name` in the container's own `/etc/passwd`.
///
/// # Errors
///
/// The daemon does not say.
pub(super) fn user_of(daemon: &Arc<Daemon>, id: &str, name: &str) -> Result<Option<u32>, ApiError> {
    let Found::File(path) = find(daemon, id, "/etc/passwd")? else {
        return Ok(None);
    };
    let malformed = |error: io::Error| ApiError::Malformed(error.into());
    let Some(content) = Content::new(daemon, id, &path).map_err(malformed)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    content
        .take(LIST_BYTES)
        .read_to_end(&mut bytes)
        .map_err(malformed)?;
    let users = String::from_utf8_lossy(&bytes);
    let mut lines = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|line| line.first() == Some(&name));
    Ok(line.and_then(|line| line.get(2)?.parse().ok()))
}
