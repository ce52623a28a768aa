//! `fs_copy_tree FROM TO`: copies a folder with everything below it, and prints how many files that were.

use std::fs;
use std::io;
use std::path::Path;

use stepwell_test_guests::{args, tell};

fn main() {
    let [from, to] = args();
    tell(copy(Path::new(&from), Path::new(&to)));
}

fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    fs::create_dir_all(to)?;
    let mut files = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            files += copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
            files += 1;
        }
    }
    Ok(files)
}
