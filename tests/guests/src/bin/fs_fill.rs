//! `fs_fill PATH BYTES`: writes a file of that many bytes, 64 KiB a call, and stops at the first refusal.

use std::fs::File;
use std::io::Write;

use stepwell_test_guests::{args, error_name, number};

static CHUNK: [u8; 64 << 10] = [b'.'; 64 << 10];

fn main() {
    let [path, bytes] = args();
    let bytes = number(&bytes);
    let mut file = File::create(path).expect("a file to fill");
    let mut written = 0;
    while written < bytes {
        let chunk = &CHUNK[..(bytes - written).min(CHUNK.len() as u64) as usize];
        match file.write(chunk) {
            Ok(count) => written += count as u64,
            Err(error) => {
                println!("err {} after {written}", error_name(&error));
                return;
            }
        }
    }
    println!("ok {written}");
}
