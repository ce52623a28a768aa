//! `end_panic MESSAGE`: panics with the message, a few named functions deep.

use std::hint::black_box;

use stepwell_test_guests::args;

fn main() {
    let [message] = args();
    parse_the_file(&message);
    println!("ok");
}

#[inline(never)]
fn parse_the_file(message: &str) {
    check_the_header(black_box(message));
    black_box(());
}

#[inline(never)]
fn check_the_header(message: &str) {
    if black_box(true) {
        panic!("{message}");
    }
}
