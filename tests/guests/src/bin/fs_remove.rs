//! `fs_remove PATH`: deletes a file or a link.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path] = args();
    tell(std::fs::remove_file(path).map(|()| "removed"));
}
