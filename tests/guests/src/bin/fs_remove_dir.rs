//! `fs_remove_dir PATH`: deletes an empty folder.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path] = args();
    tell(std::fs::remove_dir(path).map(|()| "removed"));
}
