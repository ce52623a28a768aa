//! `fs_write PATH TEXT`: creates the file or replaces what it says.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path, text] = args();
    tell(std::fs::write(path, text).map(|()| "written"));
}
