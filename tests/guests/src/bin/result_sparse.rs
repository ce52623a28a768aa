//! `result_sparse NAME BYTES`: writes a result of that many zeros, none of which is stored.

use std::fs::File;

use stepwell_test_guests::{args, number, tell};

fn main() {
    let [name, bytes] = args();
    let outcome = File::create(format!("/tekton/results/{name}"))
        .and_then(|file| file.set_len(number(&bytes)));
    tell(outcome.map(|()| "written"));
}
