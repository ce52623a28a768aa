//! `limit_memory BYTES`: takes memory a mebibyte at a time and touches all of it; says when it is told that there is no more.

use stepwell_test_guests::{args, number};

const CHUNK: usize = 1 << 20;

fn main() {
    let [bytes] = args();
    let bytes = number(&bytes);
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    let mut taken = 0;
    while taken < bytes {
        let mut chunk = Vec::new();
        if chunk.try_reserve_exact(CHUNK).is_err() {
            println!("err nomem after {taken}");
            return;
        }
        chunk.resize(CHUNK, 0xa5);
        chunks.push(std::hint::black_box(chunk));
        taken += CHUNK as u64;
    }
    println!("ok {taken}");
}
