/// Checks.
#[stepwell::task]
async fn check() -> Result<(), stepwell::Error> {
    Ok(())
}

fn main() {}
