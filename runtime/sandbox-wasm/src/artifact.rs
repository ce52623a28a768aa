//! Precompiled code on disk: compiled once per component, engine and processor, mapped on the next run.
//!
//! An artifact is native code, so loading one that somebody else could write would be running their code outside
//! every sandbox. The folder must be private to the user, the file too, and its digest must be right, or it reads as
//! a miss. An artifact is written to a temporary file and renamed: a reader never sees half of one.

mod sealed;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags, Stat, fstat};
use rustix::process::geteuid;
use stepwell_contract::{Digest, Hasher, Image, SandboxError, SandboxErrorKind};

pub(crate) use self::sealed::Sealed;
use self::sealed::Unsealed;
use crate::BACKEND;
use crate::engine::{self, Flavour};

/// The first bytes of an artifact file; its last character is the version of the layout.
const MAGIC: &[u8; 8] = b"swcwasm1";

/// Magic, then the digest of what follows.
const HEADER_BYTES: usize = MAGIC.len() + 32;

/// A larger file is not ours.
const MAX_BYTES: u64 = 4 << 30;

/// How much of a file is read at once: as much as the digest takes at its full speed.
const PIECE_BYTES: usize = 32 << 10;

/// The folder of artifacts.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    /// Uses `folder`, which exists.
    ///
    /// # Errors
    ///
    /// The folder is not a real directory of this user's, or others may write to it.
    pub(crate) fn open(folder: &Path) -> Result<Self, SandboxError> {
        let refuse = |cause: String| {
            SandboxError::new(
                BACKEND,
                format!("use the folder `{}` for compiled code", folder.display()),
                SandboxErrorKind::Host,
            )
            .because(cause)
        };
        let open = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC).bits() as i32)
            .open(folder);
        let handle = open.map_err(|error| refuse(error.to_string()))?;
        check(&handle, FileType::Directory).map_err(refuse)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn path(&self, image: &Image, flavour: Flavour) -> PathBuf {
        let mut hasher = Hasher::new("stepwell wasm artifact v1");
        hasher
            .field(image.digest.as_bytes())
            .field(engine::native_code(flavour).as_bytes());
        self.folder
            .join(format!("{}.cwasm", hasher.finish().to_hex()))
    }

    /// The native code of `image`, if it is there and right. Anything else reads as a miss, is said and will be replaced.
    pub(crate) fn load(&self, image: &Image, flavour: Flavour) -> Option<Sealed> {
        let path = self.path(image, flavour);
        match read(&path) {
            Ok(code) => Some(code),
            Err(ReadError::Missing) => None,
            Err(ReadError::Damaged) => {
                tracing::warn!(path = %path.display(), "compiled code is damaged and will be compiled again");
                None
            }
            Err(ReadError::Refused(cause)) => {
                tracing::warn!(path = %path.display(), cause, "compiled code was not trusted and will be compiled again");
                None
            }
        }
    }

    /// Keeps `code`, which was compiled a moment ago, for the next run. A failure costs that run some time and this one
    /// nothing, so it is only said.
    pub(crate) fn keep(&self, image: &Image, flavour: Flavour, code: &[u8]) {
        let path = self.path(image, flavour);
        if let Err(error) = self.write(&path, code) {
            tracing::warn!(path = %path.display(), %error, "compiled code could not be kept");
        }
    }

    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".artifact-")
            .tempfile_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(Digest::of(code).as_bytes())?;
        file.write_all(code)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Forgets the artifact of `image`: the engine did not take it.
    pub(crate) fn forget(&self, image: &Image, flavour: Flavour) {
        let _ = std::fs::remove_file(self.path(image, flavour));
    }
}

/// Code that this process or its child compiled a moment ago.
///
/// # Errors
///
/// There is no memory for it.
pub(crate) fn fresh(code: &[u8]) -> Result<Sealed, SandboxError> {
    let sealed = Unsealed::new().and_then(|mut unsealed| {
        unsealed.push(code)?;
        unsealed.trust()
    });
    sealed.map_err(|error| {
        let doing = "hold compiled code in memory";
        SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
    })
}

enum ReadError {
    Missing,
    Damaged,
    Refused(String),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Refused(error.to_string()),
        }
    }
}

