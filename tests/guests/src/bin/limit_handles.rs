//! `limit_handles COUNT`: makes that many pollables, and drops none of them.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::clocks::monotonic_clock::subscribe_duration;

fn main() {
    let [count] = args();
    let kept: Vec<_> = (0..number(&count))
        .map(|_| subscribe_duration(u64::MAX))
        .collect();
    println!("ok {}", kept.len());
}
