//! The files of a layout, in a folder or in a tar archive, by their names.
//!
//! It does not know what is in them. A folder is opened once, and no name and no link leads out of it; of an archive only a
//! list of its files is held, and nothing is unpacked.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{Mutex, PoisonError},
};

use cap_std::{ambient_authority, fs::Dir};

/// The most files of an archive. An image has some hundred; stops a list that fills memory.
const MOST: usize = 20_000;

/// The longest name of a file that is of use; others are passed over.
const NAME_BYTES: usize = 1024;

/// Files by their names.
pub(super) trait Files: Sync {
    /// A file; nothing where there is none of that name.
    fn open(&self, name: &str) -> io::Result<Option<Opened<'_>>>;
}

/// A file that is read from its beginning.
pub(super) struct Opened<'a> {
    bytes: Box<dyn Read + 'a>,
    /// How many bytes it has, if nobody is writing to it.
    pub(super) size: u64,
}

impl Read for Opened<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

/// The files of a folder.
pub(super) struct Folder(Dir);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(path, ambient_authority()).map(Self)
    }
}

impl Files for Folder {
    fn open(&self, name: &str) -> io::Result<Option<Opened<'_>>> {
        // Looked at before it is opened: opening a pipe waits for somebody to write.
        let metadata = match self.0.metadata(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_file() {
            return Err(io::Error::other(format!("`{name}` is not a file")));
        }
        Ok(Some(Opened {
            bytes: Box::new(self.0.open(name)?),
            size: metadata.len(),
        }))
    }
}

/// The files of an archive.
pub(super) struct Archive {
    file: Mutex<File>,
    found: BTreeMap<String, Found>,
}

enum Found {
    /// Where it begins, and how many bytes it has.
    File(u64, u64),
    /// The same as another one, as older versions of Docker write it.
    Link(String),
}

impl Archive {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let file = File::open(path)?;
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(&file).entries_with_seek()? {
            let entry = entry?;
            let kind = entry.header().entry_type();
            let name = entry.path_bytes();
            let name = std::str::from_utf8(&name)
                .ok()
                .and_then(|name| normal("", name));
            let Some(name) = name.filter(|name| name.len() <= NAME_BYTES) else {
                continue;
            };
            if found.len() == MOST {
                return Err(io::Error::other(format!("it has more than {MOST} files")));
            }
            if kind.is_file() {
                found.insert(name, Found::File(entry.raw_file_position(), entry.size()));
            } else if let Some(link) = entry.link_name_bytes() {
                let folder = match kind.is_symlink() {
                    true => name.rsplit_once('/').map_or("", |(folder, _)| folder),
                    false => "",
                };
                let target = std::str::from_utf8(&link)
                    .ok()
                    .and_then(|link| normal(folder, link));
                if let Some(target) = target {
                    found.insert(name, Found::Link(target));
                }
            }
        }
        let file = Mutex::new(file);
        Ok(Self { file, found })
    }
}

impl Files for Archive {
    fn open(&self, name: &str) -> io::Result<Option<Opened<'_>>> {
        let mut found = normal("", name).and_then(|name| self.found.get(&name));
        if let Some(Found::Link(target)) = found {
            found = self.found.get(target);
        }
        let Some(&Found::File(at, size)) = found else {
            return Ok(None);
        };
        let bytes = Part {
            file: &self.file,
            at,
            left: size,
        };
        Ok(Some(Opened {
            bytes: Box::new(bytes),
            size,
        }))
    }
}

/// A file in an archive. Several are read at once, so each seeks before it reads.
struct Part<'a> {
    file: &'a Mutex<File>,
    at: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Whoever panicked has not kept the place, and nobody relies on it.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let count = (&mut *file).take(self.left).read(buffer)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A name without `.` and `..`, from a folder on; nothing where it leads out, or is absolute.
fn normal(folder: &str, name: &str) -> Option<String> {
    if name.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(files: &dyn Files, name: &str) -> Option<String> {
        let mut text = String::new();
        files
            .open(name)
            .unwrap()?
            .read_to_string(&mut text)
            .unwrap();
        Some(text)
    }

    #[test]
    fn the_files_of_an_archive_are_found_by_name_and_by_link() {
        let mut archive = tar::Builder::new(tempfile::NamedTempFile::new().unwrap());
        let mut add = |kind, name: &str, link: &str, text: &str| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(text.len() as u64);
            if kind == tar::EntryType::Regular {
                archive
                    .append_data(&mut header, name, text.as_bytes())
                    .unwrap();
            } else {
                archive.append_link(&mut header, name, link).unwrap();
            }
        };
        let (file, link) = (tar::EntryType::Regular, tar::EntryType::Symlink);
        add(file, "./a/layer.tar", "", "one");
        add(file, "b", "", "two");
        add(link, "c/layer.tar", "../a/layer.tar", "");
        add(link, "out", "../../etc/passwd", "");
        add(link, "loop", "loop", "");
        let file = archive.into_inner().unwrap();
        let archive = Archive::open(file.path()).unwrap();
        assert_eq!(text(&archive, "a/layer.tar").as_deref(), Some("one"));
        assert_eq!(text(&archive, "./b").as_deref(), Some("two"));
        assert_eq!(text(&archive, "c/layer.tar").as_deref(), Some("one"));
        for name in ["out", "loop", "d", "../b"] {
            assert_eq!(text(&archive, name), None, "{name}");
        }
    }

    #[test]
    fn attack_a_folder_does_not_lead_out_of_itself() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("secret"), "secret").unwrap();
        let folder = temp.path().join("layout");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("index.json"), "{}").unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
        let files = Folder::open(&folder).unwrap();
        assert!(files.open("link").is_err());
        assert!(files.open("../secret").is_err());
        assert_eq!(text(&files, "index.json").as_deref(), Some("{}"));
        assert_eq!(text(&files, "none"), None);
    }
}
