//! `limit_path DIR BYTES`: hands the host a path of that many bytes, and goes on with what it says.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::Folder;
use stepwell_test_wasi::wasi::filesystem::types::PathFlags;

fn main() {
    let [dir, bytes] = args();
    let long = "x".repeat(number(&bytes) as usize);
    match Folder::at(&dir).0.stat_at(PathFlags::empty(), &long) {
        Ok(_) => println!("ok"),
        Err(error) => println!("err {}", error.name()),
    }
}
