//! `result_symlink NAME TARGET`: leaves a symbolic link where a result should be, so that whoever reads it reads something
//! else.

use std::fs::File;

use stepwell_test_guests::{args, raw, tell};

fn main() {
    let [name, target] = args();
    let outcome =
        File::open("/tekton/results").and_then(|dir| raw::symlink_at(&target, &dir, &name));
    tell(outcome.map(|()| "linked"));
}
