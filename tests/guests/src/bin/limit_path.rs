//! `limit_path DIR BYTES`: hands the host a path of that many bytes, and goes on with what it says.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::filesystem::preopens::get_directories;
use stepwell_test_wasi::wasi::filesystem::types::PathFlags;

fn main() {
    let [preopen, bytes] = args();
    let long = "x".repeat(number(&bytes) as usize);
    let directories = get_directories();
    let (dir, _) = directories
        .iter()
        .find(|(_, name)| *name == preopen)
        .expect("a workspace with this path");
    match dir.stat_at(PathFlags::empty(), &long) {
        Ok(_) => println!("ok"),
        Err(error) => println!("err {}", error.name()),
    }
}
