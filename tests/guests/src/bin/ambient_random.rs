//! `ambient_random`: prints sixteen random bytes twice, and a number that depends on the random keys of a `HashMap`.

use std::hash::{BuildHasher, RandomState};

use stepwell_test_guests::raw::random;

fn main() -> std::io::Result<()> {
    for _ in 0..2 {
        let mut bytes = [0; 16];
        random(&mut bytes)?;
        println!("bytes {:032x}", u128::from_be_bytes(bytes));
    }
    println!("hash {:016x}", RandomState::new().hash_one("stepwell"));
    Ok(())
}
