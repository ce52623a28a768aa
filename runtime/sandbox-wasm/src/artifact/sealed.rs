//! Native code in a file in memory that nobody can change any more, this process neither.
//!
//! What is verified is what is mapped: a file on disk can be written to after its digest was found right, and cut short while
//! it is mapped, which would kill the process that runs it. The engine maps a file page by page as it is used, where it would
//! copy a slice whole.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Native code that this user's own compiler made, and that stays as it is.
#[derive(Debug)]
pub(crate) struct Sealed(File);

/// Native code as it comes in.
pub(super) struct Unsealed {
    file: File,
    hasher: Box<blake3::Hasher>,
}

impl Unsealed {
    /// Room for code.
    ///
    /// # Errors
    ///
    /// The system has no room, or no files in memory.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: system::unnamed()?,
            hasher: Box::default(),
        })
    }

    /// Adds what comes next.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.hasher.update(piece);
        self.file.write_all(piece)
    }

    /// Closes code that was compiled a moment ago, by this process or its child.
    ///
    /// # Errors
    ///
    /// The system takes no seals.
    pub(super) fn trust(self) -> io::Result<Sealed> {
        system::seal(&self.file)?;
        Ok(Sealed(self.file))
    }

    /// Closes code that was kept where only this user could write; `None` where it is not what was kept.
    ///
    /// # Errors
    ///
    /// The system takes no seals.
    pub(super) fn verify(self, kept: &[u8]) -> io::Result<Option<Sealed>> {
        match self.hasher.finalize().as_bytes() == kept {
            true => self.trust().map(Some),
            false => Ok(None),
        }
    }
}

impl Sealed {
    /// Maps the code into `engine`.
    ///
    /// # Errors
    ///
    /// The code is for another engine or machine, or too large for this engine's pool.
    #[expect(
        unsafe_code,
        reason = "mapping native code cannot be checked by the compiler"
    )]
    pub(crate) fn map(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: nobody but this user's own compiler had a hand in the code: it was compiled by this process or its
        // child a moment ago, or comes from a file that only this user can write and whose digest was right. The seals
        // keep it from being changed while it is mapped.
        unsafe { Component::deserialize_file(engine, self.name()) }
    }

    /// The engine opens files by name: this one is the open file itself, whatever lies at other names.
    fn name(&self) -> String {
        format!("{}/{}", system::OPEN_FILES, self.0.as_raw_fd())
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    pub(super) const OPEN_FILES: &str = "/proc/self/fd";

    pub(super) fn unnamed() -> io::Result<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        Ok(memfd_create("stepwell-code", flags)?.into())
    }

    pub(super) fn seal(file: &File) -> io::Result<()> {
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        Ok(fcntl_add_seals(file, seals)?)
    }
}

/// Elsewhere, a file without a name is as near as it gets: nobody can open it but by way of this process.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;

    pub(super) const OPEN_FILES: &str = "/dev/fd";

    pub(super) fn unnamed() -> io::Result<File> {
        tempfile::tempfile()
    }

    pub(super) fn seal(_: &File) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl Sealed {
    pub(super) fn content(&self) -> io::Result<Vec<u8>> {
        std::fs::read(self.name())
    }
}

#[cfg(test)]
mod tests {
    use stepwell_contract::Digest;

    use super::*;

    fn unsealed(code: &[u8]) -> Unsealed {
        let mut unsealed = Unsealed::new().unwrap();
        for piece in code.chunks(7) {
            unsealed.push(piece).unwrap();
        }
        unsealed
    }

    #[test]
    fn what_came_in_is_what_is_there() {
        let code = b"native code of some length";
        let digest = Digest::of(code);
        let sealed = unsealed(code).verify(digest.as_bytes()).unwrap().unwrap();
        assert_eq!(sealed.content().unwrap(), code);
    }

    #[test]
    fn what_is_not_what_was_kept_is_never_mapped() {
        let other = Digest::of(b"native code");
        let verified = unsealed(b"hostile code").verify(other.as_bytes()).unwrap();
        assert!(verified.is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn code_that_was_verified_cannot_be_written_to_or_cut_short() {
        let sealed = unsealed(b"native code").trust().unwrap();
        // Whether a sealed file opens for writing is the kernel's choice; what is written to it is not taken.
        if let Ok(mut file) = File::options().write(true).open(sealed.name()) {
            assert!(file.write_all(b"hostile").is_err());
            assert!(file.set_len(3).is_err());
            assert!(file.set_len(300).is_err());
        }
        assert!((&sealed.0).write_all(b"more").is_err());
        assert_eq!(sealed.content().unwrap(), b"native code");
    }
}
