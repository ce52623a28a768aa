//! An image taken out of a daemon, as the archive that it makes of it.
//!
//! What is in the archive is looked at by whoever takes it in, as every other one's is.

use std::io::{self, Write};

use futures_util::StreamExt as _;
use stepwell_contract::{SandboxError, SandboxErrorKind};
use tokio::sync::mpsc;

use super::BACKEND;
use super::daemon::{Daemon, failed};
use super::endpoint::Endpoint;
use super::error::ApiError;

/// Pieces that wait for a slow disk.
const PIECES: usize = 4;

/// What an image may be: stops a daemon that sends without end.
const MOST: u64 = 64 << 30;

/// Writes the image that the daemon at `endpoint` calls `name`, as `docker image save` does.
///
/// # Errors
///
/// [`SandboxErrorKind::NotFound`] where it has none of this name; nobody answers; what `to` says.
pub fn save(endpoint: &Endpoint, name: &str, to: &mut dyn Write) -> Result<(), SandboxError> {
    let doing = || format!("take image `{}` out of the daemon", name.escape_debug());
    let host = |error: io::Error| {
        SandboxError::new(BACKEND, doing(), SandboxErrorKind::Host).because(error)
    };
    // It becomes part of a request's path.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./:@_-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) || name.split('/').any(|part| part == "..") {
        return Err(
            SandboxError::new(BACKEND, doing(), SandboxErrorKind::Malformed)
                .because("it is no name of an image"),
        );
    }
    let daemon = Daemon::new(endpoint.clone()).map_err(host)?;
    let asked = name.to_owned();
    let found = daemon.ask(|docker| async move { docker.inspect_image(&asked).await });
    let id = match found {
        Err(error) if error.is_missing() => {
            return Err(
                SandboxError::new(BACKEND, doing(), SandboxErrorKind::NotFound).because(error),
            );
        }
        found => found.map_err(|error| failed(doing(), error))?.id,
    };
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let (docker, at) = (daemon.patient(), endpoint.to_string());
    // By what it is, so that it is the same one should the name move on.
    let wanted = id.unwrap_or_else(|| name.to_owned());
    let ended = daemon.spawn(async move {
        let mut sent = docker.export_image(&wanted);
        while let Some(piece) = sent.next().await {
            let piece = piece.map_err(|error| ApiError::of(error, &at));
            if sender.send(piece).await.is_err() {
                return;
            }
        }
    });
    let mut left = MOST;
    while let Some(piece) = pieces.blocking_recv() {
        let piece = piece.map_err(|error| failed(doing(), error))?;
        left = left
            .checked_sub(piece.len() as u64)
            .ok_or_else(|| host(io::ErrorKind::FileTooLarge.into()))?;
        to.write_all(&piece).map_err(host)?;
    }
    drop(pieces);
    let _ = ended.recv();
    to.flush().map_err(host)
}
