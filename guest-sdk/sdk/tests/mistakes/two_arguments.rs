/// Checks.
#[stepwell::task]
fn check(first: String, second: String) -> Result<(), stepwell::Error> {
    Ok(())
}

fn main() {}
