//! `fs_read_at DIR PATH`: opens the folder, then the file as seen from that descriptor, with the path exactly as given.

use std::fs::File;
use std::io::Read;

use stepwell_test_guests::{args, raw, tell};

fn main() {
    let [dir, path] = args();
    let mut text = String::new();
    let outcome = File::open(dir)
        .and_then(|dir| raw::open_at(&dir, &path, 0, wasip1::RIGHTS_FD_READ))
        .and_then(|mut file| file.read_to_string(&mut text));
    tell(outcome.map(|_| text));
}
