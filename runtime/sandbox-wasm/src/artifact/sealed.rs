//! Native code in a file in memory that nobody can change any more, this process neither.
//!
//! What is verified is what is mapped: a file on disk can be written to after its digest was found right, and cut short while
//! it is mapped, which would kill the process that runs it. The engine maps a file page by page as it is used, where it would
//! copy a slice whole.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use stepwell_contract::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Native code that is there and stays as it is.
#[derive(Debug)]
pub(crate) struct Sealed(File);

/// Native code as it comes in.
pub(crate) struct Unsealed {
    file: File,
    hasher: Box<blake3::Hasher>,
}

impl Unsealed {
    /// Room for code.
    ///
    /// # Errors
    ///
    /// The system has no room, or no files in memory.
    pub(crate) fn new() -> io::Result<Self> {
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
    pub(crate) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.hasher.update(piece);
        self.file.write_all(piece)
    }

    /// Closes it for good, and says what is in it.
    ///
    /// # Errors
    ///
    /// The system takes no seals.
    pub(crate) fn seal(self) -> io::Result<(Sealed, Digest)> {
        system::seal(&self.file)?;
        let digest = Digest::from_bytes(*self.hasher.finalize().as_bytes());
        Ok((Sealed(self.file), digest))
    }
}

impl Sealed {
    /// Maps the code into `engine`.
    ///
    /// # Errors
    ///
    /// The code is for another engine or machine, or too large for this engine's pool.
    ///
    /// # Safety
    ///
    /// The code was made by this version of the engine, and nobody else had a hand in it.
    #[expect(
        unsafe_code,
        reason = "mapping native code cannot be checked by the compiler"
    )]
    pub(crate) unsafe fn map(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the caller's promise about the code; the seals keep it from being changed while it is mapped.
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
    use super::*;

    fn sealed(code: &[u8]) -> (Sealed, Digest) {
        let mut unsealed = Unsealed::new().unwrap();
        for piece in code.chunks(7) {
            unsealed.push(piece).unwrap();
        }
        unsealed.seal().unwrap()
    }

    #[test]
    fn what_came_in_is_what_is_there_and_what_was_digested() {
        let code = b"native code of some length";
        let (sealed, digest) = sealed(code);
        assert_eq!(digest, Digest::of(code));
        assert_eq!(sealed.content().unwrap(), code);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn code_that_was_verified_cannot_be_written_to_or_cut_short() {
        let (sealed, _) = sealed(b"native code");
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
