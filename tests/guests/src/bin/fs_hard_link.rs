//! `fs_hard_link FILE LINK`: gives a file a second name.

use stepwell_test_guests::{args, tell};

fn main() {
    let [file, link] = args();
    tell(std::fs::hard_link(file, link).map(|()| "linked"));
}
