//! `result_huge NAME BYTES`: writes a result of that many bytes.

use stepwell_test_guests::{args, number, tell};

fn main() {
    let [name, bytes] = args();
    let text = "r".repeat(number(&bytes) as usize);
    tell(std::fs::write(format!("/tekton/results/{name}"), text).map(|()| "written"));
}
