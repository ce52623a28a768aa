//! `fs_flood DIR COUNT`: creates that many empty files, and stops at the first refusal.

use std::fs::File;
use std::path::Path;

use stepwell_test_guests::{args, error_name, number};

fn main() {
    let [dir, count] = args();
    let count = number(&count);
    for made in 0..count {
        if let Err(error) = File::create(Path::new(&dir).join(made.to_string())) {
            println!("err {} after {made}", error_name(&error));
            return;
        }
    }
    println!("ok {count}");
}
