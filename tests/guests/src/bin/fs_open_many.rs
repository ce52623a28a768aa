//! `fs_open_many PATH COUNT`: opens one file that often, and keeps all of them open.

use std::fs::File;

use stepwell_test_guests::{args, error_name, number};

fn main() {
    let [path, count] = args();
    let mut open = Vec::new();
    for _ in 0..number(&count) {
        match File::open(&path) {
            Ok(file) => open.push(file),
            Err(error) => {
                println!("err {} after {}", error_name(&error), open.len());
                return;
            }
        }
    }
    println!("ok {}", open.len());
}
