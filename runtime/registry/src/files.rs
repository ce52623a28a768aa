//! Reads files of the user's settings, up to a bound. It does not know what is in them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The whole file.
///
/// # Errors
///
/// What the system says, and when it has more than `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_an_endless_file_is_not_read_to_its_end() {
        let error = read(Path::new("/dev/zero"), 1000).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(read(Path::new("/dev/null"), 0).unwrap().is_empty());
    }
}
