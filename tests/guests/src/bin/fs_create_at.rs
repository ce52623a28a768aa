//! `fs_create_at DIR PATH`: creates a file and asks for no right but to read it, which `std` would refuse.

use std::fs::File;

use stepwell_test_guests::{args, raw, tell};

fn main() {
    let [dir, path] = args();
    let outcome = File::open(dir)
        .and_then(|dir| raw::open_at(&dir, &path, wasip1::OFLAGS_CREAT, wasip1::RIGHTS_FD_READ));
    tell(outcome.map(|_| "created"));
}
