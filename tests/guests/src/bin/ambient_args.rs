//! `ambient_args …`: prints its arguments, one a line, its own name first.

fn main() {
    for arg in std::env::args() {
        println!("{arg}");
    }
}
