//! `fs_list DIR`: prints one line for each entry, in the order in which the host gives them: `file`, `dir` or `link`, and
//! the name.

use std::fs::{DirEntry, read_dir};
use std::io;

use stepwell_test_guests::{args, tell};

fn main() {
    let [dir] = args();
    tell(read_dir(dir).and_then(|entries| {
        let lines: io::Result<Vec<String>> = entries.map(|entry| line(&entry?)).collect();
        Ok(lines?.join("\n"))
    }));
}

fn line(entry: &DirEntry) -> io::Result<String> {
    let file_type = entry.file_type()?;
    let word = match () {
        () if file_type.is_dir() => "dir",
        () if file_type.is_symlink() => "link",
        () => "file",
    };
    Ok(format!("{word} {}", entry.file_name().to_string_lossy()))
}
