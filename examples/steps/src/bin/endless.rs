//! `endless`: never ends by itself.

#![expect(clippy::empty_loop, reason = "that is what it is for")]

fn main() {
    println!("looking for the largest prime");
    loop {}
}
