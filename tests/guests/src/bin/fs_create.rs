//! `fs_create PATH`: creates an empty file that must not be there yet.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path] = args();
    tell(std::fs::File::create_new(path).map(|_| "created"));
}
