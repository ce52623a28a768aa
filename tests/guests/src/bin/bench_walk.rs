//! `bench_walk FOLDER`: reads every file below a folder and prints how much there was; what row 3 of the benchmark runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What was seen so far.
#[derive(Default)]
struct Seen {
    files: u64,
    bytes: u64,
    checksum: u64,
}

fn main() -> io::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let mut seen = Seen::default();
    walk(&folder, &mut seen)?;
    println!(
        "{} files, {} bytes, checksum {:016x}",
        seen.files, seen.bytes, seen.checksum
    );
    Ok(())
}

fn walk(folder: &Path, seen: &mut Seen) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), seen)?;
            continue;
        }
        let bytes = fs::read(entry.path())?;
        seen.files += 1;
        seen.bytes += bytes.len() as u64;
        // A sum over files does not depend on the order of the listing.
        let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
        seen.checksum = seen
            .checksum
            .wrapping_add(sum.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    Ok(())
}
