//! Secret keys as minisign writes them, and what is signed with them.
//!
//! It does not know what is signed. The format is that of minisign 0.11: a key in one line of base64, locked by scrypt or not at
//! all; a signature over the BLAKE2b digest, and another one over that and the trusted comment.

use base64::{Engine, engine::general_purpose::STANDARD};
use blake2::{Blake2b, Blake2b512, Digest, digest::consts::U32};
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::{KeyError, NAME, name};
use crate::reference::Reference;

/// The most memory that unlocking a key may take: what minisign itself takes.
const MOST_MEMORY: u64 = 1 << 30;

/// The most passes over it. minisign makes one.
const MOST_PASSES: u64 = 16;

/// The parts of a secret key, by their places.
mod part {
    use std::ops::Range;

    pub(super) const ALGORITHM: Range<usize> = 0..2;
    pub(super) const LOCK: Range<usize> = 2..4;
    pub(super) const CHECKSUM_KIND: Range<usize> = 4..6;
    pub(super) const SALT: Range<usize> = 6..38;
    pub(super) const WORK: Range<usize> = 38..46;
    pub(super) const MEMORY: Range<usize> = 46..54;
    /// From here on, all of it is locked.
    pub(super) const NUMBER: Range<usize> = 54..62;
    pub(super) const SEED: Range<usize> = 62..94;
    pub(super) const PUBLIC: Range<usize> = 94..126;
    pub(super) const CHECKSUM: Range<usize> = 126..158;
}

/// A key that signs.
pub struct SigningKey {
    /// By which a public key says that it belongs to it.
    number: [u8; 8],
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Whether the secret key in this text needs a password.
    pub fn is_locked(text: &str) -> bool {
        bytes_of(text).is_ok_and(|bytes| bytes[part::LOCK] != [0, 0])
    }

    /// Reads a secret key, as minisign writes it. A password unlocks one that is locked; that takes a second or two, and a
    /// gigabyte, on purpose.
    ///
    /// # Errors
    ///
    /// It is none, or the password does not fit.
    pub fn read(text: &str, password: Option<String>) -> Result<Self, KeyError> {
        let mut bytes = bytes_of(text)?;
        match &bytes[part::LOCK] {
            // minisign leaves the checksum of such a key empty.
            [0, 0] => {}
            b"Sc" => {
                let password = password.ok_or(KeyError::Locked)?;
                unlock(&mut bytes, password.as_bytes())?;
                let mut checksum = Blake2b::<U32>::new();
                checksum.update(&bytes[part::ALGORITHM]);
                checksum.update(&bytes[part::NUMBER.start..part::PUBLIC.end]);
                if checksum.finalize().as_slice() != &bytes[part::CHECKSUM] {
                    return Err(KeyError::Password);
                }
            }
            _ => return Err(KeyError::Secret),
        }
        let (seed, public) = (&bytes[part::SEED], &bytes[part::PUBLIC]);
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public);
        let number = bytes[part::NUMBER].try_into();
        Ok(Self {
            number: number.map_err(|_| KeyError::Secret)?,
            pair: pair.map_err(|_| KeyError::Secret)?,
        })
    }

    /// Signs the artifact with this manifest, which is to go by `reference`: the text that minisign writes.
    pub fn sign(&self, manifest: &[u8], reference: &Reference) -> String {
        let signature = self.pair.sign(&Blake2b512::digest(manifest));
        let signature = signature.as_ref();
        let comment = format!("{NAME}{}", name(reference));
        let all = self.pair.sign(&[signature, comment.as_bytes()].concat());
        let first = STANDARD.encode([b"ED", &self.number[..], signature].concat());
        let second = STANDARD.encode(all.as_ref());
        format!(
            "untrusted comment: signature of an artifact, made by stepwell\n{first}\ntrusted comment: {comment}\n{second}\n"
        )
    }

    /// The public key that belongs to it, as it stands in a `.pub` file and in `stepwell.toml`.
    pub fn public(&self) -> String {
        let public = self.pair.public_key().as_ref();
        STANDARD.encode([b"Ed", &self.number[..], public].concat())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

/// The bytes of a secret key: its second line.
fn bytes_of(text: &str) -> Result<Vec<u8>, KeyError> {
    let line = text.lines().nth(1).unwrap_or_default();
    let bytes = STANDARD.decode(line.trim()).map_err(|_| KeyError::Secret)?;
    let is_one = bytes.len() == part::CHECKSUM.end
        && &bytes[part::ALGORITHM] == b"Ed"
        && &bytes[part::CHECKSUM_KIND] == b"B2";
    is_one.then_some(bytes).ok_or(KeyError::Secret)
}

fn unlock(bytes: &mut [u8], password: &[u8]) -> Result<(), KeyError> {
    let number = |range: std::ops::Range<usize>| {
        let bytes = bytes[range].try_into().map_err(|_| KeyError::Secret)?;
        Ok::<_, KeyError>(u64::from_le_bytes(bytes))
    };
    let params = params(number(part::WORK)?, number(part::MEMORY)?)?;
    let mut stream = [0; part::CHECKSUM.end - part::NUMBER.start];
    scrypt::scrypt(password, &bytes[part::SALT], &params, &mut stream)
        .map_err(|_| KeyError::Secret)?;
    for (byte, mask) in bytes[part::NUMBER.start..].iter_mut().zip(stream) {
        *byte ^= mask;
    }
    Ok(())
}

/// What libsodium makes of two numbers: how much work, and how much memory, in bytes.
fn params(work: u64, memory: u64) -> Result<scrypt::Params, KeyError> {
    const BLOCK: u64 = 8;
    if memory > MOST_MEMORY {
        return Err(KeyError::Secret);
    }
    let work = work.max(1 << 15);
    let is_small = work < memory / 32;
    let most = match is_small {
        true => work / (BLOCK * 4),
        false => memory / (BLOCK * 128),
    };
    // The largest power of two that is not above it.
    let log = most.checked_ilog2().unwrap_or(0).max(1);
    let passes = match is_small {
        true => 1,
        false => ((work / 4) >> log).min(0x3fff_ffff) / BLOCK,
    };
    let passes = u32::try_from(passes.min(MOST_PASSES + 1)).ok();
    let passes = passes.filter(|passes| u64::from(*passes) <= MOST_PASSES);
    let log = u8::try_from(log).map_err(|_| KeyError::Secret)?;
    scrypt::Params::new(log, BLOCK as u32, passes.ok_or(KeyError::Secret)?)
        .map_err(|_| KeyError::Secret)
}
