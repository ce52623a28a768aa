//! A layer as the archive that is packed in it: unpacked while it is read, bounded, and checked.
//!
//! It does not know what is in the archive. The bytes that are kept have been found to have their digest before the first of
//! them is handed to a decompressor; whether the archive has its own digest is known only at its end, so whoever unpacks
//! must not let go of what came out before [`LayerReader::finish`] said that all is well.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::sha256::{Hasher, Sha256};
use crate::words::quoted;

/// The most memory that a layer packed with zstd may make us hold. Its own tools use 8 MiB, and 128 MiB at their utmost.
const ZSTD_WINDOW: u64 = 128 << 20;

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip, in any number of members.
    Gzip,
    /// zstd, in any number of frames.
    Zstd,
}

impl Packing {
    /// What a media type says; nothing where it is none of a layer.
    pub fn of(media_type: &str) -> Option<Self> {
        let rest = media_type
            .strip_prefix("application/vnd.oci.image.layer.v1.")
            .or_else(|| {
                media_type.strip_prefix("application/vnd.oci.image.layer.nondistributable.v1.")
            })
            .or_else(|| media_type.strip_prefix("application/vnd.docker.image.rootfs.diff."))
            .or_else(|| {
                media_type.strip_prefix("application/vnd.docker.image.rootfs.foreign.diff.")
            })?;
        match rest {
            "tar" => Some(Self::None),
            "tar+gzip" | "tar.gzip" => Some(Self::Gzip),
            "tar+zstd" | "tar.zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// What the first bytes say.
    pub(crate) fn seen(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A frame that is skipped: where zstd keeps its tables of contents.
            [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50 => Self::Zstd,
            _ => Self::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "not packed",
            Self::Gzip => "packed with gzip",
            Self::Zstd => "packed with zstd",
        }
    }
}

/// What the archive in a layer may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerBounds {
    /// The most bytes it may have. Stops one that fills the disk.
    pub bytes: u64,
    /// How many times larger than what is kept it may be. Stops a small file that unpacks for hours.
    pub ratio: u64,
    /// Up to this size nobody looks at the ratio: a small layer of zeros is no attack.
    pub free: u64,
}

impl Default for LayerBounds {
    /// 64 GiB, and 200 times larger beyond 64 MiB. Text is packed ten times smaller, logs perhaps a hundred times.
    fn default() -> Self {
        Self {
            bytes: 64 << 30,
            ratio: 200,
            free: 64 << 20,
        }
    }
}

/// A layer is not what it has to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Its media type says one thing, and its bytes another.
    #[error("the layer `{digest}` has the media type `{media_type}`, but is {found}")]
    Lies {
        /// Which layer.
        digest: Sha256,
        /// What it is said to be.
        media_type: String,
        /// What it is.
        found: &'static str,
    },
    /// Its archive is another one than the configuration says.
    #[error("the layer `{digest}` unpacks to `{found}`, and not to `{wanted}`")]
    Content {
        /// Which layer.
        digest: Sha256,
        /// What the configuration says.
        wanted: Sha256,
        /// What came out.
        found: Sha256,
    },
    /// Too much comes out.
    #[error("the layer `{digest}` unpacks to more than {most} bytes")]
    TooLarge {
        /// Which layer.
        digest: Sha256,
        /// The most it may unpack to.
        most: u64,
    },
    /// It cannot be read or unpacked.
    #[error("failed to unpack the layer `{digest}`")]
    Io {
        /// Which layer.
        digest: Sha256,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The archive of a layer.
pub struct LayerReader {
    digest: Sha256,
    diff_id: Sha256,
    inner: Unpacked,
    hasher: Hasher,
    /// What may still come.
    left: u64,
    most: u64,
}

enum Unpacked {
    None(BufReader<File>),
    Gzip(MultiGzDecoder<BufReader<File>>),
    Zstd(ZstdFrames),
}

impl LayerReader {
    /// A layer in a file whose digest has been found to be right.
    pub(crate) fn new(
        file: File,
        (digest, diff_id): (Sha256, Sha256),
        media_type: &str,
        bounds: &LayerBounds,
    ) -> Result<Self, LayerError> {
        let failed = |source| LayerError::Io { digest, source };
        let mut file = file;
        file.rewind().map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::with_capacity(64 << 10, file);
        let seen = Packing::seen(file.fill_buf().map_err(failed)?);
        if Packing::of(media_type) != Some(seen) {
            return Err(LayerError::Lies {
                digest,
                media_type: quoted(media_type),
                found: seen.name(),
            });
        }
        let inner = match seen {
            Packing::None => Unpacked::None(file),
            Packing::Gzip => Unpacked::Gzip(MultiGzDecoder::new(file)),
            Packing::Zstd => Unpacked::Zstd(ZstdFrames::Between(file)),
        };
        let by_ratio = size.saturating_mul(bounds.ratio).max(bounds.free);
        let most = by_ratio.min(bounds.bytes);
        Ok(Self {
            digest,
            diff_id,
            inner,
            hasher: Hasher::default(),
            left: most,
            most,
        })
    }

    /// Reads what is left, and checks that the archive is the one that the configuration names.
    ///
    /// # Errors
    ///
    /// When it is another one, or larger than it may be, or cannot be unpacked.
    pub fn finish(mut self) -> Result<(), LayerError> {
        let digest = self.digest;
        io::copy(&mut self, &mut io::sink()).map_err(|error| match error.downcast() {
            Ok(error) => error,
            Err(source) => LayerError::Io { digest, source },
        })?;
        let (wanted, found) = (self.diff_id, self.hasher.finish());
        match found == wanted {
            true => Ok(()),
            false => Err(LayerError::Content {
                digest,
                wanted,
                found,
            }),
        }
    }
}

/// An error of this reader that is about the layer has a [`LayerError`] in it.
impl Read for LayerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.inner {
            Unpacked::None(file) => file.read(buffer),
            Unpacked::Gzip(decoder) => decoder.read(buffer),
            Unpacked::Zstd(frames) => frames.read(buffer),
        }?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let (digest, most) = (self.digest, self.most);
            io::Error::other(LayerError::TooLarge { digest, most })
        })?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// zstd in frames, one behind the other. A frame that is skipped holds nothing of the archive.
enum ZstdFrames {
    Between(BufReader<File>),
    Inside(Box<StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>),
    Done,
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            *self = match std::mem::replace(self, Self::Done) {
                Self::Done => return Ok(0),
                Self::Between(mut file) => {
                    if file.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    match skipped(&mut file)? {
                        true => Self::Between(file),
                        false => Self::Inside(Box::new(
                            StreamingDecoder::new_with_max_window_size(file, ZSTD_WINDOW)
                                .map_err(io::Error::other)?,
                        )),
                    }
                }
                Self::Inside(mut decoder) => match decoder.read(buffer)? {
                    0 => Self::Between(decoder.into_inner()),
                    count => {
                        *self = Self::Inside(decoder);
                        return Ok(count);
                    }
                },
            };
        }
    }
}

/// Whether a frame begins here that is skipped; it is behind us then.
fn skipped(file: &mut BufReader<File>) -> io::Result<bool> {
    // A frame is far shorter than the buffer only at the very end, and then it is no frame.
    let start = file.fill_buf()?;
    let [first, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = *start else {
        return Ok(false);
    };
    if first & 0xf0 != 0x50 {
        return Ok(false);
    }
    file.consume(8);
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if io::copy(&mut file.take(length), &mut io::sink())? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
