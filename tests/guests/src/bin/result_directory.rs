//! `result_directory NAME`: leaves a folder where a result should be.

use stepwell_test_guests::{args, tell};

fn main() {
    let [name] = args();
    tell(std::fs::create_dir(format!("/tekton/results/{name}")).map(|()| "created"));
}
