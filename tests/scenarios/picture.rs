//! Changing a file in place: `oxipng` makes a picture smaller, and fails where it may only read.

use std::fs;

use zune_png::PngDecoder;
use zune_png::PngEncoder;
use zune_png::zune_core::bit_depth::BitDepth;
use zune_png::zune_core::bytestream::ZCursor;
use zune_png::zune_core::colorspace::ColorSpace;
use zune_png::zune_core::options::EncoderOptions;

use crate::stage::Stage;
use crate::tree::files;

const WIDTH: usize = 160;
const HEIGHT: usize = 120;

/// Red, green and blue of each pixel: slopes with more colours than a palette holds.
fn pixels() -> Vec<u8> {
    let pixel = |index: usize| {
        let (x, y) = (index % WIDTH, index / WIDTH);
        [x, y, x * y / 97].map(|value| u8::try_from(value).unwrap())
    };
    (0..WIDTH * HEIGHT).flat_map(pixel).collect()
}

fn encoded(pixels: &[u8]) -> Vec<u8> {
    let options = EncoderOptions::new(WIDTH, HEIGHT, ColorSpace::RGB, BitDepth::Eight);
    let mut bytes = Vec::new();
    PngEncoder::new(pixels, options).encode(&mut bytes).unwrap();
    bytes
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = PngDecoder::new(ZCursor::new(bytes));
    let pixels = decoder.decode().unwrap().u8().unwrap();
    assert_eq!(decoder.dimensions(), Some((WIDTH, HEIGHT)));
    assert_eq!(decoder.colorspace(), Some(ColorSpace::RGB));
    pixels
}

#[test]
fn a_picture_gets_smaller_and_keeps_its_pixels() {
    let stage = Stage::new();
    let file = stage.folder("pictures").join("picture.png");
    let before = encoded(&pixels());
    fs::write(&file, &before).unwrap();
    stage
        .run("picture.yaml", &["-w", "pictures=pictures"])
        .succeeded();
    let after = fs::read(&file).unwrap();
    assert!(after.len() < before.len(), "{} bytes", after.len());
    assert_eq!(decoded(&after), pixels());

    // What it made is as small as it gets: another run leaves the file alone, and nothing beside it.
    stage
        .run("picture.yaml", &["-w", "pictures=pictures"])
        .succeeded();
    assert_eq!(
        files(&stage.path("pictures")),
        [("picture.png".to_owned(), after)].into()
    );
}

#[test]
fn a_read_only_workspace_refuses_the_write() {
    let stage = Stage::new();
    let before = encoded(&pixels());
    let file = stage.folder("pictures").join("picture.png");
    fs::write(file, &before).unwrap();
    let told = stage.run("read-only.yaml", &["-w", "pictures=pictures"]);
    assert_eq!(told.code, Some(5), "{told:?}");
    assert_eq!(told.end("optimise")["terminationReason"], "Error");
    assert!(
        told.stderr("optimise")
            .iter()
            .any(|line| line.contains("Read-only file system")),
        "{told:?}"
    );
    assert_eq!(told.end("after")["terminationReason"], "Skipped");
    assert_eq!(told.last()["reason"], "StepFailed");
    assert_eq!(
        files(&stage.path("pictures")),
        [("picture.png".to_owned(), before)].into()
    );
}
