/// Checks.
#[stepwell::task]
fn check() {}

fn main() {}
