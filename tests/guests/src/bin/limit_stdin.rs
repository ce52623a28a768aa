//! `limit_stdin`: reads standard input to its end, and prints how many bytes that were.

use stepwell_test_guests::tell;

fn main() {
    tell(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
}
