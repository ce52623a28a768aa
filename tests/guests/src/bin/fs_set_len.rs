//! `fs_set_len PATH BYTES`: makes a file longer or shorter without writing to it.

use std::fs::OpenOptions;

use stepwell_test_guests::{args, number, tell};

fn main() {
    let [path, bytes] = args();
    let outcome = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(number(&bytes)));
    tell(outcome.map(|()| "set"));
}
