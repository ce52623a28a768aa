//! `fs_set_times DIR PATH ACCESS CHANGE`: sets a file's times, in nanoseconds since 1970, to any 64-bit number.

use std::fs::File;

use stepwell_test_guests::{args, number, raw, tell};

fn main() {
    let [dir, path, access, change] = args();
    let outcome = File::open(dir)
        .and_then(|dir| raw::set_times_at(&dir, &path, number(&access), number(&change)));
    tell(outcome.map(|()| "set"));
}
