//! `fs_rename FROM TO`: moves a file or a folder.

use stepwell_test_guests::{args, tell};

fn main() {
    let [from, to] = args();
    tell(std::fs::rename(from, to).map(|()| "renamed"));
}
