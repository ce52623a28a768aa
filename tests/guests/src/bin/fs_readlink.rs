//! `fs_readlink PATH`: prints what a symbolic link says.

use stepwell_test_guests::{args, tell};

fn main() {
    let [path] = args();
    tell(std::fs::read_link(path).map(|target| target.display().to_string()));
}
