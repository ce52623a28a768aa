//! Compares what two runs of a step left, byte by byte, and finds the first difference.
//!
//! Goes through the handles of folders alone: a guest has written what is in them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::verdict::{Difference, How};

/// How much is compared at once.
const CHUNK: usize = 64 << 10;

/// What was compared by now.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

/// The first byte in which two streams differ.
///
/// # Errors
///
/// One of them cannot be read.
pub(super) fn streams(
    first: &mut dyn Read,
    second: &mut dyn Read,
    counted: &mut Counted,
) -> io::Result<Option<How>> {
    let (mut one, mut other) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut place = 0;
    loop {
        let read = fill(first, &mut one)?;
        let also = fill(second, &mut other)?;
        let (a, b) = (&one[..read], &other[..also]);
        if a != b {
            let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            return Ok(Some(How::Byte {
                byte: place + same as u64,
                first: a.get(same).copied(),
                second: b.get(same).copied(),
            }));
        }
        if read == 0 {
            return Ok(None);
        }
        place += read as u64;
        counted.bytes += read as u64;
    }
}

fn fill(from: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What two runs printed, from the beginning.
///
/// # Errors
///
/// It cannot be read again.
pub(super) fn outputs(
    place: &str,
    first: &mut std::fs::File,
    second: &mut std::fs::File,
    counted: &mut Counted,
) -> io::Result<Option<Difference>> {
    first.rewind()?;
    second.rewind()?;
    let how = streams(first, second, counted)?;
    Ok(how.map(|how| Difference {
        place: place.to_owned(),
        how,
    }))
}

/// The first difference between two folders, in the order of paths; `shown` is where the step sees them.
///
/// # Errors
///
/// Something in them cannot be read.
pub(super) fn folders(
    shown: &str,
    first: &Dir,
    second: &Dir,
    counted: &mut Counted,
) -> io::Result<Option<Difference>> {
    let mut left = vec![PathBuf::new()];
    while let Some(folder) = left.pop() {
        let mut names = names(first, &folder)?;
        names.append(&mut self::names(second, &folder)?);
        let mut inner = Vec::new();
        for name in names {
            let path = folder.join(name);
            counted.entries += 1;
            let (one, other) = (seen(first, &path)?, seen(second, &path)?);
            if let Some(how) = entry(first, second, &path, (&one, &other), counted)? {
                let place = format!("{shown}/{}", path.display());
                return Ok(Some(Difference { place, how }));
            }
            if one.is_some_and(|one| one.is_dir()) {
                inner.push(path);
            }
        }
        left.extend(inner.into_iter().rev());
    }
    Ok(None)
}

fn names(dir: &Dir, folder: &Path) -> io::Result<BTreeSet<OsString>> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = dir.read_dir(folder)?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

fn seen(dir: &Dir, path: &Path) -> io::Result<Option<Metadata>> {
    match dir.symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn word(metadata: &Option<Metadata>) -> &'static str {
    match metadata {
        None => "nothing",
        Some(metadata) if metadata.is_dir() => "a folder",
        Some(metadata) if metadata.is_symlink() => "a link",
        Some(metadata) if !metadata.is_file() => "something else",
        Some(metadata) if metadata.mode() & 0o100 != 0 => "an executable file",
        Some(_) => "a file",
    }
}

fn entry(
    first: &Dir,
    second: &Dir,
    path: &Path,
    (one, other): (&Option<Metadata>, &Option<Metadata>),
    counted: &mut Counted,
) -> io::Result<Option<How>> {
    if word(one) != word(other) {
        return Ok(Some(How::Words {
            first: word(one).to_owned(),
            second: word(other).to_owned(),
        }));
    }
    match one {
        Some(metadata) if metadata.is_symlink() => {
            let targets = [first, second].map(|dir| dir.read_link_contents(path));
            let [one, other] = targets;
            let (one, other) = (one?, other?);
            Ok((one != other).then(|| How::Words {
                first: format!("a link to `{}`", one.display()),
                second: format!("a link to `{}`", other.display()),
            }))
        }
        Some(metadata) if metadata.is_file() => {
            let open = |dir: &Dir| {
                let mut options = OpenOptions::new();
                options
                    .read(true)
                    .custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed());
                dir.open_with(path, &options)
            };
            streams(&mut open(first)?, &mut open(second)?, counted)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use cap_std::ambient_authority;
    use tempfile::TempDir;

    use super::*;

    fn compared(change: impl Fn(&Path)) -> Option<Difference> {
        let make = || {
            let temp = tempfile::tempdir().unwrap();
            fs::create_dir(temp.path().join("d")).unwrap();
            fs::write(temp.path().join("d/file"), vec![b'x'; CHUNK + 10]).unwrap();
            symlink("d", temp.path().join("link")).unwrap();
            temp
        };
        let (one, other) = (make(), make());
        change(other.path());
        let open =
            |temp: &TempDir| Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap();
        folders("/ws", &open(&one), &open(&other), &mut Counted::default()).unwrap()
    }

    fn found(change: impl Fn(&Path)) -> String {
        let found = compared(change).unwrap();
        format!("{}: {}", found.place, found.how)
    }

    #[test]
    fn what_is_the_same_has_no_difference() {
        assert_eq!(compared(|_| {}), None);
    }

    #[test]
    fn the_first_differing_byte_is_found_wherever_it_is() {
        let with = |at: usize| {
            move |root: &Path| {
                let mut bytes = vec![b'x'; CHUNK + 10];
                bytes[at] = b'y';
                fs::write(root.join("d/file"), bytes).unwrap();
            }
        };
        for at in [0, 7, CHUNK - 1, CHUNK, CHUNK + 9] {
            assert_eq!(
                found(with(at)),
                format!("/ws/d/file: byte {at}: 0x78, then 0x79")
            );
        }
    }

    #[test]
    fn a_file_that_is_shorter_differs_at_its_end() {
        let shorter = |root: &Path| fs::write(root.join("d/file"), vec![b'x'; 3]).unwrap();
        assert_eq!(found(shorter), "/ws/d/file: byte 3: 0x78, then its end");
    }

    #[test]
    fn what_is_there_at_all_is_compared_too() {
        let removed = |root: &Path| fs::remove_file(root.join("d/file")).unwrap();
        assert_eq!(found(removed), "/ws/d/file: a file, then nothing");
        let added = |root: &Path| fs::create_dir(root.join("d/new")).unwrap();
        assert_eq!(found(added), "/ws/d/new: nothing, then a folder");
        let executable = |root: &Path| {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(root.join("d/file"), mode).unwrap();
        };
        assert_eq!(
            found(executable),
            "/ws/d/file: a file, then an executable file"
        );
        let linked = |root: &Path| {
            fs::remove_file(root.join("link")).unwrap();
            symlink("d/file", root.join("link")).unwrap();
        };
        assert_eq!(
            found(linked),
            "/ws/link: a link to `d`, then a link to `d/file`"
        );
    }
}
