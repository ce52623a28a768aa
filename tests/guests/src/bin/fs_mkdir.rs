//! `fs_mkdir PATH`: creates a folder.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path] = args();
    tell(std::fs::create_dir(path).map(|()| "created"));
}
