//! `limit_loop [ROUNDS]`: computes for that many rounds, or for ever.

use stepwell_test_guests::number;

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .map_or(u64::MAX, |text| number(&text));
    let mut state = 1_u64;
    for round in 0..rounds {
        state = std::hint::black_box(state.wrapping_mul(6364136223846793005).wrapping_add(round));
    }
    println!("ok {rounds}");
}
