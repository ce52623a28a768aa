//! `limit_host_call BYTES`: asks the host for that many random bytes in one call, so that the host has to have them all
//! before the guest has any.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::random::random::get_random_bytes;

fn main() {
    let [bytes] = args();
    println!("ok {}", get_random_bytes(number(&bytes)).len());
}
