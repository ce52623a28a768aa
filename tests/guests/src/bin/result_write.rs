//! `result_write NAME TEXT`: writes a result as any program does, into its file.

use stepwell_test_guests::{args, tell};

fn main() {
    let [name, text] = args();
    tell(std::fs::write(format!("/tekton/results/{name}"), text).map(|()| "written"));
}
