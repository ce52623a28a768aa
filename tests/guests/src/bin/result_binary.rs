//! `result_binary NAME`: writes a result that is no text.

use stepwell_test_guests::{args, tell};

fn main() {
    let [name] = args();
    let bytes = b"caf\xe9\0\xff\xfe";
    tell(std::fs::write(format!("/tekton/results/{name}"), bytes).map(|()| "written"));
}
