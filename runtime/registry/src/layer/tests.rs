//! Layers as they are, and as they are not.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::*;

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// What the command `zstd` makes of `hello layer`, with a checksum and without.
const CHECKED: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\x59\0\0hello layer\x30\x72\x80\xf1";
const UNCHECKED: &[u8] = b"\x28\xb5\x2f\xfd\0\x58\x59\0\0hello layer";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Opens what is packed as a layer whose archive is `archive`.
fn open(
    packed: &[u8],
    archive: &[u8],
    media_type: &str,
    bounds: LayerBounds,
) -> Result<LayerReader, LayerError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(packed).unwrap();
    let digests = (Sha256::of(packed), Sha256::of(archive));
    LayerReader::new(file, digests, media_type, &bounds)
}

fn unpack(packed: &[u8], archive: &[u8], media_type: &str) -> Result<Vec<u8>, LayerError> {
    let mut reader = open(packed, archive, media_type, LayerBounds::default())?;
    let mut bytes = Vec::new();
    let read = reader.read_to_end(&mut bytes);
    match read {
        Ok(_) => reader.finish().map(|()| bytes),
        Err(source) => Err(LayerError::Io {
            digest: reader.digest,
            source,
        }),
    }
}

#[test]
fn every_packing_is_unpacked_and_checked() {
    let archive = b"hello layer".as_slice();
    let members = [gzip(b"hello "), gzip(b"layer")].concat();
    let skipped = b"\x5a\x2a\x4d\x18\x03\0\0\0abc".as_slice();
    let frames = [skipped, &zstd(b"hello "), skipped, &zstd(b"layer")].concat();
    for (packed, media_type) in [
        (archive, TAR),
        (&gzip(archive), GZIP),
        (&members, GZIP),
        (
            &gzip(archive),
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
        (&zstd(archive), ZSTD),
        (&frames, ZSTD),
        (CHECKED, ZSTD),
        (UNCHECKED, ZSTD),
    ] {
        assert_eq!(
            unpack(packed, archive, media_type).unwrap(),
            archive,
            "{media_type}"
        );
    }
}

#[test]
fn what_is_not_read_is_checked_all_the_same() {
    let archive = b"hello layer";
    let reader = open(&gzip(archive), archive, GZIP, LayerBounds::default()).unwrap();
    reader.finish().unwrap();
    let other = open(&gzip(b"other"), archive, GZIP, LayerBounds::default()).unwrap();
    assert!(matches!(other.finish(), Err(LayerError::Content { .. })));
}

#[test]
fn attack_media_types_that_lie_are_found_out() {
    let archive = vec![b'x'; 1000];
    for (packed, media_type) in [
        (archive.clone(), GZIP),
        (archive.clone(), ZSTD),
        (gzip(&archive), TAR),
        (gzip(&archive), ZSTD),
        (zstd(&archive), GZIP),
        (zstd(&archive), TAR),
        (archive.clone(), "application/wasm"),
        (Vec::new(), GZIP),
    ] {
        let opened = unpack(&packed, &archive, media_type);
        assert!(
            matches!(opened, Err(LayerError::Lies { .. })),
            "{media_type}"
        );
    }
    unpack(&gzip(&archive), &archive, GZIP).unwrap();
}

#[test]
fn attack_a_small_layer_that_unpacks_for_hours_is_cut_off() {
    let archive = vec![0; 8 << 20];
    let bounds = |ratio, free, bytes| LayerBounds { bytes, ratio, free };
    for packed in [gzip(&archive), zstd(&archive)] {
        let media_type = match Packing::seen(&packed) {
            Packing::Gzip => GZIP,
            _ => ZSTD,
        };
        for (tight, wide) in [
            (
                bounds(100, 1 << 20, u64::MAX),
                bounds(1 << 20, 1 << 20, u64::MAX),
            ),
            (
                bounds(u64::MAX, 0, (8 << 20) - 1),
                bounds(u64::MAX, 0, 8 << 20),
            ),
            (
                bounds(1, (8 << 20) - 1, u64::MAX),
                bounds(1, 8 << 20, u64::MAX),
            ),
        ] {
            let error = open(&packed, &archive, media_type, tight).unwrap().finish();
            assert!(
                matches!(error, Err(LayerError::TooLarge { .. })),
                "{error:?}"
            );
            open(&packed, &archive, media_type, wide)
                .unwrap()
                .finish()
                .unwrap();
        }
    }
}

#[test]
fn attack_a_window_of_gigabytes_is_not_made() {
    // A frame header that asks for a window of 2 TiB.
    let packed = b"\x28\xb5\x2f\xfd\x00\xf8\x01\0\0";
    let error = unpack(packed, b"", ZSTD).unwrap_err();
    assert!(matches!(error, LayerError::Io { .. }), "{error}");
}

#[test]
fn attack_layers_that_are_cut_off_or_go_on_are_refused() {
    let archive = b"hello layer".repeat(100);
    for (packed, media_type) in [(gzip(&archive), GZIP), (zstd(&archive), ZSTD)] {
        let cut = &packed[..packed.len() - 5];
        assert!(unpack(cut, &archive, media_type).is_err(), "{media_type}");
        let longer = [&packed, b"tail".as_slice()].concat();
        assert!(
            unpack(&longer, &archive, media_type).is_err(),
            "{media_type}"
        );
        unpack(&packed, &archive, media_type).unwrap();
    }
}
