//! Writes the files of a ConfigMap or a Secret into a folder that nobody else has yet.

use std::io::{self, Write as _};
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use stepwell_spec::FileSet;

/// Its owner may look, whatever the document says: a step that was handed a file is meant to read it.
const READABLE: u32 = 0o400;

/// What a document may say about a file; it says nothing about whose identity a program takes on.
const PERMISSIONS: u32 = 0o777;

/// What a folder between is: anybody may look into it, for whose the files are is said by their own modes.
const FOLDER: u32 = 0o755;

/// Writes `files` into `dir`. A path that leads out of it is an error, and so is a link in the way.
pub(super) fn write(dir: &Dir, files: &FileSet) -> io::Result<()> {
    for file in &files.files {
        let path = Path::new(&file.path);
        if let Some(parent) = path.parent().filter(|parent| *parent != Path::new("")) {
            dir.create_dir_all(parent)?;
            // Whatever the user's umask is: a step may be somebody else.
            let below = parent.ancestors().filter(|folder| *folder != Path::new(""));
            for folder in below {
                dir.set_permissions(folder, Permissions::from_mode(FOLDER))?;
            }
        }
        let mode = file.mode & PERMISSIONS | READABLE;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut written = dir.open_with(path, &options)?;
        written.write_all(&file.bytes)?;
        written.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use cap_std::ambient_authority;
    use stepwell_spec::File;

    use super::*;

    fn set(path: &str, mode: u32) -> FileSet {
        FileSet {
            files: vec![File {
                path: path.to_owned(),
                bytes: b"text".as_slice().into(),
                mode,
            }],
        }
    }

    #[test]
    fn files_have_their_mode_and_can_be_read() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap();
        for (path, mode, found) in [
            ("a", 0o644, 0o644),
            ("deep/er/b", 0o600, 0o600),
            ("c", 0o7755, 0o755),
            ("d", 0, 0o400),
        ] {
            write(&dir, &set(path, mode)).unwrap();
            let file = temp.path().join(path);
            assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, found);
            assert_eq!(std::fs::read(&file).unwrap(), b"text");
        }
        for folder in ["deep", "deep/er"] {
            let found = std::fs::metadata(temp.path().join(folder)).unwrap().mode();
            assert_eq!(found & 0o7777, FOLDER, "{folder}");
        }
    }

    #[test]
    fn attack_paths_and_links_that_lead_out_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let inside = temp.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(temp.path().join("outside")).unwrap();
        let dir = Dir::open_ambient_dir(&inside, ambient_authority()).unwrap();
        symlink("../outside", inside.join("link")).unwrap();
        symlink("../outside/new", inside.join("file")).unwrap();
        for path in [
            "../out",
            "/etc/stepwell-test",
            "link/a",
            "file",
            "a/../../b",
        ] {
            assert!(write(&dir, &set(path, 0o644)).is_err(), "{path}");
        }
        write(&dir, &set("plain", 0o644)).unwrap();
        let outside = std::fs::read_dir(temp.path().join("outside")).unwrap();
        assert_eq!(outside.count(), 0);
    }
}
