//! `fs_append PATH TEXT`: adds to a file that is there.

use std::fs::OpenOptions;
use std::io::Write;

use stepwell_test_guests::{args, tell};

fn main() {
    let [path, text] = args();
    let outcome = OpenOptions::new()
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    tell(outcome.map(|()| "appended"));
}
