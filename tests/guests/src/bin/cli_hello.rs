//! `cli_hello [NAME]`: greets.

fn main() {
    let name = std::env::args().nth(1);
    println!("hello {}", name.as_deref().unwrap_or("world"));
}
