//! `fs_truncate_at DIR PATH`: opens a file for reading and has it emptied in the same call, which `std` would refuse.

use std::fs::File;

use stepwell_test_guests::{args, raw, tell};

fn main() {
    let [dir, path] = args();
    let outcome = File::open(dir)
        .and_then(|dir| raw::open_at(&dir, &path, wasip1::OFLAGS_TRUNC, wasip1::RIGHTS_FD_READ));
    tell(outcome.map(|_| "opened"));
}
