struct Input {
    level: String,
}

/// Checks.
#[stepwell::task]
fn check(input: Input) -> Result<(), stepwell::Error> {
    println!("{}", input.level);
    Ok(())
}

fn main() {}
