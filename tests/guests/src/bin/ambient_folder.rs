//! `ambient_folder PATH`: reads a file whose path is relative to the folder that the program starts in.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path] = args();
    assert!(!path.starts_with('/'), "a relative path");
    tell(std::fs::read_to_string(path));
}