fn read(path: &Path) -> Result<Sealed, ReadError> {
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits() as i32)
        .open(path)?;
    let stat = check(&file, FileType::RegularFile).map_err(ReadError::Refused)?;
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > MAX_BYTES {
        return Err(ReadError::Refused(format!("it has {size} bytes")));
    }
    let mut header = [0; HEADER_BYTES];
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(ReadError::Damaged);
        }
        read => read?,
    }
    let Some(digest) = header.strip_prefix(MAGIC) else {
        return Err(ReadError::Damaged);
    };
    // What a file that grows would add is not read.
    let code = pour(file.take(size.saturating_sub(HEADER_BYTES as u64)))?;
    code.verify(digest)?.ok_or(ReadError::Damaged)
}

fn pour(mut code: impl Read) -> io::Result<Unsealed> {
    let mut unsealed = Unsealed::new()?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match code.read(&mut piece) {
            Ok(0) => return Ok(unsealed),
            Ok(length) => unsealed.push(&piece[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether what is open is ours alone to write.
fn check(handle: &File, expected: FileType) -> Result<Stat, String> {
    let stat = fstat(handle.as_fd()).map_err(|error| error.to_string())?;
    let user = geteuid().as_raw();
    if FileType::from_raw_mode(stat.st_mode) != expected {
        return Err("it is of the wrong type".to_owned());
    }
    if stat.st_uid != user {
        return Err(format!(
            "it belongs to user {}, not to user {user}",
            stat.st_uid
        ));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(format!(
            "its mode {:o} lets others write to it",
            stat.st_mode & 0o7777
        ));
    }
    Ok(stat)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Place {
        _folder: tempfile::TempDir,
        artifacts: Artifacts,
        image: Image,
        path: PathBuf,
    }

    fn place_with_artifact() -> Place {
        let folder = tempfile::tempdir().unwrap();
        set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let artifacts = Artifacts::open(folder.path()).unwrap();
        let image = Image::component("./x.wasm", b"image".as_slice());
        artifacts.keep(&image, Flavour::Plain, b"native code");
        let path = artifacts.path(&image, Flavour::Plain);
        Place {
            _folder: folder,
            artifacts,
            image,
            path,
        }
    }

    impl Place {
        fn load(&self) -> Option<Vec<u8>> {
            let code = self.artifacts.load(&self.image, Flavour::Plain)?;
            Some(code.content().unwrap())
        }
    }

    #[test]
    fn what_was_kept_is_loaded() {
        let place = place_with_artifact();
        assert_eq!(place.load().as_deref(), Some(b"native code".as_slice()));
        assert!(
            place
                .artifacts
                .load(&place.image, Flavour::Metered)
                .is_none()
        );
    }

    #[test]
    fn one_altered_byte_reads_as_a_miss() {
        let place = place_with_artifact();
        let mut content = std::fs::read(&place.path).unwrap();
        *content.last_mut().unwrap() ^= 1;
        std::fs::write(&place.path, content).unwrap();
        assert_eq!(place.load(), None);
    }

    #[test]
    fn a_torn_artifact_reads_as_a_miss() {
        let place = place_with_artifact();
        for length in [0, 7, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 3] {
            let content = std::fs::read(&place.path).unwrap();
            std::fs::write(&place.path, &content[..length]).unwrap();
            assert_eq!(place.load(), None, "{length} bytes");
            std::fs::write(&place.path, content).unwrap();
        }
        assert!(place.load().is_some());
    }

    #[test]
    fn an_artifact_that_others_may_write_is_not_loaded() {
        let place = place_with_artifact();
        set_permissions(&place.path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(place.load(), None);
    }

    #[test]
    fn an_artifact_behind_a_symlink_is_not_loaded() {
        let place = place_with_artifact();
        let elsewhere = place.path.with_extension("moved");
        std::fs::rename(&place.path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &place.path).unwrap();
        assert_eq!(place.load(), None);
    }

    #[test]
    fn a_fifo_in_place_of_an_artifact_does_not_block() {
        let place = place_with_artifact();
        std::fs::remove_file(&place.path).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &place.path,
            FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        assert_eq!(place.load(), None);
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let error = Artifacts::open(folder.path()).unwrap_err();
        assert!(
            std::error::Error::source(&error)
                .unwrap()
                .to_string()
                .contains("lets others write")
        );
    }

    #[test]
    fn a_folder_behind_a_symlink_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(Artifacts::open(&link).is_err());
    }
}
