//! `ambient_clock`: prints the wall clock in seconds since 1970, and two readings of the monotonic clock in nanoseconds.

use stepwell_test_guests::raw::clock;

fn main() -> std::io::Result<()> {
    println!("wall {}", clock(wasip1::CLOCKID_REALTIME)? / 1_000_000_000);
    println!("monotonic {}", clock(wasip1::CLOCKID_MONOTONIC)?);
    println!("monotonic {}", clock(wasip1::CLOCKID_MONOTONIC)?);
    Ok(())
}
