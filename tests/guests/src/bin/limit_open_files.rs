//! `limit_open_files DIR FILE COUNT`: opens one file that often and keeps all of them open. The wrapper around a program
//! of WASI 0.1 stops at 128 by itself, so this asks the host directly.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::Folder;

fn main() {
    let [dir, file, count] = args();
    let folder = Folder::at(&dir);
    let mut open = Vec::new();
    for _ in 0..number(&count) {
        match folder.open(&file) {
            Ok(file) => open.push(file),
            Err(error) => {
                println!("err {} after {}", error.name(), open.len());
                return;
            }
        }
    }
    println!("ok {}", open.len());
}
