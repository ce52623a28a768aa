//! `limit_sleep SECONDS`: waits inside one host call, and prints how many seconds its own clock says that took.

use std::time::{Duration, Instant};

use stepwell_test_guests::{args, number};

fn main() {
    let [seconds] = args();
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(number(&seconds)));
    println!("ok {}", start.elapsed().as_secs());
}
