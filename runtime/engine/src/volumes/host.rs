//! Opens a folder of the host's that a document asks for (`hostPath`), where the command line allows it.
//!
//! What is allowed is a folder and all that is in it. A path is followed from the handle of that folder, so that no link
//! in it leads out, however fast somebody changes it.

use std::io;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// Which of `allowed` a path is in, and the rest of it. Both are looked at as they are written.
pub(crate) fn allows<'a>(allowed: &'a [PathBuf], path: &Path) -> Option<(&'a Path, PathBuf)> {
    if path.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    allowed
        .iter()
        .filter_map(|folder| Some((&**folder, path.strip_prefix(folder).ok()?.to_owned())))
        .max_by_key(|(folder, _)| folder.as_os_str().len())
}

/// Opens `path`, which is made where it is missing and `made` says so.
pub(super) fn open(allowed: &[PathBuf], path: &Path, made: bool) -> io::Result<Dir> {
    let refused = || {
        let why = "no `--host-path` allows it";
        io::Error::new(io::ErrorKind::PermissionDenied, why)
    };
    let (folder, rest) = allows(allowed, path).ok_or_else(refused)?;
    let folder = Dir::open_ambient_dir(folder, ambient_authority())?;
    if rest.as_os_str().is_empty() {
        return Ok(folder);
    }
    if made {
        folder.create_dir_all(&rest)?;
    }
    folder.open_dir(&rest)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_allows_what_is_in_it_by_whole_names() {
        let allowed = ["/srv/cache".into(), "/srv/cache/deep".into(), "/opt".into()];
        let rest = |path: &str| {
            let (folder, rest) = allows(&allowed, Path::new(path))?;
            Some(format!("{} {}", folder.display(), rest.display()))
        };
        assert_eq!(rest("/srv/cache"), Some("/srv/cache ".into()));
        assert_eq!(rest("/srv/cache/a/b"), Some("/srv/cache a/b".into()));
        assert_eq!(rest("/srv/cache/deep/a"), Some("/srv/cache/deep a".into()));
        for path in ["/srv", "/srv/caches", "/", "/opt/../etc", "opt", "/etc"] {
            assert_eq!(rest(path), None, "{path}");
        }
    }

    #[test]
    fn attack_a_link_out_of_the_allowed_folder_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let allowed = [temp.path().join("allowed")];
        std::fs::create_dir_all(allowed[0].join("real/deep")).unwrap();
        std::fs::create_dir(temp.path().join("secret")).unwrap();
        symlink("../secret", allowed[0].join("out")).unwrap();
        symlink("/etc", allowed[0].join("etc")).unwrap();
        symlink("real", allowed[0].join("in")).unwrap();
        for path in ["out", "etc", "etc/ssl", "missing"] {
            assert!(
                open(&allowed, &allowed[0].join(path), false).is_err(),
                "{path}"
            );
        }
        assert!(open(&allowed, &allowed[0].join("out/new"), true).is_err());
        assert!(open(&allowed, &temp.path().join("secret"), true).is_err());
        for path in ["real", "in/deep", ""] {
            assert!(
                open(&allowed, &allowed[0].join(path), false).is_ok(),
                "{path}"
            );
        }
        open(&allowed, &allowed[0].join("made/here"), true).unwrap();
        assert!(allowed[0].join("made/here").is_dir());
    }
}
