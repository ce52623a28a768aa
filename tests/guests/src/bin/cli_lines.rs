//! `cli_lines COUNT`: prints numbered lines, odd ones to standard output and even ones to standard error.

use stepwell_test_guests::{args, number};

fn main() {
    let [count] = args();
    for line in 1..=number(&count) {
        if line % 2 == 1 {
            println!("line {line}");
        } else {
            eprintln!("line {line}");
        }
    }
}
