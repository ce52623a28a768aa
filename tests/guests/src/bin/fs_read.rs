//! `fs_read PATH`: prints what the file says.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path] = args();
    tell(std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
}
