//! What goes over the socket: frames of a kind, a length and a content, each bounded.
//!
//! ```text
//! kind: 1 byte │ length: 4 bytes, the highest first │ content
//! ```
//!
//! It does not know what a conversation is; it reads and writes one frame. `docs/decisions/0023` says why it is this.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long a content may be: stops the other side from making this one take memory for what never comes.
pub(super) const LONGEST: usize = 64 << 10;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// To the run, and first: what is wanted.
    Ask = 1,
    /// To the run: what is typed.
    Input = 2,
    /// To the run: nothing more is typed.
    EndInput = 3,
    /// To the run: the window has another size.
    Resize = 4,
    /// From the run, and first: it is done, and with which step.
    Begun = 16,
    /// From the run: what the shell says.
    Stdout = 17,
    /// From the run: what the shell says apart.
    Stderr = 18,
    /// From the run: a file begins, and this is its path.
    File = 19,
    /// From the run: a part of it.
    Data = 20,
    /// From the run, and last: how it ended.
    Ended = 21,
    /// From the run, and last: why it is not done.
    Refused = 22,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Ask,
        Self::Input,
        Self::EndInput,
        Self::Resize,
        Self::Begun,
        Self::Stdout,
        Self::Stderr,
        Self::File,
        Self::Data,
        Self::Ended,
        Self::Refused,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) content: Vec<u8>,
}

impl Frame {
    /// Reads the next one; `None` where the other side has ended.
    ///
    /// # Errors
    ///
    /// `InvalidData` for what is no frame; what the socket says.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = [0; 5];
        match from.read(&mut head[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => from.read_exact(&mut head[1..])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Self::read(from),
            Err(error) => return Err(error),
        }
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        let kind = Kind::from_byte(kind).filter(|_| length <= LONGEST);
        let kind = kind.ok_or_else(|| invalid("what came is no frame"))?;
        let mut content = vec![0; length];
        from.read_exact(&mut content)?;
        Ok(Some(Self { kind, content }))
    }

    /// What its content says.
    ///
    /// # Errors
    ///
    /// `InvalidData` where it says nothing that is understood.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> io::Result<T> {
        serde_json::from_slice(&self.content).map_err(|error| invalid(&error.to_string()))
    }
}

/// Writes one frame.
///
/// # Errors
///
/// `InvalidInput` for a content that is too long; what the socket says.
pub(super) fn write(to: &mut impl Write, kind: Kind, content: &[u8]) -> io::Result<()> {
    let length = u32::try_from(content.len()).ok();
    let Some(length) = length.filter(|_| content.len() <= LONGEST) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is longer than a frame may be",
        ));
    };
    // As a whole: two writes would be two packets, and two system calls.
    let mut frame = Vec::with_capacity(5 + content.len());
    frame.push(kind as u8);
    frame.extend(length.to_be_bytes());
    frame.extend(content);
    to.write_all(&frame)
}

/// Writes one frame with what `said` is in JSON.
///
/// # Errors
///
/// As [`write`].
pub(super) fn say(to: &mut impl Write, kind: Kind, said: &impl Serialize) -> io::Result<()> {
    write(to, kind, &serde_json::to_vec(said)?)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_what_it_was() {
        let mut bytes = Vec::new();
        for kind in Kind::ALL {
            write(&mut bytes, kind, b"ab").unwrap();
        }
        write(&mut bytes, Kind::Data, &[7; LONGEST]).unwrap();
        let mut from = &bytes[..];
        for kind in Kind::ALL {
            let content = b"ab".to_vec();
            assert_eq!(
                Frame::read(&mut from).unwrap(),
                Some(Frame { kind, content })
            );
        }
        let long = Frame::read(&mut from).unwrap().unwrap();
        assert_eq!(long.content.len(), LONGEST);
        assert_eq!(Frame::read(&mut from).unwrap(), None);
    }

    #[test]
    fn attack_what_is_no_frame_is_refused_before_memory_is_taken_for_it() {
        for bytes in [
            &[0, 0, 0, 0, 0][..],
            &[99, 0, 0, 0, 0],
            &[Kind::Input as u8, 255, 255, 255, 255],
            &[Kind::Input as u8, 0, 1, 0, 1],
            &[Kind::Input as u8, 0, 0],
            &[Kind::Input as u8, 0, 0, 0, 2, 1],
        ] {
            let mut from = bytes;
            assert!(Frame::read(&mut from).is_err(), "{bytes:?}");
        }
        let long = write(&mut Vec::new(), Kind::Data, &[0; LONGEST + 1]);
        assert_eq!(long.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
