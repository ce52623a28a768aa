//! `limit_recursion DEPTH`: calls itself that often.

use std::hint::black_box;

use stepwell_test_guests::{args, number};

fn main() {
    let [depth] = args();
    println!("ok {}", descend(number(&depth)));
}

/// Not a tail call: there is something left to do when the inner call is back.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if black_box(depth) == 0 {
        return 0;
    }
    black_box(descend(depth - 1)) + 1
}
