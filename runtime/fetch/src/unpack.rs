//! Takes the one document out of a layer, in memory: a tar archive with one file, or the text itself, and either of them
//! compressed with gzip or not.
//!
//! It does not know what the document is. Nothing is written anywhere, so what a path or a link in the archive says has no
//! meaning; whatever is not one plain file is refused all the same.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// How gzip starts.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where the header of a tar archive says that it is one, and how.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// What an archive of one file adds to it: headers with a long name, padding, and an end of up to a whole record.
const PACKING: u64 = 64 << 10;

/// A layer does not hold one document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// Too much comes out of it.
    #[error("it has more than {most} bytes")]
    TooLarge {
        /// The most it may have.
        most: u64,
    },
    /// Compressed or archived in a way that cannot be undone.
    #[error("its archive is damaged")]
    Damaged(#[source] io::Error),
    /// Not one file.
    #[error("its archive does not hold exactly one file")]
    NotOne,
    /// Something else than a file.
    #[error("its archive holds a link, a folder or a device, and not a file")]
    NotAFile,
}

/// The document.
pub(crate) fn unpack(packed: &[u8], most: u64) -> Result<Vec<u8>, UnpackError> {
    let too_large = || UnpackError::TooLarge { most };
    let bound = most.saturating_add(PACKING);
    let mut bytes = Vec::new();
    let mut reader: Box<dyn Read> = if packed.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(packed))
    } else {
        Box::new(packed)
    };
    reader
        .by_ref()
        .take(bound + 1)
        .read_to_end(&mut bytes)
        .map_err(UnpackError::Damaged)?;
    if bytes.len() as u64 > bound {
        return Err(too_large());
    }
    let (at, magic) = TAR;
    let document = if bytes.get(at..at + magic.len()) == Some(magic) {
        one_file(&bytes)?
    } else {
        bytes
    };
    if document.len() as u64 > most {
        return Err(too_large());
    }
    Ok(document)
}

/// The only file of an archive. The archive is in memory already, so nothing in it can claim more than there is.
fn one_file(archive: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let mut archive = tar::Archive::new(archive);
    let mut entries = archive.entries().map_err(UnpackError::Damaged)?;
    let mut entry = entries
        .next()
        .ok_or(UnpackError::NotOne)?
        .map_err(UnpackError::Damaged)?;
    if !entry.header().entry_type().is_file() {
        return Err(UnpackError::NotAFile);
    }
    let mut document = Vec::new();
    entry
        .read_to_end(&mut document)
        .map_err(UnpackError::Damaged)?;
    if document.len() as u64 != entry.size() {
        return Err(UnpackError::Damaged(io::ErrorKind::UnexpectedEof.into()));
    }
    match entries.next() {
        None => Ok(document),
        Some(Ok(_)) => Err(UnpackError::NotOne),
        Some(Err(error)) => Err(UnpackError::Damaged(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, EntryType, Header};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn tar(entries: &[(EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (entry_type, contents) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*entry_type);
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            builder
                .append_data(&mut header, "task.yaml", *contents)
                .unwrap();
        }
        builder.into_inner().unwrap()
    }

    const FILE: EntryType = EntryType::Regular;

    #[test]
    fn one_document_comes_out_however_it_was_packed() {
        let archive = tar(&[(FILE, b"kind: Task")]);
        for packed in [
            b"kind: Task".to_vec(),
            gzip(b"kind: Task"),
            archive.clone(),
            gzip(&archive),
        ] {
            assert_eq!(unpack(&packed, 10).unwrap(), b"kind: Task");
        }
    }

    #[test]
    fn attack_a_gzip_bomb_is_not_unpacked() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(
            unpack(&bomb, 1 << 20),
            Err(UnpackError::TooLarge { most: 1_048_576 })
        ));
        let bomb = gzip(&tar(&[(FILE, &vec![0; 8 << 20])]));
        assert!(matches!(
            unpack(&bomb, 1 << 20),
            Err(UnpackError::TooLarge { .. })
        ));
        let large = gzip(&tar(&[(FILE, &vec![b'x'; 1 << 20])]));
        assert_eq!(unpack(&large, 1 << 20).unwrap().len(), 1 << 20);
    }

    #[test]
    fn attack_a_document_just_over_the_bound_is_refused() {
        let archive = tar(&[(FILE, b"12345")]);
        assert!(matches!(
            unpack(&archive, 4),
            Err(UnpackError::TooLarge { most: 4 })
        ));
        assert_eq!(unpack(&archive, 5).unwrap(), b"12345");
    }

    #[test]
    fn attack_links_and_devices_are_no_documents() {
        for other in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Directory,
            EntryType::Char,
            EntryType::Fifo,
        ] {
            let archive = tar(&[(other, b"")]);
            assert!(
                matches!(unpack(&archive, 100), Err(UnpackError::NotAFile)),
                "{other:?}"
            );
        }
    }

    #[test]
    fn attack_a_second_file_is_not_passed_over() {
        let archive = tar(&[(FILE, b"a"), (FILE, b"b")]);
        assert!(matches!(unpack(&archive, 100), Err(UnpackError::NotOne)));
    }

    #[test]
    fn attack_a_header_that_claims_more_than_there_is_is_refused() {
        let mut archive = tar(&[(FILE, b"abc")]);
        archive.truncate(513);
        assert!(matches!(
            unpack(&archive, 100),
            Err(UnpackError::Damaged(_))
        ));
        let mut header = Header::new_gnu();
        header.set_entry_type(FILE);
        header.set_size(1 << 40);
        header.set_cksum();
        assert!(matches!(
            unpack(header.as_bytes(), 100),
            Err(UnpackError::Damaged(_))
        ));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let whole = gzip(b"kind: Task");
        assert!(matches!(
            unpack(&whole[..whole.len() - 4], 100),
            Err(UnpackError::Damaged(_))
        ));
    }
}
