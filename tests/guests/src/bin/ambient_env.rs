//! `ambient_env`: prints the whole environment, one `NAME=value` a line, in the order in which it is given.

fn main() {
    for (name, value) in std::env::vars() {
        println!("{name}={value}");
    }
}
