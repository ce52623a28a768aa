#[stepwell::task]
fn check() -> Result<(), stepwell::Error> {
    Ok(())
}

fn main() {}
