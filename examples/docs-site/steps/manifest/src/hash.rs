//! The manifest itself: one line for each file, in the form of `b3sum`.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use docs_site_pages::files;

use crate::Written;

/// The name of the manifest. It does not list itself.
pub(crate) const MANIFEST: &str = "MANIFEST.b3";

/// Hashes every file below `folder`, sorted by path, and writes the manifest.
pub(crate) fn write_manifest(folder: &Path) -> io::Result<Written> {
    let mut files = files(folder)?;
    files.retain(|path| path != MANIFEST);
    let mut text = String::new();
    for (done, path) in files.iter().enumerate() {
        stepwell::progress(done as u64, Some(files.len() as u64), path);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(folder.join(path))?)?;
        text.push_str(&line(&hasher.finalize().to_hex(), path));
    }
    fs::write(folder.join(MANIFEST), &text)?;
    Ok(Written {
        files: files.len(),
        digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
    })
}

/// As `b3sum` has it: a name with a backslash or a line break is escaped, and the line says so by starting with a backslash.
fn line(hash: &str, path: &str) -> String {
    let escaped = path
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r");
    let mark = if escaped == path { "" } else { "\\" };
    format!("{mark}{hash}  {escaped}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_lists_every_file_but_itself() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("guide")).unwrap();
        fs::write(folder.path().join("index.html"), "").unwrap();
        fs::write(folder.path().join("guide/start.html"), "abc").unwrap();
        let first = write_manifest(folder.path()).unwrap();
        let second = write_manifest(folder.path()).unwrap();
        assert_eq!(first.files, 2);
        assert_eq!(first.digest, second.digest);
        // The hashes of "abc" and of nothing are known.
        assert_eq!(
            fs::read_to_string(folder.path().join(MANIFEST)).unwrap(),
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85  guide/start.html\n\
             af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  index.html\n"
        );
    }

    #[test]
    fn a_name_that_would_break_the_line_is_escaped() {
        assert_eq!(line("00", "a\nb\\c"), "\\00  a\\nb\\\\c\n");
    }
}
