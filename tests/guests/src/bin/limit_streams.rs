//! `limit_streams DIR FILE COUNT`: opens that many streams on one file, and drops none of them.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::Folder;

fn main() {
    let [dir, file, count] = args();
    let file = Folder::at(&dir).open(&file).expect("a file to read");
    let mut streams = Vec::new();
    for _ in 0..number(&count) {
        match file.read_via_stream(0) {
            Ok(stream) => streams.push(stream),
            Err(error) => {
                println!("err {} after {}", error.name(), streams.len());
                return;
            }
        }
    }
    println!("ok {}", streams.len());
}
