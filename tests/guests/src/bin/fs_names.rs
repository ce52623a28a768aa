//! `fs_names DIR`: creates files whose names mean something to other systems, or nothing to any; prints each with its
//! outcome.

use std::fs::File;

use stepwell_test_guests::{args, error_name, raw};

const NAMES: [&str; 14] = [
    "plain.txt",
    "CON",
    "nul.txt",
    "COM1",
    "LPT¹",
    "a:stream",
    "back\\slash",
    "trailing.",
    "trailing ",
    "new\nline",
    "\u{202e}gpj.exe",
    "nul\0byte",
    "slash/",
    "",
];

fn main() {
    let [dir] = args();
    let dir = File::open(dir).expect("a folder");
    let long = "n".repeat(300);
    for name in NAMES.into_iter().chain([long.as_str()]) {
        let rights = wasip1::RIGHTS_FD_READ | wasip1::RIGHTS_FD_WRITE;
        match raw::open_at(&dir, name, wasip1::OFLAGS_CREAT, rights) {
            Ok(_) => println!("ok {name:?}"),
            Err(error) => println!("err {} {name:?}", error_name(&error)),
        }
    }
}
