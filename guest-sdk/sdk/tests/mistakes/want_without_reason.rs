/// Checks.
#[stepwell::task(wants(real_clock = ""))]
fn check() -> Result<(), stepwell::Error> {
    Ok(())
}

/// Checks again.
#[stepwell::task(wants(filesystem = "to read"))]
fn check_again() -> Result<(), stepwell::Error> {
    Ok(())
}

fn main() {}
