//! `fs_symlink TARGET DIR LINK`: creates in a folder a symbolic link that says the target exactly as given.

use std::fs::File;

use stepwell_test_guests::{args, raw, tell};

fn main() {
    let [target, dir, link] = args();
    let outcome = File::open(dir).and_then(|dir| raw::symlink_at(&target, &dir, &link));
    tell(outcome.map(|()| "linked"));
}
